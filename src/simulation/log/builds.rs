//! Joins the tries of a client to builds.

use crate::simulation::log::connection::{Ending, Frontend};
use crate::simulation::log::lines::{Log, Logged};
use crate::values::arch::Arch;

/// How clients try, in ms.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A client leaves a try that has no builder after this long.
    pub connect_ms: i64,
    /// Its next try begins at most this long after the start of the one before.
    pub again_ms: i64,
    /// No build takes longer.
    pub longest_ms: i64,
}

/// A build that had a builder, in ms; `start_ms` is when the first of its tries came, in Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoggedBuild {
    pub start_ms: i64,
    pub duration_ms: u32,
    pub arch: Arch,
}

/// What the connections of a log were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// In the order of time.
    pub builds: Vec<LoggedBuild>,
    /// Tries without a builder that belong to those, or to a build that gave up.
    pub joined_tries: u64,
    /// Builds that never had a builder.
    pub gave_up: u64,
    /// Builds without a builder that may have had one when the log ended.
    pub open: u64,
    /// Connections of a client that had another one at the same time: behind NAT one address has many clients.
    pub shared: u64,
    /// Those of them without a builder: nobody knows of which build.
    pub shared_tries: u64,
}

/// Joins the tries of each client at each frontend, as long as it has one connection at a time.
pub fn join(log: &Log, patience: Patience) -> Joined {
    let mut joined = Joined::default();
    let mut unserved = Vec::new();
    for of_client in log.connections.chunk_by(|a, b| (a.address, a.frontend) == (b.address, b.frontend)) {
        let mut rest = of_client;
        while !rest.is_empty() {
            let (together, later) = rest.split_at(episode(rest, patience));
            if overlap(together, patience) {
                joined.share(together);
            } else {
                joined.chain(together, patience, &mut unserved);
            }
            rest = later;
        }
    }
    joined.give_up(unserved, log, patience);
    joined.builds.sort_unstable();
    joined
}

/// How many of these connections are near enough to each other to be of one build, or of some at the same time.
fn episode(connections: &[Logged], patience: Patience) -> usize {
    let mut reach_ms = i64::MIN;
    for (place, one) in connections.iter().enumerate() {
        if place > 0 && one.start_ms > reach_ms {
            return place;
        }
        let own_ms = if one.ending == Ending::Built { one.end_ms() } else { one.start_ms + patience.again_ms };
        reach_ms = reach_ms.max(own_ms);
    }
    connections.len()
}

/// Whether a connection began while the client of an earlier one was still there. One that found no builder had left by
/// itself while the load balancer kept its place in the queue: its next try is no second client.
fn overlap(connections: &[Logged], patience: Patience) -> bool {
    let mut there_ms = i64::MIN;
    connections.iter().any(|one| {
        let overlaps = one.start_ms < there_ms;
        let own_ms = if one.ending == Ending::Built {
            one.end_ms()
        } else {
            one.end_ms().min(one.start_ms + patience.connect_ms)
        };
        there_ms = there_ms.max(own_ms);
        overlaps
    })
}

/// The tries of one build without a builder so far.
#[derive(Clone, Copy, Debug)]
struct Chain {
    start_ms: i64,
    last_ms: i64,
    frontend: Frontend,
}

impl Joined {
    fn share(&mut self, connections: &[Logged]) {
        self.shared += connections.len() as u64;
        for one in connections {
            if one.ending == Ending::Built {
                self.build(one, one.start_ms);
            } else {
                self.shared_tries += 1;
            }
        }
    }

    fn chain(&mut self, connections: &[Logged], patience: Patience, unserved: &mut Vec<Chain>) {
        let mut chain: Option<Chain> = None;
        for one in connections {
            // A build may have ended in between, after which the client began another.
            if chain.is_some_and(|chain| one.start_ms > chain.last_ms + patience.again_ms) {
                unserved.extend(chain.take());
            }
            if one.ending == Ending::Built {
                let start_ms = chain.take().map_or(one.start_ms, |chain| chain.start_ms);
                self.build(one, start_ms);
            } else {
                self.joined_tries += 1;
                let start_ms = chain.map_or(one.start_ms, |chain| chain.start_ms);
                chain = Some(Chain { start_ms, last_ms: one.start_ms, frontend: one.frontend });
            }
        }
        unserved.extend(chain);
    }

    fn build(&mut self, one: &Logged, start_ms: i64) {
        self.builds.push(LoggedBuild { start_ms, duration_ms: one.lasted_ms, arch: one.arch });
    }

