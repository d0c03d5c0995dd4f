//! Writes the Kubernetes manifests of an autoscaled remote-BuildKit fleet from one clusters.yaml.

pub mod alerts;
pub mod cli;
pub mod config;
pub mod diff;
mod exchange;
pub mod explain;
pub mod fleet;
pub mod generate;
pub mod hpa;
pub mod init;
pub mod input;
pub mod instances;
pub mod invariants;
pub mod layer;
pub mod lock;
pub mod manifests;
pub mod objects;
pub mod output;
mod parallel;
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
mod trouble;
pub mod unified;
pub mod validate;
pub mod versions;
pub mod view;
pub mod yaml;

use std::ffi::OsString;

use anyhow::Result;
use clap::{ColorChoice, CommandFactory, FromArgMatches};
use clap_complete::Shell;

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
    let words: Vec<OsString> = std::env::args_os().collect();
    let parsed = Cli::command().color(color_asked(&words)).try_get_matches_from(words);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
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

/// The color that a command line asks for, for clap's own help and errors: those are printed before it has read the
/// option.
fn color_asked(words: &[OsString]) -> ColorChoice {
    let mut words = words.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    let mut asked = ColorChoice::Auto;
    while let Some(word) = words.next() {
        let when = if word == "--color" { words.next() } else { word.strip_prefix("--color=") };
        match when {
            Some("always") => asked = ColorChoice::Always,
            Some("never") => asked = ColorChoice::Never,
            _ => {}
        }
    }
    asked
}

fn completions(command: &Completions) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Cli::command(), "buildkit-fleet", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if command.shell == Shell::Bash {
        // clap_complete 4.6 spells a dash in the program's name one way where it sets `cmd` and another in the labels that
        // it compares `cmd` with, so that no command's options would be completed.
        script = script.replace("buildkit__subcmd__fleet", "buildkit__fleet");
    }
    talk::print(&script)?;
    Ok(Exit::Done)
}
