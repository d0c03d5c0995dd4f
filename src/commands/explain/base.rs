//! Which fields of the manifests a key reaches: found by rendering the cluster with other values, so it cannot differ
//! from what the program does.

use crate::commands::explain::compare::compare;
use crate::commands::explain::manifest::{self, Object};
use crate::commands::explain::reach::Reach;
use crate::commands::explain::variation::{Subject, Variations, Varied};
use crate::config::ClusterKeys;
use crate::fleet::model::Fleet;
use crate::input::shape::{KeyPath, Shape, flatten};
use crate::manifests::address::Field;
use crate::manifests::list;
use crate::manifests::render::Renderer;
use crate::manifests::set::SetFile;
use anyhow::Result;
use std::cell::OnceCell;

/// Keys, each with what it does.
type KeyReaches = Vec<(KeyPath, Reach)>;

/// A cluster rendered, as what its variations are held against.
pub struct Base<'a> {
    renderer: &'a Renderer,
    files: Vec<SetFile>,
    objects: Vec<Object>,
    pub fleet: &'a Fleet,
    /// What other values of every key make of the cluster, tried when it is first asked for.
    tried: OnceCell<Vec<(KeyPath, Variations)>>,
    /// What every key does to a file, worked out when it is first asked for: hundreds of renderings.
    every: Vec<(&'static str, OnceCell<KeyReaches>)>,
}

impl<'a> Base<'a> {
    pub fn of(fleet: &'a Fleet, renderer: &'a Renderer) -> Result<Self> {
        let files = renderer.render(fleet)?;
        let objects = manifest::objects(&files);
        let every = list::ALL.iter().map(|manifest| (manifest.path, OnceCell::new())).collect();
        Ok(Base { renderer, files, objects, fleet, tried: OnceCell::new(), every })
    }

    pub fn files(&self) -> &[SetFile] {
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
            let keys = flatten(ClusterKeys::KEYS).into_iter();
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
        let objects: Vec<&Object> = self.objects.iter().filter(|object| wanted(&object.file)).collect();
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
            (field.file.clone(), self.objects.iter().position(|object| is_it(&object)), leaf)
        };
        reach.changes.sort_by_cached_key(place);
        reach.removes.sort_by_key(|field| field.file.clone());
        reach.adds.sort_by_key(|field| field.file.clone());
        Ok(reach)
    }
}
