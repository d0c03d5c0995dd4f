//! What clusters.yaml is compared with: sets of a directory, sets of a git revision, or that revision's clusters.yaml.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cli::Diff;
use crate::diff::git::Revision;
use crate::diff::object::SetFile;
use crate::fleet::name::Region;
use crate::fleet::{Fleet, Outcome};
use crate::input;
use crate::output;
use crate::render::Renderer;
use crate::select;
use crate::talk;

/// One cluster's manifests.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub files: Vec<SetFile>,
    /// Where the prices are from; none where only manifests are at hand, which do not tell.
    pub region: Option<Region>,
}

/// The sets of the other side, by cluster.
pub(super) struct Side {
    /// What it is called in headings: a path, or a revision.
    pub name: String,
    pub sets: BTreeMap<String, Set>,
}

impl Side {
    /// Reads the sets that the command compares with, as far as the command wants them. None where the clusters.yaml
    /// of a revision is refused, which has been told.
    pub(super) fn read(command: &Diff, current: &[&Fleet], renderer: &Renderer) -> Result<Option<Self>> {
        let Some(against) = &command.against else {
            return of_directory(&command.out.dir, command, current).map(Some);
        };
        let dir = Path::new(against);
        if dir.is_dir() {
            return of_directory(dir, command, current).map(Some);
        }
        match Revision::find(against) {
            Ok(Some(revision)) => of_revision(against, &revision, command, renderer),
            Ok(None) => bail!("`{against}` is neither a directory nor a revision of this git repository"),
            Err(error) => {
                Err(error.context(format!("`{against}` is not a directory, and as a revision it cannot be read")))
            }
        }
    }
}

fn of_directory(dir: &Path, command: &Diff, current: &[&Fleet]) -> Result<Side> {
    let name = dir.display().to_string();
    if !dir.is_dir() {
        bail!(
            "there is no directory {name} to compare with: run `buildkit-fleet generate` first, or name a git revision with --against"
        );
    }
    if dir.join(output::SUMS).is_file() {
        bail!("{name} is the set of one cluster: name the directory above it");
    }
    let known = current.iter().map(|fleet| fleet.key.as_str().to_lowercase()).collect();
    // Directories of clusters that are not in the file any more.
    let gone = output::stale(dir, &known)?;
    let dirs = current.iter().map(|fleet| dir.join(fleet.key.as_str())).chain(gone);
    let mut sets = BTreeMap::new();
    for dir in dirs.collect::<Vec<PathBuf>>() {
        let cluster = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !select::is_wanted(&command.clusters, &cluster) {
            continue;
        }
        let files: Vec<SetFile> =
            output::read_set(&dir)?.into_iter().map(|(path, text)| SetFile { path, text }).collect();
        if !files.is_empty() {
            sets.insert(cluster, Set { files, region: None });
        }
    }
    Ok(Side { name, sets })
}

/// The sets that are committed below --out; where there are none, what this program makes of the revision's --config.
fn of_revision(name: &str, revision: &Revision, command: &Diff, renderer: &Renderer) -> Result<Option<Side>> {
    let mut sets: BTreeMap<String, Set> = BTreeMap::new();
    for file in revision.files_below(&command.out.dir)? {
        let Some((cluster, path)) = file.path.split_once('/') else { continue };
        if !output::is_ours(&file.text) || path.contains('/') || !select::is_wanted(&command.clusters, cluster) {
            continue;
        }
        let set = sets.entry(cluster.to_owned()).or_insert_with(|| Set { files: Vec::new(), region: None });
        set.files.push(SetFile { path: path.to_owned(), text: file.text });
    }
    if !sets.is_empty() {
        return Ok(Some(Side { name: name.to_owned(), sets }));
    }
    let path = &command.input.config;
    let Some(bytes) = revision.file(path)? else {
        bail!("{name} has neither sets below {} nor a file {}", command.out.dir.display(), path.display());
    };
    let (outcomes, report) = input::report_on(&bytes, format!("{name}:{}", path.display()));
    if report.refused() {
        talk::tell(&report)?;
        return Ok(None);
    }
    for fleet in outcomes.iter().filter_map(Outcome::fleet) {
        if select::is_wanted(&command.clusters, fleet.key.as_str()) {
            sets.insert(fleet.key.to_string(), rendered(fleet, renderer)?);
        }
    }
    Ok(Some(Side { name: name.to_owned(), sets }))
}

/// The set that this program makes of a fleet.
pub(super) fn rendered(fleet: &Fleet, renderer: &Renderer) -> Result<Set> {
    let files = renderer.render(fleet)?;
    let files = files.into_iter().map(|file| SetFile { path: file.path.to_owned(), text: file.text }).collect();
    Ok(Set { files, region: Some(fleet.region.clone()) })
}
