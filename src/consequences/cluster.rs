//! One cluster in two versions, and what follows.

use std::collections::BTreeSet;

use crate::catalogue::price::Usd;
use crate::consequences::advice::DeliveryAdvice;
use crate::consequences::capacity::PoolFacts;
use crate::consequences::classify::classify;
use crate::consequences::classify::pair::ManifestPair;
use crate::consequences::consequence::{Class, Consequence};
use crate::diagnostics::words::number;
use crate::manifests::list::KUSTOMIZATION;
use crate::manifests::objects::Objects;
use crate::manifests::set::{Set, SetFile};
use crate::publish::compare::Change;
use crate::values::name::Region;

#[derive(Debug)]
pub struct ClusterDiff {
    pub cluster: String,
    pub status: Status,
    pub consequences: Vec<Consequence>,
    pub changes: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// What follows for one cluster from its two sets, one of which may be missing. The old set comes with the name that the
/// cluster had then: under another one it is the same fleet.
pub fn compare(cluster: &str, old: Option<(&str, &Set)>, new: Option<&Set>) -> ClusterDiff {
    match (old, new) {
        (Some((earlier, old)), Some(new)) if earlier != cluster => moved(earlier, cluster, old, new),
        (Some((_, old)), Some(new)) => both(cluster, old, new),
        (None, Some(new)) => added(cluster, new),
        (Some((_, old)), None) => removed(cluster, old),
        (None, None) => {
            ClusterDiff { cluster: cluster.to_owned(), status: Status::Same, consequences: vec![], changes: vec![] }
        }
    }
}

fn both(cluster: &str, old: &Set, new: &Set) -> ClusterDiff {
    let changes = changes(&old.files, &new.files);
    let regions = (old.region.as_ref().or(new.region.as_ref()), new.region.as_ref());
    let mut consequences = Vec::new();
    if !changes.is_empty() {
        consequences = match consequences_in(&old.files, &new.files, regions) {
            Ok(found) => found,
            Err(error) => vec![unread(&error)],
        };
    }
    if let (Some(before), Some(after)) = regions
        && before != after
    {
        let what = format!("costs are now those of {after} instead of {before}");
        consequences.push(Consequence::new(Class::Capacity, "clusters.yaml: region", what));
        consequences.sort_by_key(|consequence| consequence.class);
    }
    let status = if consequences.is_empty() && changes.is_empty() { Status::Same } else { Status::Changed };
    ClusterDiff { cluster: cluster.to_owned(), status, consequences, changes }
}

/// The same fleet under another name.
fn moved(earlier: &str, name: &str, old: &Set, new: &Set) -> ClusterDiff {
    let mut diff = both(name, old, new);
    let what = format!("{earlier} is renamed to {name}; on the cluster it is the same fleet");
    // Only the headers of the files contain the name of the cluster.
    diff.consequences.retain(|consequence| consequence.class != Class::NoEffect);
    diff.consequences.push(Consequence::new(Class::NoEffect, format!("{earlier} -> {name}"), what));
    diff.status = Status::Changed;
    diff
}

/// The consequences of a change from one version of a cluster's files to another. Prices are those of the region.
///
/// # Errors
/// A file is not a manifest: it was edited by hand, or was not written by this program.
pub fn consequences(old: &[SetFile], new: &[SetFile], region: Option<&Region>) -> anyhow::Result<Vec<Consequence>> {
    consequences_in(old, new, (region, region))
}

fn consequences_in(
    old: &[SetFile],
    new: &[SetFile],
    (before, after): (Option<&Region>, Option<&Region>),
) -> anyhow::Result<Vec<Consequence>> {
    let (old_objects, new_objects) = Objects::read_both(old, new)?;
    let pair = ManifestPair::new(old_objects, new_objects, before, after);
    if let (Some(from), Some(to)) = (pair.old.cluster_name(), pair.new.cluster_name())
        && from != to
    {
        return Ok(other_cluster(&pair, from, to));
    }
    let (listed, differing): (Vec<Change>, Vec<Change>) =
        changes(old, new).into_iter().partition(|change| change.path == KUSTOMIZATION);
    let silent: Vec<String> = differing
        .into_iter()
        .filter(|change| pair.old.in_file(&change.path) == pair.new.in_file(&change.path))
        .map(|change| change.path)
        .collect();
    let mut found = classify(&pair, &silent);
    // It follows from the manifests, but for the first set that has it.
    if found.is_empty() && !listed.is_empty() {
        let what = "only the list of the manifests differs, which is no object of the cluster";
        found.push(Consequence::new(Class::NoEffect, KUSTOMIZATION, what));
    }
    Ok(found)
}

/// The fleet moves to another EKS cluster: the old one is left behind, and a new one is created.
fn other_cluster(pair: &ManifestPair, from: &str, to: &str) -> Vec<Consequence> {
    let mut leaves = leaving(pair);
    leaves.what = format!("the fleet moves to the cluster {to}. On {from}, {}", leaves.what);
    let mut comes = coming(pair);
    comes.what = format!("on {to}: {}", comes.what);
    vec![leaves, comes]
}

fn unread(error: &anyhow::Error) -> Consequence {
    Consequence::new(
        Class::Unjudged,
        "the other version",
        format!("it cannot be read, so the consequences are unknown: {error:#}"),
    )
    .advice("the unified diff shows how the files differ")
}

/// The files that differ, in the order of their names.
pub fn changes(old: &[SetFile], new: &[SetFile]) -> Vec<Change> {
    let paths: BTreeSet<&str> = old.iter().chain(new).map(|file| file.path.as_str()).collect();
    let both = paths.into_iter().map(|path| (path, text_of(old, path), text_of(new, path)));
    both.filter(|(_, old, new)| old != new)
        .map(|(path, old, new)| Change {
            path: path.to_owned(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
        })
        .collect()
}

fn text_of<'a>(files: &'a [SetFile], path: &str) -> Option<&'a str> {
    files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
}

