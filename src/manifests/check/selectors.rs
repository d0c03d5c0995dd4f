//! What each selector is meant to match: the names of Deployments, Services and budgets show it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{Manifests, RenderedFleet, builders_of, container, items};
use crate::manifests::names::{EXTERNAL, KEDA_MONITOR, LB, LB_METRICS};
use crate::values::name::Namespace;

/// Where buildkitd listens.
const BUILDS_PORT: u16 = 1234;

/// Whether every pair of the selector is among the labels. An empty selector would match everything.
fn selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|pairs| {
        !pairs.is_empty() && pairs.iter().all(|(key, value)| value.is_string() && labels.get(key) == Some(value))
    })
}

/// The labels that a selector requires; null if it requires more than labels.
fn labels(selector: &Value) -> &Value {
    match selector.as_object() {
        Some(parts) if parts.len() == 1 => &selector["matchLabels"],
        _ => &Value::Null,
    }
}

pub(super) fn selectors(set: &Manifests, broken: &mut Findings) {
    let builders: Vec<String> = set.arches.iter().map(|arch| builders_of(arch)).collect();
    let headless: Vec<String> = builders.iter().map(|name| format!("{name}-pods")).collect();
    let pods_of = |selector: &Value| -> Vec<&str> {
        let deployments = set.objects.of_kind("Deployment");
        deployments
            .filter(|(_, deployment)| selects(selector, &deployment["spec"]["template"]["metadata"]["labels"]))
            .map(|(name, _)| name)
            .collect()
    };
    let expect = |broken: &mut Findings, kind: &str, name: &str, found: Vec<&str>, meant: &[&str]| {
        // Documents may be in any order.
        let sorted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        if sorted(&found) != sorted(meant) {
            broken.at(kind, name, "spec", format!("{kind}/{name} selects {found:?}, not {meant:?}"));
        }
    };
    let all: Vec<&str> = builders.iter().map(String::as_str).collect();
    for (name, deployment) in set.objects.of_kind("Deployment") {
        expect(broken, "Deployment", name, pods_of(labels(&deployment["spec"]["selector"])), &[name]);
    }
    for (name, service) in set.objects.of_kind("Service") {
        let meant = name.strip_suffix("-guarded-pods").or_else(|| name.strip_suffix("-pods")).unwrap_or(LB);
        expect(broken, "Service", name, pods_of(&service["spec"]["selector"]), &[meant]);
    }
    for (name, budget) in set.objects.of_kind("PodDisruptionBudget") {
        expect(broken, "PodDisruptionBudget", name, pods_of(labels(&budget["spec"]["selector"])), &[name]);
    }
    for (name, policy) in set.objects.of_kind("NetworkPolicy") {
        let meant: &[&str] = if name.starts_with(LB) { &[LB] } else { &all };
        expect(broken, "NetworkPolicy", name, pods_of(labels(&policy["spec"]["podSelector"])), meant);
        for rule in items(&policy["spec"]["ingress"]) {
            for peer in items(&rule["from"]).iter().filter_map(|peer| peer.get("podSelector")) {
                let found = pods_of(labels(peer));
                if found != [LB] {
                    let what = format!("a peer of NetworkPolicy/{name} selects {found:?}, not {:?}", [LB]);
                    broken.at("NetworkPolicy", name, "spec.ingress", what);
                }
            }
        }
    }
    for (name, monitor) in set.objects.of_kind("ServiceMonitor") {
        // KEDA's own Service is not in these manifests; all others are in the fleet's namespace.
        if name == KEDA_MONITOR {
            continue;
        }
        if monitor["spec"].get("namespaceSelector").is_some() {
            broken.at(
                "ServiceMonitor",
                name,
                "spec.namespaceSelector",
                format!("ServiceMonitor/{name} selects other namespaces"),
            );
        }
        let services = set.objects.of_kind("Service");
        let found: Vec<&str> = services
            .filter(|(_, service)| selects(labels(&monitor["spec"]["selector"]), &service["metadata"]["labels"]))
            .map(|(name, _)| name)
            .collect();
        let pods: Vec<&str> = headless.iter().map(String::as_str).collect();
        expect(broken, "ServiceMonitor", name, found, if name == LB { &[LB_METRICS] } else { &pods });
    }
    open_to_all(set, broken);
    each_pool_has_its_own(set, &builders, broken);
}

/// Who is let in is who clusters.yaml says.
pub(super) fn let_in(set: &RenderedFleet, broken: &mut Findings) {
    keda_may_read(set, broken);
    clients_may_build(set, broken);
}

