//! Renders, compares and publishes the manifests of one cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::commands::generate::summary::Changes;
use crate::fleet::model::Fleet;
use crate::manifests::check;
use crate::manifests::render::Renderer;
use crate::manifests::set::SetFile;
use crate::parallel;
use crate::publish::compare::{self, Change, Comparison};
use crate::publish::exchange;
use crate::publish::files::sums;

/// Threads that publish in parallel if enough clusters change: each waits for the disk nearly all the time.
const PUBLISHERS: usize = 16;
/// With fewer clusters per thread, starting it is not worth it.
const SETS_PER_PUBLISHER: usize = 8;

/// Sets whose differences are in memory together, to be shown.
const SETS_SHOWN: usize = 64;

/// One cluster's set, and how its directory differs from it. Without texts: thousands of clusters are in memory together
/// until all are known to be sound, and to render those that differ a second time is cheap beside reading them back.
pub(super) struct Publication<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) dir: PathBuf,
    pub(super) comparison: Comparison,
}

impl<'a> Publication<'a> {
    /// Renders a cluster's files, compares them with the disk, and looks whether they are sound.
    fn prepare(fleet: &'a Fleet, out: &Path, renderer: &Renderer) -> Result<Self> {
        let files = rendered(fleet, renderer)?;
        let dir = out.join(fleet.key.as_str());
        let mut comparison = compare::compare(&dir, &files)?;
        // Files that are on disk byte for byte were checked before they were written.
        if !comparison.is_clean() {
            check::check(fleet, &files).with_context(|| defect(fleet))?;
        }
        comparison.forget_texts();
        Ok(Publication { fleet, dir, comparison })
    }

    /// The files that were found sound.
    fn files(&self, renderer: &Renderer) -> Result<Vec<SetFile>> {
        let files = rendered(self.fleet, renderer)?;
        ensure!(
            self.comparison.sums.as_ref() == Some(&sums(&files)),
            "{}: it rendered twice, and not the same",
            defect(self.fleet)
        );
        Ok(files)
    }

    /// The files that differ, with their texts.
    pub(super) fn changes(&self, renderer: &Renderer) -> Result<Vec<Change>> {
        Ok(compare::compare(&self.dir, &self.files(renderer)?)?.changes)
    }

    fn publish(&self, renderer: &Renderer) -> Result<Changes> {
        if self.comparison.is_clean() {
            return Ok(Changes::default());
        }
        let changes = exchange::publish(&self.dir, &self.files(renderer)?, &mut |_| {})?.changes;
        let written = changes.iter().filter(|change| change.new.is_some()).count();
        Ok(Changes { written, removed: changes.len() - written })
    }
}

fn defect(fleet: &Fleet) -> String {
    format!("cluster {}: internal error, please report it", fleet.key)
}

fn rendered(fleet: &Fleet, renderer: &Renderer) -> Result<Vec<SetFile>> {
    renderer.render(fleet).with_context(|| defect(fleet))
}

/// Prepares every cluster, on all processors: clusters have nothing to do with each other.
pub(super) fn prepare<'a>(fleets: &[&'a Fleet], out: &Path, renderer: &Renderer) -> Result<Vec<Publication<'a>>> {
    let prepared = parallel::each(fleets, parallel::processors(), |fleet| Publication::prepare(fleet, out, renderer));
    prepared.into_iter().collect()
}

/// Shows how every set that differs does, in their order: `text` makes what is shown of one, on all processors.
pub(super) fn show(
    sets: &[Publication],
    text: impl Fn(&Publication) -> Result<String> + Sync,
    mut show: impl FnMut(&Publication, &str) -> Result<()>,
) -> Result<()> {
    let differing: Vec<&Publication> = sets.iter().filter(|set| !set.comparison.is_clean()).collect();
    for some in differing.chunks(SETS_SHOWN) {
        let texts = parallel::each(some, parallel::processors(), |set| text(set));
        for (set, text) in some.iter().zip(texts) {
            show(set, &text?)?;
        }
    }
    Ok(())
}

/// Writes what differs, and tells how much of each set, or why not. One that cannot be written keeps no other back.
pub(super) fn publish(sets: &[Publication], renderer: &Renderer) -> Vec<Result<Changes>> {
    let differing = sets.iter().filter(|set| !set.comparison.is_clean()).count();
    parallel::each(sets, PUBLISHERS.min(differing / SETS_PER_PUBLISHER), |set| set.publish(renderer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::read::read_bytes;
    use crate::resolve::resolved::Resolved;

    #[test]
    fn only_what_was_found_sound_is_published() {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let (outcomes, _) = read_bytes(include_bytes!("../../../clusters.yaml"));
        let fleets: Vec<&Fleet> = outcomes.iter().filter_map(Resolved::fleet).collect();
        let renderer = Renderer::new().unwrap_or_else(|error| panic!("{error:#}"));
        let mut sets = prepare(&fleets, dir.path(), &renderer).unwrap_or_else(|error| panic!("{error:#}"));
        sets[0].comparison.sums = Some("the files of another rendering".to_owned());
        let published = publish(&sets, &renderer);
        let error = published[0].as_ref().expect_err("another rendering");
        assert!(error.to_string().contains("please report it: it rendered twice"), "{error:#}");
        assert!(published[1..].iter().all(Result::is_ok));
        let there: Vec<bool> = sets.iter().map(|set| set.dir.exists()).collect();
        assert_eq!(there, (0..sets.len()).map(|place| place > 0).collect::<Vec<_>>());
    }
}
