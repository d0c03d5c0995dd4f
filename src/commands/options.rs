//! Options that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub struct Input {
    /// Configuration file to read
    #[arg(long, value_name = "FILE", default_value = "clusters.yaml")]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
pub struct Out {
    /// Directory of the manifests, with one subdirectory per cluster
    #[arg(long = "out", value_name = "DIR", default_value = "generated")]
    pub dir: PathBuf,
}
