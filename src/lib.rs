//! Writes the Kubernetes manifests of an autoscaled remote-BuildKit fleet from one clusters.yaml.

pub mod alerts;
pub mod cli;
pub mod config;
pub mod diff;
pub mod fleet;
pub mod generate;
pub mod input;
pub mod instances;
pub mod layer;
pub mod lock;
pub mod manifests;
pub mod output;
pub mod plan;
pub mod problem;
pub mod render;
pub mod rule;
pub mod rules;
pub mod select;
pub mod sizing;
pub mod summary;
pub mod talk;
pub mod versions;
pub mod view;
pub mod yaml;

use anyhow::{Result, bail};
use clap::Parser;

use crate::cli::{Cli, Command, Validate};
use crate::fleet::Outcome;
use crate::talk::{number, say};

/// How a run ended; the number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    /// The input was refused, or `--check` found a difference.
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
        Command::Validate(command) => validate(command),
        Command::Diff(command) => diff::run(command),
        Command::Plan(command) => plan::run(command),
        Command::Explain(_) | Command::Schema(_) | Command::Init(_) | Command::Completions(_) => bail_later(),
    };
    ended.unwrap_or_else(|error| {
        say(&format!("error: {error:#}"));
        Exit::Trouble
    })
}

fn bail_later() -> Result<Exit> {
    bail!("this command is not built yet")
}

fn validate(command: &Validate) -> Result<Exit> {
    let path = &command.input.config;
    let Some(outcomes) = input::read(path)? else { return Ok(Exit::Refused) };
    let fleets = outcomes.iter().filter_map(Outcome::fleet).count();
    let without = outcomes.len() - fleets;
    say(&format!("{} is valid: {} with buildkit, {without} without", path.display(), number(fleets, "cluster")));
    Ok(Exit::Done)
}
