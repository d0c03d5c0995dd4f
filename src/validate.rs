//! The command `validate`.

use anyhow::Result;

use crate::Exit;
use crate::cli::{ProblemFormat, Validate};
use crate::fleet::Outcome;
use crate::input;
use crate::talk::{number, print_json, say, tell};

/// Checks clusters.yaml.
pub fn run(command: &Validate) -> Result<Exit> {
    let (outcomes, report) = input::read_as(&command.input.config, &command.problems)?;
    tell(&report)?;
    if report.format == ProblemFormat::Json {
        print_json(&report.json())?;
    }
    if report.refused() {
        return Ok(Exit::Refused);
    }
    let fleets = outcomes.iter().filter_map(Outcome::fleet).count();
    let without = outcomes.len() - fleets;
    say(&format!("{} is valid: {} with buildkit, {without} without", report.path, number(fleets, "cluster")));
    Ok(Exit::Done)
}
