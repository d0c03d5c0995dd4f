//! Many runs of one model, on all processors.

use crate::parallel;
use crate::simulation::arrivals::Arrivals;
use crate::simulation::engine::{self, Aim};
use crate::simulation::model::Model;
use crate::simulation::outcome::Summary;

/// All runs, on all processors. The result does not depend on their number, because all sums are of whole numbers.
pub fn all(model: &Model, arrivals: &Arrivals, seed: u64, runs: u64) -> Summary {
    shared(model, arrivals, seed, runs, |run| if run == 0 { Aim::Record } else { Aim::Outcome })
}

/// Whether every build gets a builder in all of these runs.
pub fn nobody_gives_up(model: &Model, arrivals: &Arrivals, seed: u64, runs: u64) -> bool {
    shared(model, arrivals, seed, runs, |_| Aim::FirstLoss).total.gave_up == 0
}

fn shared(
    model: &Model,
    arrivals: &Arrivals,
    seed: u64,
    runs: u64,
    aim: impl Fn(u64) -> Aim + Copy + Send + Sync,
) -> Summary {
    let threads = parallel::processors().min(64);
    let share = |first: u64| {
        let mut summary = Summary::default();
        for run in (first..runs).step_by(threads) {
            let aim = aim(run);
            let (outcome, series) = engine::run(model, arrivals, seed, run, aim);
            summary.add(&outcome);
            if aim == Aim::Record {
                summary.series = series;
            }
            if aim == Aim::FirstLoss && outcome.gave_up > 0 {
                break;
            }
        }
        summary
    };
    let firsts: Vec<u64> = (0..threads as u64).collect();
    let mut summary = Summary::default();
    for part in parallel::each(&firsts, firsts.len(), |first| share(*first)) {
        summary.merge(part);
    }
    summary
}
