//! What other values of a key do to the manifests.

use crate::manifests::address::{Asked, Field};
use indexmap::{IndexMap, IndexSet};

/// What other values of one key do to the manifests of a cluster, each list in their order.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Fields with another value, and fields that are left out of a block that stays.
    pub changes: IndexSet<Field>,
    /// Blocks and objects that some values leave out as a whole.
    pub removes: IndexSet<Field>,
    /// Fields, blocks and objects that only other values have.
    pub adds: IndexSet<Field>,
    /// Every field of what is added, with its path with items by place.
    pub(super) added: IndexMap<Field, String>,
    /// Where the key is a block with names of the user's choice: what other values of one entry alone do.
    pub entries: IndexMap<String, Reach>,
    /// Some value leaves the cluster without manifests.
    pub skips: bool,
    /// Some other value passes the rules.
    pub accepted: bool,
}

impl Reach {
    /// Whether the key decides the value of the field, or of anything inside of it. What only decides whether there is
    /// an object or a block around the field does not count.
    pub fn decides(&self, field: &Field) -> bool {
        let inside = |reached: &Field, itself: bool| {
            let same = (&reached.file, &reached.kind, &reached.name) == (&field.file, &field.kind, &field.name);
            let rest = reached.path.strip_prefix(&field.path);
            same && rest.is_some_and(|rest| {
                if rest.is_empty() { itself } else { field.path.is_empty() || rest.starts_with(['.', '[']) }
            })
        };
        self.changes.iter().any(|reached| inside(reached, true))
            || self.removes.iter().chain(&self.adds).any(|reached| inside(reached, false))
    }

    /// Entries of the key's block that decide the field on their own. None where the field follows from the block as a
    /// whole: its order, or a name that is not there.
    pub fn entries_deciding(&self, field: &Field) -> Vec<&str> {
        self.entries.iter().filter(|(_, reach)| reach.decides(field)).map(|(name, _)| name.as_str()).collect()
    }

    /// Takes in what the same key does to another cluster.
    pub fn join(&mut self, other: &Reach) {
        self.take(other);
        self.skips |= other.skips;
        self.accepted |= other.accepted;
        for list in [&mut self.changes, &mut self.removes, &mut self.adds] {
            list.sort_by_key(|field| field.file.clone());
        }
    }

    pub(super) fn take(&mut self, other: &Reach) {
        self.changes.extend(other.changes.iter().cloned());
        self.removes.extend(other.removes.iter().cloned());
        self.adds.extend(other.adds.iter().cloned());
        self.added.extend(other.added.iter().map(|(field, numbered)| (field.clone(), numbered.clone())));
    }

    /// Whether other values add what the address names, or where none is given, anything to the file.
    pub fn adds_to(&self, file: &str, asked: Option<&Asked>) -> bool {
        let mut added = self.added.iter().filter(|(field, _)| field.file == file);
        added.any(|(field, numbered)| asked.is_none_or(|asked| asked.holds(field, numbered)))
    }
}
