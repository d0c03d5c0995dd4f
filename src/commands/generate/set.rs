//! One cluster's set, from its fleet to the disk.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::commands::generate::summary::Changes;
use crate::fleet::model::Fleet;
use crate::manifests::check;
use crate::manifests::render::Renderer;
use crate::manifests::set::SetFile;
use crate::parallel;
use crate::publish::compare::{self, Comparison};
use crate::publish::exchange;

/// Threads that publish side by side, where enough sets change: each waits for the disk nearly all of the time.
const PUBLISHERS: usize = 16;
/// Fewer sets to a thread do not pay for its start.
const SETS_PER_PUBLISHER: usize = 8;

/// What sets are prepared for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Write,
    Show,
}

/// One cluster's files, and how its directory differs from them.
pub(super) struct Publication<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) dir: PathBuf,
    /// With texts only to show.
    pub(super) comparison: Comparison,
    /// Only to write, and only where something differs.
    files: Vec<SetFile>,
}

impl<'a> Publication<'a> {
    /// Renders a cluster's files and compares them with the disk.
    fn prepare(fleet: &'a Fleet, out: &Path, renderer: &Renderer, purpose: Mode) -> Result<Self> {
        let defect = || format!("cluster {}: internal error, please report it", fleet.key);
        let mut files = renderer.render(fleet).with_context(defect)?;
        let dir = out.join(fleet.key.as_str());
        let mut comparison = compare::compare(&dir, &files)?;
        // What is on disk, byte for byte, was looked at before it was put there.
        if !comparison.is_clean() {
            check::check(fleet, &files).with_context(defect)?;
        }
        // Thousands of clusters are in memory together until all are known to be sound.
        if comparison.is_clean() || purpose == Mode::Show {
            files = Vec::new();
        }
        if purpose == Mode::Write {
            comparison.forget_texts();
        }
        Ok(Publication { fleet, dir, comparison, files })
    }

    fn publish(&self) -> Result<Changes> {
        if self.comparison.is_clean() {
            return Ok(Changes::default());
        }
        let changes = exchange::publish(&self.dir, &self.files, &mut |_| {})?.changes;
        let written = changes.iter().filter(|change| change.new.is_some()).count();
        Ok(Changes { written, removed: changes.len() - written })
    }
}

/// Prepares every cluster, on all processors: clusters have nothing to do with each other.
pub(super) fn prepare<'a>(
    fleets: &[&'a Fleet],
    out: &Path,
    renderer: &Renderer,
    purpose: Mode,
) -> Result<Vec<Publication<'a>>> {
    let prepared =
        parallel::each(fleets, parallel::processors(), |fleet| Publication::prepare(fleet, out, renderer, purpose));
    prepared.into_iter().collect()
}

/// Writes what differs, and tells how much of each set, or why not. One that cannot be written keeps no other back.
pub(super) fn publish(sets: &[Publication]) -> Vec<Result<Changes>> {
    let differing = sets.iter().filter(|set| !set.comparison.is_clean()).count();
    parallel::each(sets, PUBLISHERS.min(differing / SETS_PER_PUBLISHER), Publication::publish)
}