    /// A connection is logged when it ends: of the builds without a builder, as many may have one as connections were open
    /// at the end, the latest first.
    fn give_up(&mut self, mut unserved: Vec<Chain>, log: &Log, patience: Patience) {
        unserved.sort_unstable_by_key(|chain| std::cmp::Reverse(chain.last_ms));
        let mut open = log.open;
        for chain in unserved {
            let next_ms = chain.last_ms + patience.again_ms;
            let place = Frontend::EVERY.iter().position(|one| *one == chain.frontend).unwrap_or_default();
            if next_ms > log.last_ms {
                self.open += 1;
            } else if open[place] > 0 && next_ms + patience.longest_ms > log.last_ms {
                open[place] -= 1;
                self.open += 1;
            } else {
                self.gave_up += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const PATIENCE: Patience = Patience { connect_ms: 20_000, again_ms: 40_000, longest_ms: 7_200_000 };

    /// A log of lines: client, seconds of its start, and what became of it. After it, so many connections are open.
    fn log(open: u32, connections: &[(u8, u32, &str)]) -> Log {
        let mut text = String::new();
        for (client, start, rest) in connections {
            let (minute, second, port) = (start / 60, start % 60, 1000 + start);
            let _ = writeln!(
                text,
                "10.0.0.{client}:{port} [25/Nov/2026:01:{minute:02}:{second:02}.000] ft_amd64 bk_amd64/{rest} 1/1/0/0/0 0/0"
            );
        }
        // Far behind the rest, so that nobody is in a pause.
        let _ = writeln!(
            text,
            "10.9.9.9:1 [25/Nov/2026:02:30:00.000] ft_amd64 bk_amd64/amd9 0/0/1000 0 -- 1/{}/0/0/0 0/0",
            open + 1
        );
        Log::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    }

    const SQ: &str = "<NOSRV> 31000/-1/31000 0 sQ";
    const HELD: &str = "hold 31000/-1/31000 0 SC";
    const GHOST: &str = "amd1 25000/0/24999 308 CD";
    const BUILT: &str = "amd1 5000/0/65000 308 CD";

    /// The builds of these lines, as seconds of start and duration, and how many gave up, are open and are shared.
    fn of(open: u32, connections: &[(u8, u32, &str)]) -> (Vec<(i64, u32)>, u64, u64, u64) {
        let log = log(open, connections);
        let joined = join(&log, PATIENCE);
        let begin_ms = log.last_ms - 5_401_000;
        let builds: Vec<(i64, u32)> =
            joined.builds.iter().map(|one| ((one.start_ms - begin_ms) / 1000, one.duration_ms / 1000)).collect();
        let (last, rest) = builds.split_last().unwrap_or_else(|| panic!("no builds"));
        assert_eq!(*last, (5_400, 1));
        (rest.to_vec(), joined.gave_up, joined.open, joined.shared)
    }

    #[test]
    fn tries_of_one_client_are_one_build() {
        for (what, connections, expected) in [
            ("served at once", &[(1, 0, BUILT)][..], (vec![(0, 60)], 0)),
            ("the queue, then served", &[(1, 0, SQ), (1, 34, SQ), (1, 69, BUILT)], (vec![(0, 60)], 0)),
            ("held, then served", &[(1, 0, HELD), (1, 35, BUILT)], (vec![(0, 60)], 0)),
            ("handed over late, then served", &[(1, 0, GHOST), (1, 33, BUILT)], (vec![(0, 60)], 0)),
            (
                "buildx dials twice per try",
                &[(1, 0, SQ), (1, 21, SQ), (1, 56, GHOST), (1, 77, BUILT)],
                (vec![(0, 60)], 0),
            ),
            ("after a pause that is too long", &[(1, 0, SQ), (1, 41, BUILT)], (vec![(41, 60)], 1)),
            ("gave up", &[(1, 0, SQ), (1, 35, SQ)], (vec![], 1)),
            ("gave up, and was handed over late", &[(1, 0, GHOST)], (vec![], 1)),
            (
                "two builds, one after the other",
                &[(1, 0, SQ), (1, 35, BUILT), (1, 101, BUILT)],
                (vec![(0, 60), (101, 60)], 0),
            ),
            ("another client", &[(1, 0, SQ), (2, 35, BUILT)], (vec![(35, 60)], 1)),
            (
                "a short build between two tries",
                &[(1, 0, SQ), (1, 21, "amd1 9/0/9 0 CD"), (1, 30, BUILT)],
                (vec![(0, 0), (30, 60)], 0),
            ),
        ] {
            let (builds, gave_up, open, shared) = of(0, connections);
            assert_eq!((builds, gave_up), expected, "{what}");
            assert_eq!((open, shared), (0, 0), "{what}");
        }
    }

    #[test]
    fn tries_of_an_address_with_several_connections_are_not_joined() {
        // The second one begins while the client of the first is still there.
        let both = [(1, 0, SQ), (1, 19, SQ), (1, 35, BUILT), (1, 54, BUILT)];
        assert_eq!(of(0, &both), (vec![(35, 60), (54, 60)], 0, 0, 4));
        // Beside a build, and at another time alone.
        let later = [(1, 0, BUILT), (1, 10, SQ), (1, 45, BUILT), (1, 300, SQ), (1, 335, BUILT)];
        assert_eq!(of(0, &later), (vec![(0, 60), (45, 60), (300, 60)], 0, 0, 3));
    }

    #[test]
    fn who_may_have_had_a_builder_when_the_log_ended_did_not_give_up() {
        let tries = [(1, 0, SQ), (2, 100, SQ), (2, 135, SQ), (3, 60, SQ)];
        // Two connections are open: of the two that tried last.
        assert_eq!(of(2, &tries), (vec![], 1, 2, 0));
        assert_eq!(of(0, &tries), (vec![], 3, 0, 0));
        let log = log(2, &tries);
        let brief = join(&log, Patience { longest_ms: 60_000, ..PATIENCE });
        assert_eq!((brief.gave_up, brief.open), (3, 0), "no build takes that long");
        let next = join(&log, Patience { again_ms: 7_200_000, ..PATIENCE });
        assert_eq!((next.gave_up, next.open), (0, 3), "their next try may come");
    }
}
