//! From the command line to a scenario, for `simulate` and `recommend`.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::Args;

use crate::commands::exit::Exit;
use crate::commands::{read, select};
use crate::console::output::message;
use crate::diagnostics::words::number;
use crate::fleet::model::Fleet;
use crate::resolve::resolved::Resolved;
use crate::simulation::arrivals::Arrivals;
use crate::simulation::duration::{Length, Spread};
use crate::simulation::model::{Assumptions, ClientKind, Window};
use crate::simulation::record::RecordFile;
use crate::values::arch::Arch;

/// Which builds arrive: one of three kinds.
#[derive(Debug, Args)]
#[command(next_help_heading = "Builds")]
pub struct ArrivalOptions {
    /// Number of builds that arrive at once
    #[arg(long, value_name = "N")]
    pub burst: Option<u64>,
    /// File with recorded builds: lines of `start,duration` in seconds; - reads stdin
    #[arg(long, value_name = "FILE")]
    pub arrivals: Option<PathBuf>,
    /// Average arrivals per hour, at random times
    #[arg(long, value_name = "PER_HOUR", requires = "hours")]
    pub rate: Option<f64>,
    /// Number of hours in which builds arrive at --rate
    #[arg(long, value_name = "HOURS", requires = "rate", conflicts_with_all = ["burst", "arrivals"])]
    pub hours: Option<f64>,
    /// How long a build takes; a file of --arrivals contains its own durations
    // The old name, which a length with a unit outgrew, goes with the release after the next.
    #[arg(long, alias = "build-minutes", value_name = "LENGTH", default_value = "20m", conflicts_with = "arrivals")]
    pub build_time: Spread,
}

/// Assumptions about what clusters.yaml does not contain.
#[derive(Debug, Args)]
#[command(next_help_heading = "Assumptions")]
pub struct AssumptionOptions {
    /// How clients wait for a builder
    #[arg(long, value_name = "CLIENT", default_value = "buildctl-retry")]
    pub client: ClientKind,
    /// How long a client tries before it gives up
    #[arg(long, value_name = "LENGTH", default_value = "30m")]
    pub budget: Length,
    /// Time from placing a pod on a ready node until the pod is ready
    #[arg(long, value_name = "LENGTH", default_value = "30s")]
    pub pod_start: Spread,
    /// Time from launching a node until it is ready
    #[arg(long, value_name = "LENGTH", default_value = "150s")]
    pub node_start: Spread,
    /// Time window in which an instance type has no capacity; may be repeated
    #[arg(long, visible_alias = "ice", value_name = "TYPE@FROM..TO", value_parser = no_capacity)]
    pub no_capacity: Vec<(String, Window)>,
    /// Time window in which KEDA cannot read the metric; may be repeated
    #[arg(long, value_name = "FROM..TO", value_parser = window)]
    pub metric_out: Vec<Window>,
    /// Mean time until a builder disappears without notice
    #[arg(long, value_name = "LENGTH", value_parser = at_least_a_minute)]
    pub lost_after: Option<Length>,
}

fn at_least_a_minute(text: &str) -> Result<Length, String> {
    let length: Length = text.parse()?;
    if length < Length::minutes(1) { Err("expected a minute or more".to_owned()) } else { Ok(length) }
}

pub(super) fn arch(text: &str) -> Result<Arch, String> {
    Arch::named(text).ok_or_else(|| "expected amd64 or arm64".to_owned())
}

/// `5m..30m`, or with a dash between.
fn window(text: &str) -> Result<Window, String> {
    let (from, to) = text
        .split_once("..")
        .or_else(|| text.split_once('-'))
        .ok_or_else(|| "expected FROM..TO, such as `5m..30m`".to_owned())?;
    let (from, to): (Length, Length) = (from.parse()?, to.parse()?);
    if to <= from {
        return Err("the end must be after the start".to_owned());
    }
    Ok(Window { from_ms: from.0, to_ms: to.0 })
}

/// `m6id.24xlarge@0..30m`.
fn no_capacity(text: &str) -> Result<(String, Window), String> {
    let (name, when) =
        text.split_once('@').ok_or_else(|| "expected TYPE@FROM..TO, such as `m6id.24xlarge@0..30m`".to_owned())?;
    Ok((name.to_owned(), window(when)?))
}

/// The fleet of a cluster of a file; if there is none, this is reported and the exit code returned.
pub fn fleet_of(path: &Path, cluster: &str) -> Result<std::result::Result<Fleet, Exit>> {
    let Some(outcomes) = read::read(path)? else { return Ok(Err(Exit::Refused)) };
    if select::any_unknown(&[cluster.to_owned()], &outcomes) {
        return Ok(Err(Exit::Usage));
    }
    for outcome in outcomes {
        match outcome {
            Resolved::Fleet(fleet) if fleet.key.as_str() == cluster => return Ok(Ok(*fleet)),
            Resolved::Skipped { cluster: skipped, why } if skipped == cluster => {
                message(&format!("error: {cluster} has no fleet: {why}"));
            }
            _ => {}
        }
    }
    Ok(Err(Exit::Usage))
}

/// The requested architecture, or the fleet's first; `None` if the fleet does not have it, which is reported.
pub fn arch_of(fleet: &Fleet, wanted: Option<Arch>, path: &Path) -> Option<Arch> {
    let arch = wanted.unwrap_or(fleet.pools[0].arch);
    if fleet.pools.iter().any(|pool| pool.arch == arch) {
        return Some(arch);
    }
    let known: Vec<&str> = fleet.pools.iter().map(|pool| pool.arch.name()).collect();
    let path = path.display();
    message(&format!("error: {path}: {} has no {} builders: it has {}", fleet.key, arch.name(), known.join(", ")));
    None
}

/// The builds of the command line; a file may contain several architectures. What is odd about them is printed.
pub fn arrivals(given: &ArrivalOptions, arch: Arch, fleet: &Fleet) -> Result<Arrivals> {
    if let Some(path) = &given.arrivals {
        let file = RecordFile::read(path)?;
        let name = file.name();
        let record = file.builds(arch, fleet)?;
        let record = record.ok_or_else(|| anyhow!("{name} contains no {} builds", arch.name()))?;
        warn(&record.warnings);
        if let Some(why) = file.censored() {
            message(&format!(
                "warning: {name} is a censored record, it shows what a fleet could take and not what was wanted: {why}"
            ));
        }
        return Ok(record.arrivals);
    }
    if let Some(builds) = given.burst {
        return Arrivals::burst(builds, given.build_time);
    }
    match (given.rate, given.hours) {
        (Some(rate), Some(hours)) => Arrivals::poisson(rate, hours, given.build_time),
        _ => Err(anyhow!("no builds given: use --burst, --arrivals, or --rate with --hours")),
    }
}

pub fn runs_in_words(runs: u64) -> String {
    number(runs, "run")
}

pub fn warn(warnings: &[String]) {
    for warning in warnings {
        message(&format!("warning: {warning}"));
    }
}

impl AssumptionOptions {
    pub fn assumptions(&self) -> Assumptions {
        Assumptions {
            client: self.client,
            budget: self.budget,
            pod_start: self.pod_start,
            node_start: self.node_start,
            no_capacity: self.no_capacity.clone(),
            metric_out: self.metric_out.clone(),
            lost_after: self.lost_after,
        }
    }
}
