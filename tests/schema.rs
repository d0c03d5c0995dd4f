//! Core kinds read into Kubernetes' own types and written back must be equal: a misspelt or misplaced field, which the
//! API server would refuse or drop, is lost on the way.

mod support;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, Service},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

fn round_trip<T: Serialize + DeserializeOwned>(document: &Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(&typed).map_err(|error| error.to_string())
}

/// The document after the round trip, or none for kinds that are not core ones.
fn through_types(document: &Value) -> Option<Result<Value, String>> {
    Some(match document["kind"].as_str()? {
        "Deployment" => round_trip::<Deployment>(document),
        "ConfigMap" => round_trip::<ConfigMap>(document),
        "Namespace" => round_trip::<Namespace>(document),
        "Service" => round_trip::<Service>(document),
        "NetworkPolicy" => round_trip::<NetworkPolicy>(document),
        "PodDisruptionBudget" => round_trip::<PodDisruptionBudget>(document),
        _ => return None,
    })
}

fn inputs() -> Vec<String> {
    let mut inputs = vec![support::shipped()];
    inputs.extend(
        ["sleeping", "amd64-only", "every-key"].map(|name| support::read(&format!("tests/inputs/{name}.yaml"))),
    );
    inputs
}

fn all_documents() -> Vec<Value> {
    let fleets = inputs().into_iter().flat_map(|input| support::fleets(&input));
    let documents = fleets.flat_map(|fleet| support::documents(&support::render(&fleet)));
    documents.map(|document| serde_json::to_value(document).unwrap_or_else(|error| panic!("{error}"))).collect()
}

