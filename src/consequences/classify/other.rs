//! Objects that are added, removed or moved, and everything that is applied in place.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::consequences::classify::pair::{ManifestPair, Reported};
use crate::consequences::consequence::{Class, Consequence};
use crate::consequences::field::{FieldChange, changes};
use crate::diagnostics::words::number;
use crate::manifests::names::DASHBOARD;
use crate::manifests::objects::Identity;

/// A fleet that moves to another namespace.
pub(super) fn moves(pair: &ManifestPair, from: &str, to: &str) -> Consequence {
    let objects = pair.new.iter().filter(|(identity, _)| identity.namespace == to).count() + 1;
    let what = format!(
        "the fleet moves from namespace {from} to {to}: {} are created there, the old ones stay until you delete them, and every client must change its address",
        number(objects, "object")
    );
    Consequence::new(Class::Deletes, format!("Namespace/{from}"), what)
        .number("objects", objects)
        .advice(pair.advice().moves(from, pair.old.of_kind("NodePool").next().is_some()))
}

/// Another tool applies the set from now on.
pub(super) fn other_delivery(pair: &ManifestPair) -> Option<Consequence> {
    let (old, new) = (pair.old.delivery(), pair.new.delivery());
    (old != new).then(|| {
        let what = format!("`delivery` is {} from now on, it was {}; no pod is changed by it", new.name(), old.name());
        Consequence::new(Class::InPlace, "the set", what).advice(pair.advice().takes_over())
    })
}

/// Another region of the same set: to deploy.sh, another cluster.
pub(super) fn other_region(pair: &ManifestPair) -> Option<Consequence> {
    let (old, new) = (pair.old.cluster_region(), pair.new.cluster_region());
    (old != new && pair.old.cluster_name() == pair.new.cluster_name()).then(|| {
        let shown = |region: Option<&str>| region.unwrap_or("none").to_owned();
        let what = format!("the region of the cluster is {}, it was {}", shown(new), shown(old));
        Consequence::new(Class::InPlace, "Namespace: region", what).advice(
            "deploy.sh takes it for another cluster, and refuses the set where the fleet has the other region: correct `region`, or change the annotation `buildkit-fleet/region` of the live Namespace first",
        )
    })
}

/// Objects that are added or removed.
pub(super) fn added_and_removed(pair: &ManifestPair) -> Vec<Consequence> {
    let gone = pair.old.iter().filter(|(identity, _)| pair.new.get(identity).is_none());
    let come = pair.new.iter().filter(|(identity, _)| pair.old.get(identity).is_none());
    // Objects with the same explanation are reported together.
    let mut leaving: IndexMap<(&str, String), Vec<String>> = IndexMap::new();
    for (identity, _) in gone {
        if let Some(explanation) = deleted(pair, identity) {
            leaving.entry(explanation).or_default().push(identity.short());
        }
    }
    let mut found: Vec<Consequence> = leaving
        .into_iter()
        .map(|((what, advice), objects)| Consequence::of_all(Class::Deletes, objects, what).advice(advice))
        .collect();
    let names: Vec<String> = come.map(|(identity, _)| identity.short()).collect();
    if !names.is_empty() {
        let what = format!("{} created", number(names.len(), "object"));
        found.push(Consequence::of_all(Class::Creates, names, what));
    }
    found
}

/// What it means that an object is removed. `None` if another classifier reports it.
fn deleted(pair: &ManifestPair, identity: &Identity) -> Option<(&'static str, String)> {
    let stays = |deployment: &str| pair.new.named("Deployment", deployment).is_some();
    let what = match identity.kind.as_str() {
        // Reported as the end of autoscaling.
        "ScaledObject" if stays(&identity.name) => return None,
        "Deployment" => "once it is deleted, its pods stop, each after its build",
        "NodePool" => "Karpenter keeps creating nodes from it until it is deleted; deleting it drains its nodes",
        "EC2NodeClass" => "its NodePools cannot create nodes without it",
        "Service" => "once it is deleted, its name no longer resolves",
        "NetworkPolicy" => "once it is deleted, the connections that it allows or blocks change",
        "PodDisruptionBudget" => "once it is deleted, node drains may evict all builders at once",
        "ServiceAccount" => "once it is deleted, no new pod that uses it can start",
        "ConfigMap" if identity.name == DASHBOARD => "once it is deleted, Grafana no longer shows the dashboard",
        "ServiceMonitor" | "PrometheusRule" => "once it is deleted, its scrapes or alerts stop",
        _ => "it is no longer in the manifests",
    };
    let advice = pair.advice();
    Some(match identity.kind.as_str() {
        "NodePool" => (what, advice.stop_nodes(&identity.name)),
        kind => (what, advice.gone(kind, &identity.name)),
    })
}

/// The field to report, and the part of it that is immutable.
const IMMUTABLE: [(&str, &str); 3] = [
    ("/spec/clusterIP", "/spec/clusterIP"),
    ("/spec/ipFamilies", "/spec/ipFamilies/0"),
    ("/spec/loadBalancerClass", "/spec/loadBalancerClass"),
];

