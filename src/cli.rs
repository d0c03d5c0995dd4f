//! The command line.

use std::ffi::OsString;

use clap::{ArgAction, Parser, Subcommand};

use crate::commands::arrivals::ArrivalsCommand;
use crate::commands::check::arguments::Check;
use crate::commands::completions::Completions;
use crate::commands::dashboard::Dashboard;
use crate::commands::diff::arguments::Diff;
use crate::commands::explain::Explain;
use crate::commands::generate::Generate;
use crate::commands::init::Init;
use crate::commands::man::Man;
use crate::commands::plan::Plan;
use crate::commands::recommend::Recommend;
use crate::commands::schema::Schema;
use crate::commands::scripts::Scripts;
use crate::commands::simulate::Simulate;
use crate::commands::validate::Validate;
use crate::console::output::ColorWhen;
use crate::console::wrap::WIDEST;

/// Generate the Kubernetes manifests of autoscaled remote-BuildKit fleets from one clusters.yaml, offline
#[derive(Debug, Parser)]
#[command(name = "buildkit-fleet", version, disable_version_flag = true, max_term_width = WIDEST, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// When to use colors
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
    /// Print version; with --verbose, also the checksums of what `scripts` writes
    #[arg(short = 'V', long, action = ArgAction::Version)]
    pub version: Option<bool>,
}

/// Whether the words of a command line, without the program's, are `--version --verbose`: clap prints the version as soon as it
/// meets the first.
pub fn asks_for_verbose_version(words: &[OsString]) -> bool {
    let is = |word: &OsString, names: [&str; 2]| names.iter().any(|name| word == name);
    let (version, verbose) = (["--version", "-V"], ["--verbose", "-v"]);
    match words {
        [one, other] => (is(one, version) && is(other, verbose)) || (is(one, verbose) && is(other, version)),
        [one] => one == "-Vv" || one == "-vV",
        _ => false,
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Generate(Generate),
    Validate(Validate),
    Diff(Diff),
    Check(Check),
    Plan(Plan),
    Simulate(Box<Simulate>),
    Recommend(Box<Recommend>),
    Arrivals(ArrivalsCommand),
    Explain(Explain),
    Dashboard(Dashboard),
    Schema(Schema),
    Init(Init),
    Scripts(Scripts),
    Completions(Completions),
    Man(Man),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  success, or nothing to do
  1  clusters.yaml was refused, `generate --check` or `diff` found a
     difference, or `check` a broken invariant
  2  invalid command line
  3  a file could not be read or written, `diff` had nothing to compare with,
     `check` no object of a fleet, the clusters.yaml of either was refused, or
     an internal error";
