//! The objects of a cluster's manifests.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::manifests::list::KUSTOMIZATION;
use crate::manifests::names::{ARGOCD_OPTIONS, FLUX_PRUNE, OF_CLUSTER, OF_REGION, without_hash};
use crate::manifests::set::SetFile;
use crate::values::delivery::Delivery;

/// What identifies an object: kind, namespace, name. The namespace is empty for cluster-wide kinds; the name of a
/// ConfigMap is without the hash of its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl Identity {
    /// What identifies an object; empty texts where it does not say.
    pub fn of(object: &Value) -> Self {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, name) = (text("/kind"), text("/metadata/name"));
        let name = without_hash(&kind, &name).to_owned();
        Identity { kind, namespace: text("/metadata/namespace"), name }
    }

    /// `Kind/name`, as kubectl prints it.
    pub fn short(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

/// The objects of a cluster's manifests, in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    all: IndexMap<Identity, Value>,
    /// Path of each file, and the places of its objects.
    files: Vec<(String, Range<usize>)>,
}

/// The same objects, whatever the files and the order.
impl PartialEq for Objects {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl Objects {
    /// Reads the objects of these files. An error names the file, which was edited by hand or is not a manifest.
    pub fn read(files: &[SetFile]) -> Result<Self> {
        let mut objects = Objects::default();
        files.iter().try_for_each(|file| objects.add(&file.path, &file.text))?;
        Ok(objects)
    }

    /// Reads both versions of a cluster's files. A file that is the same in both is parsed once: parsing takes nearly all
    /// the time of a comparison.
    pub fn read_both(old: &[SetFile], new: &[SetFile]) -> Result<(Self, Self)> {
        let before = Objects::read(old)?;
        let mut after = Objects::default();
        for file in new {
            if !old.contains(file) || file.path == KUSTOMIZATION {
                after.add(&file.path, &file.text)?;
                continue;
            }
            let start = after.all.len();
            for (identity, object) in before.in_file(&file.path) {
                after.insert(&file.path, identity.clone(), object.clone())?;
            }
            after.files.push((file.path.clone(), start..after.all.len()));
        }
        Ok((before, after))
    }

    /// Objects from anywhere, in no files. What is there a second time is left out, and given back.
    pub fn from_anywhere(objects: impl IntoIterator<Item = Value>) -> (Self, Vec<Identity>) {
        let (mut all, mut again) = (IndexMap::new(), Vec::new());
        for object in objects {
            let identity = Identity::of(&object);
            if all.contains_key(&identity) {
                again.push(identity);
            } else {
                all.insert(identity, object);
            }
        }
        (Objects { all, files: Vec::new() }, again)
    }

    fn add(&mut self, path: &str, text: &str) -> Result<()> {
        if path == KUSTOMIZATION {
            return Ok(());
        }
        let start = self.all.len();
        for document in serde_yaml::Deserializer::from_str(text) {
            // Through the YAML library's own type: it refuses a duplicate key, of which JSON's `Value` keeps the last.
            let object = serde_yaml::Value::deserialize(document).map_err(anyhow::Error::from);
            let object = object.and_then(|object| Ok(serde_json::to_value(object)?));
            let object = object.with_context(|| format!("{path} is not valid YAML"))?;
            if object.is_null() {
                continue;
            }
            let identity = Identity::of(&object);
            ensure!(
                !identity.kind.is_empty() && !identity.name.is_empty(),
                "{path} contains something that is not a Kubernetes object"
            );
            self.insert(path, identity, object)?;
        }
        self.files.push((path.to_owned(), start..self.all.len()));
        Ok(())
    }

    fn insert(&mut self, path: &str, identity: Identity, object: Value) -> Result<()> {
        let short = identity.short();
        ensure!(self.all.insert(identity, object).is_none(), "{path} contains {short} a second time");
        Ok(())
    }

    /// The objects of one file; none if there is no such file.
    pub fn in_file(&self, path: &str) -> IndexMap<&Identity, &Value> {
        let found = self.files.iter().find(|(file, _)| file == path);
        found.and_then(|(_, places)| self.all.get_range(places.clone())).into_iter().flatten().collect()
    }

    /// The namespace of the fleet.
    pub fn namespace(&self) -> Option<&str> {
        self.of_kind("Namespace").next().map(|(name, _)| name)
    }

    /// An annotation of the fleet's Namespace.
    fn annotation(&self, name: &str) -> Option<&str> {
        let (_, namespace) = self.of_kind("Namespace").next()?;
        namespace["metadata"]["annotations"][name].as_str()
    }

    /// The cluster that the set is for.
    pub fn cluster_name(&self) -> Option<&str> {
        // Sets before 0.2 have no such annotation, but the tag of the cluster's subnets.
        let of_subnets = || {
            let class = self.of_kind("EC2NodeClass").next()?.1;
            class["spec"]["subnetSelectorTerms"][0]["tags"]["karpenter.sh/discovery"].as_str()
        };
        self.annotation(OF_CLUSTER).or_else(of_subnets)
    }

    pub fn cluster_region(&self) -> Option<&str> {
        self.annotation(OF_REGION)
    }

    /// What applies the set.
    pub fn delivery(&self) -> Delivery {
        if self.annotation(ARGOCD_OPTIONS).is_some() {
            Delivery::ArgoCd
        } else if self.annotation(FLUX_PRUNE).is_some() {
            Delivery::Flux
        } else {
            Delivery::Script
        }
    }

    /// What identifies a fleet, whatever its name in the file: cluster and namespace.
    pub fn fleet(&self) -> Option<(String, String)> {
        Some((self.cluster_name()?.to_owned(), self.namespace()?.to_owned()))
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
        Objects { all: self.all.iter().map(moved).collect(), files: self.files.clone() }
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

    /// The object of this kind and name, in any namespace.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_refused_with_its_file() {
        for text in ["a: [", "just text\n", "kind: Service\n", "kind: Service\nmetadata:\n  name: a\n  name: a\n"] {
            let file = SetFile { path: "31-services.yaml".to_owned(), text: text.to_owned() };
            let error = Objects::read(&[file]).unwrap_err();
            assert!(format!("{error:#}").contains("31-services.yaml"), "{error:#}");
        }
    }
}
