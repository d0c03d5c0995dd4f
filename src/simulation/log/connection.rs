//! One line of the load balancer's log, `option tcplog`: one connection that has ended.
//!
//! `10.0.3.7:60002 [25/Nov/2026:01:52:13.573] ft_amd64 bk_amd64/amd1 1405/0/4004 308 CD 1/1/0/0/0 0/1`: client, when it was
//! accepted, frontend, backend and server, ms until it had a server, ms to connect to that, ms in all, bytes, how it ended,
//! connections of the process, the frontend and the backend, of the server, and retries; places in the queues.

use crate::simulation::calendar;
use crate::values::arch::Arch;

/// A session that is shorter, after a wait, is of a client that had left: HAProxy 2.6 and 3.2 hand the bytes that it sent
/// and its end to the pod, and log `5000/0/4999`. Real pods drop it in up to 130 ms (200 of them in a row), and no build,
/// not even of what is all in the cache, ends within this time.
const GHOST_MS: i64 = 500;
/// The shortest wait of a client that then left: who had a builder at once did not give it up.
const WAITED_MS: i64 = 1_000;

/// Where the connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frontend {
    One(Arch),
    All,
}

impl Frontend {
    pub const EVERY: [Frontend; 3] = [Frontend::One(Arch::Amd64), Frontend::One(Arch::Arm64), Frontend::All];

    fn named(name: &str) -> Option<Self> {
        match name.strip_prefix("ft_")? {
            "all" => Some(Frontend::All),
            arch => Arch::named(arch).map(Frontend::One),
        }
    }
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// A pod had it: a build.
    Built,
    /// No pod had it: it ended in the queue, held while there was no pod, or at a pod that refused it.
    NoServer,
    /// A pod got it when its client had left.
    Left,
}

/// One connection, in ms; `start_ms` is Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// The client, without its port: also `::ffff:10.0.3.7`, as HAProxy writes an IPv4 address on a socket of IPv6.
    pub address: &'a str,
    pub port: u16,
    pub start_ms: i64,
    pub frontend: Frontend,
    pub arch: Arch,
    pub ending: Ending,
    /// Until it had a server, or until it ended without one.
    pub waited_ms: u32,
    /// With its server.
    pub lasted_ms: u32,
    /// Whether `timeout queue` or the retries of the server `hold` ended it.
    pub timed_out: bool,
    /// Connections of its frontend when it ended, with itself.
    pub at_frontend: u32,
}

impl<'a> Connection<'a> {
    /// Finds it in a line of text, behind whatever a collector has put there. None if the line has none, or one that never
    /// came to a backend of builders.
    pub fn find(text: &'a str) -> Option<Self> {
        let middle = text.find("] ft_")?;
        let (before, behind) = (&text[..middle], &text[middle + 2..]);
        let (client, date) = before.rsplit_once(" [")?;
        let client = client.rsplit(|c: char| c.is_ascii_whitespace()).next()?;
        let (address, port) = client.rsplit_once(':')?;
        let mut words = behind.split_ascii_whitespace();
        let frontend = Frontend::named(words.next()?)?;
        let (backend, server) = words.next()?.split_once('/')?;
        let arch = Arch::named(backend.strip_prefix("bk_")?)?;
        let mut timers = words.next()?.split('/').map(timer);
        let (queued, connected, total) = (timers.next()??, timers.next()??, timers.next()??);
        let state = words.nth(1)?;
        let at_frontend = words.next()?.split('/').nth(1)?.parse().ok()?;

        let slot = server.strip_prefix(arch.slot_prefix()).is_some_and(|number| calendar::digits(number).is_some());
        let had_pod = slot && queued >= 0 && connected >= 0;
        // Each of the three is rounded by itself.
        let lasted = (total - queued - connected).max(0);
        let ending = match had_pod {
            false => Ending::NoServer,
            true if queued >= WAITED_MS && lasted < GHOST_MS => Ending::Left,
            true => Ending::Built,
        };
        let narrow = |ms: i64| u32::try_from(ms).unwrap_or(u32::MAX);
        Some(Connection {
            address,
            port: port.parse().ok()?,
            start_ms: accepted(date)?,
            frontend,
            arch,
            ending,
            waited_ms: narrow(if had_pod { queued + connected } else { total.max(0) }),
            lasted_ms: narrow(if had_pod { lasted } else { 0 }),
            timed_out: !had_pod && (state.starts_with("sQ") || (server == "hold" && state.starts_with("SC"))),
            at_frontend,
        })
    }
}

