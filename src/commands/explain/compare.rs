//! Two renderings of a cluster, object by object: what another value of a key makes different.

use std::collections::HashSet;

use crate::commands::explain::manifest::{FieldText, Object, parts};
use crate::commands::explain::reach::Reach;
use crate::manifests::address::Field;
use crate::manifests::set::SetFile;

/// Adds to the reach what differs between the objects of the cluster and another rendering of their files.
pub(super) fn compare(objects: &[&Object], others: &[SetFile], reach: &mut Reach) {
    let known: HashSet<&str> = objects.iter().map(|object| object.text.as_str()).collect();
    let all = || others.iter().flat_map(|file| parts(&file.text).map(|part| (file.path.as_str(), part)));
    let kept: HashSet<&str> = all().map(|(_, part)| part).filter(|part| known.contains(part)).collect();
    let before: Vec<&Object> = objects.iter().filter(|object| !kept.contains(object.text.as_str())).copied().collect();
    let after: Vec<Object> =
        all().filter(|(_, part)| !kept.contains(part)).filter_map(|(file, part)| Object::read(file, part)).collect();
    let partners = partners(&before, &after);
    for (old, partner) in before.iter().zip(&partners) {
        match partner.and_then(|place| after.get(place)) {
            Some(new) => differences(old, new, reach),
            None => _ = reach.removes.insert(old.field("")),
        }
    }
    for (_, new) in after.iter().enumerate().filter(|(place, _)| !partners.contains(&Some(*place))) {
        reach.adds.insert(new.field(""));
        reach.added.extend(new.leaves.iter().map(|(path, leaf)| (new.field(path), leaf.numbered.clone())));
    }
}

/// For each object the place of the same one among the others: by kind and name. The names of a Namespace and of
/// `NodePools` come from clusters.yaml: where a name is left without a partner, the next one of the kind is it.
fn partners(before: &[&Object], after: &[Object]) -> Vec<Option<usize>> {
    let place_of = |old: &&Object| after.iter().position(|new| (&new.kind, &new.name) == (&old.kind, &old.name));
    let mut partners: Vec<Option<usize>> = before.iter().map(place_of).collect();
    for (place, new) in after.iter().enumerate() {
        let renamed = matches!(new.kind.as_str(), "Namespace" | "NodePool");
        if renamed && !partners.contains(&Some(place)) {
            let is_same = |(old, partner): &(&&Object, &mut Option<usize>)| {
                partner.is_none() && old.kind == new.kind && arch(old) == arch(new)
            };
            if let Some((_, partner)) = before.iter().zip(&mut partners).find(is_same) {
                *partner = Some(place);
            }
        }
    }
    partners
}

/// The architecture in an object's labels.
fn arch(object: &Object) -> Option<&str> {
    object.leaves.get("metadata.labels.arch").map(|leaf| leaf.text.as_str())
}

fn differences(old: &Object, new: &Object, reach: &mut Reach) {
    for (path, leaf) in &old.leaves {
        match new.leaves.get(path) {
            Some(other) if other.text == leaf.text => {}
            Some(_) => _ = reach.changes.insert(old.field(path)),
            None => match outermost_missing(path, leaf, new) {
                block if block == path => _ = reach.changes.insert(old.field(path)),
                block => _ = reach.removes.insert(old.field(block)),
            },
        }
    }
    for (path, leaf) in new.leaves.iter().filter(|(path, _)| !old.leaves.contains_key(*path)) {
        reach.adds.insert(without_place(new.field(outermost_missing(path, leaf, old))));
        reach.added.insert(new.field(path), leaf.numbered.clone());
    }
}

/// The outermost of the field and the blocks around it that the other object does not have.
fn outermost_missing<'p>(path: &'p str, leaf: &FieldText, other: &Object) -> &'p str {
    let has = |block: &str| {
        other.leaves.iter().any(|(path, leaf)| path.starts_with(block) && leaf.ends.contains(&block.len()))
    };
    leaf.ends.iter().map(|end| &path[..*end]).find(|block| !has(block)).unwrap_or(path)
}

/// The list that an item is added to: the item's own place may be another item's in the cluster as it is.
fn without_place(block: Field) -> Field {
    match block.path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) {
        Some((list, place)) if place.parse::<usize>().is_ok() => Field { path: list.to_owned(), ..block },
        _ => block,
    }
}
