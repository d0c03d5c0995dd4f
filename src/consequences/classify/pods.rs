//! Which changes replace pods: a Deployment rolls when its template differs, and `ConfigMaps` affect it through their
//! names, which contain a hash of their content.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::consequences::capacity::PoolFacts;
use crate::consequences::classify::guard::GuardChange;
use crate::consequences::classify::pair::{Changed, ManifestPair, Reported};
use crate::consequences::consequence::{Class, Consequence};
use crate::consequences::field::{FieldChange, changes};
use crate::manifests::names::{LB, LB_CONFIG, without_hash};
use crate::manifests::objects::Objects;
use crate::manifests::setting::settings;

const GRACE: &str = "/spec/template/spec/terminationGracePeriodSeconds";

pub(super) fn classify(pair: &ManifestPair, reported: &mut Reported) -> Vec<Consequence> {
    let mut found = Vec::new();
    for deployment in pair.changed("Deployment") {
        let object = deployment.identity.short();
        if deployment.differs("/spec/selector") {
            let reasons = deployment.changes("/spec/selector");
            reported.report(&object, &reasons);
            found.push(
                Consequence::new(
                    Class::ImmutableField,
                    &object,
                    "the API server refuses a different selector: the Deployment must be deleted and recreated, and its pods with it",
                )
                .because(reasons)
                .advice("delete it with --cascade=orphan, apply, and delete the old pods when their builds have finished"),
            );
        }
        if deployment.differs("/spec/template") {
            let reasons = reasons(pair, &deployment, reported);
            found.push(rolled(pair, &deployment).because(reasons));
        }
    }
    let both = [Class::RollsLoadBalancer, Class::RollsBuilders];
    if both.iter().all(|class| found.iter().any(|consequence| consequence.class == *class)) {
        for builders in found.iter_mut().filter(|consequence| consequence.class == Class::RollsBuilders) {
            let advice = builders.advice.take().unwrap_or_default();
            let both = GuardChange::of(pair).both_roll(pair.delivery()).map(str::to_owned);
            builders.advice = Some(format!("{advice}; {}", both.unwrap_or_else(|| pair.advice().both_roll())));
        }
    }
    found
}

/// Minutes that a pod of these manifests may take to end: the longest grace period.
pub(super) fn drain_minutes(objects: &Objects) -> u64 {
    objects.of_kind("Deployment").filter_map(|(_, object)| object.pointer(GRACE)?.as_u64()).max().unwrap_or(30) / 60
}

fn rolled(pair: &ManifestPair, deployment: &Changed) -> Consequence {
    let object = deployment.identity.short();
    let drain = deployment.old.pointer(GRACE).and_then(Value::as_u64).unwrap_or(30) / 60;
    if deployment.identity.name == LB {
        let guard = GuardChange::of(pair);
        return Consequence::new(
            Class::RollsLoadBalancer,
            object,
            format!(
                "the load balancer is replaced: running builds continue on the old pod, up to {drain} min; {}",
                guard.of_new_pod()
            ),
        )
        .number("drain_minutes", drain)
        .advice(
            guard
                .roll_load_balancer(pair.delivery(), &starved(pair))
                .unwrap_or_else(|| pair.advice().roll_load_balancer(&starved(pair))),
        );
    }
    let Some(pool) = pair.old_pools.iter().find(|pool| pool.deployment == deployment.identity.name) else {
        return Consequence::new(Class::RollsBuilders, object, "its pods are replaced");
    };
    // Missing nodes are created with the types of the new manifests.
    let makes = pair.new_pools.iter().find(|new| new.deployment == pool.deployment).unwrap_or(pool);
    of_pool(pool, makes, deployment, drain)
}

/// The pods that get no builds until the load balancer has slots for them.
fn starved(pair: &ManifestPair) -> String {
    let beyond = pair.new_pools.iter().filter_map(|pool| {
        let slots = slots(&pair.old, pool.arch.name())?;
        let max = pool.pods.max;
        (max > slots).then(|| format!("; {} pods beyond {slots} get no builds", pool.arch.name()))
    });
    beyond.collect()
}

/// Server slots of an architecture: the number of its `server-template`.
fn slots(objects: &Objects, arch: &str) -> Option<u64> {
    let text = objects.named("ConfigMap", LB_CONFIG)?["data"]["haproxy.cfg"].as_str()?;
    let backend = format!("bk_{arch}");
    let template =
        settings(text).find(|setting| setting.words().starts_with(&["backend", &backend, "server-template"]))?;
    template.text.split_whitespace().nth(2)?.parse().ok()
}

