//! The command `plan`: size, price and speed of every fleet.

pub mod capacity;
mod images;
mod json;
mod text;

use anyhow::Result;

use crate::commands::exit::Exit;
use crate::commands::options::{Input, PlanFormat};
use crate::commands::plan::capacity::Capacity;
use crate::commands::plan::json::{ClusterOfPlan, PlanJson};
use crate::commands::{read, select};
use crate::console::output::{message, print, print_json};
use crate::console::wrap::width;
use crate::diagnostics::escape::visible;
use crate::resolve::resolved::Resolved;
use clap::Args;

const PLAN_EXAMPLES: &str = "\
Examples:
  buildkit-fleet plan
  buildkit-fleet plan arc-cbr-production
  buildkit-fleet plan --format json | jq '.clusters[].usd_per_hour_at_max'

Prices are of the builder nodes and of nothing else: `usd_per_hour` in
`instance_specs`, or on-demand list prices of the cluster's region, which are
known for us-east-1 and, for some types, for us-east-2, us-west-1 and
us-west-2. A sum with an unknown price is unknown. A month has 730 hours.
Speed is the HPA's, when as many builds as pods at max start at once and end
at once.";

/// Show size, cost and scaling speed of every fleet
#[derive(Debug, Args)]
#[command(after_help = PLAN_EXAMPLES)]
pub struct Plan {
    /// Clusters to show [default: all]
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    #[command(flatten)]
    pub input: Input,
    /// Output format: text for people, json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format: PlanFormat,
}

/// Prints the size of the given clusters.
pub fn run(command: &Plan) -> Result<Exit> {
    let Some(outcomes) = read::read(&command.input.config)? else { return Ok(Exit::Refused) };
    if select::any_unknown(&command.clusters, &outcomes) {
        return Ok(Exit::Usage);
    }
    let wanted: Vec<&Resolved> =
        outcomes.iter().filter(|outcome| select::is_wanted(&command.clusters, outcome.name())).collect();
    match command.format {
        PlanFormat::Json => {
            let clusters = wanted.iter().map(|outcome| ClusterOfPlan::of(outcome)).collect();
            print_json(&PlanJson { clusters })?;
        }
        PlanFormat::Text => {
            let fleets = wanted.iter().filter_map(|outcome| outcome.fleet());
            let blocks: Vec<String> = fleets.map(|fleet| text::of(&Capacity::of(fleet), width())).collect();
            print(&blocks.join("\n"))?;
        }
    }
    for outcome in wanted {
        if let Resolved::Skipped { cluster, why } = outcome {
            message(&visible(format!("{cluster}: skipped, {why}")));
        }
    }
    Ok(Exit::Done)
}
