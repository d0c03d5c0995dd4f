//! The command `validate`.

use anyhow::Result;

use crate::commands::exit::Exit;
use crate::commands::options::Input;
use crate::commands::read;
use crate::commands::report::print_report;
use crate::console::output::{message, print_json};
use crate::diagnostics::report::{ProblemFormat, ProblemOptions};
use crate::diagnostics::words::number;
use crate::resolve::resolved::Resolved;
use clap::Args;

const VALIDATE_EXAMPLES: &str = "\
Examples:
  buildkit-fleet validate
  buildkit-fleet validate --format github       annotations in a pull request
  buildkit-fleet validate --format json | jq -r '.problems[].rule'

`buildkit-fleet explain RULE` shows why a rule exists and what to do.";

/// Check clusters.yaml without writing anything
#[derive(Debug, Args)]
#[command(after_help = VALIDATE_EXAMPLES)]
pub struct Validate {
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub problems: ProblemOptions,
}

/// Checks clusters.yaml.
pub fn run(command: &Validate) -> Result<Exit> {
    let (outcomes, report) = read::read_as(&command.input.config, &command.problems)?;
    print_report(&report)?;
    if report.format == ProblemFormat::Json {
        print_json(&report.json())?;
    }
    if report.refused() {
        return Ok(Exit::Refused);
    }
    let fleets = outcomes.iter().filter_map(Resolved::fleet).count();
    let without = outcomes.len() - fleets;
    message(&format!("{} is valid: {} with buildkit, {without} without", report.path, number(fleets, "cluster")));
    for fleet in outcomes.iter().filter_map(Resolved::fleet).filter(|fleet| fleet.monitoring) {
        if let Some(label) = &fleet.cluster_label {
            message(&format!(
                "{}: its alerts read only series with {}=\"{}\", for a Mimir or Thanos ruler; the cluster's own Prometheus has no external label in its data, and must not evaluate them",
                fleet.key, label.name, label.value
            ));
        }
    }
    Ok(Exit::Done)
}