#[test]
fn core_kinds_survive_their_own_types() {
    let mut seen = std::collections::BTreeMap::new();
    for document in all_documents() {
        if let Some(back) = through_types(&document) {
            assert_eq!(back.as_ref(), Ok(&document), "{} {}", document["kind"], document["metadata"]["name"]);
            *seen.entry(document["kind"].to_string()).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[test]
fn a_misspelt_field_does_not_survive() {
    let deployment = all_documents().into_iter().find(|document| document["kind"] == "Deployment").unwrap_or_default();
    let mut misspelt = deployment;
    misspelt["spec"]["template"]["spec"]["terminationGracePeriodSecond"] = 1.into();
    assert_ne!(through_types(&misspelt), Some(Ok(misspelt)));
}

#[test]
fn every_object_has_the_recommended_labels_and_its_namespace() {
    for document in all_documents() {
        let labels = &document["metadata"]["labels"];
        for label in ["name", "component", "part-of", "managed-by"] {
            assert!(labels[format!("app.kubernetes.io/{label}")].is_string(), "{} lacks {label}", document["metadata"]);
        }
        let cluster_wide =
            ["Namespace", "NodePool", "EC2NodeClass"].contains(&document["kind"].as_str().unwrap_or_default());
        assert_eq!(document["metadata"]["namespace"].is_string(), !cluster_wide, "{}", document["metadata"]);
    }
}

/// Whether every pair of the selector is among the labels.
fn selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|pairs| pairs.iter().all(|(key, value)| labels.get(key) == Some(value)))
}

#[test]
fn every_selector_matches_what_it_means_and_nothing_else() {
    for fleet in inputs().into_iter().flat_map(|input| support::fleets(&input)) {
        let documents: Vec<Value> = support::documents(&support::render(&fleet))
            .iter()
            .map(|d| serde_json::to_value(d).unwrap_or_default())
            .collect();
        let of_kind = |kind: &'static str| documents.iter().filter(move |document| document["kind"] == kind);
        let name = |document: &Value| document["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let matching = |selector: &Value| -> Vec<String> {
            of_kind("Deployment")
                .filter(|d| selects(selector, &d["spec"]["template"]["metadata"]["labels"]))
                .map(name)
                .collect()
        };
        let builders: Vec<String> = fleet.pools.iter().map(|pool| format!("buildkitd-{}", pool.arch.name())).collect();
        for deployment in of_kind("Deployment") {
            assert_eq!(matching(&deployment["spec"]["selector"]["matchLabels"]), [name(deployment)]);
        }
        for service in of_kind("Service") {
            let expected = name(service).strip_suffix("-pods").map_or("buildkitd-lb".to_owned(), str::to_owned);
            assert_eq!(matching(&service["spec"]["selector"]), [expected], "{}", name(service));
            for port in service["spec"]["ports"].as_array().into_iter().flatten() {
                let pod = of_kind("Deployment")
                    .find(|d| selects(&service["spec"]["selector"], &d["spec"]["template"]["metadata"]["labels"]));
                let named = pod.is_some_and(|pod| {
                    pod["spec"]["template"]["spec"]["containers"][0]["ports"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|p| p["name"] == port["targetPort"])
                });
                assert!(named, "{}: no container port {}", name(service), port["targetPort"]);
            }
        }
        for budget in of_kind("PodDisruptionBudget") {
            assert_eq!(matching(&budget["spec"]["selector"]["matchLabels"]), [name(budget)]);
        }
        for policy in of_kind("NetworkPolicy") {
            let expected =
                if name(policy).contains("-lb-") { vec!["buildkitd-lb".to_owned()] } else { builders.clone() };
            assert_eq!(matching(&policy["spec"]["podSelector"]["matchLabels"]), expected, "{}", name(policy));
        }
        for monitor in of_kind("ServiceMonitor").filter(|monitor| monitor["spec"].get("namespaceSelector").is_none()) {
            let selected: Vec<String> = of_kind("Service")
                .filter(|s| selects(&monitor["spec"]["selector"]["matchLabels"], &s["metadata"]["labels"]))
                .map(name)
                .collect();
            let expected = if name(monitor) == "buildkitd-lb" {
                vec!["buildkitd-lb-metrics".to_owned()]
            } else {
                builders.iter().map(|builder| format!("{builder}-pods")).collect()
            };
            assert_eq!(selected, expected, "{}", name(monitor));
        }
        for pod in of_kind("Deployment").map(|deployment| &deployment["spec"]["template"]["spec"]) {
            for volume in pod["volumes"].as_array().into_iter().flatten() {
                let mounted = pod["containers"][0]["volumeMounts"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|m| m["name"] == volume["name"]);
                assert!(mounted, "volume {} is not mounted", volume["name"]);
                if let Some(map) = volume["configMap"]["name"].as_str() {
                    assert!(of_kind("ConfigMap").any(|config| name(config) == map), "no ConfigMap {map}");
                }
            }
            for env in pod["containers"][0]["env"].as_array().into_iter().flatten() {
                let script = include_str!("../templates/drain.sh");
                assert!(
                    script.contains(&format!("${{{}:-", env["name"].as_str().unwrap_or_default())),
                    "drain.sh does not read {env}"
                );
            }
        }
        for pool in of_kind("NodePool") {
            let class = &pool["spec"]["template"]["spec"]["nodeClassRef"]["name"];
            assert!(of_kind("EC2NodeClass").any(|document| document["metadata"]["name"] == *class));
            let taint = &pool["spec"]["template"]["spec"]["taints"][0];
            let labels = &pool["spec"]["template"]["metadata"]["labels"];
            let arch = labels["arch"].as_str().unwrap_or_default();
            let pod = of_kind("Deployment")
                .find(|d| name(d) == format!("buildkitd-{arch}"))
                .map(|d| &d["spec"]["template"]["spec"]);
            let pod = pod.unwrap_or_else(|| panic!("no builders for {arch}"));
            assert_eq!(pod["tolerations"][0]["key"], taint["key"]);
            assert_eq!(pod["tolerations"][0]["value"], taint["value"]);
            assert_eq!(pod["nodeSelector"]["workload-type"], labels["workload-type"]);
            assert_eq!(pod["nodeSelector"]["kubernetes.io/arch"], arch);
        }
    }
}

#[test]
fn times_and_sizes_stand_in_their_order() {
    for fleet in inputs().into_iter().flat_map(|input| support::fleets(&input)) {
        let files = support::render(&fleet);
        let lb = support::object(&files, "Deployment", "buildkitd-lb");
        let cfg = support::object(&files, "ConfigMap", "buildkitd-lb-config")["data"]["haproxy.cfg"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let minutes = |keyword: &str| -> u64 {
            let line = cfg.lines().find_map(|line| line.trim().strip_prefix(keyword)).unwrap_or_default();
            line.trim().trim_end_matches('m').parse().unwrap_or_else(|_| panic!("no minutes in {line:?}"))
        };
        let build = u64::from(fleet.timing.max_build_minutes()) * 60;
        let (client, server) = (minutes("timeout client ") * 60, minutes("timeout server ") * 60);
        let lb_grace = lb["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or_default();
        for pool in &fleet.pools {
            let pod = support::object(&files, "Deployment", &format!("buildkitd-{}", pool.arch.name()))["spec"]["template"]["spec"].clone();
            let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap_or_default();
            let cap: u64 =
                pod["containers"][0]["env"][0]["value"].as_str().and_then(|cap| cap.parse().ok()).unwrap_or_default();
            assert!(
                build < client && client == server && server < cap && cap < grace && grace <= lb_grace,
                "{build} {client} {cap} {grace} {lb_grace}"
            );
            let resources = &pod["containers"][0]["resources"];
            for resource in ["cpu", "memory"] {
                assert_eq!(resources["requests"][resource], resources["limits"][resource]);
            }
            assert!(resources["limits"].get("ephemeral-storage").is_none(), "exceeding one evicts the build");
            let slots: u32 = cfg
                .lines()
                .find_map(|line| line.trim().strip_prefix(&format!("server-template {} ", pool.arch.slot_prefix())))
                .and_then(|rest| rest.split(' ').next()?.parse().ok())
                .unwrap_or_default();
            assert!(slots >= 2 * pool.scaling.peak() && slots.is_multiple_of(64), "{slots} slots");
            for entry in &pool.plan.entries {
                let node_pool = support::object(&files, "NodePool", &entry.nodepool);
                let limit = node_pool["spec"]["limits"]["nodes"].as_u64().unwrap_or_default();
                assert!(limit * entry.pods_per_node >= 2 * u64::from(pool.scaling.peak()), "{limit} nodes");
                assert_eq!(node_pool["spec"]["limits"]["cpu"].as_u64(), Some(limit * entry.instance.vcpu));
            }
        }
    }
}

#[test]
fn replicas_are_written_only_where_nobody_else_owns_them() {
    for fleet in inputs().into_iter().flat_map(|input| support::fleets(&input)) {
        let files = support::render(&fleet);
        for pool in &fleet.pools {
            let name = format!("buildkitd-{}", pool.arch.name());
            let fixed = matches!(pool.scaling, buildkit_fleet::fleet::scaling::Scaling::Fixed { .. });
            let deployment = support::object(&files, "Deployment", &name);
            assert_eq!(deployment["spec"].get("replicas").is_some(), fixed);
            let scaled = support::documents(&files)
                .iter()
                .any(|d| d["kind"] == "ScaledObject" && d["metadata"]["name"] == name.as_str());
            assert_eq!(scaled, !fixed);
        }
    }
}
