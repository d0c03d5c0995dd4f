//! One build per pod, on dedicated CPUs.

use crate::manifests::check::quantity;
use crate::manifests::check::set::{RenderedFleet, backend_of, builders_of, container, items, pod};
use crate::manifests::names::{LB, LB_CONFIG};
use crate::manifests::render::checksum;

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

pub(super) fn guaranteed(set: &RenderedFleet, broken: &mut Vec<String>) {
    for (pool, deployment) in set.builders() {
        let arch = pool.arch.name();
        if items(&pod(deployment)["containers"]).len() != 1 || pod(deployment).get("initContainers").is_some() {
            broken.push(format!("builders of {arch} do not have exactly one container"));
        }
        let (requests, limits) =
            (&container(deployment)["resources"]["requests"], &container(deployment)["resources"]["limits"]);
        for resource in ["cpu", "memory"] {
            if requests[resource].is_null() || requests[resource] != limits[resource] {
                broken.push(format!(
                    "{arch}: {resource} request {} differs from limit {}",
                    requests[resource], limits[resource]
                ));
            }
        }
        // The static CPU manager pins whole CPUs only.
        if quantity::millicores(&requests["cpu"]).is_none_or(|cpu| cpu == 0 || cpu % 1000 != 0) {
            broken.push(format!("{arch}: {} is not a whole number of CPUs", requests["cpu"]));
        }
        // Exceeding a limit evicts the build.
        if limits.get("ephemeral-storage").is_some() {
            broken.push(format!("{arch}: builders have an ephemeral-storage limit"));
        }
    }
    // An OOM kill of the load balancer ends every build.
    let lb = &container(set.object("Deployment", LB))["resources"];
    if lb["requests"]["memory"].is_null() || lb["requests"]["memory"] != lb["limits"]["memory"] {
        broken.push("the load balancer's memory request differs from its limit".to_owned());
    }
}

/// A changed ConfigMap is read only when its pod restarts, so the pod carries the checksum of what it reads.
pub(super) fn checksums(set: &RenderedFleet, broken: &mut Vec<String>) {
    let text = |map: &str, key: &str| set.object("ConfigMap", map)["data"][key].as_str().unwrap_or_default();
    let mut expect = |name: &str, annotation: &str, texts: &[&str]| {
        let pod = &set.object("Deployment", name)["spec"]["template"]["metadata"];
        if pod["annotations"][annotation] != checksum(texts) {
            broken.push(format!("{annotation} of Deployment/{name} does not match the files that the pod reads"));
        }
    };
    expect(LB, "checksum/config", &[text(LB_CONFIG, "haproxy.cfg"), text(LB_CONFIG, "start.sh")]);
    for pool in &set.fleet.pools {
        let name = builders_of(pool);
        let config = format!("buildkitd-config-{}", pool.arch.name());
        expect(&name, "checksum/config", &[text(&config, "buildkitd.toml")]);
        expect(&name, "checksum/drain", &[text("buildkitd-drain", "drain.sh")]);
    }
}
