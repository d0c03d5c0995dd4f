//! The command `simulate`: waits, losses and cost of a burst or a day of builds.

pub mod chart;
mod conclusion;
mod figures;
mod json;
mod simulated;
pub mod svg;
mod text;

use anyhow::{Context, Result};

use crate::commands::exit::Exit;
use crate::commands::options::{Input, PlanFormat};
use crate::commands::scenario::{ArrivalOptions, AssumptionOptions, arch, arch_of, arrivals, fleet_of, runs_in_words};
use crate::commands::simulate::json::{ComparisonJson, SimulationJson};
use crate::commands::simulate::simulated::Simulated;
use crate::console::output::{message, print, print_json};
use crate::console::progress::Progress;
use crate::console::wrap::width;
use crate::simulation::arrivals::Arrivals;
use crate::simulation::runs::{Runs, fitting};
use crate::simulation::scenario::{self, Scenario};
use crate::simulation::verdict;
use crate::values::arch::Arch;
use clap::ArgGroup;
use clap::Args;
use std::path::PathBuf;

const SIMULATE_EXAMPLES: &str = "\
Examples:
  buildkit-fleet simulate arc-staging --burst 16
  buildkit-fleet simulate arc-staging --burst 27 --build-time 10m..30m
  buildkit-fleet simulate arc-staging --burst 16 --client buildx-retry
  buildkit-fleet simulate arc-staging --arch arm64 --rate 30 --hours 24
  buildkit-fleet simulate arc-staging --arrivals day.csv --svg day.svg
  buildkit-fleet simulate arc-staging --burst 9 --ice m6id.24xlarge@0..30m
  buildkit-fleet simulate arc-staging --burst 16 --compare proposed.yaml

LENGTH is a duration such as 90s, 20m or 1h30m. For builds and for the starts
of pods and nodes, it may also be a distribution:
  20m                 constant
  10m..30m            uniform
  exp:20m             exponential with this mean
  lognormal:15m,60m   log-normal with this median and 90th percentile

A file of --arrivals has a line `start,duration` for each build, in seconds,
or `start,duration,arch`. Its first line may name the columns, in any order
and among others: start may be started_at, begin, timestamp or time, duration
may be duration_s, seconds or length, arch may be platform (linux/amd64).
Fields are separated by `,`, `;` or tabs. `buildkit-fleet arrivals LOG` makes
such a file from the load balancer's log. The same seed gives the same result.";

/// Simulate a burst or a day of builds: waits, losses, cost
#[derive(Debug, Args)]
#[command(after_help = SIMULATE_EXAMPLES, group(ArgGroup::new("builds").required(true).args(["burst", "arrivals", "rate"])))]
pub struct Simulate {
    /// Cluster whose fleet to simulate
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// Architecture to simulate [default: the first of the fleet]
    #[arg(long, value_name = "ARCH", value_parser = arch)]
    pub arch: Option<Arch>,
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub builds: ArrivalOptions,
    #[command(flatten)]
    pub assumptions: AssumptionOptions,
    /// Number of runs, each with different random numbers [default: 200; above 1,000 builds as many as make 200,000, but 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000), help_heading = "Simulation")]
    pub runs: Option<u64>,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Simulation")]
    pub seed: u64,
    /// Another clusters.yaml to simulate with the same builds, for comparison
    #[arg(long, value_name = "FILE", help_heading = "Simulation")]
    pub compare: Option<PathBuf>,
    /// Output format: text for people, json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format: PlanFormat,
    /// Write a chart of the first run to this file, as SVG
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub svg: Option<PathBuf>,
}

/// Simulates a pool, or two on the same builds.
pub fn run(command: &Simulate) -> Result<Exit> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for path in std::iter::once(&command.input.config).chain(&command.compare) {
        let fleet = match fleet_of(path, &command.cluster)? {
            Ok(fleet) => fleet,
            Err(exit) => return Ok(exit),
        };
        // Both use the same architecture: the first file's, unless one is given.
        let wanted = command.arch.or(scenarios.first().map(|first| first.arch));
        let Some(arch) = arch_of(&fleet, wanted, path) else { return Ok(Exit::Usage) };
        scenarios.push(Scenario { fleet, arch, assumptions: command.assumptions.assumptions() });
    }
    if let Err(why) = scenario::share_no_capacity(&mut scenarios) {
        message(&format!("error: {why}"));
        return Ok(Exit::Usage);
    }
    let arrivals = match arrivals(&command.builds, scenarios[0].arch, &scenarios[0].fleet) {
        Ok(arrivals) => arrivals,
        // A file that cannot be read is a failure; a number out of range is an invalid command line.
        Err(error) if command.builds.arrivals.is_none() => {
            message(&format!("error: {error}"));
            return Ok(Exit::Usage);
        }
        Err(error) => return Err(error),
    };
    let mut results = Vec::new();
    let progress = Progress::new(&command.cluster);
    let played = |builds| progress.add(builds);
    let runs = command.runs.unwrap_or_else(|| fitting(&arrivals, 200_000, 4, 200));
    for scenario in scenarios {
        let model = scenario.model()?;
        let trials = Runs::new(&arrivals, command.seed, runs, &played);
        let summary = trials.all(&model);
        let verdict = verdict::find(&scenario, &summary, &trials)?;
        results.push(Simulated { scenario, model, summary, verdict });
    }
    drop(progress);
    let width = width();
    let names =
        (command.input.config.display().to_string(), command.compare.as_deref().map(|path| path.display().to_string()));
    match (command.format, results.as_slice(), &names.1) {
        (PlanFormat::Json, [one], _) => print_json(&SimulationJson::of(one))?,
        (PlanFormat::Json, all, _) => {
            let [here, there] = [&all[0], &all[1]].map(SimulationJson::of);
            print_json(&ComparisonJson { here, there })?;
        }
        (PlanFormat::Text, [here, there], Some(name)) => {
            print(&text::compared(here, there, (&names.0, name), &arrivals, width))?;
        }
        (PlanFormat::Text, all, _) => print(&text::of(&all[0], &arrivals, width))?,
    }
    if let Some(path) = &command.svg {
        std::fs::write(path, picture(&results, &arrivals))
            .with_context(|| format!("cannot write {}", path.display()))?;
        message(&format!("wrote {}: a chart of the first run", path.display()));
    }
    Ok(Exit::Done)
}

/// A chart of the first run, or of both first runs.
fn picture(results: &[Simulated], arrivals: &Arrivals) -> String {
    let title = |result: &Simulated| text::pool(&result.scenario);
    let caption = [arrivals.to_string(), format!("The first of {}.", runs_in_words(results[0].summary.runs))];
    let caption: Vec<&str> = caption.iter().map(String::as_str).collect();
    match results {
        [here, there] => svg::compared(
            (&format!("{} {}", here.scenario.fleet.key, title(here)), &here.summary.series),
            (&format!("{} {}", there.scenario.fleet.key, title(there)), &there.summary.series),
            &caption,
        ),
        all => svg::of(&format!("{} {}", all[0].scenario.fleet.key, title(&all[0])), &all[0].summary.series, &caption),
    }
}
