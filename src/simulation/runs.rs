//! Many runs of one model, on all processors.

use std::iter::StepBy;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::parallel;
use crate::simulation::aim::{Aim, Limits};
use crate::simulation::arrivals::Arrivals;
use crate::simulation::engine;
use crate::simulation::model::Model;
use crate::simulation::outcome::Summary;

/// All runs, on all processors. The result does not depend on their number, because all sums are of whole numbers.
pub fn all(model: &Model, arrivals: &Arrivals, seed: u64, runs: u64) -> Summary {
    Runs::new(arrivals, seed, runs, &|_| {}).all(model)
}

/// The same builds on one model after another.
pub struct Runs<'a> {
    arrivals: &'a Arrivals,
    seed: u64,
    pub runs: u64,
    /// Is told how many builds were played since it was last called.
    played: &'a (dyn Fn(u64) + Sync),
    /// The run in which somebody gave up last: the next model is likely to fail in it, too.
    hardest: AtomicU64,
}

impl<'a> Runs<'a> {
    pub fn new(arrivals: &'a Arrivals, seed: u64, runs: u64, played: &'a (dyn Fn(u64) + Sync)) -> Self {
        Runs { arrivals, seed, runs, played, hardest: AtomicU64::new(0) }
    }

    /// The same with another number of runs.
    #[must_use]
    pub fn with_runs(&self, runs: u64) -> Self {
        Runs::new(self.arrivals, self.seed, runs, self.played)
    }

    /// What comes of all runs.
    pub fn all(&self, model: &Model) -> Summary {
        let parts = self.shared_out(|runs| {
            let mut summary = Summary::default();
            for run in runs {
                let aim = if run == 0 { Aim::Record } else { Aim::Outcome };
                let (outcome, series) = engine::run(model, self.arrivals, self.seed, run, aim);
                (self.played)(outcome.arrived);
                summary.add(&outcome);
                if aim == Aim::Record {
                    summary.series = series;
                }
            }
            summary
        });
        let mut summary = Summary::default();
        for part in parts {
            summary.merge(part);
        }
        summary
    }

    /// Shares the runs out among the processors.
    fn shared_out<R: Send>(&self, work: impl Fn(StepBy<Range<u64>>) -> R + Sync) -> Vec<R> {
        let threads = parallel::processors().min(64);
        let firsts: Vec<u64> = (0..threads as u64).collect();
        parallel::each(&firsts, threads, |first| work((*first..self.runs).step_by(threads)))
    }

    /// Whether every build gets a builder in all of these runs.
    pub fn nobody_gives_up(&self, model: &Model) -> bool {
        let holds = |run| {
            let aim = Aim::Within(Limits::NOBODY_GIVES_UP);
            let outcome = engine::run(model, self.arrivals, self.seed, run, aim).0;
            (self.played)(outcome.arrived);
            let holds = outcome.gave_up == 0;
            if !holds {
                self.hardest.store(run, Ordering::Relaxed);
            }
            holds
        };
        let hardest = self.hardest.load(Ordering::Relaxed);
        if !holds(hardest) {
            return false;
        }
        let failed = AtomicBool::new(false);
        self.shared_out(|runs| {
            for run in runs {
                if failed.load(Ordering::Relaxed) {
                    break;
                }
                if run != hardest && !holds(run) {
                    failed.store(true, Ordering::Relaxed);
                }
            }
        });
        !failed.into_inner()
    }
}

/// As many runs as make about `builds` builds, within these bounds.
pub fn fitting(arrivals: &Arrivals, builds: u64, least: u64, most: u64) -> u64 {
    (builds / arrivals.expected().max(1)).clamp(least, most)
}
