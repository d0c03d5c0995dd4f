//! Which fields of the manifests a key reaches: found by rendering the cluster with other values, so it cannot differ
//! from what the program does.

use std::cell::OnceCell;

use anyhow::Result;
use indexmap::{IndexMap, IndexSet};

use crate::config::Entry;
use crate::explain::address::{Asked, Field};
use crate::explain::compare::compare;
use crate::explain::manifest::{self, Object};
use crate::explain::variation::{Subject, Variations, Varied};
use crate::fleet::Fleet;
use crate::manifests;
use crate::render::{RenderedFile, Renderer};
use crate::shape::{KeyPath, Shape, flatten};

/// Keys, each with what it does.
type KeyReaches = Vec<(KeyPath, Reach)>;

/// A cluster rendered, as what its variations are held against.
pub struct Base<'a> {
    renderer: &'a Renderer,
    files: Vec<RenderedFile>,
    objects: Vec<Object>,
    pub fleet: &'a Fleet,
    /// What other values of every key make of the cluster, tried when it is first asked for.
    tried: OnceCell<Vec<(KeyPath, Variations)>>,
    /// What every key does to a file, worked out when it is first asked for: hundreds of renderings.
    every: Vec<(&'static str, OnceCell<KeyReaches>)>,
}

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
            let same = (reached.file, &reached.kind, &reached.name) == (field.file, &field.kind, &field.name);
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
            list.sort_by_key(|field| field.file);
        }
    }

    fn take(&mut self, other: &Reach) {
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

impl<'a> Base<'a> {
    pub fn of(fleet: &'a Fleet, renderer: &'a Renderer) -> Result<Self> {
        let files = renderer.render(fleet)?;
        let objects = manifest::objects(&files);
        let every = manifests::ALL.iter().map(|manifest| (manifest.path, OnceCell::new())).collect();
        Ok(Base { renderer, files, objects, fleet, tried: OnceCell::new(), every })
    }

    pub fn files(&self) -> &[RenderedFile] {
        &self.files
    }

    /// What every key does to one file, but for the keys of blocks with names of the user's choice: they are tried with
    /// the block.
    pub fn every_reach(&self, file: &str, subject: &Subject) -> Result<&[(KeyPath, Reach)]> {
        let Some((path, every)) = self.every.iter().find(|(path, _)| *path == file) else { return Ok(&[]) };
        if let Some(every) = every.get() {
            return Ok(every);
        }
        let tried = self.tried.get_or_init(|| {
            let keys = flatten(Entry::KEYS).into_iter();
            keys.filter(|key| !matches!((key.key.shape)(), Shape::Block { .. }) && !key.path.contains(&"*"))
                .map(|key| (key.clone(), subject.variations(&key, self.fleet)))
                .collect()
        });
        let reach = |(key, tried): &(KeyPath, Variations)| {
            Ok((key.clone(), self.reach_of(tried, |manifest| manifest == *path)?))
        };
        let found: Result<Vec<_>> = tried.iter().map(reach).collect();
        let found = found?;
        Ok(every.get_or_init(|| found))
    }

    /// What other values of the key do.
    pub fn reach(&self, key: &KeyPath, subject: &Subject) -> Result<Reach> {
        self.reach_of(&subject.variations(key, self.fleet), |_| true)
    }

    /// What these variations do to some of the files: the others are not rendered.
    fn reach_of(&self, tried: &Variations, wanted: impl Fn(&str) -> bool) -> Result<Reach> {
        let mut reach = Reach { skips: tried.skips, accepted: tried.accepted, ..Reach::default() };
        let objects: Vec<&Object> = self.objects.iter().filter(|object| wanted(object.file)).collect();
        for Varied { fleet, entry, beside } in &tried.fleets {
            let others = self.renderer.render_some(fleet, &wanted)?;
            let part = match entry {
                None => &mut reach,
                Some(name) => reach.entries.entry(name.clone()).or_default(),
            };
            match beside {
                None => compare(&objects, &others, part),
                Some(beside) => {
                    let beside = manifest::objects(&self.renderer.render_some(beside, &wanted)?);
                    compare(&beside.iter().collect::<Vec<_>>(), &others, part);
                }
            }
        }
        for of_entry in reach.entries.clone().values() {
            reach.take(of_entry);
        }
        let place = |field: &Field| {
            let is_it = |object: &&Object| (&object.kind, &object.name) == (&field.kind, &field.name);
            let leaf = self.objects.iter().find(is_it).and_then(|object| object.leaves.get_index_of(&field.path));
            (field.file, self.objects.iter().position(|object| is_it(&object)), leaf)
        };
        reach.changes.sort_by_cached_key(place);
        reach.removes.sort_by_key(|field| field.file);
        reach.adds.sort_by_key(|field| field.file);
        Ok(reach)
    }
}
