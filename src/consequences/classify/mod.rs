//! Classifies the consequences of a change, object by object. Every object that differs is named at least once.

mod access;
mod exposure;
mod guard;
mod nodes;
mod other;
pub mod pair;
mod pods;
mod scaling;

use crate::consequences::classify::pair::{ManifestPair, Reported};
use crate::consequences::consequence::{Class, Consequence};

/// All consequences of the change, worst first. `silent` are the files that differ in text but not in any object.
pub fn classify(pair: &ManifestPair, silent: &[String]) -> Vec<Consequence> {
    let mut found = match (pair.old.namespace(), pair.new.namespace()) {
        (Some(old), Some(new)) if old != new => moved(pair, old, new),
        _ => in_one_namespace(pair),
    };
    if !silent.is_empty() {
        found.push(Consequence::of_all(Class::NoEffect, silent.to_vec(), "only comments or the order of keys differ"));
    }
    found.sort_by_key(|consequence| consequence.class);
    found
}

fn in_one_namespace(pair: &ManifestPair) -> Vec<Consequence> {
    let mut reported = Reported::default();
    let mut found = other::added_and_removed(pair);
    found.extend(other::other_delivery(pair));
    found.extend(other::other_region(pair));
    found.extend(access::classify(pair, &mut reported));
    found.extend(exposure::classify(pair));
    found.extend(nodes::classify(pair, &mut reported));
    found.extend(pods::classify(pair, &mut reported));
    found.extend(scaling::classify(pair, &mut reported));
    found.extend(other::immutable_services(pair, &mut reported));
    found.extend(other::in_place(pair, &reported));
    found
}

/// A fleet that moves is created in the other namespace: no pod of the old one rolls. Other changes are reported as if it
/// had moved before.
fn moved(pair: &ManifestPair, from: &str, to: &str) -> Vec<Consequence> {
    let pair = ManifestPair {
        old: pair.old.moved_to(to),
        new: pair.new.clone(),
        old_pools: pair.old_pools.clone(),
        new_pools: pair.new_pools.clone(),
    };
    let rolls = [Class::RollsLoadBalancer, Class::RollsBuilders, Class::Autoscaling, Class::ImmutableField];
    let mut found = vec![other::moves(&pair, from, to)];
    found.extend(in_one_namespace(&pair).into_iter().filter(|one| !rolls.contains(&one.class)).map(|mut one| {
        if one.class == Class::Capacity {
            one.advice = None;
        }
        one
    }));
    found
}
