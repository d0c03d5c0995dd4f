//! Which changes replace nodes. Karpenter replaces a node that no longer matches its NodePool or EC2NodeClass ("drift"),
//! after draining it (karpenter pkg/controllers/nodeclaim/disruption/drift.go; karpenter-provider-aws
//! pkg/cloudprovider/drift.go, both v1.14).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::consequences::capacity::{NodeGroup, PoolFacts, arch_of};
use crate::consequences::classify::pair::{Changed, ManifestPair, Reported};
use crate::consequences::classify::pods::drain_minutes;
use crate::consequences::consequence::{Class, Consequence};
use crate::consequences::field::{FieldChange, changes};
use crate::diagnostics::words::number;

/// Fields that the hash of an EC2NodeClass leaves out (`hash:"ignore"` in pkg/apis/v1/ec2nodeclass.go): each is looked
/// up again, and nodes that do not match the result drift.
const LOOKED_UP: [(&str, &str); 3] = [
    ("/spec/amiSelectorTerms", "that does not run this image yet"),
    ("/spec/subnetSelectorTerms", "outside these subnets"),
    ("/spec/securityGroupSelectorTerms", "without exactly these security groups"),
];
/// Also left out of the hash, and not compared with nodes.
const FREE: [&str; 3] = ["/spec/capacityReservationSelectorTerms", "/spec/ipPrefixCount", "/spec/amiFamily"];

pub(super) fn classify(pair: &ManifestPair, reported: &mut Reported) -> Vec<Consequence> {
    let classes = pair.changed("EC2NodeClass").flat_map(|class| of_class(pair, &class, reported));
    let mut found: Vec<Consequence> = classes.collect();
    for pool in pair.changed("NodePool") {
        found.extend(of_pool(pair, &pool, reported));
    }
    found
}

fn of_class(pair: &ManifestPair, class: &Changed, reported: &mut Reported) -> Vec<Consequence> {
    let object = class.identity.short();
    let groups: Vec<&NodeGroup> = old_groups(pair, class.old);
    let arch = arch_of(class.old).map_or("", |arch| arch.name());
    let replaced = |which: &str, reasons: Vec<FieldChange>| {
        let what = format!("every {arch} node {which}is replaced: {}", describe(pair, &groups, class));
        counted(pair, Consequence::new(Class::ReplacesNodes, &object, what), &groups, class).because(reasons)
    };
    let mut looked_up = Vec::new();
    for (pointer, which) in LOOKED_UP.iter().filter(|(pointer, _)| {
        let (old, new) = class.at(pointer);
        old.cloned().map(unordered) != new.cloned().map(unordered)
    }) {
        let reasons = or_unseen(class.changes(pointer), &pointer.trim_start_matches('/').replace('/', "."));
        reported.report(&object, &reasons);
        looked_up.push((which, reasons));
    }
    let apart: Vec<&str> = LOOKED_UP.iter().map(|(pointer, _)| *pointer).chain(FREE).collect();
    let (old, new) = (without(class.old, &apart), without(class.new, &apart));
    // Karpenter's hash treats lists as sets (hashstructure's `SlicesAsSets`).
    if old.clone().map(unordered) == new.clone().map(unordered) {
        return looked_up.into_iter().map(|(which, reasons)| replaced(&format!("{which} "), reasons)).collect();
    }
    // Every node, including those that do not match a looked-up field.
    let mut reasons = or_unseen(changes(old.as_ref(), new.as_ref(), "spec"), "spec");
    reported.report(&object, &reasons);
    reported.report_object(&object);
    reasons.extend(looked_up.into_iter().flat_map(|(_, reasons)| reasons));
    vec![replaced("", reasons)]
}

/// The value with every list sorted.
fn unordered(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(unordered).collect();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key, unordered(value))).collect())
        }
        scalar => scalar,
    }
}

/// The spec without these parts.
fn without(object: &Value, pointers: &[&str]) -> Option<Value> {
    let mut spec = object.get("spec")?.clone();
    for pointer in pointers {
        if let Some(entries) = spec.as_object_mut() {
            entries.shift_remove(pointer.trim_start_matches("/spec/"));
        }
    }
    Some(spec)
}

fn of_pool(pair: &ManifestPair, pool: &Changed, reported: &mut Reported) -> Vec<Consequence> {
    let object = pool.identity.short();
    let mut found = Vec::new();
    let fixed = ["/spec/template/spec/nodeClassRef/group", "/spec/template/spec/nodeClassRef/kind"];
    let (was_static, is_static) = pool.at("/spec/replicas");
    let mut refused: Vec<FieldChange> = fixed.iter().flat_map(|pointer| pool.changes(pointer)).collect();
    if was_static.is_some() != is_static.is_some() {
        refused.extend(pool.changes("/spec/replicas"));
    }
    if !refused.is_empty() {
        reported.report(&object, &refused);
        found.push(
            Consequence::new(Class::ImmutableField, &object, "Karpenter refuses this change to a NodePool")
                .because(refused)
                .advice("create a NodePool with another name, and delete this one when its nodes are gone; deleting it earlier drains them"),
        );
    }
    let groups: Vec<&NodeGroup> =
        all_groups(&pair.old_pools).filter(|group| group.nodepool == pool.identity.name).collect();
    let mut reasons: Vec<FieldChange> =
        pool.changes("/spec/template").into_iter().filter(|change| !reported.has(&object, &change.path)).collect();
    let (narrowed, widened): (Vec<_>, Vec<_>) = reasons
        .extract_if(.., |change| change.path.starts_with("spec.template.spec.requirements"))
        .partition(|_| narrows(pool.old, pool.new));
    reasons.extend(narrowed);
    if !reasons.is_empty() {
        reported.report(&object, &reasons);
        let what = format!("every node of this pool is replaced: {}", describe(pair, &groups, pool));
        found
            .push(counted(pair, Consequence::new(Class::ReplacesNodes, &object, what), &groups, pool).because(reasons));
    }
    if !widened.is_empty() {
        reported.report(&object, &widened);
        found.push(
            Consequence::new(Class::InPlace, &object, "more kinds of new nodes are allowed; no node is replaced")
                .because(widened),
        );
    }
    found
}

