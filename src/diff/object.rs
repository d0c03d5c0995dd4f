//! The objects of a set of manifests, and how two versions of one differ.

use anyhow::{Context, Result};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::explain::address::{join, names};
use crate::explain::setting::{is_configuration, settings};

/// One file of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFile {
    pub path: String,
    pub text: String,
}

/// What makes two objects the same one: kind, namespace, name. Of an object without a namespace the second is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl Identity {
    /// `Kind/name`, as kubectl prints it.
    pub fn short(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

/// The objects of a set, in the order of its files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    all: IndexMap<Identity, Value>,
}

impl Objects {
    /// Reads the objects of these files. An error names the file: it was edited by hand, or is not a manifest.
    pub fn read(files: &[SetFile]) -> Result<Self> {
        let mut all = IndexMap::new();
        for file in files {
            for document in serde_yaml::Deserializer::from_str(&file.text) {
                let object = Value::deserialize(document).with_context(|| format!("{} is not YAML", file.path))?;
                if object.is_null() {
                    continue;
                }
                let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
                let identity = Identity {
                    kind: text("/kind"),
                    namespace: text("/metadata/namespace"),
                    name: text("/metadata/name"),
                };
                anyhow::ensure!(
                    !identity.kind.is_empty() && !identity.name.is_empty(),
                    "{} holds something that is no object of Kubernetes",
                    file.path
                );
                anyhow::ensure!(
                    all.insert(identity.clone(), object).is_none(),
                    "{} holds {} a second time",
                    file.path,
                    identity.short()
                );
            }
        }
        Ok(Objects { all })
    }

    /// The namespace of the fleet.
    pub fn namespace(&self) -> Option<&str> {
        self.of_kind("Namespace").next().map(|(name, _)| name)
    }

    /// The EKS cluster that the nodes are of: by the tag that its subnets are found by.
    pub fn eks_cluster(&self) -> Option<&str> {
        let class = self.of_kind("EC2NodeClass").next()?.1;
        class["spec"]["subnetSelectorTerms"][0]["tags"]["karpenter.sh/discovery"].as_str()
    }

    /// What makes it one fleet, whatever its name: EKS cluster and namespace.
    pub fn fleet(&self) -> Option<(String, String)> {
        Some((self.eks_cluster()?.to_owned(), self.namespace()?.to_owned()))
    }

    /// The same objects in another namespace.
    #[must_use]
    pub fn moved_to(&self, namespace: &str) -> Self {
        let from = self.namespace().unwrap_or_default().to_owned();
        let moved = |(identity, object): (&Identity, &Value)| {
            let (mut identity, mut object) = (identity.clone(), object.clone());
            if identity.namespace == from {
                namespace.clone_into(&mut identity.namespace);
                object["metadata"]["namespace"] = namespace.into();
            } else if identity.kind == "Namespace" && identity.name == from {
                namespace.clone_into(&mut identity.name);
                object["metadata"]["name"] = namespace.into();
            }
            (identity, object)
        };
        Objects { all: self.all.iter().map(moved).collect() }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Identity, &Value)> {
        self.all.iter()
    }

    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.all
            .iter()
            .filter(move |(identity, _)| identity.kind == kind)
            .map(|(at, object)| (at.name.as_str(), object))
    }

    pub fn get(&self, identity: &Identity) -> Option<&Value> {
        self.all.get(identity)
    }

    /// The object of this kind and name, in whichever namespace.
    pub fn named(&self, kind: &str, name: &str) -> Option<&Value> {
        self.all.iter().find(|(at, _)| at.kind == kind && at.name == name).map(|(_, object)| object)
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// A field that two versions of an object have different values at; a value is none where the field is not there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldChange {
    pub path: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// Every field below this place that differs. None where only comments of a configuration, or the order of a list of
/// named items, differ.
pub fn changes(old: Option<&Value>, new: Option<&Value>, path: &str) -> Vec<FieldChange> {
    let (old, new) = (fields(old, path), fields(new, path));
    let paths: IndexMap<&String, ()> = old.keys().chain(new.keys()).map(|path| (path, ())).collect();
    paths
        .into_keys()
        .map(|path| FieldChange { path: path.clone(), old: old.get(path).cloned(), new: new.get(path).cloned() })
        .filter(|change| change.old != change.new)
        .collect()
}

/// The fields below this place and their values. A list of plain values is one field; items of other lists are named
/// by what names them, so that one more in the middle does not change those behind it.
fn fields(value: Option<&Value>, path: &str) -> IndexMap<String, String> {
    let mut found = IndexMap::new();
    if let Some(value) = value {
        collect(value, path, &mut found);
    }
    found
}

fn collect(value: &Value, path: &str, found: &mut IndexMap<String, String>) {
    let mut add = |path: String, text: &str| {
        let texts: &mut String = found.entry(path).or_default();
        if !texts.is_empty() {
            texts.push_str("; ");
        }
        texts.push_str(text);
    };
    match value {
        Value::Object(entries) if entries.is_empty() => add(path.to_owned(), "{}"),
        Value::Object(entries) => {
            for (key, value) in entries {
                collect(value, &join(path, key), found);
            }
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            add(path.to_owned(), &format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")));
        }
        Value::Array(items) => {
            for (name, item) in names(items, scalar_at).into_iter().zip(items) {
                collect(item, &format!("{path}[{name}]"), found);
            }
        }
        Value::String(text) if is_configuration(path) => {
            for setting in settings(text) {
                add(setting.path(path), setting.text);
            }
        }
        scalar => add(path.to_owned(), &plain(scalar)),
    }
}

/// A scalar as text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The scalar at some keys of an item.
fn scalar_at(item: &Value, keys: &[&str]) -> Option<String> {
    let value = keys.iter().try_fold(item, |value, key| value.get(key))?;
    (!value.is_object() && !value.is_array()).then(|| plain(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_item_in_the_middle_of_a_named_list_changes_no_other() {
        let old = json!({"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]});
        let new = json!({"ports": [{"name": "a", "port": 1}, {"name": "c", "port": 3}, {"name": "b", "port": 2}]});
        let found = changes(Some(&old), Some(&new), "");
        assert_eq!(
            found.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(),
            ["ports[c].name", "ports[c].port"]
        );
    }

    #[test]
    fn comments_of_a_configuration_are_no_field_and_its_settings_are() {
        let old = json!({"haproxy.cfg": "# one\nglobal\n  maxconn 4096\n"});
        let new = json!({"haproxy.cfg": "# two\nglobal\n  maxconn 4096\n"});
        assert_eq!(changes(Some(&old), Some(&new), "data"), []);
        let new = json!({"haproxy.cfg": "# one\nglobal\n  maxconn 8192\n"});
        assert_eq!(
            changes(Some(&old), Some(&new), "data"),
            [FieldChange {
                path: "data[haproxy.cfg].global.maxconn".to_owned(),
                old: Some("maxconn 4096".to_owned()),
                new: Some("maxconn 8192".to_owned())
            }]
        );
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_file() {
        for text in ["a: [", "just text\n", "kind: Service\n"] {
            let file = SetFile { path: "31-services.yaml".to_owned(), text: text.to_owned() };
            let error = Objects::read(&[file]).unwrap_err();
            assert!(format!("{error:#}").contains("31-services.yaml"), "{error:#}");
        }
    }
}
