//! Pods, nodes and cost, before and after, and how a pool is scaled.

use serde_json::Value;

use crate::catalogue::price::Usd;
use crate::consequences::advice::DeliveryAdvice;
use crate::consequences::capacity::{NodeGroup, PODS_PER_NODE, PoolFacts};
use crate::consequences::classify::pair::{Changed, ManifestPair, Reported};
use crate::consequences::consequence::{Class, Consequence};

pub(super) fn classify(pair: &ManifestPair, reported: &mut Reported) -> Vec<Consequence> {
    let pairs = pair.new_pools.iter().filter_map(|new| {
        let old = pair.old_pools.iter().find(|old| old.arch == new.arch)?;
        Some((old, new))
    });
    let mut found = Vec::new();
    for (old, new) in pairs {
        found.extend([switched(old, new, pair.advice()), resized(old, new)].into_iter().flatten());
        report_numbers(pair, old, new, reported);
    }
    found.extend(pair.changed("ScaledObject").filter_map(|scaler| aim(&scaler, reported)));
    found.extend(pools_of_one_version(pair));
    found
}

/// Records the fields that the numbers of a pool cover.
fn report_numbers(pair: &ManifestPair, old: &PoolFacts, new: &PoolFacts, reported: &mut Reported) {
    for deployment in pair.changed("Deployment").filter(|one| one.identity.name == new.deployment) {
        // With a ScaledObject in both versions, `replicas` has no meaning for the pool, and is reported as any other field.
        if !(old.pods.scaled && new.pods.scaled) {
            reported.report(&deployment.identity.short(), &deployment.changes("/spec/replicas"));
        }
    }
    for scaler in pair.changed("ScaledObject").filter(|one| one.identity.name == new.deployment) {
        let mut fields = vec!["/spec/minReplicaCount", "/spec/maxReplicaCount"];
        let (before, after) = scaler.at("/spec/fallback");
        // A fallback that is added or removed covers all its fields.
        fields.push(if before.is_none() == after.is_none() { "/spec/fallback/replicas" } else { "/spec/fallback" });
        for field in fields {
            reported.report(&scaler.identity.short(), &scaler.changes(field));
        }
    }
    for pool in pair.changed("NodePool") {
        let both =
            [old, new].iter().all(|facts| facts.node_groups.iter().any(|group| group.nodepool == pool.identity.name));
        if !both {
            continue;
        }
        let object = pool.identity.short();
        reported.report(&object, &pool.changes("/spec/limits/nodes"));
        let path = "metadata.annotations.buildkit-fleet/pods-per-node";
        let (before, after) = pool.at(PODS_PER_NODE);
        reported.report(&object, &crate::consequences::field::changes(before, after, path));
        // vCPU that correspond to the number of nodes.
        let (before, after) = (cpu_for_nodes(pool.old), cpu_for_nodes(pool.new));
        if before.is_some() && before == after {
            reported.report(&object, &pool.changes("/spec/limits/cpu"));
        }
    }
}

/// vCPU per node that a NodePool's limits allow, if they divide evenly.
fn cpu_for_nodes(nodepool: &Value) -> Option<u64> {
    let limit = |name: &str| nodepool["spec"]["limits"][name].as_u64();
    let (cpu, nodes) = (limit("cpu")?, limit("nodes")?);
    (nodes > 0 && cpu.is_multiple_of(nodes)).then(|| cpu / nodes)
}

/// Pools that exist in only one version.
fn pools_of_one_version(pair: &ManifestPair) -> Vec<Consequence> {
    let only = |of: &[PoolFacts], other: &[PoolFacts]| -> Vec<PoolFacts> {
        of.iter().filter(|pool| other.iter().all(|other| other.arch != pool.arch)).cloned().collect()
    };
    let mut found = Vec::new();
    for pool in only(&pair.new_pools, &pair.old_pools) {
        let what = format!("{}: no pool -> {}", pool.arch.name(), pool.size());
        found.push(Consequence::new(Class::Capacity, object(&pool), what));
    }
    for pool in only(&pair.old_pools, &pair.new_pools) {
        let what = format!("{}: {} -> no pool", pool.arch.name(), pool.size());
        found.push(Consequence::new(Class::Capacity, object(&pool), what).advice(pair.advice().pool_gone()));
    }
    found
}

