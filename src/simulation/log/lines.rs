//! Reads a log line by line: what is kept is 32 bytes for each connection, and each address once.

use std::collections::HashMap;
use std::io::{BufRead, Read, Result};

use crate::simulation::log::connection::{Connection, Ending, Frontend};
use crate::simulation::log::wrapper::unwrap;
use crate::values::arch::Arch;

/// No line of the load balancer is longer, in whatever JSON it is.
const MOST_BYTES: u64 = 1 << 20;

/// A connection of the log, in ms, with a number for its client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Logged {
    // In this order, connections of one client are in a row.
    pub address: u32,
    pub frontend: Frontend,
    pub start_ms: i64,
    pub port: u16,
    pub arch: Arch,
    pub ending: Ending,
    pub waited_ms: u32,
    pub lasted_ms: u32,
    pub timed_out: bool,
}

impl Logged {
    pub fn end_ms(&self) -> i64 {
        self.start_ms + i64::from(self.waited_ms) + i64::from(self.lasted_ms)
    }
}

/// Every connection of a log, in the order of its clients and of time, each once.
#[derive(Debug, Default)]
pub struct Log {
    pub connections: Vec<Logged>,
    /// Lines that are no connection to builders.
    pub other_lines: u64,
    /// When the first connection began, and the last one ended.
    pub first_ms: i64,
    pub last_ms: i64,
    /// Connections that were open when the log ended, of each frontend.
    pub open: [u32; Frontend::EVERY.len()],
}

impl Log {
    /// # Errors
    /// The source cannot be read.
    pub fn read(mut source: impl BufRead) -> Result<Self> {
        let mut log = Log { first_ms: i64::MAX, last_ms: i64::MIN, ..Log::default() };
        let mut addresses: HashMap<String, u32> = HashMap::new();
        let mut last_of = [i64::MIN; Frontend::EVERY.len()];
        let mut line = Vec::new();
        while next_line(&mut source, &mut line)? {
            let text = String::from_utf8_lossy(&line);
            let text = unwrap(&text);
            let Some(found) = Connection::find(&text) else {
                log.other_lines += u64::from(!text.trim().is_empty());
                continue;
            };
            let next = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
            let address = match addresses.get(found.address) {
                Some(address) => *address,
                None => *addresses.entry(found.address.to_owned()).or_insert(next),
            };
            let logged = Logged {
                address,
                frontend: found.frontend,
                start_ms: found.start_ms,
                port: found.port,
                arch: found.arch,
                ending: found.ending,
                waited_ms: found.waited_ms,
                lasted_ms: found.lasted_ms,
                timed_out: found.timed_out,
            };
            log.first_ms = log.first_ms.min(logged.start_ms);
            log.last_ms = log.last_ms.max(logged.end_ms());
            if let Some(place) = Frontend::EVERY.iter().position(|one| *one == found.frontend)
                && logged.end_ms() >= last_of[place]
            {
                last_of[place] = logged.end_ms();
                log.open[place] = found.at_frontend.saturating_sub(1);
            }
            log.connections.push(logged);
        }
        // Exports of a collector overlap, and so do two runs of `kubectl logs`.
        log.connections.sort_unstable();
        log.connections.dedup();
        Ok(log)
    }
}

/// The next line; of one that is too long, its start. Whether there is one.
fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let read = source.by_ref().take(MOST_BYTES).read_until(b'\n', line)?;
    let mut cut = line.len() as u64 == MOST_BYTES && line.last() != Some(&b'\n');
    let mut rest = Vec::new();
    while cut {
        rest.clear();
        let more = source.by_ref().take(MOST_BYTES).read_until(b'\n', &mut rest)?;
        cut = more > 0 && rest.last() != Some(&b'\n');
    }
    Ok(read > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_line_by_line_and_each_connection_once() {
        let line = |address: &str, start: u32, rest: &str| {
            format!("{address}:7 [25/Nov/2026:01:52:{start:02}.000] ft_amd64 bk_amd64/{rest} 0 CD 9/4/0/0/0 0/0\n")
        };
        let huge = format!("{}\n", "x".repeat(3 << 20));
        let text = [
            line("10.0.0.2", 30, "amd1 1/0/5001"),
            huge,
            line("10.0.0.1", 40, "amd2 1/0/1001"),
            "\n{\"other\":1}\n".to_owned(),
            line("10.0.0.2", 10, "<NOSRV> 9000/-1/9000"),
            line("10.0.0.2", 30, "amd1 1/0/5001"),
        ]
        .concat();
        let log = Log::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let found: Vec<(u32, i64, Ending)> =
            log.connections.iter().map(|one| (one.address, one.start_ms - log.first_ms, one.ending)).collect();
        assert_eq!(found, [(0, 0, Ending::NoServer), (0, 20_000, Ending::Built), (1, 30_000, Ending::Built)]);
        assert_eq!((log.other_lines, log.last_ms - log.first_ms, log.open), (2, 31_001, [3, 0, 0]));
    }

    #[test]
    fn a_connection_takes_32_bytes() {
        assert_eq!(size_of::<Logged>(), 32);
    }
}
