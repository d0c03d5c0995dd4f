//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Writes the Kubernetes manifests of an autoscaled remote-BuildKit fleet from one clusters.yaml, offline.
#[derive(Debug, Parser)]
#[command(name = "buildkit-fleet", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Generate(Generate),
    Validate(Validate),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or nothing to do
  1  clusters.yaml was refused, or --check found a difference
  2  the command line was wrong
  3  a file could not be read or written, or a defect of this program";

const GENERATE_EXAMPLES: &str = "\
Examples:
  buildkit-fleet generate                       every cluster into generated/<cluster>/
  buildkit-fleet generate arc-staging           one cluster
  buildkit-fleet generate --check               in CI: exit 1 and a diff unless all is current

A minimal clusters.yaml:
  clusters:
    staging:
      cluster_name: my-eks-cluster
      region: us-east-1
      modules: [buildkit]
      buildkit:
        replicas_per_arch: 2

The whole file is validated before anything is written, whichever clusters are named.
Without names, directories of clusters that left the file are removed. Files of others in the
output directory are left alone.";

/// Write the manifests of every cluster, or of those named, to <OUT>/<CLUSTER>/
#[derive(Debug, Args)]
#[command(after_help = GENERATE_EXAMPLES)]
pub struct Generate {
    /// Clusters to write; all that have the module `buildkit` unless given
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    #[command(flatten)]
    pub input: Input,
    /// Directory to write to
    #[arg(long, value_name = "DIR", default_value = "generated")]
    pub out: PathBuf,
    /// Write nothing; print what would change as a unified diff and exit 1 if anything would
    #[arg(long)]
    pub check: bool,
}

/// Check clusters.yaml, and write nothing
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  buildkit-fleet validate --config clusters.yaml")]
pub struct Validate {
    #[command(flatten)]
    pub input: Input,
}

#[derive(Debug, Args)]
pub struct Input {
    /// The file to read
    #[arg(long, value_name = "FILE", default_value = "clusters.yaml")]
    pub config: PathBuf,
}
