//! The objects of a set while patches change them. `ConfigMap`s have their names without the hash of their content
//! meanwhile, and so have references to them; an object that no patch touches keeps its text.

use std::collections::HashMap;

use anyhow::{Context, Result};
use indexmap::IndexSet;
use serde_json::Value;

use crate::manifests::address::Field;
use crate::manifests::checksum::checksum;
use crate::manifests::index::{Object, parts};
use crate::manifests::names::{hashed, without_hash};
use crate::manifests::patch::bounds::bounded;
use crate::manifests::patch::merge::merge;
use crate::manifests::patch::refusal::Refusal;
use crate::manifests::set::SetFile;
use crate::manifests::write;
use crate::values::patch::{Modification, Patch};

/// What identifies an object.
const IDENTITY: [(&str, &str); 4] = [
    ("apiVersion", "/apiVersion"),
    ("kind", "/kind"),
    ("metadata.name", "/metadata/name"),
    ("metadata.namespace", "/metadata/namespace"),
];

/// What refers to a ConfigMap by its `name`.
const REFERENCES: [&str; 3] = ["configMap", "configMapKeyRef", "configMapRef"];

#[derive(Clone)]
pub(super) struct Documents {
    paths: Vec<String>,
    all: Vec<Document>,
}

#[derive(Clone)]
pub(super) struct Document {
    /// Place of its file.
    file: usize,
    /// As rendered.
    text: String,
    object: Value,
    /// The name as rendered, with a hash; none if it has no hash.
    hashed: Option<String>,
    /// Content as rendered, of a name with a hash.
    content: Option<[Value; 2]>,
    /// Places of the patches that it was changed by.
    by: Vec<usize>,
}

/// The files with these patches. The error is a `Refusal`, or internal.
pub(crate) fn apply(files: &[SetFile], patches: &[Patch]) -> Result<Vec<SetFile>> {
    let mut documents = Documents::read(files)?;
    for (place, patch) in patches.iter().enumerate() {
        match documents.apply(place, patch) {
            Err(Refusal::NoTarget { .. }) if patch.shared => {}
            applied => applied?,
        }
    }
    Ok(documents.files())
}

impl Documents {
    pub(super) fn read(files: &[SetFile]) -> Result<Self> {
        let mut all = Vec::new();
        for (file, SetFile { path, text }) in files.iter().enumerate() {
            for (_, part) in parts(text) {
                let object = serde_yaml::from_str(part).with_context(|| format!("{path} is not valid YAML"))?;
                all.push(Document::of(file, part, object));
            }
        }
        // A name of the user's may end like a hash.
        let ours: HashMap<String, String> =
            all.iter().filter_map(|one: &Document| Some((one.hashed.clone()?, one.name().to_owned()))).collect();
        for document in &mut all {
            each_reference(&mut document.object, &mut |name| {
                if let Some(base) = ours.get(name.as_str()) {
                    name.clone_from(base);
                }
            });
        }
        Ok(Documents { paths: files.iter().map(|file| file.path.clone()).collect(), all })
    }

    /// Applies a patch to every object of its target. Nothing is changed if it is refused.
    pub(super) fn apply(&mut self, place: usize, patch: &Patch) -> Result<(), Refusal> {
        let is_target =
            |document: &Document| document.kind() == patch.kind.as_str() && patch.name.matches(document.name());
        if !self.all.iter().any(is_target) {
            let known = self.all.iter().map(Document::short).collect();
            return Err(Refusal::NoTarget { target: format!("{}/{}", patch.kind, patch.name), known });
        }
        let mut patched = self.all.clone();
        for document in patched.iter_mut().filter(|document| is_target(document)) {
            document.apply(place, patch)?;
        }
        self.all = patched;
        Ok(())
    }

    /// The objects that differ from an earlier state, each as it was and as it is.
    pub(super) fn objects_changed_since<'a>(
        &'a self,
        before: &'a Documents,
    ) -> impl Iterator<Item = (&'a Value, &'a Value)> {
        let pairs = before.all.iter().zip(&self.all).map(|(old, new)| (&old.object, &new.object));
        pairs.filter(|(old, new)| old != new)
    }

    /// The fields that differ from an earlier state of the same objects, in the order of the objects.
    pub(super) fn changed_since(&self, before: &Documents) -> Vec<Field> {
        let mut changed = IndexSet::new();
        for (old, new) in before.all.iter().zip(&self.all).filter(|(old, new)| old.object != new.object) {
            let read = |document: &Document| Object::read("", 0, &write::block(&document.object));
            let (Some(old), Some(new)) = (read(old), read(new)) else { continue };
            for (one, other) in [(&old, &new), (&new, &old)] {
                let leaves = one.entries.iter().filter(|(_, entry)| entry.is_leaf());
                let differing = leaves.filter(|(path, entry)| {
                    other.entries.get(*path).is_none_or(|there| !there.is_leaf() || there.text != entry.text)
                });
                changed.extend(differing.map(|(path, _)| new.field(path)));
            }
        }
        changed.into_iter().collect()
    }

    /// The files, with names of `ConfigMap`s that follow from their content.
    pub(super) fn files(&self) -> Vec<SetFile> {
        let (mut names, mut renamed) = (HashMap::new(), Vec::new());
        for document in &self.all {
            let Some(old) = &document.hashed else { continue };
            let new = document.name_now(old);
            if new != *old {
                renamed.push((old.as_str(), new.clone()));
            }
            names.insert(document.name(), new);
        }
        let mut files: Vec<SetFile> =
            self.paths.iter().map(|path| SetFile { path: path.clone(), text: String::new() }).collect();
        for document in &self.all {
            let text = &mut files[document.file].text;
            if !text.is_empty() {
                *text += "---\n";
            }
            *text += &document.written(&names, &renamed);
        }
        files
    }
}

