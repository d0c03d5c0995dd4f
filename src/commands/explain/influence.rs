//! What other values of a key do to the manifests: two renderings of a cluster, compared object by object.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

use crate::manifests::address::Field;
use crate::manifests::index::{self, Entry, Object, Role, parts};
use crate::manifests::set::SetFile;

/// What other values of one key do to the manifests of a cluster, each list in their order.
#[derive(Clone, Debug, Default)]
pub struct Influence {
    /// Fields with another value, and fields that are left out of a block that stays.
    pub changes: IndexSet<Field>,
    /// Blocks and objects that some values leave out as a whole.
    pub removes: IndexSet<Field>,
    /// Fields, blocks and objects that only other values have.
    pub adds: IndexSet<Field>,
    /// Where the key is a block with names of the user's choice: what other values of one entry alone do.
    pub entries: IndexMap<String, Influence>,
    /// Some value leaves the cluster without manifests.
    pub skips: bool,
    /// Some other value passes the rules.
    pub accepted: bool,
}

impl Influence {
    /// Whether the key decides the value of the field, or of anything inside of it. What only decides whether there is
    /// an object or a block around the field does not count.
    pub fn decides(&self, field: &Field) -> bool {
        let mut blocks = self.removes.iter().chain(&self.adds);
        self.changes.iter().any(|change| change.is_within(field))
            || blocks.any(|block| block.is_within(field) && block != field)
    }

    /// Entries of the key's block that decide the field on their own. None where the field follows from the block as a
    /// whole: its order, or a name that is not there.
    pub fn entries_deciding(&self, field: &Field) -> Vec<&str> {
        self.entries.iter().filter(|(_, one)| one.decides(field)).map(|(name, _)| name.as_str()).collect()
    }

    /// Takes in what the same key does to another cluster, or another entry of it.
    pub fn join(&mut self, other: &Influence) {
        self.changes.extend(other.changes.iter().cloned());
        self.removes.extend(other.removes.iter().cloned());
        self.adds.extend(other.adds.iter().cloned());
        self.skips |= other.skips;
        self.accepted |= other.accepted;
    }

    /// Puts each list in the order of the files, and of these objects of the cluster.
    pub fn sort(&mut self, objects: &[Object]) {
        let place = |field: &Field| {
            let object = objects.iter().position(|object| (&object.kind, &object.name) == (&field.kind, &field.name));
            let entry = object.and_then(|object| objects[object].entries.get_index_of(&field.path));
            (field.file.clone(), object, entry)
        };
        self.changes.sort_by_cached_key(place);
        self.removes.sort_by_cached_key(place);
        self.adds.sort_by_cached_key(|field| field.file.clone());
    }

    /// Takes in what differs between the objects of the cluster and another rendering of their files.
    pub fn compare(&mut self, objects: &[&Object], others: &[SetFile]) {
        let known = objects.iter().map(|object| object.text.as_str()).collect();
        let mut new = index::objects(others, &known);
        let kept: HashSet<&str> = others.iter().flat_map(|file| parts(&file.text)).map(|(_, part)| part).collect();
        let is_changed = |object: &&&Object| !kept.contains(object.text.as_str());
        let mut old: Vec<&Object> = objects.iter().filter(is_changed).copied().collect();
        for is_same in [is_same_name, is_renamed] {
            old.retain(|old| {
                let Some(place) = new.iter().position(|new| is_same(old, new)) else { return true };
                self.compare_object(old, &new.remove(place));
                false
            });
        }
        self.removes.extend(old.iter().map(|object| object.field("")));
        self.adds.extend(new.iter().map(|object| object.field("")));
    }

    fn compare_object(&mut self, old: &Object, new: &Object) {
        for (id, (path, entry)) in old.entries.iter().enumerate().filter(|(_, (_, entry))| entry.is_leaf()) {
            match new.entries.get(path) {
                Some(other) if other.text == entry.text => {}
                Some(_) => _ = self.changes.insert(old.field(path)),
                None => match outermost_missing(old, id, new) {
                    block if block == path => _ = self.changes.insert(old.field(path)),
                    block => _ = self.removes.insert(old.field(block)),
                },
            }
        }
        for (id, (path, _)) in new.entries.iter().enumerate().filter(|(_, (_, entry))| entry.is_leaf()) {
            if !old.entries.get(path).is_some_and(Entry::is_leaf) {
                self.adds.insert(without_place(new.field(outermost_missing(new, id, old))));
            }
        }
    }
}

fn is_same_name(old: &Object, new: &Object) -> bool {
    (&old.kind, &old.name) == (&new.kind, &new.name)
}

/// The names of a Namespace and of `NodePools` come from clusters.yaml: the next one of the kind and the architecture is
/// the same object.
fn is_renamed(old: &Object, new: &Object) -> bool {
    let arch = |object: &Object| object.entries.get("metadata.labels.arch").map(|entry| entry.text.clone());
    matches!(old.kind.as_str(), "Namespace" | "NodePool") && old.kind == new.kind && arch(old) == arch(new)
}

/// The outermost of a field and the blocks around it that the other object does not have.
fn outermost_missing<'o>(object: &'o Object, field: usize, other: &Object) -> &'o str {
    let exists_in =
        |object: &Object, path: &str| object.entries.get(path).is_some_and(|entry| entry.role != Role::Settings);
    let around = object.around(field).map(|id| object.path(id));
    around.filter(|path| exists_in(object, path) && !exists_in(other, path)).last().unwrap_or(object.path(field))
}

/// The list that an item is added to: the item's own place may be another item's in the cluster as it is.
fn without_place(block: Field) -> Field {
    match block.path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) {
        Some((list, place)) if place.parse::<usize>().is_ok() => Field { path: list.to_owned(), ..block },
        _ => block,
    }
}
