//! One build per pod, on dedicated CPUs.

use serde_json::{Map, Value};

use crate::manifests::check::findings::Findings;
use crate::manifests::check::quantity;
use crate::manifests::check::set::{
    Manifests, RenderedFleet, backend_of, builders_of, container, containers, items, number, pod,
};
use crate::manifests::checksum::checksum;
use crate::manifests::names::{DASHBOARD, GUARD, LB, LB_QUOTA, hashed};
use crate::manifests::patch::documents::checksum_of_patched;

pub(super) fn one_build(set: &Manifests, broken: &mut Findings) {
    for arch in &set.arches {
        let name = backend_of(arch);
        let mut bad = |what: String| broken.of_haproxy(&["backend", &name], what);
        let Some(backend) = set.haproxy.section("backend", &name) else {
            bad(format!("there is no backend {name}"));
            continue;
        };
        let templates: Vec<_> = backend.settings(&["server-template"]).collect();
        let [words] = templates.as_slice() else {
            bad(format!("{name} has {} server-templates, expected 1", templates.len()));
            continue;
        };
        // The last of several limits counts.
        let limits = words.windows(2).filter(|pair| pair[0] == "maxconn");
        if !limits.map(|pair| pair[1]).eq(["1"]) {
            bad(format!("servers of {name} are not limited to one build at a time"));
        }
        let others = backend.lines().filter(|line| line.first().is_some_and(|word| word.contains("server")));
        if !others
            .map(|line| line[..line.len().min(2)].join(" "))
            .all(|line| line == "server hold" || line.starts_with("server-template"))
        {
            bad(format!("{name} has an unexpected server or default-server line"));
        }
        if set.haproxy.setting(backend, &["mode"]).as_deref() != Some(&["tcp"]) {
            bad(format!("{name} is not in TCP mode"));
        }
        if words.contains(&"shutdown-sessions") {
            bad(format!("{name} cuts off builds of a server that is marked down"));
        }
    }
    if set.haproxy.of_kind("backend").count() != set.arches.len() {
        broken.of_haproxy(&[], "a pod is in two backends, or a backend has no pods".to_owned());
    }
    // Two load balancers would not know about each other's builds.
    if set.object("Deployment", LB)["spec"]["replicas"] != 1 {
        broken.of_lb("spec.replicas", "the load balancer does not have exactly one replica".to_owned());
    }
    for (arch, deployment) in set.builders_by_arch() {
        let hook = &container(deployment)["lifecycle"]["preStop"]["exec"]["command"];
        if !items(hook).iter().any(|word| word.as_str().is_some_and(|word| word.ends_with("/drain.sh"))) {
            let what = format!("builders of {arch} do not run drain.sh before they stop");
            broken.at("Deployment", &builders_of(arch), "spec.template.spec.containers[buildkitd].lifecycle", what);
        }
    }
}

/// Where the resources of a container stand.
fn resources(container: &str) -> String {
    format!("spec.template.spec.containers[{container}].resources")
}

/// The class of service is that of the pod: one container that requests less than its limits makes all of it Burstable.
pub(super) fn guaranteed(set: &Manifests, broken: &mut Findings) {
    for (arch, deployment) in set.builders_by_arch() {
        let builders = builders_of(arch);
        for container in containers(deployment) {
            let name = container["name"].as_str().unwrap_or_default();
            let (requests, limits) = (&container["resources"]["requests"], &container["resources"]["limits"]);
            for resource in ["cpu", "memory"] {
                if requests[resource].is_null() || requests[resource] != limits[resource] {
                    let what = format!(
                        "{arch}: {resource} request {} of {name} differs from limit {}",
                        requests[resource], limits[resource]
                    );
                    broken.at("Deployment", &builders, &resources(name), what);
                }
            }
            // Exceeding a limit evicts the build.
            if limits.get("ephemeral-storage").is_some() {
                let what = format!("{arch}: {name} has an ephemeral-storage limit");
                broken.at("Deployment", &builders, &resources(name), what);
            }
        }
        // The static CPU manager pins whole CPUs only.
        let requests = &container(deployment)["resources"]["requests"];
        if quantity::millicores(&requests["cpu"]).is_none_or(|cpu| cpu == 0 || cpu % 1000 != 0) {
            let what = format!("{arch}: {} is not a whole number of CPUs", requests["cpu"]);
            broken.at("Deployment", &builders, &resources("buildkitd"), what);
        }
    }
}

pub(super) fn alone(set: &RenderedFleet, broken: &mut Findings) {
    for (name, deployment) in set.objects.of_kind("Deployment") {
        let guarded = name != LB && set.fleet.builder.one_build_guard.is_required();
        let first = pod(deployment)
            .get("initContainers")
            .map(|first| items(first).iter().map(|first| &first["name"]).collect::<Vec<_>>());
        if items(&pod(deployment)["containers"]).len() != 1
            || first.is_some() != guarded
            || first.is_some_and(|first| first != [GUARD])
        {
            broken.push(format!("pods of {name} do not have exactly one container"));
        }
    }
}

