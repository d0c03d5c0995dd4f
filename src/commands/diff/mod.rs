//! The command `diff`: what a change does to the running fleet, worst first, and how the files differ.

pub mod arguments;
mod git;
mod json;
mod markdown;
mod side;
mod text;

use anyhow::{Context, Result};

use crate::commands::diff::arguments::{Diff, DiffFormat};
use crate::commands::diff::json::DiffJson;
use crate::commands::diff::side::{Side, rendered};
use crate::commands::exit::Exit;
use crate::commands::{read, select};
use crate::consequences::cluster::{Status, compare_all};
use crate::console::output::{color_stdout, message, print, print_json};
use crate::diagnostics::words::number;
use crate::manifests::render::Renderer;
use crate::resolve::resolved::Resolved;

/// Compares the manifests of clusters.yaml with another version of them.
pub fn run(command: &Diff) -> Result<Exit> {
    // Exit code 1 means that something differs, so a refused file is a failure here.
    let Some(outcomes) = read::read(&command.input.config)? else { return Ok(Exit::Failed) };
    let renderer = Renderer::new().context("internal error: a template does not compile, please report it")?;
    let before = Side::read(command, &renderer)?;
    let gone = before.sets.keys().map(String::as_str);
    if select::any_unknown_of(&command.clusters, outcomes.iter().map(Resolved::name).chain(gone)) {
        return Ok(Exit::Usage);
    }
    let mut new = Vec::new();
    for fleet in select::fleets(&[], &outcomes) {
        let set = rendered(fleet, &renderer)
            .with_context(|| format!("cluster {}: internal error, please report it", fleet.key))?;
        new.push((fleet.key.to_string(), set));
    }
    // All clusters are compared, so that a renamed one is recognised; then only the requested ones are shown.
    let mut clusters = compare_all(&before.sets, &new);
    clusters.retain(|diff| select::is_wanted(&command.clusters, &diff.cluster));
    match command.format {
        DiffFormat::Text => print(&text::of(&before, &clusters, color_stdout()))?,
        DiffFormat::Markdown => print(&markdown::of(&before, &again(command), &clusters))?,
        DiffFormat::Json => print_json(&DiffJson::of(&before, &clusters))?,
    }
    let differing = clusters.iter().filter(|diff| diff.status != Status::Same).count();
    let against = format!("{} ({})", before.name, before.read);
    if differing == 0 {
        message(&format!("no differences from {against}"));
        return Ok(Exit::Done);
    }
    let verb = if differing == 1 { "differs" } else { "differ" };
    message(&format!("{differing} of {} {verb} from {against}", number(clusters.len(), "cluster")));
    Ok(Exit::Refused)
}

/// The command line that shows everything.
fn again(command: &Diff) -> String {
    command
        .against
        .as_ref()
        .map_or_else(|| "buildkit-fleet diff".to_owned(), |against| format!("buildkit-fleet diff --against {against}"))
}
