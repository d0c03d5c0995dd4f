//! What `delivery` adds for Argo CD and Flux, and what it leaves alone.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_fleet::consequences::cluster::consequences;
use buildkit_fleet::consequences::consequence::Class;
use buildkit_fleet::manifests::objects::Objects;
use buildkit_fleet::manifests::set::SetFile;
use serde_json::{Value, json};

use crate::support;

const DELIVERIES: [&str; 3] = ["script", "argocd", "flux"];

/// Two fleets: KEDA with a node for the load balancer, a ServiceAccount and a Service, and a fixed one.
const FLEETS: [&str; 2] = [
    "      autoscaling: {enabled: true, amd64_max: 8, arm64_max: 8}\n      mtls_secret: tls\n      load_balancer: {node_pool: {instance_type: c7i.large}, service: {source_ranges: [10.0.0.0/8], annotations: {ANNOTATION: \"5\"}}}\n      builder: {service_account: {name: builds, create: true, annotations: {ANNOTATION: \"5\"}}}\n",
    "      replicas_per_arch: 4\n",
];

fn set(fleet: &str, delivery: &str) -> Vec<SetFile> {
    let fleet = fleet.replace("ANNOTATION", "example.com/a");
    support::render(&support::fleet(&support::one_cluster(&format!("{fleet}      delivery: {delivery}\n")), "here"))
}

fn objects(files: &[SetFile]) -> Objects {
    Objects::read(files).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Without what a delivery adds.
fn bare(mut object: Value) -> Value {
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.retain(|key, _| {
            key == "kustomize.toolkit.fluxcd.io/substitute"
                || ["argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "buildkit-fleet/part"]
                    .iter()
                    .all(|prefix| !key.starts_with(prefix))
        });
    }
    if object["metadata"]["annotations"] == json!({}) {
        object["metadata"].as_object_mut().map(|metadata| metadata.remove("annotations"));
    }
    object
}

#[test]
fn a_delivery_adds_annotations_to_objects_and_nothing_else() {
    for fleet in FLEETS {
        let script = objects(&set(fleet, "script"));
        for delivery in DELIVERIES {
            let other = objects(&set(fleet, delivery));
            for (at, object) in other.iter() {
                assert_eq!(Some(&bare(object.clone())), script.get(at), "{delivery}: {}", at.short());
                assert_eq!(delivery == "script", object == &bare(object.clone()), "{delivery}: {}", at.short());
            }
            assert_eq!(other.iter().count(), script.iter().count());
        }
    }
}

#[test]
fn a_change_of_the_delivery_rolls_nothing() {
    for fleet in FLEETS {
        for (from, to) in [("script", "argocd"), ("argocd", "flux"), ("flux", "script")] {
            let found =
                consequences(&set(fleet, from), &set(fleet, to), None).unwrap_or_else(|error| panic!("{error:#}"));
            let (told, rest): (Vec<_>, Vec<_>) = found.iter().partition(|one| one.objects == ["the set"]);
            assert!(told.len() == 1 && told[0].class == Class::InPlace && told[0].advice.is_some(), "{told:#?}");
            for one in rest {
                assert_eq!(
                    (one.class, one.what.as_str()),
                    (Class::InPlace, "only labels or annotations change; nothing restarts"),
                    "{from} -> {to}: {one:#?}"
                );
            }
            let objects: BTreeSet<&String> = found.iter().flat_map(|one| &one.objects).collect();
            assert!(objects.len() > 15, "{objects:?}");
        }
    }
}

/// Argo CD waits for the health of a wave. The load balancer is healthy before KEDA reads it, and builders without nodes
/// keep nothing back.
#[test]
fn argo_cd_applies_in_the_order_of_the_files_and_waits_for_no_builder() {
    for fleet in FLEETS {
        let files = set(fleet, "argocd");
        let mut waves: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for file in &files {
            for object in support::documents(std::slice::from_ref(file)) {
                let wave = object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"].as_str();
                let wave = wave.and_then(|wave| wave.parse().ok()).unwrap_or_else(|| panic!("{}", file.path));
                waves.entry(file.path.clone()).or_default().insert(wave);
            }
        }
        for (path, found) in waves {
            let number: i64 = path[..2].parse().unwrap_or_default();
            assert_eq!(found, BTreeSet::from([number.min(40)]), "{path}");
        }
    }
}

/// The user's own annotation counts, once.
#[test]
fn an_annotation_that_clusters_yaml_gives_is_kept() {
    let fleet = FLEETS[0].replace("ANNOTATION", "argocd.argoproj.io/sync-wave") + "      delivery: argocd\n";
    let files = support::render(&support::fleet(&support::one_cluster(&fleet), "here"));
    for (kind, name) in [("Service", "buildkitd-external"), ("ServiceAccount", "builds")] {
        let object = support::object(&files, kind, name);
        assert_eq!(object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"], "5", "{kind}");
        assert_eq!(object["metadata"]["annotations"]["buildkit-fleet/part"], "base", "{kind}");
    }
}
