//! The command `plan`: size, price and speed of every fleet.

pub mod capacity;
mod json;
mod text;

use anyhow::Result;
use serde_json::{Value, json};

use crate::Exit;
use crate::cli::{Plan, PlanFormat};
use crate::fleet::Outcome;
use crate::plan::capacity::Capacity;
use crate::problem::visible;
use crate::talk::{print, print_json, say, width};
use crate::{input, select};

/// Tells the size of the clusters asked for.
pub fn run(command: &Plan) -> Result<Exit> {
    let Some(outcomes) = input::read(&command.input.config)? else { return Ok(Exit::Refused) };
    if select::any_unknown(&command.clusters, &outcomes) {
        return Ok(Exit::Usage);
    }
    let wanted: Vec<&Outcome> =
        outcomes.iter().filter(|outcome| select::is_wanted(&command.clusters, outcome.name())).collect();
    match command.format {
        PlanFormat::Json => {
            let clusters: Vec<Value> = wanted.iter().map(|outcome| to_json(outcome)).collect();
            print_json(&json!({"clusters": clusters}))?;
        }
        PlanFormat::Text => {
            let fleets = wanted.iter().filter_map(|outcome| outcome.fleet());
            let blocks: Vec<String> = fleets.map(|fleet| text::of(&Capacity::of(fleet), width())).collect();
            print(&blocks.join("\n"))?;
        }
    }
    for outcome in wanted {
        if let Outcome::Skipped { cluster, why } = outcome {
            say(&visible(format!("{cluster}: skipped, {why}")));
        }
    }
    Ok(Exit::Done)
}

fn to_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Fleet(fleet) => json::of(&Capacity::of(fleet)),
        Outcome::Skipped { cluster, why } => json::skipped(cluster, why),
    }
}