/// Immutable fields of a Service (core/v1 `ServiceSpec`: clusterIP, the first of `ipFamilies`, and the class for as long as
/// the type stays).
pub(super) fn immutable_services(pair: &ManifestPair, reported: &mut Reported) -> Vec<Consequence> {
    let mut found = Vec::new();
    for service in pair.changed("Service") {
        let reasons: Vec<FieldChange> = IMMUTABLE
            .iter()
            .filter(|(_, part)| service.differs(part))
            .filter(|(field, _)| !field.ends_with("Class") || !service.differs("/spec/type"))
            .flat_map(|(field, _)| service.changes(field))
            .collect();
        if reasons.is_empty() {
            continue;
        }
        let object = service.identity.short();
        reported.report(&object, &reasons);
        found.push(
            Consequence::new(
                Class::ImmutableField,
                &object,
                "the API server refuses this change: the Service must be deleted and recreated, and its name does not resolve in between",
            )
            .because(reasons)
            .advice("delete it and apply immediately; running builds are not affected"),
        );
    }
    found
}

/// Differences that are not reported yet. Objects with the same change are reported together.
pub(super) fn in_place(pair: &ManifestPair, reported: &Reported) -> Vec<Consequence> {
    let mut grouped: IndexMap<(&str, Vec<FieldChange>), Vec<String>> = IndexMap::new();
    let mut alone = Vec::new();
    for (identity, new) in pair.new.iter() {
        let Some(old) = pair.old.get(identity).filter(|old| *old != new) else { continue };
        let object = identity.short();
        let all = changes(Some(old), Some(new), "");
        let unseen = all.is_empty() && !reported.has(&object, "");
        let rest: Vec<FieldChange> = all.into_iter().filter(|change| !reported.has(&object, &change.path)).collect();
        if identity.kind == "PrometheusRule" && rest.iter().any(|change| change.path.starts_with("spec.groups")) {
            alone.push(alerts(&object, old, new).because(rest));
            continue;
        }
        if !rest.is_empty() || unseen {
            grouped.entry((in_words(identity, &rest), rest)).or_default().push(object);
        }
    }
    grouped
        .into_iter()
        .map(|((what, reasons), objects)| {
            let class = if reasons.is_empty() { Class::NoEffect } else { Class::InPlace };
            Consequence::of_all(class, objects, what).because(reasons)
        })
        .chain(alone)
        .collect()
}

/// Alerts that are added, removed or changed, by name and architecture.
fn alerts(object: &str, old: &Value, new: &Value) -> Consequence {
    let rules = |rule: &Value| -> BTreeMap<String, Value> {
        let groups = rule["spec"]["groups"].as_array().into_iter().flatten();
        let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
        let named = |rule: &Value| {
            let arch = rule["labels"]["arch"].as_str().map(|arch| format!(" {arch}")).unwrap_or_default();
            let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
            (format!("{}{arch} ({severity})", rule["alert"].as_str().unwrap_or_default()), rule.clone())
        };
        rules.map(named).collect()
    };
    let (old, new) = (rules(old), rules(new));
    let listed = |names: Vec<&String>| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let parts = [
        ("removed", old.keys().filter(|name| !new.contains_key(*name)).collect::<Vec<_>>()),
        ("new", new.keys().filter(|name| !old.contains_key(*name)).collect()),
        (
            "changed",
            new.iter()
                .filter(|(name, rule)| old.get(*name).is_some_and(|old| old != *rule))
                .map(|(name, _)| name)
                .collect(),
        ),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(how, names)| format!("{how}: {}", listed(names)))
        .collect();
    Consequence::new(Class::InPlace, object, format!("alerts {}", parts.join("; ")))
}

fn in_words(identity: &Identity, changes: &[FieldChange]) -> &'static str {
    if changes.is_empty() {
        return "only comments or the order of items differ";
    }
    if changes.iter().all(|change| change.path.starts_with("metadata.")) {
        return "only labels or annotations change; nothing restarts";
    }
    let all_in =
        |places: &[&str]| changes.iter().all(|change| places.iter().any(|place| change.path.starts_with(place)));
    match identity.kind.as_str() {
        "NodePool" if all_in(&["spec.weight", "spec.limits", "spec.disruption", "metadata."]) => {
            "no node is replaced; Karpenter follows the change from now on"
        }
        "ScaledObject" if all_in(&["spec.", "metadata."]) => "KEDA updates its HPA immediately; no pod restarts",
        "ConfigMap" if identity.name == DASHBOARD => "Grafana shows the new dashboard within a minute or two",
        "ConfigMap" => "no pod restarts; running pods see the new content within a minute or two",
        "Service" if all_in(&["spec.selector", "spec.ports"]) => "traffic follows the change immediately",
        "ServiceMonitor" => "Prometheus follows the change within a minute",
        "Deployment" if all_in(&["spec.", "metadata."]) => "no pod restarts",
        _ => "applied in place",
    }
}
