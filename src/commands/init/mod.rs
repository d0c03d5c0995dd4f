//! The command `init`.

mod delivery;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use anyhow::{Context, Result, bail};

use crate::commands::exit::Exit;
use crate::commands::options::Out;
use crate::console::output::message;
use crate::values::delivery::Delivery;
use clap::Args;
use std::path::PathBuf;

/// Write a commented clusters.yaml to start from, or print what Argo CD or Flux needs
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  buildkit-fleet init && buildkit-fleet generate\n  buildkit-fleet init --argocd arc-staging >applications.yaml\n\nAn existing file is not overwritten (exit code 3)."
)]
pub struct Init {
    /// File to write
    #[arg(long, value_name = "FILE", default_value = "clusters.yaml")]
    pub config: PathBuf,
    /// Print Argo CD Applications for this cluster of FILE instead
    #[arg(long, value_name = "CLUSTER", conflicts_with = "flux")]
    pub argocd: Option<String>,
    /// Print Flux Kustomizations for this cluster of FILE instead
    #[arg(long, value_name = "CLUSTER")]
    pub flux: Option<String>,
    #[command(flatten)]
    pub out: Out,
}

/// One commented cluster.
pub const CLUSTERS_YAML: &str = include_str!("../../../templates/clusters.yaml");

/// Writes a clusters.yaml to start from, if there is none, or prints what delivers the set of a cluster.
pub fn run(command: &Init) -> Result<Exit> {
    if let Some(cluster) = &command.argocd {
        return delivery::print_for(cluster, Delivery::ArgoCd, &command.config, &command.out.dir);
    }
    if let Some(cluster) = &command.flux {
        return delivery::print_for(cluster, Delivery::Flux, &command.config, &command.out.dir);
    }
    let path = &command.config;
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} already exists: remove it, or choose another file with --config", path.display())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let dir = path.parent().unwrap_or(path);
            bail!("cannot create {}: the directory {} does not exist: create it first", path.display(), dir.display())
        }
        opened => opened.with_context(|| format!("cannot create {}", path.display()))?,
    };
    file.write_all(CLUSTERS_YAML.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    let config =
        if path.as_os_str() == "clusters.yaml" { String::new() } else { format!(" --config {}", path.display()) };
    let schema = path.with_file_name("clusters.schema.json");
    message(&format!(
        "wrote {}: set cluster_name and region, then run `buildkit-fleet generate{config}`\n\
         for completion in an editor, run `buildkit-fleet schema > {}`\n\
         and add this as the first line: # yaml-language-server: $schema=clusters.schema.json",
        path.display(),
        schema.display()
    ));
    Ok(Exit::Done)
}
