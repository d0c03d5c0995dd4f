//! From two versions of a set to what the change does, object by object. Every object that differs is named at least once.

mod access;
mod exposure;
mod nodes;
mod other;
mod pods;
mod scaling;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::diff::capacity::{PoolFacts, pools};
use crate::diff::consequence::{Class, Consequence};
use crate::diff::field::{FieldChange, changes};
use crate::fleet::name::Region;
use crate::objects::{Identity, Objects};

/// Both versions of a cluster's set.
pub struct Case {
    pub old: Objects,
    pub new: Objects,
    pub old_pools: Vec<PoolFacts>,
    pub new_pools: Vec<PoolFacts>,
}

impl Case {
    /// The regions are where the prices of either version are from.
    pub fn new(old: Objects, new: Objects, before: Option<&Region>, after: Option<&Region>) -> Self {
        let (old_pools, new_pools) = (pools(&old, before), pools(&new, after));
        Case { old, new, old_pools, new_pools }
    }

    /// The objects of one kind that are in both versions and differ.
    fn changed<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = Changed<'a>> {
        self.new.iter().filter(move |(identity, _)| identity.kind == kind).filter_map(|(identity, new)| {
            let old = self.old.get(identity)?;
            (old != new).then_some(Changed { identity, old, new })
        })
    }
}

/// An object that is in both versions and differs.
#[derive(Clone, Copy)]
struct Changed<'a> {
    identity: &'a Identity,
    old: &'a Value,
    new: &'a Value,
}

impl Changed<'_> {
    /// The value at a JSON pointer, in both versions.
    fn at(&self, pointer: &str) -> (Option<&Value>, Option<&Value>) {
        (self.old.pointer(pointer), self.new.pointer(pointer))
    }

    fn differs(&self, pointer: &str) -> bool {
        let (old, new) = self.at(pointer);
        old != new
    }

    /// The fields at a JSON pointer that differ.
    fn changes(&self, pointer: &str) -> Vec<FieldChange> {
        let (old, new) = self.at(pointer);
        changes(old, new, &pointer.trim_start_matches('/').replace('/', "."))
    }
}

/// What has been told already: by object, the paths of its fields.
#[derive(Default)]
struct Told(BTreeSet<(String, String)>);

impl Told {
    fn tell(&mut self, object: &str, changes: &[FieldChange]) {
        self.0.extend(changes.iter().map(|change| (object.to_owned(), change.path.clone())));
    }

    /// A difference that no field shows: comments inside of a text, or the order of a list.
    fn tell_object(&mut self, object: &str) {
        self.0.insert((object.to_owned(), String::new()));
    }

    fn has(&self, object: &str, path: &str) -> bool {
        self.0.contains(&(object.to_owned(), path.to_owned()))
    }
}

/// Everything that the change does, worst first. `silent` are the files that differ in text and not in any object.
pub fn judge(case: &Case, silent: &[String]) -> Vec<Consequence> {
    let mut found = match (case.old.namespace(), case.new.namespace()) {
        (Some(old), Some(new)) if old != new => moved(case, old, new),
        _ => in_one_namespace(case),
    };
    if !silent.is_empty() {
        found.push(Consequence::of_all(Class::NoEffect, silent.to_vec(), "only comments or the order of keys differ"));
    }
    found.sort_by_key(|consequence| consequence.class);
    found
}

fn in_one_namespace(case: &Case) -> Vec<Consequence> {
    let mut told = Told::default();
    let mut found = other::comes_and_goes(case);
    found.extend(access::judge(case, &mut told));
    found.extend(exposure::judge(case));
    found.extend(nodes::judge(case, &mut told));
    found.extend(pods::judge(case, &mut told));
    found.extend(scaling::judge(case, &mut told));
    found.extend(other::immutable_services(case, &mut told));
    found.extend(other::in_place(case, &told));
    found
}

/// A fleet that moves is made anew in the other namespace: no pod of the old one rolls. What else changes is told as if
/// it had moved before.
fn moved(case: &Case, from: &str, to: &str) -> Vec<Consequence> {
    let case = Case {
        old: case.old.moved_to(to),
        new: case.new.clone(),
        old_pools: case.old_pools.clone(),
        new_pools: case.new_pools.clone(),
    };
    let rolls = [Class::RollsLoadBalancer, Class::RollsBuilders, Class::Autoscaling, Class::ImmutableField];
    let mut found = vec![other::moves(&case, from, to)];
    found.extend(in_one_namespace(&case).into_iter().filter(|one| !rolls.contains(&one.class)).map(|mut one| {
        if one.class == Class::Capacity {
            one.advice = None;
        }
        one
    }));
    found
}