/// What would take the load balancer away takes every build with it.
pub(super) fn lb_stays(set: &Manifests, broken: &mut Findings) {
    let deployment = set.object("Deployment", LB);
    let container = container(deployment);
    let mut bad = |path: &str, what: String| broken.of_lb(&format!("spec.template.{path}"), what);
    for (container, resource) in containers(deployment).flat_map(|one| [(one, "cpu"), (one, "memory")]) {
        let (requests, limits) = (&container["resources"]["requests"], &container["resources"]["limits"]);
        if requests[resource].is_null() || requests[resource] != limits[resource] {
            let what = format!("the load balancer's {resource} is not all requested by {}", container["name"]);
            bad("spec.containers[haproxy].resources", what);
        }
    }
    let resources = &container["resources"];
    if resources["requests"]["ephemeral-storage"].is_null() || resources["limits"].get("ephemeral-storage").is_some() {
        let what = "the load balancer has a limit of disk, or no request".to_owned();
        bad("spec.containers[haproxy].resources", what);
    }
    for probe in ["livenessProbe", "startupProbe"] {
        if container.get(probe).is_some() {
            let what = format!("the load balancer has a {probe}: a kill closes every port until the last build ends");
            bad(&format!("spec.containers[haproxy].{probe}"), what);
        }
    }
    if container.get("readinessProbe").is_none() {
        bad("spec.containers[haproxy]", "the load balancer has no readinessProbe".to_owned());
    }
    if deployment["spec"]["template"]["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] != "true" {
        bad("metadata.annotations", "Karpenter may replace the load balancer's node under builds".to_owned());
    }
}

/// Its priority class is the one that it was given, and is admitted.
pub(super) fn lb_has_priority(set: &RenderedFleet, broken: &mut Findings) {
    let pod = pod(set.object("Deployment", LB));
    let class = set.fleet.lb.priority_class.as_str();
    if pod["priorityClassName"] != class {
        let what = format!("the load balancer's priority class is {}, not {class}", pod["priorityClassName"]);
        broken.of_lb("spec.template.spec.priorityClassName", what);
    }
    let quota = &set.object("ResourceQuota", LB_QUOTA)["spec"];
    let scope = &quota["scopeSelector"]["matchExpressions"];
    let admits = scope[0]["scopeName"] == "PriorityClass"
        && scope[0]["operator"] == "In"
        && items(&scope[0]["values"]) == [class]
        && items(scope).len() == 1
        // Old load balancers may finish their builds for hours beside the new one.
        && number(&quota["hard"]["pods"]) >= Some(4);
    if set.fleet.lb.needs_quota() != admits {
        let what = format!("ResourceQuota/{LB_QUOTA} does not admit the load balancer, or nobody asked for it");
        broken.at("ResourceQuota", LB_QUOTA, "spec", what);
    }
}

/// Keys of a ConfigMap of ours at most, so that every order of them can be tried.
const MOST_KEYS: usize = 6;

/// A ConfigMap that pods read is named after its content and never changes.
pub(super) fn hashes(set: &Manifests, broken: &mut Findings) {
    // No pod reads the dashboard.
    for (base, map) in set.objects.of_kind("ConfigMap").filter(|(base, _)| *base != DASHBOARD) {
        let name = &map["metadata"]["name"];
        let is_named = |map: &Value| {
            let data = map["data"].as_object();
            let texts: Vec<&str> = data.into_iter().flat_map(Map::values).filter_map(Value::as_str).collect();
            *name == hashed(base, &checksum(&texts)) || *name == hashed(base, &checksum_of_patched(map))
        };
        if !(is_named(map) || in_other_orders(map).any(|map| is_named(&map))) || map["immutable"] != true {
            let what = format!("ConfigMap {name} is not named after its content, or can be changed");
            broken.at("ConfigMap", base, "metadata.name", what);
        }
    }
}

/// The same with the keys of its data in each order: kustomize writes them by the alphabet.
fn in_other_orders(map: &Value) -> impl Iterator<Item = Value> {
    let data = map["data"].as_object().filter(|data| data.len() <= MOST_KEYS);
    let keys: Vec<&String> = data.into_iter().flat_map(Map::keys).collect();
    let orders = orders(&keys);
    orders.into_iter().map(|order| {
        let mut map = map.clone();
        map["data"] =
            order.into_iter().map(|key| (key.clone(), map["data"][key].clone())).collect::<Map<_, _>>().into();
        map
    })
}

fn orders<'k>(keys: &[&'k String]) -> Vec<Vec<&'k String>> {
    if keys.len() < 2 {
        return Vec::from_iter((!keys.is_empty()).then(|| keys.to_vec()));
    }
    let each = keys.iter().enumerate().flat_map(|(place, first)| {
        let rest = [&keys[..place], &keys[place + 1..]].concat();
        orders(&rest).into_iter().map(|order| [vec![*first], order].concat()).collect::<Vec<_>>()
    });
    each.collect()
}