/// `1405`, `-1`, or `+1405` where the session goes on.
fn timer(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(number) => calendar::digits(number).map(|ms| -ms),
        None => calendar::digits(text.strip_prefix('+').unwrap_or(text)),
    }
}

/// `25/Nov/2026:01:52:13.573` in ms of Unix time.
fn accepted(date: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let bytes = date.as_bytes();
    let separators = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b'.')];
    if bytes.len() != 24 || !date.is_ascii() || separators.iter().any(|(at, byte)| bytes[*at] != *byte) {
        return None;
    }
    let number = |from: usize, to: usize| calendar::digits(&date[from..to]);
    let month = MONTHS.iter().position(|name| *name == &date[3..6])?;
    let days = calendar::days(number(7, 11)?, i64::try_from(month).ok()? + 1, number(0, 2)?)?;
    let seconds = calendar::seconds_of_day(number(12, 14)?, number(15, 17)?, number(18, 20)?)?;
    Some((days * 86_400 + seconds) * 1000 + number(21, 24)?).filter(|ms| *ms >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a line ended, with its wait and its time with a server.
    fn of(line: &str) -> (Ending, u32, u32, bool) {
        let found = Connection::find(line).unwrap_or_else(|| panic!("no connection in {line}"));
        (found.ending, found.waited_ms, found.lasted_ms, found.timed_out)
    }

    /// Lines that HAProxy 2.6.12 and 3.2.26 wrote of clients that did these things.
    #[test]
    fn each_end_of_a_connection_is_known_by_its_line() {
        use Ending::{Built, Left, NoServer};
        for (what, rest, expected) in [
            ("served at once", "amd1 1/0/1001 308 CD 1/1/0/0/0 0/0", (Built, 1, 1_000, false)),
            ("served at once, left at once", "amd1 1/0/0 308 CD 1/1/0/0/0 0/0", (Built, 1, 0, false)),
            ("queued, served", "amd1 2002/1/10702 308 CD 1/1/0/0/0 0/3", (Built, 2_003, 8_699, false)),
            ("held, served", "amd1 3007/0/8501 308 CD 4/4/3/0/+3 0/0", (Built, 3_007, 5_494, false)),
            (
                "left in the queue, then handed over, 2.6",
                "amd1 2002/0/2001 308 CD 2/2/1/0/0 0/2",
                (Left, 2_002, 0, false),
            ),
            (
                "left in the queue, then handed over, 3.2",
                "amd1 2002/0/2001 308 -- 2/2/1/0/0 0/2",
                (Left, 2_002, 0, false),
            ),
            ("left while held, then handed over", "amd1 8503/0/8502 308 -- 3/3/2/0/+3 0/1", (Left, 8_503, 0, false)),
            (
                "reset while held, then handed over, 3.2",
                "amd1 3010/1/3010 0 CD 3/3/2/0/+3 0/0",
                (Left, 3_011, 0, false),
            ),
            ("reset while held, 2.6", "hold 1/-1/1003 0 CD 3/3/2/0/1 0/0", (NoServer, 1_003, 0, false)),
            ("reset in the queue", "<NOSRV> 1001/-1/1000 0 CD 6/6/4/0/0 0/1", (NoServer, 1_000, 0, false)),
            ("the queue's timeout", "<NOSRV> 6002/-1/6001 0 sQ 3/3/2/0/0 0/1", (NoServer, 6_001, 0, true)),
            ("held to the end", "hold 6014/-1/6013 0 SC 3/3/2/1/6 0/0", (NoServer, 6_013, 0, true)),
            ("a pod that refuses", "amd1 0/-1/3002 0 SC 3/3/2/1/3 0/0", (NoServer, 3_002, 0, false)),
            ("no server at all", "<NOSRV> -1/-1/0 0 SC 1/1/0/0/0 0/0", (NoServer, 0, 0, false)),
        ] {
            let line = format!("::ffff:127.0.0.1:48512 [28/Nov/2026:00:37:21.192] ft_amd64 bk_amd64/{rest}");
            assert_eq!(of(&line), expected, "{what}: {line}");
        }
    }

    #[test]
    fn a_connection_is_found_behind_what_stands_before_it() {
        let line = "[fd00::1]:4 [29/Feb/2024:23:59:59.000] ft_all bk_arm64/arm12 0/1/+10 1 cD 7/5/0/0/0 0/0";
        let plain = Connection::find(line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!((plain.address, plain.port, plain.start_ms), ("[fd00::1]", 4, 1_709_251_199_000));
        assert_eq!((plain.frontend, plain.arch, plain.at_frontend), (Frontend::All, Arch::Arm64, 5));
        for before in [
            "2026-11-25T01:52:13.573123456Z ",
            "[pod/buildkitd-lb-6c9-x/haproxy] ",
            "[pod/buildkitd-lb-6c9-x/haproxy] 2026-11-25T01:52:13.573123456Z ",
            "2026-11-25T01:52:13.573123456Z stdout F ",
            "<134>Nov 25 01:52:13 haproxy[8]: ",
        ] {
            assert_eq!(Connection::find(&format!("{before}{line}\r")), Some(plain), "{before}");
        }
    }

    #[test]
    fn what_is_no_connection_to_builders_is_none() {
        for line in [
            "",
            "[NOTICE]   (1) : New worker (8) forked",
            "bk_amd64/amd1 changed its IP from (none) to 10.0.0.2 by k8s/dns.",
            "10.0.0.1:5 [25/Nov/2026:01:52:13.573] ft_amd64 ft_amd64/<NOSRV> -1/-1/0 0 PR 1/1/0/0/0 0/0",
            "10.0.0.1:5 [25/Nov/2026:01:52:13.573] ft_web bk_amd64/amd1 1/0/0 0 -- 1/1/0/0/0 0/0",
            "10.0.0.1:5 [31/Feb/2026:01:52:13.573] ft_amd64 bk_amd64/amd1 1/0/0 0 -- 1/1/0/0/0 0/0",
            "10.0.0.1:5 [25/Nov/1969:01:52:13.573] ft_amd64 bk_amd64/amd1 1/0/0 0 -- 1/1/0/0/0 0/0",
            "10.0.0.1:5 [25/Nov/2026:01:52:13.573] ft_amd64 bk_amd64/amd1 1/0 0 -- 1/1/0/0/0 0/0",
            "10.0.0.1:5 [25/Nov/2026:01:52:13.573] ft_amd64 bk_amd64/amd1 1/0/1x 0 -- 1/1/0/0/0 0/0",
            "10.0.0.1:5 [25/Nov/2026:01:52:13.573] ft_amd64 bk_amd64/amd1 1/0/1",
            "10.0.0.1:x [25/Nov/2026:01:52:13.573] ft_amd64 bk_amd64/amd1 1/0/0 0 -- 1/1/0/0/0 0/0",
            "] ft_amd64 bk_amd64/amd1 1/0/0 0 -- 1/1/0/0/0 0/0",
            "x:1 [é5/Nov/2026:01:52:13.57] ft_amd64 bk_amd64/amd1 1/0/0 0 -- 1/1/0/0/0 0/0",
        ] {
            assert_eq!(Connection::find(line), None, "{line}");
        }
    }
}
