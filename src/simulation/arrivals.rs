//! When builds come and how long each takes.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::diagnostics::words::thousands;
use crate::simulation::duration::Spread;
use crate::simulation::random::{Random, Stream};
use crate::values::arch::Arch;

/// More would be a mistake in the file or on the command line, not a day of a fleet.
const MOST_BUILDS: u64 = 10_000_000;
/// Who waits costs time: each comes again every half minute.
const MOST_AT_ONCE: u64 = 100_000;
/// Larger than a year of CI.
const MOST_BYTES: u64 = 256 << 20;

/// One build that comes, in ms from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub at_ms: u64,
    pub duration_ms: u64,
}

/// Which builds come.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// So many at once.
    Burst { builds: u64, duration: Spread },
    /// At random, evenly, so many an hour on average.
    Poisson { per_hour: f64, hours: f64, duration: Spread },
    /// As they came once, in the order of time.
    Recorded(Vec<Arrival>),
}

impl Arrivals {
    pub fn burst(builds: u64, duration: Spread) -> Result<Self> {
        if !(1..=MOST_AT_ONCE).contains(&builds) {
            bail!("--burst accepts from 1 to {MOST_AT_ONCE} builds");
        }
        Ok(Arrivals::Burst { builds, duration })
    }

    pub fn poisson(per_hour: f64, hours: f64, duration: Spread) -> Result<Self> {
        #[expect(clippy::cast_precision_loss, reason = "ten million")]
        let most = MOST_BUILDS as f64;
        if !(per_hour > 0.0 && hours > 0.0 && per_hour * hours <= most && hours <= 8784.0) {
            bail!("--rate and --hours must be above 0, and at most a year and {MOST_BUILDS} builds");
        }
        Ok(Arrivals::Poisson { per_hour, hours, duration })
    }

    /// Reads `start,duration` lines, both in seconds, and perhaps an architecture behind them; the first line may name the
    /// columns. Lines of other architectures are left out; starts count from the earliest that is left. Errors name the
    /// line, or say that there is none of this architecture.
    pub fn recorded(path: &Path, arch: Arch) -> Result<Self> {
        Self::recorded_of(path, arch)?
            .ok_or_else(|| anyhow::anyhow!("{} contains no {} builds", path.display(), arch.name()))
    }

    /// The same; none where the file has builds, and none of this architecture.
    pub fn recorded_of(path: &Path, arch: Arch) -> Result<Option<Self>> {
        let name = path.display();
        let size = std::fs::metadata(path).with_context(|| format!("cannot read {name}"))?.len();
        if size > MOST_BYTES {
            bail!("{name} is too large: {size} bytes, expected up to {MOST_BYTES}");
        }
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
        let text = std::str::from_utf8(&bytes).with_context(|| format!("{name} is not UTF-8 text"))?;
        let builds = parse(text, arch).map_err(|(line, why)| anyhow::anyhow!("{name}:{line}: {why}"))?;
        Ok((!builds.is_empty()).then_some(Arrivals::Recorded(builds)))
    }

    /// The builds of one run, in the order of time.
    pub fn of_run(&self, seed: u64, run: u64) -> Builds<'_> {
        Builds {
            arrivals: self,
            next: 0,
            clock_ms: 0.0,
            times: Random::new(seed, run, Stream::Arrivals),
            durations: Random::new(seed, run, Stream::Durations),
        }
    }
}

/// `27 builds at once, 10 min to 30 min each`.
impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arrivals::Burst { builds, duration } => write!(
                f,
                "{} build{} at once, {duration} each",
                thousands(*builds),
                if *builds == 1 { "" } else { "s" }
            ),
            Arrivals::Poisson { per_hour, hours, duration } => {
                write!(f, "{per_hour} builds an hour for {hours} h, {duration} each")
            }
            Arrivals::Recorded(all) => write!(f, "{} recorded builds", thousands(all.len() as u64)),
        }
    }
}

/// The builds of one run, drawn as they are asked for: a long run takes no more memory than a short one.
#[derive(Clone, Debug)]
pub struct Builds<'a> {
    arrivals: &'a Arrivals,
    next: u64,
    clock_ms: f64,
    times: Random,
    durations: Random,
}

impl Iterator for Builds<'_> {
    type Item = Arrival;

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours are checked")]
    fn next(&mut self) -> Option<Arrival> {
        let arrival = match self.arrivals {
            Arrivals::Burst { builds, duration } => {
                (self.next < *builds).then(|| Arrival { at_ms: 0, duration_ms: duration.draw(&mut self.durations) })
            }
            Arrivals::Poisson { per_hour, hours, duration } => {
                self.clock_ms += self.times.exponential(3_600_000.0 / per_hour);
                (self.clock_ms < hours * 3_600_000.0)
                    .then(|| Arrival { at_ms: self.clock_ms as u64, duration_ms: duration.draw(&mut self.durations) })
            }
            Arrivals::Recorded(all) => all.get(usize::try_from(self.next).ok()?).copied(),
        };
        self.next += 1;
        arrival
    }
}