/// In a NetworkPolicy, a missing or empty list of peers or ports means all of them, and so does an empty selector.
fn open_to_all(set: &Manifests, broken: &mut Findings) {
    for (name, policy) in set.objects.of_kind("NetworkPolicy") {
        let peer_is_named = |peer: &Value| {
            // Which networks, the invariant `outside` compares.
            let is_network = peer.get("ipBlock").is_some() && name == "buildkitd-lb-ingress";
            is_network
                || peer.as_object().is_some_and(|selectors| {
                    !selectors.is_empty()
                        && selectors.values().all(|selector| {
                            selector["matchLabels"].as_object().is_some_and(|labels| !labels.is_empty())
                        })
                })
        };
        let closed = |rule: &Value| {
            let (from, ports) = (items(&rule["from"]), items(&rule["ports"]));
            !from.is_empty() && !ports.is_empty() && from.iter().all(peer_is_named)
        };
        let ingress = items(&policy["spec"]["ingress"]);
        if items(&policy["spec"]["policyTypes"]) != ["Ingress"] || ingress.is_empty() || !ingress.iter().all(closed) {
            broken.at("NetworkPolicy", name, "spec", format!("NetworkPolicy/{name} allows everybody or nobody"));
        }
    }
    // A client that bypasses the load balancer breaks the limit of one build per pod.
    for (name, policy) in set.objects.of_kind("NetworkPolicy").filter(|(name, _)| !name.starts_with(LB)) {
        for rule in items(&policy["spec"]["ingress"]) {
            let of_builds = items(&rule["ports"]).iter().any(|port| port["port"] == BUILDS_PORT);
            if of_builds && !items(&rule["from"]).iter().all(|peer| peer.get("podSelector").is_some()) {
                broken.at(
                    "NetworkPolicy",
                    name,
                    "spec.ingress",
                    format!("NetworkPolicy/{name} allows builds from others than the load balancer"),
                );
            }
        }
    }
    for (name, service) in set.objects.of_kind("Service") {
        let spec = &service["spec"];
        if (spec["type"] != "ClusterIP" && name != EXTERNAL)
            || spec.get("externalIPs").is_some()
            // Pods with a guard refuse connections themselves.
            || (spec.get("publishNotReadyAddresses").is_some() && !name.ends_with("-guarded-pods"))
        {
            broken.at(
                "Service",
                name,
                "spec",
                format!("Service/{name} is reachable from outside, or includes pods that are not ready"),
            );
        }
    }
}

fn keda_may_read(set: &RenderedFleet, broken: &mut Findings) {
    // Without it, every scrape is dropped if policies are enforced, and the fleet never scales.
    let metrics = set.object("NetworkPolicy", "buildkitd-lb-metrics-ingress");
    let keda = set.fleet.keda_namespace.as_str();
    let let_in = items(&metrics["spec"]["ingress"][0]["from"])
        .iter()
        .any(|peer| peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == keda);
    if !let_in {
        let what = format!("no NetworkPolicy allows KEDA, in namespace {keda}, to read the load balancer's metrics");
        broken.at("NetworkPolicy", "buildkitd-lb-metrics-ingress", "spec.ingress", what);
    }
}

/// Clients are the configured namespaces, and reach every build port and nothing else.
fn clients_may_build(set: &RenderedFleet, broken: &mut Findings) {
    let rule = &set.object("NetworkPolicy", "buildkitd-lb-ingress")["spec"]["ingress"][0];
    let peers = items(&rule["from"]).iter();
    let let_in: Vec<&str> = peers
        .filter_map(|peer| peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"].as_str())
        .collect();
    if !set.fleet.client_namespaces.iter().map(Namespace::as_str).eq(let_in.iter().copied()) {
        broken.at(
            "NetworkPolicy",
            "buildkitd-lb-ingress",
            "spec.ingress",
            format!("the NetworkPolicy allows clients of {let_in:?}, not those of clusters.yaml"),
        );
    }
    let open: Vec<Option<u64>> = items(&rule["ports"]).iter().map(|port| port["port"].as_u64()).collect();
    let ports = items(&container(set.object("Deployment", LB))["ports"]).iter();
    let of_builds: Vec<Option<u64>> = ports
        .filter(|port| port["name"] != "health" && port["name"] != "prometheus")
        .map(|port| port["containerPort"].as_u64())
        .collect();
    if open != of_builds {
        broken.at(
            "NetworkPolicy",
            "buildkitd-lb-ingress",
            "spec.ingress",
            format!("clients may connect to {open:?}, but builds are accepted on {of_builds:?}"),
        );
    }
}

fn each_pool_has_its_own(set: &Manifests, builders: &[String], broken: &mut Findings) {
    for name in builders {
        for (kind, name) in [
            ("Deployment", name.clone()),
            ("PodDisruptionBudget", name.clone()),
            ("Service", name.clone()),
            ("Service", format!("{name}-pods")),
        ] {
            if set.object(kind, &name).is_null() {
                broken.push(format!("there is no {kind}/{name}"));
            }
        }
    }
    let policies = set.objects.of_kind("NetworkPolicy").filter(|(name, _)| !name.starts_with(LB));
    let rules = policies.flat_map(|(_, policy)| items(&policy["spec"]["ingress"]));
    if !rules.flat_map(|rule| items(&rule["ports"])).any(|port| port["port"] == BUILDS_PORT) {
        let what = "no NetworkPolicy keeps others than the load balancer from the builders".to_owned();
        broken.at("NetworkPolicy", "buildkitd-ingress", "", what);
    }
    let deployments = set.objects.of_kind("Deployment").count();
    if deployments != builders.len() + 1 {
        broken.push(format!("{deployments} Deployments for {} pools and the load balancer", builders.len()));
    }
}
