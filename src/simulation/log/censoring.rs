//! Whether a log shows all the builds that were wanted, or only those that the fleet could take.

use std::fmt::Write as _;

use crate::diagnostics::words::thousands;
use crate::simulation::log::builds::Joined;
use crate::simulation::log::connection::Ending;
use crate::simulation::log::lines::Log;
use crate::values::arch::Arch;

/// In percent. Recommendations are for 99 of 100 builds, so fewer than this change nothing.
const TOLERATED: u64 = 1;
/// Connections of addresses that had several at once, in percent: their tries are not joined to builds.
const TOLERATED_SHARED: u64 = 5;
/// A shorter wait is a moment between two builds.
const WAITED_MS: u32 = 1_000;

/// Pods that were all busy, for so many ms of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saturation {
    pub pods: u32,
    pub time_ms: i64,
}

/// How long all pods of an architecture were busy. If their maximum is not given, the most that were busy while a client
/// waited is taken for it, and only time in which one waited counts.
pub fn saturation(log: &Log, arch: Arch, max: Option<u32>) -> Saturation {
    // When, by how many busy pods and by how many waiting clients: ends come before starts.
    let mut changes: Vec<(i64, i8, i8)> = Vec::new();
    for one in log.connections.iter().filter(|one| one.arch == arch) {
        let had_ms = one.start_ms + i64::from(one.waited_ms);
        if one.waited_ms >= WAITED_MS {
            changes.extend([(one.start_ms, 0, 1), (had_ms, 0, -1)]);
        }
        if one.ending == Ending::Built {
            changes.extend([(had_ms, 1, 0), (one.end_ms(), -1, 0)]);
        }
    }
    changes.sort_unstable();
    let steps = || {
        let (mut busy, mut waiting) = (0_u32, 0_u32);
        changes.chunk_by(|a, b| a.0 == b.0).map(move |same| {
            for (_, pods, clients) in same {
                busy = busy.saturating_add_signed(i32::from(*pods));
                waiting = waiting.saturating_add_signed(i32::from(*clients));
            }
            (same[0].0, busy, waiting)
        })
    };
    let reached = || steps().filter(|(_, _, waiting)| *waiting > 0).map(|(_, busy, _)| busy).max();
    let pods = max.or_else(reached).unwrap_or_default();
    let mut time_ms = 0;
    let mut since_ms = None;
    for (at_ms, busy, waiting) in steps() {
        let full = pods > 0 && busy >= pods && (max.is_some() || waiting > 0);
        match (full, since_ms) {
            (true, None) => since_ms = Some(at_ms),
            (false, Some(since)) => {
                time_ms += at_ms - since;
                since_ms = None;
            }
            _ => {}
        }
    }
    Saturation { pods, time_ms }
}

