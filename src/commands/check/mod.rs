//! The command `check`: any manifests of a fleet against the invariants that protect builds.

pub mod arguments;
mod held;
mod json;
mod ours;
mod place;
mod source;
mod text;

use anyhow::Result;

use crate::commands::check::arguments::{Check, CheckFormat};
use crate::commands::check::held::Held;
use crate::commands::check::ours::Ours;
use crate::commands::exit::Exit;
use crate::commands::{read, select};
use crate::console::output::{color_stdout, message, print, print_json};
use crate::console::wrap::width;
use crate::diagnostics::words::number;
use crate::resolve::resolved::Resolved;

/// Checks manifests from a directory, a file or stdin.
pub fn run(command: &Check) -> Result<Exit> {
    let outcomes = match &command.cluster {
        None => Vec::new(),
        // Exit code 1 means that an invariant is broken, so a refused file is a failure here.
        Some(_) => match read::read(&command.input.config)? {
            Some(outcomes) => outcomes,
            None => return Ok(Exit::Failed),
        },
    };
    let fleet = match &command.cluster {
        None => None,
        Some(name) => {
            if select::any_unknown(std::slice::from_ref(name), &outcomes) {
                return Ok(Exit::Usage);
            }
            match outcomes.iter().find(|outcome| outcome.name() == name) {
                Some(Resolved::Fleet(fleet)) => Some(&**fleet),
                Some(Resolved::Skipped { why, .. }) => {
                    message(&format!("error: cluster `{name}` has no fleet: {why}"));
                    return Ok(Exit::Usage);
                }
                None => None,
            }
        }
    };
    let ours = Ours::among(source::read(&command.manifests)?)?;
    let held = Held::of(&ours, fleet)?;
    match command.format {
        CheckFormat::Text => print(&text::of(&held, command, width(), color_stdout()))?,
        CheckFormat::Json => print_json(&json::of(&held, &ours, command))?,
    }
    let counted = format!("{}, {} ignored", number(ours.objects.len(), "object"), ours.ignored);
    if held.broken.is_empty() {
        message(&format!("{}: {counted}: no invariant is broken", command.manifests));
        return Ok(Exit::Done);
    }
    let ids = number(held.broken_ids(), "invariant");
    let verb = if held.broken_ids() == 1 { "is" } else { "are" };
    message(&format!("{}: {counted}: {ids} {verb} broken", command.manifests));
    Ok(Exit::Refused)
}
