//! Pods, nodes and money, before and after; and which way a pool is scaled.

use serde_json::Value;

use crate::diff::capacity::{NodeGroup, PoolFacts};
use crate::diff::consequence::{Class, Consequence};
use crate::diff::judge::{Case, Told};
use crate::price::Usd;

/// Fields that the numbers below speak of.
const SPOKEN: [&str; 6] = [
    "/spec/minReplicaCount",
    "/spec/maxReplicaCount",
    "/spec/fallback/replicas",
    "/spec/replicas",
    "/spec/limits",
    "/metadata/annotations/buildkit-fleet~1pods-per-node",
];

pub(super) fn judge(case: &Case, told: &mut Told) -> Vec<Consequence> {
    for kind in ["ScaledObject", "Deployment", "NodePool"] {
        for changed in case.changed(kind) {
            for pointer in SPOKEN {
                let (old, new) = changed.at(pointer);
                // A fallback that comes or goes does so with all its fields.
                let pointer = if pointer.starts_with("/spec/fallback") && old.is_none() != new.is_none() {
                    "/spec/fallback"
                } else {
                    pointer
                };
                let (old, new) = changed.at(pointer);
                let path = pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/");
                told.tell(&changed.identity.short(), &crate::diff::object::changes(old, new, &path));
            }
        }
    }
    let pairs = case.new_pools.iter().filter_map(|new| {
        let old = case.old_pools.iter().find(|old| old.arch == new.arch)?;
        Some((old, new))
    });
    pairs.flat_map(|(old, new)| [switched(old, new), resized(old, new)]).flatten().collect()
}

/// The pool goes to KEDA, or comes back.
fn switched(old: &PoolFacts, new: &PoolFacts) -> Option<Consequence> {
    let arch = new.arch.name();
    let name = &new.deployment;
    let (min, max) = (new.pods.min, new.pods.max);
    let (what, advice) = match (old.pods.scaled, new.pods.scaled) {
        (false, true) => (
            format!("KEDA scales {arch} from now on, between {min} and {max} pods; it was fixed at {}", old.pods.max),
            format!(
                "apply it with deploy.sh, which hands the live replicas of {name} over first: a plain `kubectl apply` cuts the pool to 1 pod"
            ),
        ),
        (true, false) => (
            format!(
                "{arch} is fixed at {max} pods from now on; KEDA scaled it between {} and {}",
                old.pods.min, old.pods.max
            ),
            format!(
                "apply it with deploy.sh, which deletes ScaledObject/{name} and waits for its HPA to go before it sets replicas; pods beyond {max} then drain"
            ),
        ),
        _ => return None,
    };
    let state = |scaled| if scaled { "keda" } else { "fixed" };
    Some(
        Consequence::new(Class::Autoscaling, format!("Deployment/{name}"), what)
            .advice(advice)
            .number("from", state(old.pods.scaled))
            .number("to", state(new.pods.scaled)),
    )
}

/// Every number of the pool that changed.
fn resized(old: &PoolFacts, new: &PoolFacts) -> Option<Consequence> {
    let mut parts = Vec::new();
    let mut numbers = Vec::new();
    let mut compare = |label: &str, name: &str, (old, new): (Shown, Shown)| {
        if old != new {
            parts.push(format!("{label} {} -> {}", old.text, new.text));
            numbers.push((format!("{name}_old"), old.json));
            numbers.push((format!("{name}_new"), new.json));
        }
    };
    let both = |of: &dyn Fn(&PoolFacts) -> Shown| (of(old), of(new));
    if old.pods.min == old.pods.max && new.pods.min == new.pods.max {
        compare("pods", "pods", both(&|pool| Shown::count(Some(pool.pods.max))));
        compare("nodes", "nodes", both(&|pool| Shown::count(pool.nodes(pool.pods.max))));
        compare("cost", "usd_per_hour", both(&|pool| Shown::money(pool.hourly(pool.pods.max))));
    } else {
        compare("min", "pods_min", both(&|pool| Shown::count(Some(pool.pods.min))));
        compare("max", "pods_max", both(&|pool| Shown::count(Some(pool.pods.max))));
        compare("fallback", "fallback", both(&|pool| Shown::optional(pool.pods.fallback)));
        compare("nodes at min", "nodes_at_min", both(&|pool| Shown::count(pool.nodes(pool.pods.min))));
        compare("nodes at max", "nodes_at_max", both(&|pool| Shown::count(pool.nodes(pool.pods.max))));
        compare("cost at min", "usd_per_hour_at_min", both(&|pool| Shown::money(pool.hourly(pool.pods.min))));
        compare("cost at max", "usd_per_hour_at_max", both(&|pool| Shown::money(pool.hourly(pool.pods.max))));
    }
    compare(
        "node ceiling",
        "node_ceiling",
        both(&|pool| Shown::count(pool.node_groups.first().and_then(|first| first.ceiling))),
    );
    compare("instance types", "instance_types", both(&|pool| Shown::types(&pool.node_groups)));
    if parts.is_empty() {
        return None;
    }
    let what = format!("{}: {}", new.arch.name(), parts.join(", "));
    let shrinks = new.pods.max < old.pods.max;
    let mut consequence = Consequence::new(Class::Capacity, object(new), what);
    for (name, value) in numbers {
        consequence = consequence.number(&name, value);
    }
    Some(if shrinks {
        consequence.advice("pods beyond the new maximum go as soon as it is applied; each ends its build first")
    } else {
        consequence
    })
}

fn object(pool: &PoolFacts) -> String {
    let kind = if pool.pods.scaled { "ScaledObject" } else { "Deployment" };
    format!("{kind}/{}", pool.deployment)
}

/// A number for people and for programs.
#[derive(PartialEq, Eq)]
struct Shown {
    text: String,
    json: Value,
}

impl Shown {
    fn count(count: Option<u64>) -> Self {
        Shown { text: count.map_or_else(|| "unknown".to_owned(), |count| count.to_string()), json: count.into() }
    }

    fn optional(count: Option<u64>) -> Self {
        Shown { text: count.map_or_else(|| "none".to_owned(), |count| count.to_string()), json: count.into() }
    }

    fn money(usd: Option<Usd>) -> Self {
        Shown {
            text: usd.map_or_else(|| "unknown".to_owned(), |usd| format!("{usd}/h")),
            json: usd.map(Usd::as_f64).into(),
        }
    }

    fn types(groups: &[NodeGroup]) -> Self {
        let names: Vec<String> = groups
            .iter()
            .map(|group| match group.pods_per_node {
                Some(pods) => format!("{} x{pods}", group.instance_type),
                None => group.instance_type.clone(),
            })
            .collect();
        Shown { text: names.join(", "), json: names.into() }
    }
}