fn of_pool(pool: &PoolFacts, makes: &PoolFacts, deployment: &Changed, drain: u64) -> Consequence {
    let (min, max) = (pool.pods.min, pool.pods.max);
    let pods = if min == max { format!("{max} pods") } else { format!("{min} to {max} pods, depending on load") };
    let step = match deployment.new.pointer("/spec/strategy/rollingUpdate/maxUnavailable") {
        Some(Value::String(share)) => share.clone(),
        Some(number) => number.to_string(),
        // Kubernetes' default (apps/v1 defaults.go).
        None => "25%".to_owned(),
    };
    let arch = pool.arch.name();
    let what = format!(
        "all buildkitd pods of {arch} are replaced: {pods}, {step} at a time as new ones become ready; each old pod finishes its build first, up to {drain} min"
    );
    let extra = makes.nodes(max).map_or_else(String::new, |nodes| {
        let cost = makes.hourly(max).map_or_else(|| "price unknown".to_owned(), |usd| format!("{usd} an hour"));
        format!(", at the maximum {nodes} more ({cost})")
    });
    let grace = deployment.new.pointer(GRACE).and_then(Value::as_u64).unwrap_or(30) / 60;
    let shorter = if grace < drain {
        format!("; from then on, a terminating pod kills builds that need more than {grace} min")
    } else {
        String::new()
    };
    Consequence::new(Class::RollsBuilders, deployment.identity.short(), what)
        .number("pods_min", min)
        .number("pods_max", max)
        .number("at_a_time", step)
        .number("drain_minutes", drain)
        .number("extra_nodes_at_max", makes.nodes(max))
        .number("extra_usd_per_hour_at_max", makes.hourly(max).map(crate::catalogue::price::Usd::as_f64))
        .advice(format!(
            "apply it while the pool is idle: under load it needs up to twice the nodes until old builds finish{extra}{shorter}"
        ))
}

/// The fields of the template that differ; instead of a ConfigMap's name, the changes in it.
fn reasons(pair: &ManifestPair, deployment: &Changed, reported: &mut Reported) -> Vec<FieldChange> {
    let object = deployment.identity.short();
    let template = deployment.changes("/spec/template");
    reported.report(&object, &template);
    let (names, mut reasons): (Vec<_>, Vec<_>) = template.into_iter().partition(is_of_content);
    if !names.is_empty() {
        let configs = config_changes(pair, deployment, reported);
        reasons.extend(if configs.is_empty() { names } else { configs });
    }
    if reasons.is_empty() {
        // To Kubernetes, a list in another order is a different template.
        reported.report_object(&object);
        reasons.push(FieldChange { path: "spec.template, in the order of a list".to_owned(), old: None, new: None });
    }
    reasons
}

/// Whether a change shows only that a mounted file differs: the hash in a ConfigMap's name, or the checksum that sets
/// before 0.2 carried instead.
fn is_of_content(change: &FieldChange) -> bool {
    let base = |name: &Option<String>| name.as_deref().map(|name| without_hash("ConfigMap", name).to_owned());
    change.path.starts_with("spec.template.metadata.annotations.checksum/")
        || (change.path.starts_with("spec.template.spec.volumes[")
            && change.path.ends_with("].configMap.name")
            && base(&change.old) == base(&change.new))
}

/// Differences in the `ConfigMaps` that the pods mount.
fn config_changes(pair: &ManifestPair, deployment: &Changed, reported: &mut Reported) -> Vec<FieldChange> {
    let mut found = Vec::new();
    let mounted = mounted_configs(deployment.new);
    for config in pair.changed("ConfigMap").filter(|config| mounted.contains(config.identity.name.as_str())) {
        let object = config.identity.short();
        let (old, new) = config.at("/data");
        let texts = changes(old, new, "data");
        reported.report(&object, &texts);
        // The name follows from the text, and is told with it.
        reported.report(&object, &config.changes("/metadata/name"));
        reported.report(&object, &config.changes("/immutable"));
        if texts.is_empty() && old != new {
            reported.report_object(&object);
            let what = if same_settings(old, new) { "only in comments" } else { "only in the order of its settings" };
            found.push(FieldChange { path: format!("{object}, {what}"), old: None, new: None });
        }
        found.extend(
            texts.into_iter().map(|change| FieldChange { path: format!("{object}.{}", change.path), ..change }),
        );
    }
    found
}

/// Whether two `ConfigMaps` have the same settings in the same order, apart from comments.
fn same_settings(old: Option<&Value>, new: Option<&Value>) -> bool {
    let lines = |data: Option<&Value>| -> Vec<String> {
        let texts = data.and_then(Value::as_object).into_iter().flatten().filter_map(|(_, text)| text.as_str());
        texts.flat_map(|text| settings(text).map(|setting| setting.text.to_owned())).collect()
    };
    lines(old) == lines(new)
}

fn mounted_configs(deployment: &Value) -> BTreeSet<&str> {
    let volumes = deployment.pointer("/spec/template/spec/volumes").and_then(Value::as_array);
    volumes
        .into_iter()
        .flatten()
        .filter_map(|volume| volume.pointer("/configMap/name")?.as_str())
        .map(|name| without_hash("ConfigMap", name))
        .collect()
}
