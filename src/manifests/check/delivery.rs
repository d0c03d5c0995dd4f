//! What Argo CD and Flux are told of each object.

use serde_json::{Map, Value};

use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{RenderedFleet, builders_of, number};
use crate::manifests::names::{ARGOCD_OPTIONS, DASHBOARD, FLUX_PRUNE, LB, LB_CONFIG};
use crate::values::delivery::{Delivery, substituted};

const WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Prefixes of what nobody reads on a pod: there it would roll the load balancer or the builders.
const OF_OBJECTS: [&str; 3] = ["argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "buildkit-fleet/"];

/// The part of a set: synced by itself where it must not be by accident, or after the others.
const PART: &str = "buildkit-fleet/part";

pub(super) fn delivery(set: &RenderedFleet, broken: &mut Findings) {
    for (at, object) in set.objects.iter() {
        let mut bad = |what: &str| {
            broken.at(&at.kind, &at.name, "metadata.annotations", format!("{} {what}", at.short()));
        };
        let kept = ["Namespace", "NodePool", "EC2NodeClass"].contains(&at.kind.as_str());
        let versioned = at.kind == "ConfigMap" && at.name != DASHBOARD;
        let option = |option: &str| text(object, ARGOCD_OPTIONS).split(',').any(|one| one == option);
        match set.fleet.delivery {
            Delivery::Script => {}
            Delivery::ArgoCd => {
                if kept && !(option("Prune=false") && option("Delete=false")) {
                    bad("may be deleted by Argo CD");
                }
                if versioned && !option("PruneLast=true") && !option("Prune=false") {
                    bad("may be deleted before the pods that read it");
                }
                if at.kind == "Deployment" && !option("ServerSideApply=true") {
                    bad("is not applied on the server, so that the number of pods is lost when KEDA takes over");
                }
            }
            Delivery::Flux => {
                if (kept || versioned) && text(object, FLUX_PRUNE) != "disabled" {
                    bad("may be deleted by Flux");
                }
            }
        }
        for what in other_orders(set.fleet.delivery, object) {
            bad(&what);
        }
        // These two may have any annotation of the user's.
        let fixed = !["Service", "ServiceAccount"].contains(&at.kind.as_str());
        let delivered = set.fleet.delivery != Delivery::Script;
        if delivered && fixed && text(object, PART) != part_of(&at.kind, &at.name) {
            bad("is in another part of the set");
        }
        let of_pods = object["spec"]["template"]["metadata"]["annotations"].as_object().into_iter().flatten();
        for (key, _) in of_pods.filter(|(key, _)| OF_OBJECTS.iter().any(|prefix| key.starts_with(prefix))) {
            bad(&format!("has {key} on its pods, which a change of the delivery would roll"));
        }
    }
    if set.fleet.delivery == Delivery::ArgoCd {
        waves(set, broken);
    }
}

/// Options of Argo CD that keep or delay what the set says; others recreate objects, or take the number of pods away.
const HARMLESS: [&str; 8] = [
    "ServerSideApply=true",
    "Prune=false",
    "Delete=false",
    "PruneLast=true",
    "Prune=confirm",
    "Delete=confirm",
    "SkipDryRunOnMissingResource=true",
    "ApplyOutOfSyncOnly=true",
];

/// What an overlay or a patch tells the tool that would undo the set's own annotations.
fn other_orders(delivery: Delivery, object: &Value) -> Vec<String> {
    let annotations = object["metadata"]["annotations"].as_object();
    let each =
        || annotations.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
    match delivery {
        Delivery::Script => Vec::new(),
        Delivery::ArgoCd => {
            let options =
                text(object, ARGOCD_OPTIONS).split(',').filter(|one| !one.is_empty() && !HARMLESS.contains(one));
            let hooks = each().filter(|(key, _)| key.starts_with("argocd.argoproj.io/hook"));
            let wave = Some(text(object, WAVE)).filter(|wave| !wave.is_empty() && wave.parse::<i32>().is_err());
            options
                .map(|option| format!("has the sync option {option}, by which Argo CD may recreate or drop it"))
                .chain(hooks.map(|(key, _)| format!("has {key}: Argo CD recreates a hook at each sync")))
                .chain(wave.map(|wave| format!("has the sync wave `{wave}`, which is no number")))
                .collect()
        }
        Delivery::Flux => each()
            .filter(|(key, value)| match key.strip_prefix("kustomize.toolkit.fluxcd.io/") {
                Some("force" | "ssa" | "reconcile") => true,
                Some("substitute") => *value != "disabled",
                _ => false,
            })
            .map(|(key, value)| format!("has {key}: {value}, by which Flux recreates, changes or ignores it"))
            .collect(),
    }
}

/// Everything before the load balancer is healthy waits: KEDA must read a number as soon as it scales. Builders wait for
/// nodes, one architecture as long as it has none, and keep nothing else back.
fn waves(set: &RenderedFleet, broken: &mut Findings) {
    let wave = |kind: &str, name: &str| number(&set.object(kind, name)["metadata"]["annotations"][WAVE]);
    let lb = wave("Deployment", LB);
    for pool in &set.fleet.pools {
        let name = builders_of(pool.arch.name());
        let builders = wave("Deployment", &name);
        let scaled = set.object("ScaledObject", &name);
        if lb.is_none() || builders <= lb || (!scaled.is_null() && wave("ScaledObject", &name) != builders) {
            broken.push(format!("{name} and its ScaledObject are not in one wave behind the load balancer's"));
        }
    }
}

/// The annotations of an object that are not the delivery's, or that the user gives.
pub(super) fn of_the_user(object: &Value, given: &Map<String, Value>) -> Map<String, Value> {
    let annotations = object["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let is_ours = |key: &str| [PART, WAVE, ARGOCD_OPTIONS].contains(&key) && !given.contains_key(key);
    annotations.into_iter().filter(|(key, _)| !is_ours(key)).collect()
}

fn part_of(kind: &str, name: &str) -> &'static str {
    match (kind, name) {
        ("ScaledObject", _) => "scaling",
        ("ConfigMap", LB_CONFIG) | ("Deployment", LB) | ("ResourceQuota", _) => "load-balancer",
        _ => "base",
    }
}

fn text<'v>(object: &'v Value, annotation: &str) -> &'v str {
    object["metadata"]["annotations"][annotation].as_str().unwrap_or_default()
}

/// With Flux, in every text of every object, whatever is annotated: an overlay may drop an annotation.
pub(super) fn substitution(set: &RenderedFleet, broken: &mut Findings) {
    if set.fleet.delivery != Delivery::Flux {
        return;
    }
    for (at, object) in set.objects.iter() {
        for line in texts(object) {
            if let Some(part) = substituted(line) {
                broken.at(&at.kind, &at.name, "", format!("{} has `{part}`: {}", at.short(), line.trim()));
            }
        }
    }
}

/// The lines of every key and every text.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => text.lines().collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => {
            fields.iter().flat_map(|(key, value)| [vec![key.as_str()], texts(value)].concat()).collect()
        }
        _ => Vec::new(),
    }
}
