//! Writes the Kubernetes manifests of an autoscaled remote-BuildKit fleet from one clusters.yaml.

pub mod alerts;
pub mod cli;
pub mod config;
pub mod diff;
pub mod explain;
pub mod fleet;
pub mod generate;
pub mod hpa;
pub mod init;
pub mod input;
pub mod instances;
pub mod layer;
pub mod lock;
pub mod manifests;
pub mod output;
pub mod place;
pub mod plan;
pub mod price;
pub mod problem;
pub mod render;
pub mod report;
pub mod rule;
pub mod rules;
pub mod schema;
pub mod scrape;
pub mod select;
pub mod shape;
pub mod simulate;
pub mod sizing;
pub mod summary;
pub mod table;
pub mod talk;
pub mod unified;
pub mod validate;
pub mod versions;
pub mod view;
pub mod yaml;

use anyhow::Result;
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command, Completions};
use crate::talk::say;

/// How a run ended; the number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    /// The input was refused, or a comparison found a difference.
    Refused = 1,
    Usage = 2,
    /// Input or output failed, or a defect of ours.
    Trouble = 3,
}

/// Runs the command line of this process.
pub fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    talk::set_color(cli.color);
    let ended = match &cli.command {
        Command::Generate(command) => generate::run(command),
        Command::Validate(command) => validate::run(command),
        Command::Diff(command) => diff::run(command),
        Command::Plan(command) => plan::run(command),
        Command::Simulate(command) => simulate::run(command),
        Command::Recommend(command) => simulate::recommend::run(command),
        Command::Schema(_) => schema::run(),
        Command::Explain(command) => explain::run(command),
        Command::Init(command) => init::run(command),
        Command::Completions(command) => completions(command),
    };
    ended.unwrap_or_else(|error| {
        say(&format!("error: {error:#}"));
        Exit::Trouble
    })
}

fn completions(command: &Completions) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Cli::command(), "buildkit-fleet", &mut script);
    talk::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
