//! Which fields of the manifests a key reaches: found by rendering the cluster with other values, so it cannot differ
//! from what the program does.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use anyhow::Result;
use indexmap::{IndexMap, IndexSet};

use crate::config::Entry;
use crate::explain::address::{Asked, Field};
use crate::explain::manifest::{Leaf, fields};
use crate::explain::variation::Subject;
use crate::fleet::Fleet;
use crate::render::{RenderedFile, Renderer};
use crate::shape::{KeyPath, Shape, flatten};

/// A cluster rendered, as what its variations are held against.
pub struct Base<'a> {
    renderer: &'a Renderer,
    files: Vec<RenderedFile>,
    fields: IndexMap<Field, Leaf>,
    pub fleet: &'a Fleet,
    /// Worked out when it is first asked for: hundreds of renderings.
    every: OnceCell<Vec<(KeyPath, Reach)>>,
}

/// What other values of one key do to the manifests of a cluster, each list in their order.
#[derive(Debug, Default)]
pub struct Reach {
    /// Fields with another value, and fields that are left out of a block that stays.
    pub changes: IndexSet<Field>,
    /// Blocks and objects that some values leave out as a whole.
    pub removes: IndexSet<Field>,
    /// Fields, blocks and objects that only other values have.
    pub adds: IndexSet<Field>,
    /// Every field of what is added.
    added: IndexSet<Field>,
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

    /// Takes in what the same key does to another cluster.
    pub fn join(&mut self, other: Reach) {
        self.changes.extend(other.changes);
        self.removes.extend(other.removes);
        self.adds.extend(other.adds);
        self.added.extend(other.added);
        self.skips |= other.skips;
        self.accepted |= other.accepted;
        for list in [&mut self.changes, &mut self.removes, &mut self.adds] {
            list.sort_by_key(|field| field.file);
        }
    }

    /// Whether other values add what the address names, or where none is given, anything to the file.
    pub fn adds_to(&self, file: &str, asked: Option<&Asked>) -> bool {
        self.added.iter().any(|field| field.file == file && asked.is_none_or(|asked| asked.holds(field)))
    }
}

impl<'a> Base<'a> {
    pub fn of(fleet: &'a Fleet, renderer: &'a Renderer) -> Result<Self> {
        let files = renderer.render(fleet)?;
        let fields = fields(&files);
        Ok(Base { renderer, files, fields, fleet, every: OnceCell::new() })
    }

    pub fn files(&self) -> &[RenderedFile] {
        &self.files
    }

    /// What every key does, but for those of blocks with names of the user's choice: they are tried with the block.
    pub fn every_reach(&self, subject: &Subject) -> Result<&[(KeyPath, Reach)]> {
        if let Some(every) = self.every.get() {
            return Ok(every);
        }
        let keys = flatten(Entry::KEYS).into_iter();
        let every: Result<Vec<_>> = keys
            .filter(|key| !matches!((key.key.shape)(), Shape::Block { .. }) && !key.path.contains(&"*"))
            .map(|key| self.reach(&key, subject).map(|reach| (key, reach)))
            .collect();
        Ok(self.every.get_or_init({
            let every = every?;
            || every
        }))
    }

    /// What other values of the key do.
    pub fn reach(&self, key: &KeyPath, subject: &Subject) -> Result<Reach> {
        let tried = subject.variations(key, self.fleet);
        let mut reach = Reach { skips: tried.skips, accepted: tried.accepted, ..Reach::default() };
        for fleet in &tried.fleets {
            self.compare(&self.renderer.render(fleet)?, &mut reach);
        }
        let place = |field: &Field| (field.file, self.fields.get_index_of(field).unwrap_or(usize::MAX));
        reach.changes.sort_by_cached_key(place);
        reach.removes.sort_by_key(|field| field.file);
        reach.adds.sort_by_key(|field| field.file);
        Ok(reach)
    }

    fn compare(&self, others: &[RenderedFile], reach: &mut Reach) {
        let differs = |file: &RenderedFile, others: &[RenderedFile]| {
            !others.iter().any(|other| other.path == file.path && other.text == file.text)
        };
        let changed: Vec<RenderedFile> = others.iter().filter(|file| differs(file, &self.files)).cloned().collect();
        let touched: HashSet<&str> =
            self.files.iter().filter(|file| differs(file, others)).map(|file| file.path).collect();
        let after = fields(&changed);
        let before = || self.fields.iter().filter(|(field, _)| touched.contains(field.file));
        let (had, has) = (Names::of(before()), Names::of(after.iter()));
        for (field, leaf) in before() {
            match has.texts.get(leaf.same.as_str()) {
                Some(text) if *text == leaf.text => {}
                Some(_) => _ = reach.changes.insert(field.clone()),
                None => match has.outermost_missing(field, leaf) {
                    block if block.path == field.path => _ = reach.changes.insert(block),
                    block => _ = reach.removes.insert(block),
                },
            }
        }
        for (field, leaf) in &after {
            if !had.texts.contains_key(leaf.same.as_str()) {
                reach.adds.insert(without_place(had.outermost_missing(field, leaf)));
                reach.added.insert(field.clone());
            }
        }
    }
}

/// The list that an item is added to: the item's own place may be another item's in the cluster as it is.
fn without_place(block: Field) -> Field {
    match block.path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) {
        Some((list, place)) if place.parse::<usize>().is_ok() => Field { path: list.to_owned(), ..block },
        _ => block,
    }
}

/// What is in a rendering, by what it is called across two of them.
struct Names<'n> {
    texts: HashMap<&'n str, &'n str>,
    blocks: HashSet<&'n str>,
}

impl<'n> Names<'n> {
    fn of(fields: impl Iterator<Item = (&'n Field, &'n Leaf)>) -> Self {
        let mut names = Names { texts: HashMap::new(), blocks: HashSet::new() };
        for (_, leaf) in fields {
            names.texts.insert(&leaf.same, &leaf.text);
            names.blocks.extend(leaf.ends.iter().map(|(_, end)| &leaf.same[..*end]));
        }
        names
    }

    /// The outermost of the field and the blocks around it that is not here.
    fn outermost_missing(&self, field: &Field, leaf: &Leaf) -> Field {
        let block = leaf.ends.iter().find(|(_, end)| !self.blocks.contains(&leaf.same[..*end]));
        Field { path: block.map_or(field.path.as_str(), |(end, _)| &field.path[..*end]).to_owned(), ..field.clone() }
    }
}
