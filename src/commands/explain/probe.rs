//! Which fields of the manifests a key influences: found by rendering the cluster with other values, so it cannot differ
//! from what the program does.

use std::cell::OnceCell;
use std::collections::HashSet;

use anyhow::Result;

use crate::commands::explain::influence::Influence;
use crate::commands::explain::source::Source;
use crate::commands::explain::trials::{self, Trials};
use crate::commands::explain::values::Trial;
use crate::config::ClusterKeys;
use crate::fleet::model::Fleet;
use crate::input::shape::{KeyPath, Shape, flatten};
use crate::manifests::address::{Asked, Field};
use crate::manifests::index::{Object, objects};
use crate::manifests::list;
use crate::manifests::patch::refusal::Refusal;
use crate::manifests::render::Renderer;
use crate::manifests::set::SetFile;
use crate::values::patch::Patch;

/// Keys, each with what it does.
type Influences = Vec<(KeyPath, Influence)>;

/// A cluster as rendered, and what other values of its keys would make of it.
pub struct Probe<'a> {
    renderer: &'a Renderer,
    pub source: Source<'a>,
    pub fleet: &'a Fleet,
    pub objects: Vec<Object>,
    /// What other values of every key make of the cluster, tried when it is first asked for.
    tried: OnceCell<Vec<(KeyPath, Trials)>>,
    /// What every key does to a file, worked out when it is first asked for: hundreds of renderings.
    influences: Vec<(&'static str, OnceCell<Influences>)>,
}

impl<'a> Probe<'a> {
    pub fn new(source: Source<'a>, fleet: &'a Fleet, renderer: &'a Renderer) -> Result<Self> {
        let objects = objects(&renderer.render(fleet)?, &HashSet::new());
        let influences = list::ALL.iter().map(|manifest| (manifest.path, OnceCell::new())).collect();
        Ok(Probe { renderer, source, fleet, objects, tried: OnceCell::new(), influences })
    }

    /// The objects of a file, or of all.
    pub fn objects_of(&self, file: Option<&str>) -> Vec<&Object> {
        self.objects.iter().filter(|object| file.is_none_or(|file| object.file == file)).collect()
    }

    /// What other values of every key make of the cluster, but for the keys of blocks with names of the user's choice:
    /// they are tried with the block.
    fn tried(&self) -> &[(KeyPath, Trials)] {
        let is_tried = |key: &KeyPath| !matches!((key.key.shape)(), Shape::Block { .. }) && !key.path.contains(&"*");
        let keys = || flatten(ClusterKeys::KEYS).into_iter().filter(is_tried);
        let try_key = |key: KeyPath| (key.clone(), trials::of(&key, self.source, self.fleet));
        self.tried.get_or_init(|| keys().map(try_key).collect())
    }

    /// What every key does to one file.
    pub fn influences_on(&self, file: &str) -> Result<&[(KeyPath, Influence)]> {
        let Some((path, influences)) = self.influences.iter().find(|(path, _)| *path == file) else { return Ok(&[]) };
        if let Some(known) = influences.get() {
            return Ok(known);
        }
        let of_key = |(key, trials): &(KeyPath, Trials)| Ok((key.clone(), self.outcome(trials, |file| file == *path)?));
        let found = self.tried().iter().map(of_key).collect::<Result<_>>()?;
        Ok(influences.get_or_init(|| found))
    }

    /// Keys that with some value bring to a file what an address names or, without one, the file itself.
    pub fn keys_adding(&self, file: &str, asked: Option<&Asked>) -> Result<Vec<&KeyPath>> {
        let is_it = |object: &Object| {
            let is_asked = |asked: &Asked| object.is(asked) && object.follow(0, &asked.steps).is_ok();
            object.file == file && asked.is_none_or(is_asked)
        };
        let known = self.objects.iter().map(|object| object.text.as_str()).collect();
        let mut adding = Vec::new();
        for (key, trials) in self.tried().iter().filter(|_| !self.objects.iter().any(is_it)) {
            for trial in &trials.fleets {
                let files = self.rendered(&trial.what, |path| path == file)?;
                if objects(&files.unwrap_or_default(), &known).iter().any(is_it) {
                    adding.push(key);
                    break;
                }
            }
        }
        Ok(adding)
    }

    /// Some files of another fleet; none where a patch of the cluster does not go with it.
    fn rendered(&self, fleet: &Fleet, wanted: impl Fn(&str) -> bool) -> Result<Option<Vec<SetFile>>> {
        match self.renderer.render_some(fleet, wanted) {
            Err(error) if error.is::<Refusal>() => Ok(None),
            files => files.map(Some),
        }
    }

    /// The patch that decides the value of a field or of anything inside of it: the last one that changes it.
    pub fn patch_of(&self, field: &Field) -> Result<Option<&Patch>> {
        let patches = &self.fleet.patches;
        let mut later = entries_within(field, &self.objects);
        for count in (0..patches.len()).rev() {
            let fewer = Fleet { patches: patches[..count].to_vec(), ..self.fleet.clone() };
            let files = self.renderer.render_some(&fewer, |path| path == field.file)?;
            let earlier = entries_within(field, &objects(&files, &HashSet::new()));
            if earlier != later {
                return Ok(patches.get(count));
            }
            later = earlier;
        }
        Ok(None)
    }

    /// What other values of the key do.
    pub fn influence(&self, key: &KeyPath) -> Result<Influence> {
        self.outcome(&trials::of(key, self.source, self.fleet), |_| true)
    }

    /// What these trials do to some of the files: the others are not rendered.
    fn outcome(&self, trials: &Trials, wanted: impl Fn(&str) -> bool) -> Result<Influence> {
        let mut all = Influence { skips: trials.skips, accepted: trials.accepted, ..Influence::default() };
        let before: Vec<&Object> = self.objects.iter().filter(|object| wanted(&object.file)).collect();
        for Trial { what: fleet, entry, beside } in &trials.fleets {
            let Some(after) = self.rendered(fleet, &wanted)? else { continue };
            let part = match entry {
                None => &mut all,
                Some(name) => all.entries.entry(name.clone()).or_default(),
            };
            match beside {
                None => part.compare(&before, &after),
                Some(beside) => {
                    let Some(beside) = self.rendered(beside, &wanted)? else { continue };
                    let beside = objects(&beside, &HashSet::new());
                    part.compare(&beside.iter().collect::<Vec<_>>(), &after);
                }
            }
        }
        for of_entry in all.entries.clone().values() {
            all.join(of_entry);
        }
        all.sort(&self.objects);
        Ok(all)
    }
}

/// What an object has at a field: paths and texts.
fn entries_within(field: &Field, objects: &[Object]) -> Vec<(String, String)> {
    let object = objects.iter().find(|object| (&object.kind, &object.name) == (&field.kind, &field.name));
    let entries = object.into_iter().flat_map(|object| {
        let inside = object.entries.iter().filter(|(path, _)| object.field(path).is_within(field));
        inside.map(|(path, entry)| (path.clone(), entry.text.clone()))
    });
    entries.collect()
}
