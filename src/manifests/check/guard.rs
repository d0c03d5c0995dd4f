//! Pods that refuse a second build themselves, and the load balancer that goes by what they say.

use serde_json::json;

use crate::fleet::ports::CHECK_PORT;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{Manifests, RenderedFleet, backend_of, builders_of, container, items, pod};
use crate::manifests::names::{GUARD, GUARD_LABEL};

const SCRIPT: &str = "/opt/drain/guard.sh";

/// Either all of it is there or nothing: a load balancer that checks a port which pods do not have sees no pod, and one that
/// goes by pods without rules puts two builds on them while it rolls.
pub(super) fn consistent(set: &Manifests, broken: &mut Findings) {
    let mut any_guarded = false;
    for (arch, deployment) in set.builders_by_arch() {
        let builders = builders_of(arch);
        let guarded = is_guarded(set, arch);
        let mut bad = |path: &str, what: &str| {
            let place = format!("spec.template.{path}");
            broken.at("Deployment", &builders, &place, format!("{arch}: {what}"));
        };
        let guard = items(&pod(deployment)["initContainers"]).iter().find(|first| first["name"] == GUARD);
        if guarded != guard.is_some() {
            bad(
                "spec.initContainers",
                "the load balancer goes by a guard that pods do not have, or not by the one they have",
            );
            continue;
        }
        let Some(guard) = guard else { continue };
        if guard["command"] != json!(["/bin/sh", SCRIPT]) {
            bad("spec.initContainers", "the guard is set by something else than guard.sh");
        }
        if guard["image"] != container(deployment)["image"] {
            bad("spec.initContainers", "the guard is of another image than the hooks that use it");
        }
        if !items(&guard["securityContext"]["capabilities"]["add"]).contains(&"NET_ADMIN".into())
            && guard["securityContext"]["privileged"] != true
        {
            bad("spec.initContainers", "the guard may not set rules");
        }
        if pod(deployment)["hostNetwork"] == true {
            bad("spec.hostNetwork", "the rules of all pods would be those of their node");
        }
        if deployment["spec"]["template"]["metadata"]["labels"][GUARD_LABEL] != "guarded" {
            bad("metadata.labels", "pods with a guard do not say so");
        }
        let hooks = &container(deployment)["lifecycle"];
        if hooks["preStop"]["exec"]["command"] != json!(["/bin/sh", SCRIPT, "refuse", "/opt/drain/drain.sh"]) {
            bad("spec.containers[buildkitd].lifecycle", "a pod that stops goes on taking builds");
        }
        if hooks["postStart"]["exec"]["command"] != json!(["/bin/sh", SCRIPT, "admit"]) {
            bad("spec.containers[buildkitd].lifecycle", "a container that was killed takes no build when it is back");
        }
        let port = format!(":{CHECK_PORT}");
        if !items(&container(deployment)["args"]).iter().any(|arg| arg.as_str().is_some_and(|arg| arg.ends_with(&port)))
        {
            bad("spec.containers[buildkitd].args", "nothing answers checks");
        }
        any_guarded = true;
    }
    if any_guarded {
        policies(set, broken);
    }
    backends(set, broken);
}

/// The ports of checks and of builds are open to the same, and only those of metrics to others.
fn policies(set: &Manifests, broken: &mut Findings) {
    for (name, policy) in set.objects.of_kind("NetworkPolicy") {
        for rule in items(&policy["spec"]["ingress"]) {
            let has = |port: u16| items(&rule["ports"]).iter().any(|open| open["port"] == port);
            if name == "buildkitd-ingress" && !has(CHECK_PORT) {
                let what = format!("NetworkPolicy/{name} keeps the load balancer from checks: no pod would get builds");
                broken.at("NetworkPolicy", name, "spec.ingress", what);
            } else if name != "buildkitd-ingress" && has(CHECK_PORT) {
                let what = format!("NetworkPolicy/{name} lets others than the load balancer reach the port of checks");
                broken.at("NetworkPolicy", name, "spec.ingress", what);
            }
        }
    }
}

/// How an architecture's servers are found and checked.
fn server_words<'a>(set: &Manifests<'a>, arch: &str) -> Vec<&'a str> {
    let backend = set.haproxy.section("backend", &backend_of(arch));
    backend.and_then(|backend| backend.setting(&["server-template"])).unwrap_or_default().to_vec()
}

/// The Service of an architecture's pods that have a guard.
fn service_of(arch: &str) -> String {
    format!("{}-guarded-pods", builders_of(arch))
}

/// Whether the load balancer finds an architecture's pods by their guard.
fn is_guarded(set: &Manifests, arch: &str) -> bool {
    server_words(set, arch).get(2).is_some_and(|address| address.contains(&format!("{}.", service_of(arch))))
}

fn backends(set: &Manifests, broken: &mut Findings) {
    for arch in &set.arches {
        let guarded = is_guarded(set, arch);
        let words = server_words(set, arch);
        let after = |key: &str| words.windows(2).find_map(|pair| (pair[0] == key).then_some(pair[1]));
        let name = backend_of(arch);
        let mut bad =
            |what: &str| broken.of_haproxy(&["backend", &name, "server-template"], format!("servers of {name} {what}"));
        // A port that is not given is that of builds, where the owner of a build is refused as well.
        let port = if guarded { Some(CHECK_PORT.to_string()) } else { None };
        if after("port").map(str::to_owned) != port {
            bad("are not checked where pods answer");
        }
        let state = if guarded { Some("down") } else { None };
        if after("init-state") != state {
            bad("are not down until their first check, or are without a guard");
        }
        if guarded && (after("fall") != Some("1") || after("rise") != Some("1")) {
            bad("do not follow the first check");
        }
        let service = &set.object("Service", &service_of(arch))["spec"];
        if guarded == service.is_null() {
            broken.push(format!("Service/{} is missing, or nobody needs it", service_of(arch)));
        }
        if guarded && service["publishNotReadyAddresses"] != true {
            let what = format!(
                "Service/{} loses pods that drain: the next pod in their place gets no build",
                service_of(arch)
            );
            broken.at("Service", &service_of(arch), "spec.publishNotReadyAddresses", what);
        }
        // Pods of an earlier template would take builds while they stop.
        if guarded && service["selector"][GUARD_LABEL] != "guarded" {
            let what = format!("Service/{} lists pods without a guard", service_of(arch));
            broken.at("Service", &service_of(arch), "spec.selector", what);
        }
    }
}

/// Pods have a guard where clusters.yaml says so.
pub(super) fn asked_for(set: &RenderedFleet, broken: &mut Findings) {
    let asked = set.fleet.builder.one_build_guard.is_required();
    for pool in &set.fleet.pools {
        let arch = pool.arch.name();
        if is_guarded(set, arch) != asked {
            broken.of_haproxy(
                &["backend", &backend_of(arch), "server-template"],
                format!("builders of {arch} have a guard that nobody asked for, or lack it"),
            );
        }
    }
}
