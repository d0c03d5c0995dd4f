//! What clusters.yaml is compared with: manifests in a directory or a git revision, or that revision's clusters.yaml.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Result, bail};

use crate::commands::diff::arguments::Diff;
use crate::commands::diff::git::Revision;
use crate::commands::read;
use crate::commands::report::print_report;
use crate::fleet::model::Fleet;
use crate::manifests::render::Renderer;
use crate::manifests::set::{Set, SetFile};
use crate::publish::files::SUMS;
use crate::publish::{compare, ownership};
use crate::resolve::resolved::Resolved;
use crate::values::name::Region;

/// The manifests of the other side, by cluster.
pub(super) struct Side {
    /// A path or a revision, as given.
    pub name: String,
    /// What was read there.
    pub read: &'static str,
    pub sets: BTreeMap<String, Set>,
    /// Why it could not be used although it exists.
    pub unusable: Option<String>,
}

impl Side {
    /// Reads the manifests to compare with.
    pub(super) fn read(command: &Diff, renderer: &Renderer) -> Result<Self> {
        let Some(against) = &command.against else {
            let dir = &command.out.dir;
            return match of_directory(dir)? {
                Some(side) => Ok(side),
                None => bail!(
                    "{} contains no manifests to compare with: run `buildkit-fleet generate` first, or give a git revision with --against",
                    dir.display()
                ),
            };
        };
        if let Some(side) = of_directory(Path::new(against))? {
            return Ok(side);
        }
        match Revision::find(against, &command.input.config) {
            Ok(Some(revision)) => of_revision(against, &revision, command, renderer),
            Ok(None) => bail!("`{against}` is neither a directory with manifests of buildkit-fleet nor a revision of this git repository"),
            Err(error) => {
                Err(error
                    .context(format!("`{against}` is not a directory with manifests of buildkit-fleet, and it cannot be read as a git revision")))
            }
        }
    }
}

/// The manifests below a directory; `None` if there are none.
fn of_directory(dir: &Path) -> Result<Option<Side>> {
    let name = dir.display().to_string();
    if dir.join(SUMS).is_file() {
        bail!("{name} contains the manifests of a single cluster: give its parent directory");
    }
    if !dir.is_dir() {
        return Ok(None);
    }
    let mut sets = BTreeMap::new();
    // Every directory that this program wrote: no cluster is excluded.
    for dir in ownership::stale(dir, &BTreeSet::new())? {
        let cluster = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files: Vec<SetFile> =
            compare::read_set(&dir)?.into_iter().map(|(path, text)| SetFile { path, text }).collect();
        sets.insert(cluster, Set { files, region: None });
    }
    Ok((!sets.is_empty()).then_some(Side { name, read: "its manifests", sets, unusable: None }))
}

/// The manifests committed below --out; if there are none, those that the revision's --config generates.
fn of_revision(name: &str, revision: &Revision, command: &Diff, renderer: &Renderer) -> Result<Side> {
    let path = &command.input.config;
    let source = revision.file(path)?;
    let read = source.map(|bytes| read::report_on(&bytes, format!("{name}:{}", path.display())));
    let fleets: Vec<&Fleet> = match &read {
        Some((outcomes, report)) if !report.refused() => outcomes.iter().filter_map(Resolved::fleet).collect(),
        _ => Vec::new(),
    };
    let regions: HashMap<&str, &Region> = fleets.iter().map(|fleet| (fleet.key.as_str(), &fleet.region)).collect();
    let mut sets: BTreeMap<String, Set> = BTreeMap::new();
    for file in revision.files_below(&command.out.dir)? {
        let Some((cluster, path)) = file.path.split_once('/') else { continue };
        if path.contains('/') || !ownership::is_ours(&file.text) {
            continue;
        }
        let region = || regions.get(cluster).map(|region| (*region).clone());
        let set = sets.entry(cluster.to_owned()).or_insert_with(|| Set { files: Vec::new(), region: region() });
        set.files.push(SetFile { path: path.to_owned(), text: file.text });
    }
    let name = name.to_owned();
    if !sets.is_empty() {
        return Ok(Side { name, read: "its committed manifests", sets, unusable: None });
    }
    let Some((_, report)) = &read else {
        bail!("{name} has neither manifests below {} nor a file {}", command.out.dir.display(), path.display());
    };
    if report.refused() {
        // A change that fixes the file must be shown nevertheless.
        print_report(report)?;
        let why = format!("{} of {name} is refused: every fleet is shown as new", path.display());
        return Ok(Side { name, read: "its clusters.yaml", sets, unusable: Some(why) });
    }
    for fleet in fleets {
        sets.insert(fleet.key.to_string(), rendered(fleet, renderer)?);
    }
    Ok(Side { name, read: "its clusters.yaml", sets, unusable: None })
}

/// The manifests that this program generates for a fleet.
pub(super) fn rendered(fleet: &Fleet, renderer: &Renderer) -> Result<Set> {
    let files = renderer.render(fleet)?;
    Ok(Set { files, region: Some(fleet.region.clone()) })
}