/// The target of builds per pod, and the share of the demand that the HPA ignores.
fn aim(scaler: &Changed, reported: &mut Reported) -> Option<Consequence> {
    const TARGET: &str = "/spec/triggers/0/metadata/targetValue";
    const TOLERANCE: &str = "/spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleUp/tolerance";
    let target = |object: &Value| object.pointer(TARGET)?.as_str()?.parse::<f64>().ok().filter(|target| *target > 0.0);
    let blind = |object: &Value| match object.pointer(TOLERANCE).and_then(Value::as_str) {
        Some("0") => "none",
        _ => "10 %",
    };
    let (old, new) = (target(scaler.old)?, target(scaler.new)?);
    let (saw, sees) = (blind(scaler.old), blind(scaler.new));
    if (old - new).abs() < 1e-9 && saw == sees {
        return None;
    }
    let reasons = [scaler.changes("/spec/triggers"), scaler.changes(TOLERANCE)].concat();
    reported.report(&scaler.identity.short(), &reasons);
    let more = (old / new - 1.0) * 100.0;
    let pods = match more {
        more if more.abs() < 0.5 => String::new(),
        more => {
            format!(", so the same demand needs {:.0} % {} pods", more.abs(), if more > 0.0 { "more" } else { "fewer" })
        }
    };
    let what = format!(
        "the pool targets {new} builds per pod instead of {old}{pods}; the HPA ignores {sees} of the demand, before {saw}"
    );
    Some(Consequence::new(Class::Capacity, scaler.identity.short(), what).because(reasons))
}

/// A pool that changes from a fixed number to KEDA, or back.
fn switched(old: &PoolFacts, new: &PoolFacts, advice: DeliveryAdvice) -> Option<Consequence> {
    let arch = new.arch.name();
    let name = &new.deployment;
    let (min, max) = (new.pods.min, new.pods.max);
    let (what, advice) = match (old.pods.scaled, new.pods.scaled) {
        (false, true) => (
            format!("KEDA scales {arch} from now on, between {min} and {max} pods; it was fixed at {}", old.pods.max),
            advice.to_keda(name),
        ),
        (true, false) => (
            format!(
                "{arch} is fixed at {max} pods from now on; KEDA scaled it between {} and {}",
                old.pods.min, old.pods.max
            ),
            advice.to_fixed(name, max),
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

/// All numbers of the pool that changed.
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
    if !old.pods.scaled && !new.pods.scaled {
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
    for (place, group) in new.node_groups.iter().enumerate() {
        let Some(before) = old.node_groups.iter().find(|before| before.nodepool == group.nodepool) else { continue };
        let (label, name) = if place == 0 {
            ("node ceiling".to_owned(), "node_ceiling".to_owned())
        } else {
            (format!("node ceiling of {}", group.instance_type), format!("node_ceiling_of_{}", group.instance_type))
        };
        compare(&label, &name, (Shown::count(before.ceiling), Shown::count(group.ceiling)));
    }
    // Nodes that Karpenter does not make have no types.
    if !old.node_groups.is_empty() && !new.node_groups.is_empty() {
        compare("instance types", "instance_types", both(&|pool| Shown::types(&pool.node_groups)));
    }
    if parts.is_empty() {
        return None;
    }
    let what = format!("{}: {}", new.arch.name(), parts.join(", "));
    let mut consequence = Consequence::new(Class::Capacity, object(new), what);
    for (name, value) in numbers {
        consequence = consequence.number(&name, value);
    }
    if new.pods.max < old.pods.max {
        consequence = consequence
            .advice("pods beyond the new maximum are removed as soon as it is applied; each finishes its build first");
    } else if new.pods.min == 0 && old.pods.min > 0 {
        consequence = consequence
            .advice("the pool scales to zero: the first build after an idle time waits for a node, and its client must retry for minutes");
    }
    Some(consequence)
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
