//! The command `generate`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::Exit;
use crate::cli::Generate;
use crate::fleet::{Fleet, Outcome};
use crate::input;
use crate::output::{self, Change, Comparison};
use crate::render::{self, RenderedFile, Renderer};
use crate::select;
use crate::summary::{self, Changes};
use crate::talk::{number, print, say};

/// Writes the manifests of the clusters asked for, or tells what writing them would change.
pub fn run(command: &Generate) -> Result<Exit> {
    let Some(outcomes) = input::read(&command.input.config)? else { return Ok(Exit::Refused) };
    if select::any_unknown(&command.clusters, &outcomes) {
        return Ok(Exit::Usage);
    }
    let renderer = Renderer::new().context("a template of this program does not compile: please report it")?;
    let fleets = select::fleets(&command.clusters, &outcomes);
    let sets = prepare(&fleets, &command.out.dir, &renderer)?;
    let stale = if command.clusters.is_empty() { stale(&command.out.dir, &sets)? } else { Vec::new() };
    if command.check {
        return check(command, &sets, &stale);
    }
    for set in &sets {
        let changes = if set.comparison.is_clean() {
            Changes::default()
        } else {
            changes(&output::publish(&set.dir, &set.files, &mut |_| {})?.changes)
        };
        say(&summary::of(set.fleet, changes));
    }
    for outcome in &outcomes {
        if let Outcome::Skipped { cluster, why } = outcome
            && select::is_wanted(&command.clusters, cluster)
        {
            say(&format!("{cluster}: skipped, {why}"));
        }
    }
    for dir in &stale {
        let removed = changes(&output::publish(dir, &[], &mut |_| {})?.changes).removed;
        say(&format!("{}: {} removed, no cluster of the file has it any more", dir.display(), number(removed, "file")));
    }
    Ok(Exit::Done)
}

fn changes(changes: &[Change]) -> Changes {
    let written = changes.iter().filter(|change| change.new.is_some()).count();
    Changes { written, removed: changes.len() - written }
}

/// Directories whose clusters left the file. Where none of the file's own clusters was ever written, the directory
/// belongs to another file, and nothing of it goes.
fn stale(out: &Path, sets: &[Set]) -> Result<Vec<PathBuf>> {
    let stale = output::stale(out, &sets.iter().map(|set| set.fleet.key.as_str().to_lowercase()).collect())?;
    if let Some(first) = stale.first()
        && !sets.iter().any(|set| set.dir.exists())
    {
        bail!(
            "{} holds clusters that this file does not have, and none that it has: choose another --out, or remove {} and the like",
            out.display(),
            first.display()
        );
    }
    Ok(stale)
}

/// One cluster's files, and how its directory differs from them.
struct Set<'a> {
    fleet: &'a Fleet,
    dir: PathBuf,
    files: Vec<RenderedFile>,
    comparison: Comparison,
}

impl<'a> Set<'a> {
    /// Renders a cluster's files and compares them with the disk.
    fn prepare(fleet: &'a Fleet, out: &Path, renderer: &Renderer) -> Result<Self> {
        let defect = || format!("cluster {}: a defect of this program, please report it", fleet.key);
        let files = renderer.render(fleet).with_context(defect)?;
        let dir = out.join(fleet.key.as_str());
        let comparison = output::compare(&dir, &files)?;
        // What is on disk, byte for byte, was read back before it was put there.
        if !comparison.is_clean() {
            render::read_back(&files).with_context(defect)?;
        }
        Ok(Set { fleet, dir, files, comparison })
    }
}

/// Prepares every cluster, on all processors: clusters have nothing to do with each other. 1,000 clusters that are
/// current take 0.25 s on two instead of 0.44 s on one.
fn prepare<'a>(fleets: &[&'a Fleet], out: &Path, renderer: &Renderer) -> Result<Vec<Set<'a>>> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = fleets.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = fleets
            .chunks(share)
            .map(|fleets| {
                scope.spawn(move || {
                    fleets.iter().map(|fleet| Set::prepare(fleet, out, renderer)).collect::<Result<Vec<_>>>()
                })
            })
            .collect();
        let mut sets = Vec::with_capacity(fleets.len());
        for worker in workers {
            sets.extend(worker.join().map_err(|_| anyhow!("a defect of this program, please report it"))??);
        }
        Ok(sets)
    })
}

/// Prints what publishing would change.
fn check(command: &Generate, sets: &[Set], stale: &[PathBuf]) -> Result<Exit> {
    let mut differing = 0;
    for Set { dir, comparison, .. } in sets {
        differing += usize::from(!comparison.is_clean());
        if comparison.changes.is_empty() && !comparison.is_clean() {
            say(&format!("{}: {} is missing or not current", dir.display(), output::SUMS));
        }
        print_diffs(dir, &comparison.changes)?;
    }
    for dir in stale {
        differing += 1;
        print_diffs(dir, &output::compare(dir, &[])?.changes)?;
    }
    if differing == 0 {
        say(&format!("{} is current", command.out.dir.display()));
        return Ok(Exit::Done);
    }
    say(&format!(
        "{} not current with {}: run `buildkit-fleet generate`",
        number(differing, "cluster"),
        command.input.config.display()
    ));
    Ok(Exit::Refused)
}

fn print_diffs(dir: &Path, changes: &[Change]) -> Result<()> {
    for change in changes {
        let (old, new) = (change.old.as_deref().unwrap_or_default(), change.new.as_deref().unwrap_or_default());
        let name = |side: &str, text: &Option<String>| match text {
            Some(_) => format!("{side}/{}", dir.join(&change.path).display()),
            None => "/dev/null".to_owned(),
        };
        let diff = similar::TextDiff::from_lines(old, new);
        print(&diff.unified_diff().header(&name("a", &change.old), &name("b", &change.new)).to_string())?;
    }
    Ok(())
}
