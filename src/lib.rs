//! Generates the Kubernetes manifests of autoscaled remote-BuildKit fleets from one clusters.yaml.

pub mod catalogue;
pub mod cli;
pub mod commands;
pub mod config;
pub mod consequences;
pub mod console;
pub mod diagnostics;
pub mod fleet;
pub mod input;
pub mod manifests;
mod parallel;
pub mod publish;
pub mod resolve;
pub mod simulation;
pub mod values;

use std::ffi::OsString;

use clap::{ColorChoice, CommandFactory, FromArgMatches};

use crate::cli::{Cli, Command};
use crate::commands::exit::Exit;
use crate::commands::{
    arrivals, check, completions, dashboard, diff, explain, generate, init, man, plan, recommend, schema, scripts,
    simulate, validate,
};
use crate::console::output::{self, message};

/// Runs the command line of this process.
pub fn run() -> Exit {
    let words: Vec<OsString> = std::env::args_os().collect();
    if cli::asks_for_verbose_version(words.get(1..).unwrap_or_default()) {
        return or_failed(scripts::version());
    }
    let parsed = Cli::command().color(color_asked(&words)).try_get_matches_from(words);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    output::set_color(cli.color);
    let ended = match &cli.command {
        Command::Generate(command) => generate::run(command),
        Command::Validate(command) => validate::run(command),
        Command::Diff(command) => diff::run(command),
        Command::Check(command) => check::run(command),
        Command::Plan(command) => plan::run(command),
        Command::Simulate(command) => simulate::run(command),
        Command::Recommend(command) => recommend::run(command),
        Command::Arrivals(command) => arrivals::run(command),
        Command::Schema(command) => schema::run(command),
        Command::Explain(command) => explain::run(command),
        Command::Dashboard(command) => dashboard::run(command),
        Command::Init(command) => init::run(command),
        Command::Scripts(command) => scripts::run(command),
        Command::Man(command) => man::run(command, Cli::command()),
        Command::Completions(command) => completions::run(command, Cli::command()),
    };
    or_failed(ended)
}

fn or_failed(ended: anyhow::Result<Exit>) -> Exit {
    ended.unwrap_or_else(|error| {
        message(&format!("error: {error:#}"));
        Exit::Failed
    })
}

/// The color that the command line requests, for clap's own help and errors: they are printed before the option is
/// parsed.
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