fn added(cluster: &str, set: &Set) -> ClusterDiff {
    let consequence = Objects::read(&set.files).map_or_else(
        |error| unread(&error),
        |new| coming(&ManifestPair::new(Objects::default(), new, None, set.region.as_ref())),
    );
    ClusterDiff {
        cluster: cluster.to_owned(),
        status: Status::Added,
        consequences: vec![consequence],
        changes: changes(&[], &set.files),
    }
}

fn removed(cluster: &str, set: &Set) -> ClusterDiff {
    let consequence = Objects::read(&set.files).map_or_else(
        |error| unread(&error),
        |old| leaving(&ManifestPair::new(old, Objects::default(), set.region.as_ref(), None)),
    );
    ClusterDiff {
        cluster: cluster.to_owned(),
        status: Status::Removed,
        consequences: vec![consequence],
        changes: changes(&set.files, &[]),
    }
}

fn coming(pair: &ManifestPair) -> Consequence {
    let what = format!("a new fleet ({}{})", number(pair.new.len(), "object"), size(&pair.new_pools));
    sized(Consequence::of_all(Class::Creates, names(&pair.new), what), &pair.new_pools)
}

fn leaving(pair: &ManifestPair) -> Consequence {
    let objects = number(pair.old.len(), "object");
    let what = format!(
        "a fleet ({objects}{}) is no longer in the file; applying the rest deletes none of it",
        size(&pair.old_pools)
    );
    sized(Consequence::of_all(Class::Deletes, names(&pair.old), what), &pair.old_pools)
        .advice(DeliveryAdvice::of(&pair.old, &pair.new).fleet_gone(&pair.old))
}

fn names(objects: &Objects) -> Vec<String> {
    objects.iter().map(|(identity, _)| identity.short()).collect()
}

/// `; amd64 2 to 8 pods, 1 to 4 nodes, $5.70 to $22.78 an hour; ...`.
fn size(pools: &[PoolFacts]) -> String {
    pools.iter().fold(String::new(), |text, pool| format!("{text}; {} {}", pool.arch.name(), pool.size()))
}

fn sized(consequence: Consequence, pools: &[PoolFacts]) -> Consequence {
    pools.iter().fold(consequence, |consequence, pool| {
        let arch = pool.arch.name();
        let (min, max) = (pool.pods.min, pool.pods.max);
        consequence
            .number(&format!("{arch}_pods_min"), min)
            .number(&format!("{arch}_pods_max"), max)
            .number(&format!("{arch}_nodes_at_min"), pool.nodes(min))
            .number(&format!("{arch}_nodes_at_max"), pool.nodes(max))
            .number(&format!("{arch}_usd_per_hour_at_min"), pool.hourly(min).map(Usd::as_f64))
            .number(&format!("{arch}_usd_per_hour_at_max"), pool.hourly(max).map(Usd::as_f64))
    })
}
