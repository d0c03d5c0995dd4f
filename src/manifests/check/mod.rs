//! Invariants of all rendered manifests, whatever clusters.yaml says. They are checked on the rendered text, not on the
//! model that it was rendered from: `generate` checks manifests before it publishes them, and a broken invariant is an
//! internal error.

mod all;
mod builder;
mod buildkitd_toml;
mod configured;
mod dashboard;
mod delivery;
mod disk;
mod expression;
pub mod findings;
mod guarantees;
mod guard;
mod haproxy;
pub mod invariant;
mod kustomization;
mod monitoring;
pub mod needs;
mod nodes;
mod outside;
mod placement;
mod quantity;
mod references;
mod scaling;
mod selectors;
mod set;
mod shape;
mod speed;
mod times;
mod used;

pub use crate::manifests::check::all::ALL;
pub use crate::manifests::check::invariant::{Invariant, Purpose};

use anyhow::{Context, Result, bail};

use crate::fleet::model::Fleet;
use crate::manifests::check::findings::Finding;
use crate::manifests::check::set::{Manifests, RenderedFleet};
use crate::manifests::list::{self, KUSTOMIZATION};
use crate::manifests::objects::Objects;
use crate::manifests::set::SetFile;

const OTHER_FILES: &str = "the files are not those that this fleet should have";

/// Checks rendered manifests. The error names each broken invariant, and where it is broken. Where the fleet has patches,
/// only those that protect builds must hold.
pub fn check(fleet: &Fleet, files: &[SetFile]) -> Result<()> {
    if !files.iter().map(|file| file.path.as_str()).eq(list::paths(fleet)) {
        bail!(OTHER_FILES);
    }
    let held = |invariant: &Invariant| fleet.patches.is_empty() || invariant.purpose != Purpose::Templates;
    let found = broken(fleet, files, held)?;
    let lines: Vec<String> = found
        .into_iter()
        .map(|(Invariant { id, says, .. }, what)| format!("\n  {id}: {what}; expected: {says}"))
        .collect();
    if !lines.is_empty() {
        bail!("the manifests violate their invariants:{}", lines.concat());
    }
    Ok(())
}

/// Which of the invariants that are held are broken, and where. An error is of files in which nothing can be checked.
pub fn broken(
    fleet: &Fleet,
    files: &[SetFile],
    held: impl Fn(&Invariant) -> bool,
) -> Result<Vec<(&'static Invariant, String)>> {
    let manifests = files.iter().map(|file| file.path.as_str()).filter(|path| *path != KUSTOMIZATION);
    if !manifests.eq(list::of(fleet).map(|manifest| manifest.path)) {
        bail!(OTHER_FILES);
    }
    let objects = Objects::read(files)?;
    let set = RenderedFleet::new(fleet, files, &objects).context("invariant `references`")?;
    let held = INVARIANTS.iter().filter(|invariant| held(invariant));
    let found =
        held.flat_map(|invariant| invariant.needs.find(&set, Some(&set)).map(move |found| (invariant, found.what)));
    Ok(found.collect())
}

/// Which of the protecting invariants are broken by objects from anywhere, and where. Without a fleet, only what they show
/// by themselves is held. An error is of objects in which nothing can be checked.
pub fn violations(objects: &Objects, fleet: Option<&Fleet>) -> Result<Vec<(&'static Invariant, Finding)>> {
    let held = INVARIANTS.iter().filter(|invariant| invariant.purpose != Purpose::Templates);
    let (set, manifests);
    let (manifests, set) = if let Some(fleet) = fleet {
        set = RenderedFleet::new(fleet, &[], objects)?;
        (&*set, Some(&set))
    } else {
        manifests = Manifests::of_unknown_fleet(objects)?;
        (&manifests, None)
    };
    Ok(held.flat_map(|invariant| invariant.needs.find(manifests, set).map(move |found| (invariant, found))).collect())
}

static INVARIANTS: &[Invariant] = &ALL;
