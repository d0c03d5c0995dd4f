//! The command `recommend`.

mod json;
mod text;

use crate::commands::exit::Exit;
use crate::commands::options::{Input, PlanFormat};
use crate::commands::recommend::json::{PoolAdvice, RecommendJson};
use crate::commands::scenario::{AssumptionOptions, arch, arch_of, fleet_of, warn};
use crate::console::output::{message, print, print_json};
use crate::console::progress::Progress;
use crate::console::wrap::width;
use crate::simulation::choice::WaitTarget;
use crate::simulation::duration::Length;
use crate::simulation::recommend::advise;
use crate::simulation::record::RecordFile;
use crate::simulation::scenario::Scenario;
use crate::values::arch::Arch;
use clap::Args;
use std::path::PathBuf;

use anyhow::{Result, bail};

const RECOMMEND_EXAMPLES: &str = "\
Examples:
  buildkit-fleet recommend arc-staging --arrivals week.csv --p99-wait 60s
  buildkit-fleet recommend arc-staging --arrivals week.csv --budget 1h

A line of the file is `start,duration` in seconds, or `start,duration,arch`; a
line without an architecture counts for every architecture. A header may name
the columns; the help of `simulate` has the words that are read. The file
stands for whole days, idle time included: --days 7 turns five workdays into
a week.

`buildkit-fleet arrivals LOG` makes the file from the load balancer's log.
Where that shows what a fleet could take and not what was wanted, the file
says so, and is refused without --censored-ok: the answer is then a lower
bound.";

/// Recommend the cheapest minimum and maximum of pods that keep waits below a limit
#[derive(Debug, Args)]
#[command(after_help = RECOMMEND_EXAMPLES)]
pub struct Recommend {
    /// Cluster whose fleet to size
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// Architecture [default: all of the fleet]
    #[arg(long, value_name = "ARCH", value_parser = arch)]
    pub arch: Option<Arch>,
    #[command(flatten)]
    pub input: Input,
    /// File with recorded builds; - reads stdin
    #[arg(long, value_name = "FILE")]
    pub arrivals: PathBuf,
    /// Accept a record that shows less than what was wanted: the answer is a lower bound
    #[arg(long)]
    pub censored_ok: bool,
    /// Days that the file stands for, including idle time before and after it [default: its length, rounded up]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: Option<u32>,
    /// Longest time that 99 of 100 builds may wait
    #[arg(long, value_name = "LENGTH", default_value = "60s")]
    pub p99_wait: Length,
    #[command(flatten)]
    pub assumptions: AssumptionOptions,
    /// Number of runs of each choice that is shown, each with different random numbers [default: as many as make 300,000
    /// builds, from 2 to 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000), help_heading = "Simulation")]
    pub runs: Option<u64>,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Simulation")]
    pub seed: u64,
    /// Output format: text for people, json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format: PlanFormat,
}

pub fn run(command: &Recommend) -> Result<Exit> {
    let fleet = match fleet_of(&command.input.config, &command.cluster)? {
        Ok(fleet) => fleet,
        Err(exit) => return Ok(exit),
    };
    let arches: Vec<Arch> = match command.arch {
        Some(arch) => match arch_of(&fleet, Some(arch), &command.input.config) {
            Some(arch) => vec![arch],
            None => return Ok(Exit::Usage),
        },
        None => fleet.pools.iter().map(|pool| pool.arch).collect(),
    };
    let file = RecordFile::read(&command.arrivals)?;
    let censored = file.censored();
    if let Some(why) = &censored {
        let name = file.name();
        if !command.censored_ok {
            bail!(
                "{name} is a censored record: {why}\nhelp: it shows what a fleet could take and not what was wanted, so the cheapest fleet for it is a lower bound: accept that with --censored-ok, or record a time in which nobody gave up"
            );
        }
        message(&format!("warning: {name} is a censored record, what is recommended is a lower bound: {why}"));
    }
    let mut warnings: Vec<String> = Vec::new();
    let target = WaitTarget { p99_wait: command.p99_wait, days: command.days, seed: command.seed, runs: command.runs };
    let mut advice = Vec::new();
    for arch in arches {
        let Some(record) = file.builds(arch, &fleet)? else { continue };
        // Lines without an architecture count for each.
        let new: Vec<String> = record.warnings.into_iter().filter(|warning| !warnings.contains(warning)).collect();
        warn(&new);
        warnings.extend(new);
        let scenario = Scenario { fleet: fleet.clone(), arch, assumptions: command.assumptions.assumptions() };
        let progress = Progress::new(&format!("{} {}", fleet.key, arch.name()));
        advice.push(advise(&scenario, &record.arrivals, target, &|builds| progress.add(builds))?);
    }
    if advice.is_empty() {
        bail!("{} contains no builds for an architecture of {}", file.name(), fleet.key);
    }
    match command.format {
        PlanFormat::Json => {
            let pools = advice.iter().map(PoolAdvice::of).collect();
            let p99_wait_s = command.p99_wait.0 / 1000;
            print_json(&RecommendJson {
                cluster: fleet.key.as_str(),
                p99_wait_s,
                censored: censored.as_deref(),
                pools,
            })?;
        }
        PlanFormat::Text => {
            let width = width();
            let blocks: Vec<String> =
                advice.iter().map(|advice| text::of(advice, fleet.key.as_str(), command.p99_wait, width)).collect();
            print(&blocks.join("\n"))?;
        }
    }
    let without: Vec<&str> =
        advice.iter().filter(|advice| advice.best.is_none()).map(|advice| advice.arch.name()).collect();
    if !without.is_empty() {
        let shown = match command.format {
            PlanFormat::Text => "",
            PlanFormat::Json => "; `recommended` is null",
        };
        message(&format!(
            "no number of {} pods keeps p99 of the wait at {} or below with nobody giving up: allow a longer --p99-wait or --budget, or make builds shorter{shown}",
            without.join(" or "),
            command.p99_wait
        ));
    }
    Ok(Exit::Done)
}
