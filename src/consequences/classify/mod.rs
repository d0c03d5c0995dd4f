//! From two versions of a set to what the change does, object by object. Every object that differs is named at least once.

mod access;
pub mod case;
mod exposure;
mod nodes;
mod other;
mod pods;
mod scaling;

use crate::consequences::classify::case::{Case, Told};
use crate::consequences::consequence::{Class, Consequence};

/// Everything that the change does, worst first. `silent` are the files that differ in text and not in any object.
pub fn classify(case: &Case, silent: &[String]) -> Vec<Consequence> {
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
    found.extend(access::classify(case, &mut told));
    found.extend(exposure::classify(case));
    found.extend(nodes::classify(case, &mut told));
    found.extend(pods::classify(case, &mut told));
    found.extend(scaling::classify(case, &mut told));
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
