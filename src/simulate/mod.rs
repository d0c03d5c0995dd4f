//! The command `simulate`: what a burst or a day of builds will feel like on a fleet, and what it costs.

pub mod arrivals;
pub mod balancer;
pub mod chart;
pub mod cluster;
pub mod duration;
pub mod engine;
pub mod model;
pub mod outcome;
pub mod random;
pub mod schedule;
pub mod series;
pub mod svg;

use anyhow::{Result, anyhow};

use crate::Exit;
use crate::cli::Simulate;
use crate::input;
use crate::select;
use crate::simulate::arrivals::Arrivals;
use crate::simulate::model::{Circumstances, Model};
use crate::simulate::outcome::Summary;
use crate::talk::print;

pub fn run(command: &Simulate) -> Result<Exit> {
    let Some(outcomes) = input::read(&command.input.config)? else { return Ok(Exit::Refused) };
    let wanted = [command.cluster.clone()];
    if select::any_unknown(&wanted, &outcomes) {
        return Ok(Exit::Usage);
    }
    let fleets = select::fleets(&wanted, &outcomes);
    let fleet = fleets.first().ok_or_else(|| anyhow!("no fleet"))?;
    let pool = &fleet.pools[0];
    let given = &command.circumstances;
    let said = Circumstances {
        client: given.client,
        budget: given.budget,
        pod_start: given.pod_start,
        node_start: given.node_start,
        no_capacity: given.no_capacity.clone(),
        metric_out: given.metric_out.clone(),
        lost_after: given.lost_after,
    };
    let model = Model::new(fleet, pool, &said).map_err(|e| anyhow!(e))?;
    let arrivals = match (command.builds.burst, &command.builds.arrivals, command.builds.rate) {
        (Some(n), ..) => Arrivals::burst(n, command.builds.build_minutes)?,
        (_, Some(path), _) => Arrivals::recorded(path)?,
        (_, _, Some(rate)) => {
            Arrivals::poisson(rate, command.builds.hours.unwrap_or(1.0), command.builds.build_minutes)?
        }
        _ => unreachable!(),
    };
    let summary = all(&model, &arrivals, command.seed, command.runs)?;
    print(&format!("{:?}\n", {
        let mut t = summary.total.clone();
        t.waits = Default::default();
        t
    }))?;
    let w = &summary.total.waits;
    print(&format!(
        "mean {} p50 {} p90 {} p99 {} max {}\n",
        w.mean_ms() / 60000.0,
        w.percentile_ms(50),
        w.percentile_ms(90),
        w.percentile_ms(99),
        w.max_ms()
    ))?;
    Ok(Exit::Done)
}

/// All runs, on all processors. Sums of whole numbers: the result does not depend on how many there are.
pub fn all(model: &Model, arrivals: &Arrivals, seed: u64, runs: u64) -> Result<Summary> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(64);
    let share = |first: u64| {
        let mut summary = Summary::default();
        for run in (first..runs).step_by(threads) {
            let (outcome, series) = engine::run(model, arrivals, seed, run, run == 0);
            summary.add(&outcome);
            if run == 0 {
                summary.series = series;
            }
        }
        summary
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads as u64).map(|first| scope.spawn(move || share(first))).collect();
        let mut summary = Summary::default();
        for worker in workers {
            summary.merge(worker.join().map_err(|_| anyhow!("a defect of this program, please report it"))?);
        }
        Ok(summary)
    })
}
