//! The command `dashboard`.

use anyhow::{Context, Result};
use clap::Args;

use crate::commands::exit::Exit;
use crate::commands::options::Input;
use crate::commands::{read, select};
use crate::console::output::{message, print};
use crate::manifests::dashboard;
use crate::resolve::resolved::Resolved;

const DASHBOARD_EXAMPLES: &str = "\
Examples:
  buildkit-fleet dashboard arc-staging > dashboard.json
      to import by hand: Dashboards, New, Import

With `monitoring.dashboard: {enabled: true}`, 61-dashboard.yaml has the same
document, for Grafana's sidecar.";

/// Print a Grafana dashboard of a cluster's fleet, as JSON
#[derive(Debug, Args)]
#[command(after_help = DASHBOARD_EXAMPLES)]
pub struct Dashboard {
    /// Cluster of the fleet
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    #[command(flatten)]
    pub input: Input,
}

/// Prints the dashboard, whether or not the set has it.
pub fn run(command: &Dashboard) -> Result<Exit> {
    let Some(outcomes) = read::read(&command.input.config)? else { return Ok(Exit::Refused) };
    let cluster = &command.cluster;
    if select::any_unknown(std::slice::from_ref(cluster), &outcomes) {
        return Ok(Exit::Usage);
    }
    let Some(fleet) = outcomes.iter().filter_map(Resolved::fleet).find(|fleet| fleet.key.as_str() == cluster) else {
        message(&format!("error: {cluster} has no fleet: `modules` does not list `buildkit`"));
        return Ok(Exit::Usage);
    };
    print(&dashboard::json(fleet).context("internal error, please report it")?)?;
    Ok(Exit::Done)
}