/// The lines of a CSV that are of this architecture, or of none; on failure the line's number and what is wrong with it.
pub fn parse(text: &str, arch: Arch) -> Result<Vec<Arrival>, (usize, String)> {
    let mut found: Vec<(f64, f64)> = Vec::new();
    let mut lines = 0_u64;
    for (place, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        let number = place + 1;
        let words = line.replace(' ', "").to_ascii_lowercase();
        let header = lines == 0 && matches!(words.as_str(), "start,duration" | "start,duration,arch");
        if line.is_empty() || line.starts_with('#') || header {
            continue;
        }
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let (start, duration, of) = match fields.as_slice() {
            [start, duration] => (start, duration, None),
            [start, duration, of] => (start, duration, Some(*of)),
            other => {
                let why = format!(
                    "expected `start,duration` in seconds, or `start,duration,arch`, found {} fields",
                    other.len()
                );
                return Err((number, why));
            }
        };
        let shown = |text: &str| -> String { text.chars().take(40).flat_map(char::escape_debug).collect() };
        if let Some(of) = of.filter(|of| Arch::named(of).is_none()) {
            return Err((number, format!("`{}` is not an architecture: expected amd64 or arm64", shown(of))));
        }
        let seconds = |name: &str, text: &str, most: f64| {
            text.parse::<f64>()
                .ok()
                .filter(|seconds| (0.0..=most).contains(seconds))
                .ok_or_else(|| (number, format!("`{}` is not a {name} in seconds, from 0 to {most}", shown(text))))
        };
        // Unix time up to the year 2286, and builds of up to a week.
        let build = (seconds("start", start, 1e10)?, seconds("duration", duration, 604_800.0)?);
        lines += 1;
        if of.is_none_or(|of| of == arch.name()) {
            found.push(build);
        }
        if lines > MOST_BUILDS {
            return Err((number, format!("more than {MOST_BUILDS} builds")));
        }
    }
    if lines == 0 {
        return Err((1, "the file contains no builds: expected lines of `start,duration` in seconds".to_owned()));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let first = found.first().map_or(0.0, |(start, _)| *start);
    Ok(found
        .into_iter()
        .map(|(start, duration)| Arrival { at_ms: millis(start - first), duration_ms: millis(duration).max(1) })
        .collect())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_sorted_and_counts_from_its_first_build() {
        let text = "\u{feff}start, duration\r\n# of one day\n1764028810,1200\n1764028800,60.5\n\n1764028800,0\n";
        let arrival = |at_ms, duration_ms| Arrival { at_ms, duration_ms };
        assert_eq!(parse(text, Arch::Amd64), Ok(vec![arrival(0, 60_500), arrival(0, 1), arrival(10_000, 1_200_000)]));
    }

    #[test]
    fn builds_of_another_architecture_are_left_out() {
        let text = "start,duration,arch\n100,60,arm64\n200,60,amd64\n230,60\n";
        let starts = |arch| parse(text, arch).map(|found| found.iter().map(|one| one.at_ms).collect::<Vec<_>>());
        assert_eq!(starts(Arch::Amd64), Ok(vec![0, 30_000]));
        assert_eq!(starts(Arch::Arm64), Ok(vec![0, 130_000]));
        assert_eq!(parse("1,2,arm64\n", Arch::Amd64), Ok(vec![]));
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_line() {
        for (text, line, why) in [
            ("", 1, "no build"),
            ("start,duration\n", 1, "no build"),
            ("1,2\n1,2,amd64,4\n", 2, "found 4 fields"),
            ("1,2\n1,2,x86\n", 2, "`x86` is not an architecture"),
            ("1,2\nx,2\n", 2, "`x` is not a start"),
            ("1,-2\n", 1, "`-2` is not a duration"),
            ("1,NaN\n", 1, "`NaN` is not a duration"),
            ("1e400,1\n", 1, "not a start"),
            ("1,1e9\n", 1, "not a duration"),
            ("2026-11-25T00:00:00Z,60\n", 1, "not a start"),
        ] {
            let (found, told) = parse(text, Arch::Amd64).expect_err(text);
            assert!(found == line && told.contains(why), "{text:?}: {found}: {told}");
        }
    }

    #[test]
    fn poisson_arrivals_come_at_their_rate() {
        let spread: Spread = "20m".parse().unwrap_or_else(|error| panic!("{error}"));
        let arrivals = Arrivals::poisson(600.0, 100.0, spread).unwrap_or_else(|error| panic!("{error}"));
        let count = arrivals.of_run(1, 0).count();
        // Four standard deviations of 60,000.
        assert!((59_000..=61_000).contains(&count), "{count}");
        let run: Vec<Arrival> = arrivals.of_run(1, 0).take(100).collect();
        assert_eq!(run, arrivals.of_run(1, 0).take(100).collect::<Vec<_>>());
        assert_ne!(run, arrivals.of_run(1, 1).take(100).collect::<Vec<_>>());
        assert!(run.is_sorted_by_key(|arrival| arrival.at_ms));
    }
}
