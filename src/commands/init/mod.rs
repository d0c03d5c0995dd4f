//! The command `init`.

mod delivery;
mod files;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::commands::exit::Exit;
use crate::commands::options::Out;
use crate::console::output::message;
use crate::values::delivery::Delivery;

const INIT_EXAMPLES: &str = "\
Examples:
  buildkit-fleet init && buildkit-fleet generate
  buildkit-fleet init --ci github
  buildkit-fleet init --argocd arc-staging >applications.yaml

Beside clusters.yaml it writes clusters.schema.json, which editors with a YAML
language server complete and check by, and a line of .gitignore for the lock
that `generate` keeps. An existing file is not overwritten: clusters.yaml and
the workflow are refused (exit code 3), the others are left as they are. With
--ci an existing clusters.yaml is left as it is, too.";

/// Write a commented clusters.yaml to start from, or print what Argo CD or Flux needs
#[derive(Debug, Args)]
#[command(after_help = INIT_EXAMPLES)]
pub struct Init {
    /// File to write
    #[arg(long, value_name = "FILE", default_value = "clusters.yaml")]
    pub config: PathBuf,
    /// Also write a workflow that checks pull requests and comments what they would do
    #[arg(long, value_name = "SYSTEM", conflicts_with_all = ["argocd", "flux"])]
    pub ci: Option<CiSystem>,
    /// Print Argo CD Applications for this cluster of FILE instead
    #[arg(long, value_name = "CLUSTER", conflicts_with = "flux")]
    pub argocd: Option<String>,
    /// Print Flux Kustomizations for this cluster of FILE instead
    #[arg(long, value_name = "CLUSTER")]
    pub flux: Option<String>,
    #[command(flatten)]
    pub out: Out,
}

/// Where pull requests are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CiSystem {
    /// GitHub Actions: .github/workflows/buildkit-fleet.yml
    Github,
}

/// One commented cluster.
pub const CLUSTERS_YAML: &str = include_str!("../../../templates/clusters.yaml");
const WORKFLOWS: &str = ".github/workflows";
/// The workflow of `--ci github`, which docs/ci.md shows.
pub const GITHUB_WORKFLOW: &str = include_str!("../../../templates/github-workflow.yml");

/// Writes what a repository of fleets starts with, or prints what delivers the set of a cluster.
pub fn run(command: &Init) -> Result<Exit> {
    if let Some(cluster) = &command.argocd {
        return delivery::print_for(cluster, Delivery::ArgoCd, &command.config, &command.out.dir);
    }
    if let Some(cluster) = &command.flux {
        return delivery::print_for(cluster, Delivery::Flux, &command.config, &command.out.dir);
    }
    let config = &command.config;
    let workflow = command.ci.map(|CiSystem::Github| Path::new(WORKFLOWS).join("buildkit-fleet.yml"));
    if let Some(workflow) = workflow.as_ref().filter(|workflow| workflow.exists()) {
        bail!("{} already exists: compare it with the one in docs/ci.md, or remove it", workflow.display());
    }
    let kept = workflow.is_some() && config.exists();
    if kept {
        message(&format!("{} is left as it is", config.display()));
    } else {
        files::create(config, &format!("{}{CLUSTERS_YAML}", files::MODELINE))?;
        message(&format!("wrote {}", config.display()));
    }
    files::schema_beside(config)?;
    files::ignore_locks(&command.out.dir)?;
    if let Some(workflow) = workflow {
        fs::create_dir_all(WORKFLOWS).with_context(|| format!("cannot create {WORKFLOWS}"))?;
        files::create(&workflow, GITHUB_WORKFLOW)?;
        message(&format!(
            "wrote {}: it needs the repository variables FLEET_SOURCE, the address of your copy of buildkit-fleet, and FLEET_REVISION, a commit of it",
            workflow.display()
        ));
    }
    if !kept {
        let option = if config.as_os_str() == "clusters.yaml" {
            String::new()
        } else {
            format!(" --config {}", config.display())
        };
        message(&format!(
            "next, set cluster_name, region and a date for ami_alias in {}, then run `buildkit-fleet generate{option}`",
            config.display()
        ));
    }
    Ok(Exit::Done)
}
