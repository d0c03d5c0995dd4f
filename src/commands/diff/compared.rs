//! Compares cluster by cluster, and keeps what is to be shown together: what follows from the change. The texts of
//! thousands of clusters would be gigabytes, so they are dropped, and made again where the files are shown.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result, ensure};
use indexmap::IndexSet;

use crate::commands::diff::pairs::Pair;
use crate::commands::diff::side::{Side, rendered};
use crate::consequences::cluster::{Status, changes, compare};
use crate::consequences::consequence::Consequence;
use crate::manifests::render::Renderer;
use crate::manifests::set::Set;
use crate::parallel;
use crate::publish::compare::Change;

/// Clusters whose consequences are in memory before equal ones are kept once.
const COMPARED_AT_ONCE: usize = 512;
/// Clusters whose differences are in memory together, to be shown.
const SHOWN_AT_ONCE: usize = 64;

/// A cluster that was compared, without its texts.
pub(super) struct Judged<'a> {
    pub cluster: &'a str,
    pub status: Status,
    /// Number of files that differ.
    pub files: usize,
    pair: &'a Pair<'a>,
    /// Place of its group; `None` if it is the same.
    group: Option<usize>,
    /// Of the files that differ, with their texts.
    fingerprint: u64,
}

/// Clusters with the same consequences.
pub(super) struct Group<'a> {
    pub status: Status,
    pub consequences: &'a [Consequence],
    pub clusters: Vec<&'a str>,
}

pub(super) struct Compared<'a> {
    pub side: &'a Side,
    pub clusters: Vec<Judged<'a>>,
    renderer: &'a Renderer,
    groups: IndexSet<(Status, Vec<Consequence>)>,
}

impl<'a> Compared<'a> {
    /// Compares every pair, on all processors.
    pub(super) fn of(pairs: &'a [Pair<'a>], side: &'a Side, renderer: &'a Renderer) -> Result<Self> {
        let mut compared =
            Compared { side, clusters: Vec::with_capacity(pairs.len()), renderer, groups: IndexSet::new() };
        for some in pairs.chunks(COMPARED_AT_ONCE) {
            let judged = parallel::each(some, parallel::processors(), |pair| {
                let (old, new) = compared.sets(pair)?;
                let diff = compare(pair.cluster, pair.before.zip(old.as_ref()), new.as_ref());
                Ok((diff.status, diff.consequences, diff.changes.len(), fingerprint(&diff.changes)))
            });
            for (pair, judged) in some.iter().zip(judged.into_iter().collect::<Result<Vec<_>>>()?) {
                let (status, consequences, files, fingerprint) = judged;
                let differs = status != Status::Same;
                let group = differs.then(|| compared.groups.insert_full((status, consequences)).0);
                compared.clusters.push(Judged { cluster: pair.cluster, status, files, pair, group, fingerprint });
            }
        }
        Ok(compared)
    }

    /// Clusters that differ, by what follows, in the order of the first of each.
    pub(super) fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group> = self
            .groups
            .iter()
            .map(|(status, consequences)| Group { status: *status, consequences, clusters: Vec::new() })
            .collect();
        for cluster in &self.clusters {
            if let Some(group) = cluster.group {
                groups[group].clusters.push(cluster.cluster);
            }
        }
        groups
    }

    pub(super) fn consequences(&self, cluster: &Judged) -> &[Consequence] {
        cluster.group.map_or(&[], |group| &self.groups[group].1)
    }

    /// Takes what `of` makes of each cluster and its files that differ, in their order; `of` runs on all processors. Stops
    /// when `take` has enough, which it says with `false`.
    pub(super) fn each<T: Send>(
        &self,
        of: impl Fn(&Judged, &[Change]) -> Result<T> + Sync,
        mut take: impl FnMut(&Judged, T) -> Result<bool>,
    ) -> Result<()> {
        for some in self.clusters.chunks(SHOWN_AT_ONCE) {
            let made = parallel::each(some, parallel::processors(), |cluster| of(cluster, &self.changes(cluster)?));
            for (cluster, made) in some.iter().zip(made) {
                if !take(cluster, made?)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The files that differ, with their texts.
    fn changes(&self, cluster: &Judged) -> Result<Vec<Change>> {
        if cluster.files == 0 {
            return Ok(Vec::new());
        }
        let (old, new) = self.sets(cluster.pair)?;
        let files = |set: Option<Set>| set.map_or_else(Vec::new, |set| set.files);
        let changes = changes(&files(old), &files(new));
        ensure!(
            fingerprint(&changes) == cluster.fingerprint,
            "the files of {} were written while they were compared: run `diff` again",
            cluster.cluster
        );
        Ok(changes)
    }

    fn sets(&self, pair: &Pair) -> Result<(Option<Set>, Option<Set>)> {
        let old = pair.before.map(|name| self.side.set(name, self.renderer)).transpose()?;
        let new = pair.after.map(|fleet| {
            rendered(fleet, self.renderer)
                .with_context(|| format!("cluster {}: internal error, please report it", fleet.key))
        });
        Ok((old, new.transpose()?))
    }
}

fn fingerprint(changes: &[Change]) -> u64 {
    let mut hasher = DefaultHasher::new();
    changes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::diff::arguments::{Diff, DiffFormat};
    use crate::commands::diff::pairs;
    use crate::commands::options::{Input, Out};
    use crate::commands::select;
    use crate::publish::exchange;
    use crate::resolve::read::read_bytes;

    #[test]
    fn files_that_are_written_while_they_are_compared_are_not_shown() {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let (outcomes, _) = read_bytes(include_bytes!("../../../clusters.yaml"));
        let fleets = select::fleets(&[], &outcomes);
        let renderer = Renderer::new().unwrap_or_else(|error| panic!("{error:#}"));
        let publish = |edit: &str| {
            let mut files = rendered(fleets[0], &renderer).unwrap_or_else(|error| panic!("{error:#}")).files;
            files[0].text += edit;
            let dir = dir.path().join(fleets[0].key.as_str());
            exchange::publish(&dir, &files, &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
        };
        publish("# one\n");
        let command = Diff {
            clusters: Vec::new(),
            input: Input { config: "clusters.yaml".into() },
            out: Out { dir: dir.path().to_owned() },
            against: None,
            format: DiffFormat::Text,
        };
        let side = Side::find(&command).unwrap_or_else(|error| panic!("{error:#}"));
        let pairs = pairs::of(&side, &fleets[..1], &renderer).unwrap_or_else(|error| panic!("{error:#}"));
        let compared = Compared::of(&pairs, &side, &renderer).unwrap_or_else(|error| panic!("{error:#}"));
        let shown = || {
            let mut shown = Vec::new();
            let ended = compared.each(
                |_, changes| Ok(changes.len()),
                |_, files| {
                    shown.push(files);
                    Ok(true)
                },
            );
            ended.map(|()| shown)
        };
        assert_eq!(shown().unwrap_or_else(|error| panic!("{error:#}")), [1]);
        publish("# two\n");
        let error = shown().expect_err("other files than those that were judged");
        assert!(error.to_string().ends_with("were written while they were compared: run `diff` again"), "{error:#}");
    }
}
