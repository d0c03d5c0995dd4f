//! The command `generate`.

mod json;
mod set;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::commands::exit::Exit;
use crate::commands::generate::json::{ClusterOfGenerate, GenerateJson};
use crate::commands::generate::set::Publication;
use crate::commands::options::{Input, Out};
use crate::commands::report::print_report;
use crate::commands::skipped::SkippedCluster;
use crate::commands::unified::shown;
use crate::commands::{read, select};
use crate::console::output::{message, print, print_json};
use crate::diagnostics::escape::visible;
use crate::diagnostics::report::{self, ProblemFormat, ProblemOptions};
use crate::diagnostics::words::{names, number};
use crate::manifests::objects::Objects;
use crate::manifests::render::{self, Renderer};
use crate::manifests::set::SetFile;
use crate::publish::compare::{self, Change, Comparison};
use crate::publish::files::SUMS;
use crate::publish::{exchange, ownership};
use crate::resolve::resolved::Resolved;
use clap::Args;

const GENERATE_EXAMPLES: &str = "\
Examples:
  buildkit-fleet generate               all clusters, one directory each
  buildkit-fleet generate arc-staging   one cluster
  buildkit-fleet generate --check       in CI: print a diff and exit with 1
  buildkit-fleet generate --check --format github --deny-warnings

`buildkit-fleet init` writes a clusters.yaml to start from.

The whole file is validated before anything is written, even if only some
clusters are given. If none is given, the directories of clusters that are no
longer in the file, or no longer list the module `buildkit`, are removed.
Files that buildkit-fleet did not write are left alone.";

/// Write the manifests of each cluster to <OUT>/<CLUSTER>/
#[derive(Debug, Args)]
#[command(after_help = GENERATE_EXAMPLES)]
pub struct Generate {
    /// Clusters to write [default: all that list the module `buildkit`]
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub out: Out,
    /// Write nothing; print what would change as a unified diff, and exit with 1 if anything would
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub problems: ProblemOptions,
}

/// Writes the manifests of the given clusters, or shows what writing them would change.
pub fn run(command: &Generate) -> Result<Exit> {
    let (outcomes, report) = read::read_as(&command.input.config, &command.problems)?;
    print_report(&report)?;
    if report.refused() {
        if !command.check {
            message("nothing was written");
        }
        if report.format == ProblemFormat::Json {
            print_json(&GenerateJson { report: report.json(), clusters: None })?;
        }
        return Ok(Exit::Refused);
    }
    if select::any_unknown(&command.clusters, &outcomes) {
        return Ok(Exit::Usage);
    }
    let renderer = Renderer::new().context("internal error: a template does not compile, please report it")?;
    let fleets = select::fleets(&command.clusters, &outcomes);
    let sets = set::prepare(&fleets, &command.out.dir, &renderer)?;
    let mut stale = if command.clusters.is_empty() { stale(&command.out.dir, &sets)? } else { Vec::new() };
    if let Some(why) = foreign(&command.out.dir, &stale, &sets)? {
        // Without fleets there is nothing to compare, either.
        if !command.check || sets.is_empty() {
            bail!(why);
        }
        message(&format!("`generate` would write nothing: {why}"));
        stale.clear();
    }
    let skipped = outcomes.iter().filter_map(|outcome| match outcome {
        Resolved::Skipped { cluster, why } if select::is_wanted(&command.clusters, cluster) => Some((cluster, why)),
        _ => None,
    });
    if report.format == ProblemFormat::Json {
        let gone: Vec<Comparison> = stale.iter().map(|dir| emptied(dir)).collect::<Result<_>>()?;
        let clusters = sets
            .iter()
            .map(|set| ClusterOfGenerate::published(&set.dir, &set.comparison))
            .chain(stale.iter().zip(&gone).map(|(dir, gone)| ClusterOfGenerate::published(dir, gone)))
            .chain(
                skipped
                    .clone()
                    .map(|(cluster, skipped)| ClusterOfGenerate::Skipped(SkippedCluster { cluster, skipped })),
            );
        print_json(&GenerateJson { report: report.json(), clusters: Some(clusters.collect()) })?;
    }
    if command.check {
        return check(command, &renderer, &sets, &stale);
    }
    let mut failed = Vec::new();
    for (set, published) in sets.iter().zip(set::publish(&sets, &renderer)) {
        match published {
            Ok(changes) => message(&summary::of(set.fleet, changes)),
            Err(error) => failed.push(error),
        }
    }
    if failed.len() > 1 {
        message(&format!("{} could not be written; the first error:", number(failed.len(), "cluster")));
    }
    if let Some(error) = failed.into_iter().next() {
        return Err(error);
    }
    for (cluster, why) in skipped {
        message(&visible(format!("{cluster}: skipped, {why}")));
    }
    for dir in &stale {
        let removed = exchange::publish(dir, &[], &mut |_| {})?.changes.len();
        let config = command.input.config.display();
        let removed = number(removed, "file");
        message(&format!("{}: {removed} removed, the cluster no longer has a fleet in {config}", dir.display()));
    }
    Ok(Exit::Done)
}

