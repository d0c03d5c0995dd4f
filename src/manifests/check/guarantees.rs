//! One build per pod, on dedicated CPUs.

use serde_json::Value;

use crate::manifests::check::quantity;
use crate::manifests::check::set::{RenderedFleet, backend_of, container, containers, items, number, pod};
use crate::manifests::checksum::checksum;
use crate::manifests::names::{LB, LB_QUOTA, hashed};
use crate::manifests::patch::documents::checksum_of_patched;

pub(super) fn one_build(set: &RenderedFleet, broken: &mut Vec<String>) {
    for pool in &set.fleet.pools {
        let name = backend_of(pool);
        let Some(backend) = set.haproxy.section("backend", &name) else {
            broken.push(format!("there is no backend {name}"));
            continue;
        };
        let templates: Vec<_> = backend.settings(&["server-template"]).collect();
        let [words] = templates.as_slice() else {
            broken.push(format!("{name} has {} server-templates, expected 1", templates.len()));
            continue;
        };
        // The last of several limits counts.
        let limits = words.windows(2).filter(|pair| pair[0] == "maxconn");
        if !limits.map(|pair| pair[1]).eq(["1"]) {
            broken.push(format!("servers of {name} are not limited to one build at a time"));
        }
        let others = backend.lines().filter(|line| line.first().is_some_and(|word| word.contains("server")));
        if !others
            .map(|line| line[..2].join(" "))
            .all(|line| line == "server hold" || line.starts_with("server-template"))
        {
            broken.push(format!("{name} has an unexpected server or default-server line"));
        }
        if set.haproxy.setting(backend, &["mode"]).as_deref() != Some(&["tcp"]) {
            broken.push(format!("{name} is not in TCP mode"));
        }
        if words.contains(&"shutdown-sessions") {
            broken.push(format!("{name} cuts off builds of a server that is marked down"));
        }
    }
    if set.haproxy.of_kind("backend").count() != set.fleet.pools.len() {
        broken.push("a pod is in two backends, or a backend has no pods".to_owned());
    }
    // Two load balancers would not know about each other's builds.
    if set.object("Deployment", LB)["spec"]["replicas"] != 1 {
        broken.push("the load balancer does not have exactly one replica".to_owned());
    }
    for (pool, deployment) in set.builders() {
        let hook = &container(deployment)["lifecycle"]["preStop"]["exec"]["command"];
        if !items(hook).iter().any(|word| word.as_str().is_some_and(|word| word.ends_with("/drain.sh"))) {
            broken.push(format!("builders of {} do not run drain.sh before they stop", pool.arch.name()));
        }
    }
}

/// The class of service is that of the pod: one container that requests less than its limits makes all of it Burstable.
pub(super) fn guaranteed(set: &RenderedFleet, broken: &mut Vec<String>) {
    for (pool, deployment) in set.builders() {
        let arch = pool.arch.name();
        for container in containers(deployment) {
            let name = container["name"].as_str().unwrap_or_default();
            let (requests, limits) = (&container["resources"]["requests"], &container["resources"]["limits"]);
            for resource in ["cpu", "memory"] {
                if requests[resource].is_null() || requests[resource] != limits[resource] {
                    broken.push(format!(
                        "{arch}: {resource} request {} of {name} differs from limit {}",
                        requests[resource], limits[resource]
                    ));
                }
            }
            // Exceeding a limit evicts the build.
            if limits.get("ephemeral-storage").is_some() {
                broken.push(format!("{arch}: {name} has an ephemeral-storage limit"));
            }
        }
        // The static CPU manager pins whole CPUs only.
        let requests = &container(deployment)["resources"]["requests"];
        if quantity::millicores(&requests["cpu"]).is_none_or(|cpu| cpu == 0 || cpu % 1000 != 0) {
            broken.push(format!("{arch}: {} is not a whole number of CPUs", requests["cpu"]));
        }
    }
}

pub(super) fn alone(set: &RenderedFleet, broken: &mut Vec<String>) {
    for (name, deployment) in set.objects.of_kind("Deployment") {
        if items(&pod(deployment)["containers"]).len() != 1 || pod(deployment).get("initContainers").is_some() {
            broken.push(format!("pods of {name} do not have exactly one container"));
        }
    }
}

/// What would take the load balancer away takes every build with it.
pub(super) fn lb_stays(set: &RenderedFleet, broken: &mut Vec<String>) {
    let deployment = set.object("Deployment", LB);
    let (pod, container) = (pod(deployment), container(deployment));
    for (container, resource) in containers(deployment).flat_map(|one| [(one, "cpu"), (one, "memory")]) {
        let (requests, limits) = (&container["resources"]["requests"], &container["resources"]["limits"]);
        if requests[resource].is_null() || requests[resource] != limits[resource] {
            broken.push(format!("the load balancer's {resource} is not all requested by {}", container["name"]));
        }
    }
    let resources = &container["resources"];
    if resources["requests"]["ephemeral-storage"].is_null() || resources["limits"].get("ephemeral-storage").is_some() {
        broken.push("the load balancer has a limit of disk, or no request".to_owned());
    }
    for probe in ["livenessProbe", "startupProbe"] {
        if container.get(probe).is_some() {
            broken.push(format!("the load balancer has a {probe}: a kill closes every port until the last build ends"));
        }
    }
    if container.get("readinessProbe").is_none() {
        broken.push("the load balancer has no readinessProbe".to_owned());
    }
    let class = set.fleet.lb.priority_class.as_str();
    if pod["priorityClassName"] != class {
        broken.push(format!("the load balancer's priority class is {}, not {class}", pod["priorityClassName"]));
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
        broken.push(format!("ResourceQuota/{LB_QUOTA} does not admit the load balancer, or nobody asked for it"));
    }
    if deployment["spec"]["template"]["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] != "true" {
        broken.push("Karpenter may replace the load balancer's node under builds".to_owned());
    }
}

/// A ConfigMap that pods read is named after its content and never changes.
pub(super) fn hashes(set: &RenderedFleet, broken: &mut Vec<String>) {
    for (base, map) in set.objects.of_kind("ConfigMap") {
        let texts: Vec<&str> =
            map["data"].as_object().into_iter().flat_map(|data| data.values()).filter_map(Value::as_str).collect();
        let name = &map["metadata"]["name"];
        let named = *name == hashed(base, &checksum(&texts)) || *name == hashed(base, &checksum_of_patched(map));
        if !named || map["immutable"] != true {
            broken.push(format!(
                "ConfigMap {} is not named after its content, or can be changed",
                map["metadata"]["name"]
            ));
        }
    }
}
