//! When builds arrive and how long each takes.

use std::fmt;

use anyhow::{Result, bail};

use crate::diagnostics::words::{number, thousands};
use crate::simulation::duration::Spread;
use crate::simulation::random::{Random, Stream};

/// More would be a mistake in the file or on the command line, not a day of a fleet.
pub(crate) const MAX_BUILDS: u64 = 10_000_000;
/// A leap year; a longer time would be a mistake as well, and would be simulated for hours.
pub(crate) const MAX_HOURS: f64 = 8784.0;
/// Who waits costs time: each comes again every half minute.
const MAX_AT_ONCE: u64 = 100_000;

/// One build, in ms from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub at_ms: u64,
    pub duration_ms: u64,
}

/// Which builds arrive.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// All at once.
    Burst { builds: u64, duration: Spread },
    /// At random times, with a constant average rate per hour.
    Poisson { per_hour: f64, hours: f64, duration: Spread },
    /// Recorded builds, in order of time.
    Recorded(Vec<Arrival>),
}

impl Arrivals {
    pub fn burst(builds: u64, duration: Spread) -> Result<Self> {
        if !(1..=MAX_AT_ONCE).contains(&builds) {
            bail!("--burst accepts from 1 to {MAX_AT_ONCE} builds");
        }
        Ok(Arrivals::Burst { builds, duration })
    }

    pub fn poisson(per_hour: f64, hours: f64, duration: Spread) -> Result<Self> {
        #[expect(clippy::cast_precision_loss, reason = "ten million")]
        let most = MAX_BUILDS as f64;
        if !(per_hour > 0.0 && hours > 0.0 && per_hour * hours <= most && hours <= MAX_HOURS) {
            bail!("--rate and --hours must be above 0, and at most a year and {MAX_BUILDS} builds");
        }
        Ok(Arrivals::Poisson { per_hour, hours, duration })
    }

    /// How many builds a run has, on average.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked by `poisson`")]
    pub fn expected(&self) -> u64 {
        match self {
            Arrivals::Burst { builds, .. } => *builds,
            Arrivals::Poisson { per_hour, hours, .. } => (per_hour * hours).ceil() as u64,
            Arrivals::Recorded(builds) => builds.len() as u64,
        }
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
            Arrivals::Burst { builds, duration } => {
                write!(f, "{} at once, {duration} each", number(*builds, "build"))
            }
            Arrivals::Poisson { per_hour, hours, duration } => {
                write!(f, "{} builds an hour for {hours} h, {duration} each", thousands(per_hour))
            }
            Arrivals::Recorded(all) => write!(f, "{}", number(all.len(), "recorded build")),
        }
    }
}

/// The builds of one run, drawn on demand: a long run needs no more memory than a short one.
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

#[cfg(test)]
mod tests {
    use super::*;

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
