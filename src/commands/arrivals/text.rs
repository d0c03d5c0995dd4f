//! The record as CSV, and what it was made of.

use std::fmt::Write as _;

use crate::diagnostics::escape::visible;
use crate::diagnostics::words::{number, thousands};
use crate::simulation::log::builds::{Joined, LoggedBuild};
use crate::simulation::log::connection::Ending;
use crate::simulation::log::lines::Log;
use crate::simulation::record::rows::CENSORED;

/// Builds of one part: a long record is never in memory as a whole text.
const ROWS: usize = 10_000;

/// Lines of `start,duration,arch`, in parts that follow each other.
pub(super) fn csv<'a>(builds: &'a [LoggedBuild], censored: Option<&'a str>) -> impl Iterator<Item = String> + 'a {
    let mut head = censored.map(|why| format!("{CENSORED} {why}\n")).unwrap_or_default();
    head += "start,duration,arch\n";
    std::iter::once(head).chain(builds.chunks(ROWS).map(|part| {
        part.iter().fold(String::new(), |mut text, build| {
            let LoggedBuild { start_ms, duration_ms, arch } = build;
            let (second, ms) = (start_ms.div_euclid(1000), start_ms.rem_euclid(1000));
            let _ = writeln!(text, "{second}.{ms:03},{}.{:03},{}", duration_ms / 1000, duration_ms % 1000, arch.name());
            text
        })
    }))
}

/// What the log had, for people: lines without a line end behind the last.
pub(super) fn summary(name: &str, log: &Log, joined: &Joined, censored: Option<&str>) -> String {
    let connections = log.connections.len() as u64;
    let builds = joined.builds.len() as u64;
    let left = log.connections.iter().filter(|one| one.ending == Ending::Left).count() as u64;
    let mut lines = vec![format!(
        "{}: {} of {}",
        visible(name.to_owned()),
        number(builds, "build"),
        number(connections, "connection")
    )];
    let tries = joined.joined_tries + joined.shared_tries;
    if tries > 0 {
        let ghosts = if left > 0 {
            format!(", {} of them reached a pod after the client had left", thousands(left))
        } else {
            String::new()
        };
        lines.push(format!("{} without a builder{ghosts}", tries_in_words(tries)));
    }
    if joined.gave_up > 0 {
        lines.push(format!(
            "{} gave up without a builder: not in the record, which has no duration of them",
            number(joined.gave_up, "build")
        ));
    }
    if joined.open > 0 {
        lines.push(format!(
            "{} without a builder may have got one when the log ended: not in the record",
            number(joined.open, "build")
        ));
    }
    if joined.shared > 0 {
        let percent = joined.shared * 100 / connections.max(1);
        let share = if percent == 0 { "below 1 %".to_owned() } else { format!("{percent} %") };
        lines.push(format!(
            "{} of addresses with several at once ({share}): tries not joined to builds",
            number(joined.shared, "connection")
        ));
    }
    if log.other_lines > 0 {
        lines.push(format!("{} skipped: no connection to builders", number(log.other_lines, "other line")));
    }
    if let Some(why) = censored {
        lines.push(format!(
            "warning: the record is censored: {why}\nhelp: it shows what the fleet could take, not what was wanted; a recommendation from it is a lower bound"
        ));
    }
    lines.join("\n")
}

fn tries_in_words(count: u64) -> String {
    if count == 1 { "1 try".to_owned() } else { format!("{} tries", thousands(count)) }
}