/// Why the record of a log shows too little; none if it shows what was wanted. `max` has the most pods of an architecture.
pub fn reason(log: &Log, joined: &Joined, max: impl Fn(Arch) -> Option<u32>) -> Option<String> {
    let all = log.connections.len() as u64;
    let builds = joined.builds.len() as u64 + joined.gave_up;
    let timed_out = log.connections.iter().filter(|one| one.timed_out).count() as u64;
    let mut reasons: Vec<String> = Vec::new();
    if joined.gave_up * 100 > builds * TOLERATED {
        reasons.push(format!("{} of {} builds gave up", thousands(joined.gave_up), thousands(builds)));
    }
    if timed_out * 100 > all * TOLERATED {
        reasons.push(format!("{} of {} connections timed out in the queue", thousands(timed_out), thousands(all)));
    }
    let span_ms = log.last_ms.saturating_sub(log.first_ms);
    for arch in Arch::ALL {
        let Saturation { pods, time_ms } = saturation(log, arch, max(arch));
        let percent = u64::try_from(time_ms * 100 / span_ms.max(1)).unwrap_or_default();
        if percent > TOLERATED {
            let mut text =
                format!("all {} {} pods were busy for {percent} % of the time", thousands(pods), arch.name());
            if pods == 1 {
                text = format!("the only {} pod was busy for {percent} % of the time", arch.name());
            }
            if max(arch).is_none() {
                let _ = write!(text, " while builds waited");
            }
            reasons.push(text);
        }
    }
    if joined.shared * 100 > all * TOLERATED_SHARED {
        reasons.push(format!(
            "{} of {} connections are of addresses with several at once",
            thousands(joined.shared),
            thousands(all)
        ));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::log::builds::{Patience, join};

    fn reason_of(text: &str, max: Option<u32>) -> Option<String> {
        let log = Log::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let joined = join(&log, Patience { connect_ms: 20_000, again_ms: 40_000, longest_ms: 60_000 });
        reason(&log, &joined, |arch| max.filter(|_| arch == Arch::Amd64))
    }

    fn line(client: u32, minute: u32, second: u32, rest: &str) -> String {
        format!(
            "10.0.{}.{}:1 [25/Nov/2026:01:{minute:02}:{second:02}.000] ft_amd64 bk_amd64/{rest} 0 -- 1/1/0/0/0 0/0\n",
            client / 250,
            client % 250
        )
    }

    /// Builds of a second, one each second, and one of a minute later, so that the log goes on for 10 minutes.
    fn calm(count: u32) -> String {
        let mut text: String = (0..count).map(|n| line(n, n / 60 % 60, n % 60, "amd1 0/0/1000")).collect();
        text += &line(9_000, 10, 0, "amd1 0/0/1000");
        text
    }

    #[test]
    fn a_record_that_shows_what_was_wanted_is_not_censored() {
        assert_eq!(reason_of(&calm(200), Some(8)), None);
        assert_eq!(reason_of(&calm(200), None), None);
        // One of 201 builds.
        let gave_up = line(9_001, 1, 0, "<NOSRV> 31000/-1/31000").replace("--", "sQ");
        assert_eq!(reason_of(&(calm(200) + &gave_up), Some(8)), None);
    }

    #[test]
    fn each_reason_is_told_by_itself() {
        for (what, text, max, expected) in [
            (
                "gave up by themselves",
                calm(20) + &line(9_001, 1, 0, "<NOSRV> 5000/-1/5000").replace("--", "CD"),
                None,
                "1 of 22 builds gave up",
            ),
            (
                "the queue's timeout, then built",
                calm(20)
                    + &line(9_001, 1, 0, "<NOSRV> 31000/-1/31000").replace("--", "sQ")
                    + &line(9_001, 1, 35, "amd1 0/0/1000"),
                None,
                "1 of 23 connections timed out in the queue",
            ),
            (
                "held, then built",
                calm(20)
                    + &line(9_001, 1, 0, "hold 31000/-1/31000").replace("--", "SC")
                    + &line(9_001, 1, 35, "amd1 0/0/1000"),
                None,
                "1 of 23 connections timed out in the queue",
            ),
            (
                "all pods busy",
                calm(2) + &line(9_001, 1, 0, "amd1 0/0/60000"),
                Some(1),
                "the only amd64 pod was busy for 10 % of the time",
            ),
            (
                "all two pods busy",
                calm(2) + &line(9_001, 1, 0, "amd1 0/0/60000") + &line(9_002, 1, 0, "amd2 0/0/60000"),
                Some(2),
                "all 2 amd64 pods were busy for 9 % of the time",
            ),
            (
                "busy while one waits",
                calm(2)
                    + &line(9_001, 1, 0, "amd1 0/0/60000")
                    + &line(9_002, 1, 0, "amd2 0/0/60000")
                    + &line(9_003, 1, 30, "amd1 30000/0/60000"),
                None,
                "all 2 amd64 pods were busy for 4 % of the time while builds waited",
            ),
            (
                "several at once",
                calm(20) + &line(1, 1, 0, "amd1 0/0/2000") + &line(1, 1, 1, "amd1 0/0/2000"),
                None,
                "2 of 23 connections are of addresses with several at once",
            ),
        ] {
            assert_eq!(reason_of(&text, max).as_deref(), Some(expected), "{what}");
        }
    }
}
