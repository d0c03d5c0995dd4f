//! Both versions of a cluster's manifests.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::consequences::advice::DeliveryAdvice;
use crate::consequences::capacity::{PoolFacts, pools};
use crate::consequences::field::{FieldChange, changes};
use crate::manifests::objects::{Identity, Objects};
use crate::values::delivery::Delivery;
use crate::values::name::Region;

/// Both versions of a cluster's manifests.
pub struct ManifestPair {
    pub old: Objects,
    pub new: Objects,
    pub old_pools: Vec<PoolFacts>,
    pub new_pools: Vec<PoolFacts>,
}

impl ManifestPair {
    /// The regions determine the prices of each version.
    pub fn new(old: Objects, new: Objects, before: Option<&Region>, after: Option<&Region>) -> Self {
        let (old_pools, new_pools) = (pools(&old, before), pools(&new, after));
        ManifestPair { old, new, old_pools, new_pools }
    }

    pub(super) fn advice(&self) -> DeliveryAdvice {
        DeliveryAdvice::of(&self.old, &self.new)
    }

    /// What applies the set.
    pub(super) fn delivery(&self) -> Delivery {
        self.advice().0
    }

    /// The objects of one kind that are in both versions and differ.
    pub(super) fn changed<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = Changed<'a>> {
        self.new.iter().filter(move |(identity, _)| identity.kind == kind).filter_map(|(identity, new)| {
            let old = self.old.get(identity)?;
            (old != new).then_some(Changed { identity, old, new })
        })
    }
}

/// An object that is in both versions and differs.
#[derive(Clone, Copy)]
pub(super) struct Changed<'a> {
    pub(super) identity: &'a Identity,
    pub(super) old: &'a Value,
    pub(super) new: &'a Value,
}

impl Changed<'_> {
    /// The value at a JSON pointer, in both versions.
    pub(super) fn at(&self, pointer: &str) -> (Option<&Value>, Option<&Value>) {
        (self.old.pointer(pointer), self.new.pointer(pointer))
    }

    pub(super) fn differs(&self, pointer: &str) -> bool {
        let (old, new) = self.at(pointer);
        old != new
    }

    /// The fields at a JSON pointer that differ.
    pub(super) fn changes(&self, pointer: &str) -> Vec<FieldChange> {
        let (old, new) = self.at(pointer);
        changes(old, new, &pointer.trim_start_matches('/').replace('/', "."))
    }
}

/// The differences that are already reported: paths of fields, by object.
#[derive(Default)]
pub(super) struct Reported(BTreeSet<(String, String)>);

impl Reported {
    pub(super) fn report(&mut self, object: &str, changes: &[FieldChange]) {
        self.0.extend(changes.iter().map(|change| (object.to_owned(), change.path.clone())));
    }

    /// Records a difference that no field shows: comments inside a text, or the order of a list.
    pub(super) fn report_object(&mut self, object: &str) {
        self.0.insert((object.to_owned(), String::new()));
    }

    pub(super) fn has(&self, object: &str, path: &str) -> bool {
        self.0.contains(&(object.to_owned(), path.to_owned()))
    }
}
