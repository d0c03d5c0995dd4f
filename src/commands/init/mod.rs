//! The command `init`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use anyhow::{Context, Result, bail};

use crate::commands::exit::Exit;
use crate::console::output::message;
use clap::Args;
use std::path::PathBuf;

/// Write a commented clusters.yaml with one cluster to start from
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  buildkit-fleet init && buildkit-fleet generate\n\nAn existing file is not overwritten (exit code 3)."
)]
pub struct Init {
    /// File to write
    #[arg(long, value_name = "FILE", default_value = "clusters.yaml")]
    pub config: PathBuf,
}

/// One commented cluster.
pub const CLUSTERS_YAML: &str = include_str!("../../../templates/clusters.yaml");

/// Writes a clusters.yaml to start from, if there is none.
pub fn run(command: &Init) -> Result<Exit> {
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