/// Whether a node that met the old requirements may fail the new ones.
fn narrows(old: &Value, new: &Value) -> bool {
    let (old, new) = (requirements(old), requirements(new));
    new.iter().any(|((key, operator), values)| match (operator.as_str(), old.get(&(key.clone(), operator.clone()))) {
        ("In", Some(before)) => !values.is_superset(before),
        (_, Some(before)) => values != before,
        (_, None) => true,
    })
}

fn requirements(nodepool: &Value) -> BTreeMap<(String, String), BTreeSet<String>> {
    let list = nodepool.pointer("/spec/template/spec/requirements").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .map(|requirement| {
            let text = |key: &str| requirement[key].as_str().unwrap_or_default().to_owned();
            let values = requirement["values"].as_array().into_iter().flatten();
            ((text("key"), text("operator")), values.map(ToString::to_string).collect())
        })
        .collect()
}

fn all_groups(pools: &[PoolFacts]) -> impl Iterator<Item = &NodeGroup> {
    pools.iter().flat_map(|pool| &pool.node_groups)
}

/// The NodePools of an EC2NodeClass's architecture.
fn old_groups<'a>(pair: &'a ManifestPair, class: &Value) -> Vec<&'a NodeGroup> {
    let arch = arch_of(class);
    let pools = pair.old_pools.iter().filter(|pool| Some(pool.arch) == arch);
    pools.flat_map(|pool| &pool.node_groups).collect()
}

/// How many nodes, how fast, and what happens to builds.
fn describe(pair: &ManifestPair, groups: &[&NodeGroup], changed: &Changed) -> String {
    let nodes = match nodes_of(pair, groups) {
        Some((min, max)) if min == max => number(max, "node"),
        Some((min, max)) => format!("{min} to {max} nodes, depending on load"),
        None => "an unknown number of nodes".to_owned(),
    };
    let pace = drift_budget(pair, changed).map_or_else(String::new, |share| format!(", {share} at a time"));
    format!(
        "{nodes}{pace}, builders one after the other; each finishes its build first, up to {} min",
        drain_minutes(&pair.old)
    )
}

fn counted(pair: &ManifestPair, consequence: Consequence, groups: &[&NodeGroup], changed: &Changed) -> Consequence {
    let nodes = nodes_of(pair, groups);
    consequence
        .number("nodes_min", nodes.map(|(min, _)| min))
        .number("nodes_max", nodes.map(|(_, max)| max))
        .number("at_a_time", drift_budget(pair, changed))
        .number("drain_minutes", drain_minutes(&pair.old))
        .advice("apply it while the fleet is idle: under load, each replacement waits for the builds on its node")
}

/// Smallest and largest number of nodes that these NodePools may have: from that of the minimum, or 0 if the first type is
/// not among them, to that of the peak.
fn nodes_of(pair: &ManifestPair, groups: &[&NodeGroup]) -> Option<(u64, u64)> {
    let first = groups.first()?;
    let pool = pair.old_pools.iter().find(|pool| pool.node_groups.iter().any(|group| group == *first))?;
    let leads = pool.node_groups.first() == Some(*first);
    let min = if leads { first.nodes(pool.pods.min)? } else { 0 };
    let max = groups.iter().map(|group| group.nodes(pool.pods.max)).collect::<Option<Vec<_>>>()?.into_iter().max()?;
    Some((min, max))
}

/// The share of nodes that may drift at a time: from the first matching budget of the NodePool, or of the first NodePool
/// of the class's architecture.
fn drift_budget(pair: &ManifestPair, changed: &Changed) -> Option<String> {
    let arch = arch_of(changed.new);
    let first = || pair.new.of_kind("NodePool").map(|(_, object)| object).find(|object| arch_of(object) == arch);
    let pool = if changed.identity.kind == "NodePool" { changed.new } else { first()? };
    let budgets = pool.pointer("/spec/disruption/budgets")?.as_array()?;
    let for_drift = |budget: &&Value| {
        budget["reasons"].as_array().is_none_or(|reasons| reasons.iter().any(|reason| reason == "Drifted"))
    };
    budgets.iter().find(for_drift).and_then(|budget| budget["nodes"].as_str()).map(str::to_owned)
}

/// The changes, or a note that only the order of a list differs.
fn or_unseen(changes: Vec<FieldChange>, path: &str) -> Vec<FieldChange> {
    if !changes.is_empty() {
        return changes;
    }
    vec![FieldChange { path: format!("{path}, in the order of a list"), old: None, new: None }]
}