/// What leaves a directory that goes: which files, not their texts.
fn emptied(dir: &Path) -> Result<Comparison> {
    let mut gone = compare::compare(dir, &[])?;
    gone.forget_texts();
    Ok(gone)
}

/// Directories of clusters that are no longer in the file, or no longer list the module.
fn stale(out: &Path, sets: &[Publication]) -> Result<Vec<PathBuf>> {
    ownership::stale(out, &sets.iter().map(|set| set.fleet.key.as_str().to_lowercase()).collect())
}

/// Why the stale directories must not be removed, if they belong to another file: none of this file's clusters was ever
/// written there, not even under another name.
fn foreign(out: &Path, stale: &[PathBuf], sets: &[Publication]) -> Result<Option<String>> {
    if stale.is_empty() || sets.iter().any(|set| set.dir.exists()) {
        return Ok(None);
    }
    // Leftovers of an interrupted removal do not count.
    let stale: Vec<&PathBuf> = stale.iter().filter(|dir| holds_files(dir)).collect();
    if stale.is_empty() {
        return Ok(None);
    }
    for dir in &stale {
        if let Some(earlier) = fleet_in(dir)?
            && sets.iter().any(|set| earlier == (set.fleet.cluster_name.to_string(), set.fleet.namespace.to_string()))
        {
            return Ok(None);
        }
    }
    let dirs: Vec<String> = stale.iter().map(|dir| dir.display().to_string()).collect();
    Ok(Some(format!(
        "{} contains only fleets that are not in this file: give the file that they come from with --config, choose another --out, or, if you no longer need them, remove {}",
        out.display(),
        names(&dirs)
    )))
}

fn holds_files(dir: &Path) -> bool {
    // A directory that cannot be read is assumed to contain files.
    compare::read_set(dir).map_or(true, |files| !files.is_empty())
}

/// EKS cluster and namespace of the manifests in a directory; `None` if they do not contain both.
fn fleet_in(dir: &Path) -> Result<Option<(String, String)>> {
    let files: Vec<SetFile> = compare::read_set(dir)?.into_iter().map(|(path, text)| SetFile { path, text }).collect();
    Ok(Objects::read(&files).ok().and_then(|objects| objects.fleet()))
}

/// Prints what publishing would change.
fn check(command: &Generate, renderer: &Renderer, sets: &[Publication], stale: &[PathBuf]) -> Result<Exit> {
    let format = command.problems.format;
    let mut differing = stale.len();
    let text = |set: &Publication| match format {
        // It has named the files already.
        ProblemFormat::Json => Ok(String::new()),
        _ => Ok(diffs(&set.dir, &set.changes(renderer)?, format)),
    };
    set::show(sets, text, |set, text| {
        differing += 1;
        if set.comparison.changes.is_empty() {
            message(&format!("{}: {} is missing or out of date", set.dir.display(), SUMS));
        }
        print(text)
    })?;
    for dir in stale {
        print(&diffs(dir, &compare::compare(dir, &[])?.changes, format))?;
    }
    if differing == 0 {
        message(&format!("{} is up to date", command.out.dir.display()));
        return Ok(Exit::Done);
    }
    message(&format!(
        "{} out of date with {}: run `buildkit-fleet generate`",
        number(differing, "cluster"),
        command.input.config.display()
    ));
    Ok(Exit::Refused)
}

/// What is printed of the files of a set that differ.
fn diffs(dir: &Path, changes: &[Change], format: ProblemFormat) -> String {
    let diff = |change: &Change| match format {
        ProblemFormat::Text => shown(dir, change),
        ProblemFormat::Github => {
            let diff = shown(dir, change);
            // A line of the diff must not be run as a workflow command. The compared text cannot contain its own checksum.
            let pause = render::checksum(&[&diff]);
            let file = format!("file={}", report::property(&dir.join(&change.path).display().to_string()));
            let note = report::annotation("error", &file, "out of date", "run `buildkit-fleet generate`");
            format!("{note}::stop-commands::{pause}\n{diff}::{pause}::\n")
        }
        ProblemFormat::Json => String::new(),
    };
    changes.iter().map(diff).collect()
}