impl Document {
    fn of(file: usize, text: &str, mut object: Value) -> Self {
        let (kind, name) = (text_at(&object, "/kind"), text_at(&object, "/metadata/name"));
        let base = without_hash(kind, name);
        let hashed = (base != name).then(|| name.to_owned());
        let content = hashed.as_ref().map(|_| content(&object));
        let base = base.to_owned();
        if hashed.is_some() {
            object["metadata"]["name"] = base.into();
        }
        Document { file, text: text.to_owned(), object, hashed, content, by: Vec::new() }
    }

    fn kind(&self) -> &str {
        text_at(&self.object, "/kind")
    }

    fn name(&self) -> &str {
        text_at(&self.object, "/metadata/name")
    }

    /// `Kind/name`.
    fn short(&self) -> String {
        format!("{}/{}", self.kind(), self.name())
    }

    fn apply(&mut self, place: usize, patch: &Patch) -> Result<(), Refusal> {
        let short = self.short();
        let before = IDENTITY.map(|(_, pointer)| self.object.pointer(pointer).cloned());
        let inapplicable = |why| Refusal::Inapplicable { object: short.clone(), why };
        match &patch.modification {
            Modification::Merge(block) => {
                merge(&mut self.object, block).and_then(|()| bounded(&self.object)).map_err(inapplicable)?;
            }
            Modification::Json(operations) => {
                for (place, operation) in operations.0.iter().enumerate() {
                    let applied = json_patch::patch(&mut self.object, std::slice::from_ref(operation));
                    let applied = applied.map_err(|error| {
                        format!("json[{place}] cannot be applied at `{}`: {}", error.path, error.kind)
                    });
                    // Each `copy` may double the object.
                    applied.and_then(|()| bounded(&self.object)).map_err(inapplicable)?;
                }
            }
        }
        for ((field, pointer), before) in IDENTITY.into_iter().zip(before) {
            if self.object.pointer(pointer) != before.as_ref() {
                return Err(Refusal::Identity { object: short, field });
            }
        }
        self.by.push(place);
        Ok(())
    }

    /// The name with the hash of the content as it is now.
    fn name_now(&self, rendered: &str) -> String {
        if self.content.as_ref() == Some(&content(&self.object)) {
            return rendered.to_owned();
        }
        hashed(self.name(), &checksum_of_patched(&self.object))
    }

    /// Its text. A patched object is written anew: comments are nothing that a patch could change, and those of the
    /// template would be about what it was.
    fn written(&self, names: &HashMap<&str, String>, renamed: &[(&str, String)]) -> String {
        if self.by.is_empty() {
            return renamed.iter().fold(self.text.clone(), |text, (old, new)| text.replace(old, new));
        }
        let mut object = self.object.clone();
        if let Some(name) = names.get(self.name()).filter(|_| self.hashed.is_some()) {
            object["metadata"]["name"] = name.as_str().into();
        }
        each_reference(&mut object, &mut |name| {
            if let Some(with_hash) = names.get(name.as_str()) {
                name.clone_from(with_hash);
            }
        });
        let head: String =
            self.text.split_inclusive('\n').take_while(|line| line.starts_with('#') || *line == "\n").collect();
        format!("{head}{}\n{}", patched_by(&self.by), write::block(&object))
    }
}

/// The comment above a patched object.
fn patched_by(places: &[usize]) -> String {
    let places: Vec<String> = places.iter().map(|place| format!("patches[{place}]")).collect();
    format!("# Patched by {} of clusters.yaml, and written without the comments of its template.", places.join(", "))
}

/// SHA-256 of the content of a patched ConfigMap, in hex: a patch may rename its keys as well.
pub(crate) fn checksum_of_patched(config_map: &Value) -> String {
    let maps = content(config_map);
    let pairs = maps.iter().filter_map(Value::as_object).flatten();
    let texts: Vec<&str> = pairs.flat_map(|(key, text)| [key.as_str(), text.as_str().unwrap_or_default()]).collect();
    checksum(&texts)
}

fn content(config_map: &Value) -> [Value; 2] {
    ["data", "binaryData"].map(|part| config_map[part].clone())
}

/// The text at a JSON pointer; empty if there is none.
pub(super) fn text_at<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Calls `change` for the name in every reference to a ConfigMap.
fn each_reference(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if REFERENCES.contains(&key.as_str())
                    && let Some(Value::String(name)) = value.get_mut("name")
                {
                    change(name);
                }
                each_reference(value, change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_reference(item, change)),
        _ => {}
    }
}
