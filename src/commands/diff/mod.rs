//! The command `diff`: what a change does to the running fleet, worst first, and how the files differ.

pub mod arguments;
mod blobs;
mod compared;
mod git;
mod json;
mod markdown;
mod pairs;
mod side;
mod text;

use anyhow::{Context, Result};

use crate::commands::diff::arguments::{Diff, DiffFormat};
use crate::commands::diff::compared::Compared;
use crate::commands::diff::side::Side;
use crate::commands::exit::Exit;
use crate::commands::{read, select};
use crate::consequences::cluster::Status;
use crate::console::output::{color_stdout, message, print};
use crate::diagnostics::words::number;
use crate::manifests::render::Renderer;
use crate::resolve::resolved::Resolved;

/// Compares the manifests of clusters.yaml with another version of them.
pub fn run(command: &Diff) -> Result<Exit> {
    // Exit code 1 means that something differs, so a refused file is a failure here.
    let Some(outcomes) = read::read(&command.input.config)? else { return Ok(Exit::Failed) };
    let renderer = Renderer::new().context("internal error: a template does not compile, please report it")?;
    let before = Side::find(command)?;
    if select::any_unknown_of(&command.clusters, outcomes.iter().map(Resolved::name).chain(before.clusters())) {
        return Ok(Exit::Usage);
    }
    // All clusters are paired, so that a renamed one is recognised; then only the requested ones are compared.
    let mut pairs = pairs::of(&before, &select::fleets(&[], &outcomes), &renderer)?;
    pairs.retain(|pair| select::is_wanted(&command.clusters, pair.cluster));
    let compared = Compared::of(&pairs, &before, &renderer)?;
    match command.format {
        DiffFormat::Text => text::print_all(&compared, color_stdout())?,
        DiffFormat::Markdown => print(&markdown::of(&compared, &again(command))?)?,
        DiffFormat::Json => json::print_all(&compared)?,
    }
    let clusters = &compared.clusters;
    let differing = clusters.iter().filter(|cluster| cluster.status != Status::Same).count();
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
