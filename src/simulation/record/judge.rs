//! What a record as a whole shows about its unit.

use crate::diagnostics::words::thousands;
use crate::simulation::arrivals::MAX_HOURS;

/// Builds of more than a day are nothing that half of a record has: it counts in milliseconds.
pub(super) const MEDIAN_S: f64 = 100_000.0;

/// A number of a line and what is wrong with it.
pub(super) type Wrong = (usize, String);

/// Refuses durations, the second of each build, of which more than half are that long; the first of them has this line.
pub(super) fn unit(line: usize, duration_s: f64, builds: &[(f64, f64)]) -> Result<(), Wrong> {
    let long = builds.iter().filter(|(_, duration)| *duration > MEDIAN_S).count();
    if long * 2 <= builds.len() {
        return Ok(());
    }
    let why = format!(
        "a duration of {duration_s} s, as more than half of the builds have: these look like milliseconds, divide them by 1000"
    );
    Err((line, why))
}

/// Of a record that spans more than a year, the line at the end that is farther from the median: most often the one that
/// counts from another moment than the rest.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
pub(super) fn spans_too_long(earliest: (f64, usize), latest: (f64, usize), median: f64) -> Wrong {
    let days = thousands(((latest.0 - earliest.0) / 86_400.0) as u64);
    let ((start, line), than) = if median - earliest.0 > latest.0 - median {
        (earliest, format!("before the latest, {}", latest.0))
    } else {
        (latest, format!("after the earliest, {}", earliest.0))
    };
    let most = MAX_HOURS / 24.0;
    let why = format!(
        "start {start} is {days} days {than}: a record may span up to {most} days; count every start from the same moment, or split the file"
    );
    (line, why)
}
