//! The command `simulate`: what a burst or a day of builds will feel like on a fleet, and what it costs.

pub mod arrivals;
pub mod balancer;
pub mod chart;
pub mod cluster;
pub mod duration;
pub mod engine;
mod json;
pub mod model;
pub mod outcome;
pub mod random;
pub mod recommend;
pub mod scenario;
pub mod schedule;
pub mod series;
pub mod svg;
mod text;
pub mod verdict;

use anyhow::{Context, Result, anyhow};
use serde_json::json;

use crate::Exit;
use crate::cli::{PlanFormat, Simulate};
use crate::simulate::arrivals::Arrivals;
use crate::simulate::engine::Aim;
use crate::simulate::model::Model;
use crate::simulate::outcome::Summary;
use crate::simulate::scenario::{Scenario, arch_of, fleet_of};
use crate::simulate::verdict::Verdict;
use crate::talk::{number, print, print_json, say, width};

/// One configuration, and what came of it.
pub struct Found {
    pub scenario: Scenario,
    pub model: Model,
    pub summary: Summary,
    pub verdict: Verdict,
}

/// Simulates a pool, or two on the same builds.
pub fn run(command: &Simulate) -> Result<Exit> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for path in std::iter::once(&command.input.config).chain(&command.compare) {
        let fleet = match fleet_of(path, &command.cluster)? {
            Ok(fleet) => fleet,
            Err(exit) => return Ok(exit),
        };
        // Both are of one architecture: the first file's, unless one is asked for.
        let wanted = command.arch.or(scenarios.first().map(|first| first.arch));
        let Some(arch) = arch_of(&fleet, wanted, path) else { return Ok(Exit::Usage) };
        scenarios.push(Scenario { fleet, arch, said: command.circumstances.said() });
    }
    if let Err(why) = scenario::share_no_capacity(&mut scenarios) {
        say(&format!("error: {why}"));
        return Ok(Exit::Usage);
    }
    let arrivals = match scenario::arrivals(&command.builds, scenarios[0].arch) {
        Ok(arrivals) => arrivals,
        // A file that cannot be read is trouble; a number out of range is a wrong command line.
        Err(error) if command.builds.arrivals.is_none() => {
            say(&format!("error: {error}"));
            return Ok(Exit::Usage);
        }
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for scenario in scenarios {
        let model = scenario.model()?;
        let summary = all(&model, &arrivals, command.seed, command.runs)?;
        let verdict = verdict::find(&scenario, &arrivals, command.seed, &summary)?;
        found.push(Found { scenario, model, summary, verdict });
    }
    let width = width();
    let names =
        (command.input.config.display().to_string(), command.compare.as_deref().map(|path| path.display().to_string()));
    match (command.format, found.as_slice(), &names.1) {
        (PlanFormat::Json, [one], _) => print_json(&json::of(one))?,
        (PlanFormat::Json, all, _) => print_json(&json!({"here": json::of(&all[0]), "there": json::of(&all[1])}))?,
        (PlanFormat::Text, [here, there], Some(name)) => {
            print(&text::compared(here, there, (&names.0, name), &arrivals, width))?;
        }
        (PlanFormat::Text, all, _) => print(&text::of(&all[0], &arrivals, width))?,
    }
    if let Some(path) = &command.svg {
        std::fs::write(path, picture(&found, &arrivals)).with_context(|| format!("cannot write {}", path.display()))?;
        say(&format!("{} written: the first run", path.display()));
    }
    Ok(Exit::Done)
}

/// The first run of what was found, or of both.
fn picture(found: &[Found], arrivals: &Arrivals) -> String {
    let title = |found: &Found| text::pool(&found.scenario);
    let caption = [arrivals.to_string(), format!("The first of {}.", runs_in_words(found[0].summary.runs))];
    let caption: Vec<&str> = caption.iter().map(String::as_str).collect();
    match found {
        [here, there] => svg::compared(
            (&format!("{} {}", here.scenario.fleet.key, title(here)), &here.summary.series),
            (&format!("{} {}", there.scenario.fleet.key, title(there)), &there.summary.series),
            &caption,
        ),
        all => svg::of(&format!("{} {}", all[0].scenario.fleet.key, title(&all[0])), &all[0].summary.series, &caption),
    }
}

fn runs_in_words(runs: u64) -> String {
    number(usize::try_from(runs).unwrap_or(usize::MAX), "run")
}

/// All runs, on all processors. Sums of whole numbers: the result does not depend on how many there are.
pub fn all(model: &Model, arrivals: &Arrivals, seed: u64, runs: u64) -> Result<Summary> {
    shared(model, arrivals, seed, runs, |run| if run == 0 { Aim::Record } else { Aim::Outcome })
}

/// Whether every build gets a builder in all of these runs.
pub fn nobody_gives_up(model: &Model, arrivals: &Arrivals, seed: u64, runs: u64) -> Result<bool> {
    Ok(shared(model, arrivals, seed, runs, |_| Aim::FirstLoss)?.total.gave_up == 0)
}

fn shared(
    model: &Model,
    arrivals: &Arrivals,
    seed: u64,
    runs: u64,
    aim: impl Fn(u64) -> Aim + Copy + Send + Sync,
) -> Result<Summary> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(64);
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
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads as u64).map(|first| scope.spawn(move || share(first))).collect();
        let mut summary = Summary::default();
        for worker in workers {
            summary.merge(worker.join().map_err(|_| anyhow!("a defect of this program, please report it"))?);
        }
        Ok(summary)
    })
}
