//! What clusters.yaml is compared with: manifests in a directory or a git revision, or that revision's clusters.yaml.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::commands::diff::arguments::Diff;
use crate::commands::diff::git::{Blob, Revision};
use crate::commands::read;
use crate::commands::report::print_report;
use crate::fleet::model::Fleet;
use crate::manifests::render::Renderer;
use crate::manifests::set::{Set, SetFile};
use crate::publish::files::SUMS;
use crate::publish::{compare, ownership};
use crate::resolve::resolved::Resolved;
use crate::values::name::Region;

/// The other side: where the manifests of each cluster are. They are read when they are compared.
pub(super) struct Side {
    /// A path or a revision, as given.
    pub name: String,
    /// What was read there.
    pub read: &'static str,
    /// By cluster.
    origins: BTreeMap<String, Origin>,
    /// Why it could not be used although it exists.
    pub unusable: Option<String>,
    revision: Option<Revision>,
}

/// Where the manifests of a cluster come from.
enum Origin {
    Directory(PathBuf),
    Committed {
        files: Vec<Blob>,
        region: Option<Region>,
    },
    /// They are rendered.
    Fleet(Box<Fleet>),
}

impl Side {
    /// Finds the manifests to compare with.
    pub(super) fn find(command: &Diff) -> Result<Self> {
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
            Ok(Some(revision)) => of_revision(against, revision, command),
            Ok(None) => bail!("`{against}` is neither a directory with manifests of buildkit-fleet nor a revision of this git repository"),
            Err(error) => {
                Err(error
                    .context(format!("`{against}` is not a directory with manifests of buildkit-fleet, and it cannot be read as a git revision")))
            }
        }
    }

    /// The names of its clusters, in their order.
    pub(super) fn clusters(&self) -> impl Iterator<Item = &str> {
        self.origins.keys().map(String::as_str)
    }

    /// The name as this side has it, if it has the cluster.
    pub(super) fn named(&self, cluster: &str) -> Option<&str> {
        self.origins.get_key_value(cluster).map(|(name, _)| name.as_str())
    }

    /// The manifests of one of its clusters.
    pub(super) fn set(&self, cluster: &str, renderer: &Renderer) -> Result<Set> {
        match &self.origins[cluster] {
            Origin::Directory(dir) => {
                let files = compare::read_set(dir)?.into_iter().map(|(path, text)| SetFile { path, text });
                Ok(Set { files: files.collect(), region: None })
            }
            Origin::Committed { files, region } => {
                let revision = self.revision.as_ref().context("internal error: no revision, please report it")?;
                let mut files = revision.texts(files)?;
                files.retain(|file| ownership::is_ours(&file.text));
                Ok(Set { files, region: region.clone() })
            }
            Origin::Fleet(fleet) => rendered(fleet, renderer),
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
    // Every directory that this program wrote: no cluster is excluded.
    let origins: BTreeMap<String, Origin> = ownership::stale(dir, &BTreeSet::new())?
        .into_iter()
        .map(|dir| (dir.file_name().unwrap_or_default().to_string_lossy().into_owned(), Origin::Directory(dir)))
        .collect();
    let side = |origins| Side { name, read: "its manifests", origins, unusable: None, revision: None };
    Ok((!origins.is_empty()).then(|| side(origins)))
}

/// The manifests committed below --out; if there are none, those that the revision's --config generates.
fn of_revision(name: &str, revision: Revision, command: &Diff) -> Result<Side> {
    let path = &command.input.config;
    let source = revision.file(path)?;
    let read = source.map(|bytes| read::report_on(&bytes, format!("{name}:{}", path.display()))).transpose()?;
    let committed = committed(&revision, &command.out.dir)?;
    let name = name.to_owned();
    if !committed.is_empty() {
        let fleets = read.iter().filter(|(_, report)| !report.refused()).flat_map(|(outcomes, _)| outcomes);
        let regions: HashMap<&str, &Region> = fleets
            .filter_map(Resolved::fleet)
            .filter_map(|fleet| Some((fleet.key.as_str(), fleet.region.as_ref()?)))
            .collect();
        let region = |cluster: &str| regions.get(cluster).map(|region| (*region).clone());
        let source = |(cluster, files): (String, _)| {
            let region = region(&cluster);
            (cluster, Origin::Committed { files, region })
        };
        let origins = committed.into_iter().map(source).collect();
        return Ok(Side { name, read: "its committed manifests", origins, unusable: None, revision: Some(revision) });
    }
    let Some((outcomes, report)) = read else {
        bail!("{name} has neither manifests below {} nor a file {}", command.out.dir.display(), path.display());
    };
    let mut side = Side { name, read: "its clusters.yaml", origins: BTreeMap::new(), unusable: None, revision: None };
    if report.refused() {
        // A change that fixes the file must be shown nevertheless.
        print_report(&report)?;
        side.unusable = Some(format!("{} of {} is refused: every fleet is shown as new", path.display(), side.name));
        return Ok(side);
    }
    side.origins = outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            Resolved::Fleet(fleet) => Some((fleet.key.to_string(), Origin::Fleet(fleet))),
            Resolved::Skipped { .. } => None,
        })
        .collect();
    Ok(side)
}

/// The files of every cluster below a directory of a revision.
fn committed(revision: &Revision, dir: &Path) -> Result<BTreeMap<String, Vec<Blob>>> {
    let mut sets: BTreeMap<String, Vec<Blob>> = BTreeMap::new();
    for mut file in revision.files_below(dir)? {
        let Some((cluster, path)) = file.path.split_once('/') else { continue };
        if path.contains('/') {
            continue;
        }
        let (cluster, path) = (cluster.to_owned(), path.to_owned());
        file.path = path;
        sets.entry(cluster).or_default().push(file);
    }
    // A directory without a file of ours is no cluster's. The first file nearly always tells.
    let is_ours = |files: &Vec<Blob>| -> Result<bool> {
        for file in files {
            if revision.texts(std::slice::from_ref(file))?.iter().any(|file| ownership::is_ours(&file.text)) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let judged = sets.into_iter().map(|(cluster, files)| Ok(is_ours(&files)?.then_some((cluster, files))));
    judged.filter_map(Result::transpose).collect()
}

/// The manifests that this program generates for a fleet.
pub(super) fn rendered(fleet: &Fleet, renderer: &Renderer) -> Result<Set> {
    let files = renderer.render(fleet)?;
    Ok(Set { files, region: fleet.region.clone() })
}
