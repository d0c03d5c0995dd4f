//! The command `explain`.

pub mod alert;
pub mod answer;
pub mod formula;
pub mod influence;
pub mod lookup;
pub mod probe;
pub mod question;
pub mod source;
pub mod text;
mod trials;
mod values;

use anyhow::Result;
use clap::Args;

use crate::commands::exit::Exit;
use crate::commands::explain::answer::{Failure, answer};
use crate::commands::options::Input;
use crate::commands::report::print_report;
use crate::console::output::{message, print};
use crate::console::wrap::width;

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  buildkit-fleet explain max_build_minutes      a key of clusters.yaml
  buildkit-fleet explain arc-staging amd64_max  the key in one cluster
  buildkit-fleet explain arc-staging 40-deployments.yaml:108
      a line of a manifest: value, formula, where it comes from
  buildkit-fleet explain generated/arc-staging/40-deployments.yaml:108
      the same: the directory names the cluster
  buildkit-fleet explain arc-staging \\
  10-nodepools.yaml:buildkit-amd64-m6id-24xlarge.spec.limits.nodes
  buildkit-fleet explain arc-staging \\
  '40-deployments.yaml:buildkitd-amd64.spec.template.spec.containers[0].image'
  buildkit-fleet explain arc-staging \\
  '21-lb-config.yaml:buildkitd-lb-config.data[haproxy.cfg].global.maxconn'
  buildkit-fleet explain arc-staging Deployment/buildkitd-lb.spec.replicas
      without the file, as printed by `diff`
  buildkit-fleet explain arc-staging DRAIN_CAP_S
      a name, or a part of a path
  buildkit-fleet explain numa-misfit            a rule
  buildkit-fleet explain --rules                every rule
  buildkit-fleet explain rolls-builders         a kind of consequence
  buildkit-fleet explain BuildkitNoBuilder      an alert

Keys: the last part of the path is enough where it is unique. `explain`
without arguments lists them. Manifests are explained as `generate` would
write them now, even if those on disk are older; the same goes for line
numbers. Some shells need quotes around brackets. Items of lists have names,
`containers[buildkitd]`, or places, `containers[0]`.

What a key affects is found by rendering the cluster with other values of it.
A field comes `from` the keys that decide its value; for keys that only decide
whether the object around it exists, see `explain KEY`.";

/// Show what a key, a field of a manifest, a rule or an alert means
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES, override_usage = "buildkit-fleet explain [OPTIONS] [CLUSTER] [KEY|FILE:LINE|FILE:OBJECT.PATH|KIND/NAME.PATH|RULE|ALERT]")]
pub struct Explain {
    /// A cluster, then what to explain; or only the latter
    #[arg(value_name = "WHAT", num_args = 0..=2)]
    pub what: Vec<String>,
    /// List the rules
    #[arg(long, conflicts_with = "what")]
    pub rules: bool,
    #[command(flatten)]
    pub input: Input,
}

/// Shows what a key, a field of a manifest, or a rule means.
pub fn run(command: &Explain) -> Result<Exit> {
    let answer =
        if command.rules { Ok(text::rules(width())) } else { answer(&command.what, &command.input.config, width()) };
    match answer {
        Ok(text) => {
            print(&text)?;
            Ok(Exit::Done)
        }
        Err(Failure::Usage(why)) => {
            message(&format!("error: {why}"));
            Ok(Exit::Usage)
        }
        Err(Failure::Refused(report)) => {
            print_report(&report)?;
            Ok(Exit::Refused)
        }
        Err(Failure::Other(error)) => Err(error),
    }
}
