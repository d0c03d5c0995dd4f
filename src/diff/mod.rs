//! The command `diff`: what a change does to the running fleet, worst first, and how the files differ.

pub mod capacity;
pub mod consequence;
mod git;
mod json;
pub mod judge;
mod markdown;
pub mod object;
mod side;
mod text;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::Exit;
use crate::cli::{Diff, DiffFormat};
use crate::diff::consequence::{Class, Consequence};
use crate::diff::judge::{Case, judge};
use crate::diff::object::{Objects, SetFile};
use crate::diff::side::{Set, Side, rendered};
use crate::fleet::name::Region;
use crate::input;
use crate::output::Change;
use crate::price::Usd;
use crate::render::Renderer;
use crate::select;
use crate::talk::{color_stdout, number, print, print_json, say};

/// One cluster in both versions.
#[derive(Debug)]
pub struct ClusterDiff {
    pub cluster: String,
    pub status: Status,
    pub consequences: Vec<Consequence>,
    pub changes: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Same,
    Changed,
    /// A fleet that the other side does not have.
    Added,
    /// A fleet that only the other side has.
    Removed,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Status::Same => "same",
            Status::Changed => "changed",
            Status::Added => "added",
            Status::Removed => "removed",
        }
    }
}

/// Compares what clusters.yaml makes with another version of it.
pub fn run(command: &Diff) -> Result<Exit> {
    // 1 says that something differs: a file that cannot be used is trouble here.
    let Some(outcomes) = input::read(&command.input.config)? else { return Ok(Exit::Trouble) };
    let renderer = Renderer::new().context("a template of this program does not compile: please report it")?;
    let all = select::fleets(&[], &outcomes);
    let Some(before) = Side::read(command, &all, &renderer)? else { return Ok(Exit::Trouble) };
    let gone = before.sets.keys().map(String::as_str);
    if select::any_unknown_of(&command.clusters, outcomes.iter().map(crate::fleet::Outcome::name).chain(gone)) {
        return Ok(Exit::Usage);
    }
    let wanted = select::fleets(&command.clusters, &outcomes);
    let mut clusters = Vec::new();
    for fleet in &wanted {
        let new = rendered(fleet, &renderer)
            .with_context(|| format!("cluster {}: a defect of this program, please report it", fleet.key))?;
        clusters.push(compare(fleet.key.as_str(), before.sets.get(fleet.key.as_str()), Some(&new))?);
    }
    let current: BTreeSet<&str> = all.iter().map(|fleet| fleet.key.as_str()).collect();
    for (cluster, set) in before.sets.iter().filter(|(cluster, _)| !current.contains(cluster.as_str())) {
        clusters.push(compare(cluster, Some(set), None)?);
    }
    match command.format {
        DiffFormat::Text => print(&text::of(&clusters, color_stdout()))?,
        DiffFormat::Markdown => print(&markdown::of(&before.name, &clusters))?,
        DiffFormat::Json => print_json(&json::of(&before.name, &clusters))?,
    }
    let differing = clusters.iter().filter(|cluster| cluster.status != Status::Same).count();
    if differing == 0 {
        say(&format!("no difference to {}", before.name));
        return Ok(Exit::Done);
    }
    let verb = if differing == 1 { "differs" } else { "differ" };
    say(&format!("{} of {} {verb} from {}", number(differing, "cluster"), clusters.len(), before.name));
    Ok(Exit::Refused)
}

/// Compares two versions of a cluster's set; one of them may be missing.
fn compare(cluster: &str, old: Option<&Set>, new: Option<&Set>) -> Result<ClusterDiff> {
    let files = |set: Option<&Set>| set.map(|set| set.files.as_slice()).unwrap_or_default().to_vec();
    let (before, after) = (files(old), files(new));
    let changes = changes(&before, &after);
    let region = new.and_then(|set| set.region.clone()).or_else(|| old.and_then(|set| set.region.clone()));
    let read = |files: &[SetFile]| Objects::read(files).with_context(|| format!("cluster {cluster}"));
    let (status, consequences) = match (old, new) {
        _ if changes.is_empty() => (Status::Same, Vec::new()),
        (None, _) => (Status::Added, vec![added(&Case::new(Objects::default(), read(&after)?, region.as_ref()))]),
        (_, None) => (Status::Removed, vec![removed(&Case::new(read(&before)?, Objects::default(), region.as_ref()))]),
        (Some(_), Some(_)) => (
            Status::Changed,
            consequences(&before, &after, region.as_ref()).with_context(|| format!("cluster {cluster}"))?,
        ),
    };
    Ok(ClusterDiff { cluster: cluster.to_owned(), status, consequences, changes })
}

/// What a change from one version of a cluster's files to another does. Prices are those of the region.
pub fn consequences(old: &[SetFile], new: &[SetFile], region: Option<&Region>) -> Result<Vec<Consequence>> {
    let case = Case::new(Objects::read(old)?, Objects::read(new)?, region);
    let silent: Vec<String> = changes(old, new)
        .into_iter()
        .filter(|change| {
            let one = |text: &Option<String>| {
                let text = text.clone().unwrap_or_default();
                Objects::read(&[SetFile { path: change.path.clone(), text }])
            };
            matches!((one(&change.old), one(&change.new)), (Ok(old), Ok(new)) if old == new)
        })
        .map(|change| change.path)
        .collect();
    Ok(judge(&case, &silent))
}

/// The files that differ, in the order of their names.
fn changes(old: &[SetFile], new: &[SetFile]) -> Vec<Change> {
    let paths: BTreeSet<&str> = old.iter().chain(new).map(|file| file.path.as_str()).collect();
    let text =
        |files: &[SetFile], path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.clone());
    paths
        .into_iter()
        .map(|path| Change { path: path.to_owned(), old: text(old, path), new: text(new, path) })
        .filter(|change| change.old != change.new)
        .collect()
}

fn added(case: &Case) -> Consequence {
    let size = size(&case.new_pools);
    let what = format!("a new fleet of {}{size}", number(case.new.len(), "object"));
    Consequence::of_all(Class::Creates, case.new.iter().map(|(identity, _)| identity.short()).collect(), what)
}

fn removed(case: &Case) -> Consequence {
    let size = size(&case.old_pools);
    let what = format!(
        "the fleet leaves the file, with {}{size}: nothing is deleted on the cluster",
        number(case.old.len(), "object")
    );
    Consequence::of_all(Class::Deletes, case.old.iter().map(|(identity, _)| identity.short()).collect(), what)
        .advice("what runs goes on, unmanaged, until its namespace and its NodePools are deleted")
}

/// `; amd64 2 to 8 pods, 1 to 4 nodes, $5.70 to $22.78 an hour; ...`.
fn size(pools: &[capacity::PoolFacts]) -> String {
    let range = |min: Option<String>, max: Option<String>| match (min, max) {
        (Some(min), Some(max)) if min == max => max,
        (Some(min), Some(max)) => format!("{min} to {max}"),
        _ => "unknown".to_owned(),
    };
    let mut text = String::new();
    for pool in pools {
        let (min, max) = (pool.pods.min, pool.pods.max);
        let pods = range(Some(min.to_string()), Some(max.to_string()));
        let nodes = range(pool.nodes(min).map(|n| n.to_string()), pool.nodes(max).map(|n| n.to_string()));
        let usd = |pods| pool.hourly(pods).map(|usd: Usd| usd.to_string());
        let cost = range(usd(min), usd(max));
        let _ = write!(text, "; {} {pods} pods, {nodes} nodes, {cost} an hour", pool.arch.name());
    }
    text
}
