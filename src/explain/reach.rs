//! Which fields of the manifests a key reaches: found by rendering the cluster with other values, so it cannot differ
//! from what the program does.

use anyhow::Result;
use indexmap::IndexMap;

use crate::explain::manifest::{Field, fields};
use crate::explain::variation::Subject;
use crate::fleet::Fleet;
use crate::render::{RenderedFile, Renderer};
use crate::shape::KeyPath;

/// A cluster rendered, as what its variations are held against.
pub struct Base<'a> {
    renderer: &'a Renderer,
    files: Vec<RenderedFile>,
    fields: IndexMap<Field, String>,
    pub fleet: &'a Fleet,
}

impl<'a> Base<'a> {
    pub fn of(fleet: &'a Fleet, renderer: &'a Renderer) -> Result<Self> {
        let files = renderer.render(fleet)?;
        let fields = fields(&files);
        Ok(Base { renderer, files, fields, fleet })
    }

    pub fn files(&self) -> &[RenderedFile] {
        &self.files
    }

    /// The fields that the key's values change, in the order of the manifests. Fields that only some values have stand
    /// behind the others of their file.
    pub fn reached(&self, key: &KeyPath, subject: &Subject) -> Result<Vec<Field>> {
        let mut reached: IndexMap<Field, ()> = IndexMap::new();
        for fleet in subject.variations(key, self.fleet) {
            let files = self.renderer.render(&fleet)?;
            let differs = |file: &RenderedFile, others: &[RenderedFile]| {
                !others.iter().any(|other| other.path == file.path && other.text == file.text)
            };
            let (before, after): (Vec<_>, Vec<_>) = (
                self.files.iter().filter(|file| differs(file, &files)).map(|file| file.path).collect(),
                files.iter().filter(|file| differs(file, &self.files)).cloned().collect(),
            );
            let after = fields(&after);
            for (field, text) in self.fields.iter().filter(|(field, _)| before.contains(&field.file)) {
                if after.get(field) != Some(text) {
                    reached.insert(field.clone(), ());
                }
            }
            for field in after.into_keys().filter(|field| !self.fields.contains_key(field)) {
                reached.insert(field, ());
            }
        }
        let mut reached: Vec<Field> = reached.into_keys().collect();
        reached.sort_by_key(|field| (field.file, self.fields.get_index_of(field).unwrap_or(usize::MAX)));
        Ok(reached)
    }
}
