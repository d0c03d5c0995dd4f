//! References from one object to another.

use std::collections::HashSet;

use serde_json::Value;

use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{
    Manifests, backend_of, builders_of, command_words, container, containers, items, pod, volume_of,
};
use crate::manifests::names::{KEDA_MONITOR, LB};

pub(super) fn references(set: &Manifests, broken: &mut Findings) {
    for (name, deployment) in set.objects.of_kind("Deployment") {
        let mut missing =
            |what: String| broken.at("Deployment", name, "spec.template.spec", format!("Deployment/{name}: {what}"));
        volumes(set, deployment, &mut missing);
        files(set, deployment, &mut missing);
        probes(deployment, &mut missing);
    }
    for (arch, deployment) in set.builders_by_arch() {
        // Where the load balancer connects to, and where the cache is.
        let args = || items(&container(deployment)["args"]).iter().filter_map(Value::as_str);
        if !args().any(|arg| arg.ends_with(":1234")) || !args().any(|arg| arg == STATE) {
            let what = format!("buildkitd of {arch} does not listen on port 1234, or has another root");
            broken.at("Deployment", &builders_of(arch), "spec.template.spec.containers[buildkitd].args", what);
        }
    }
    services(set, broken);
    policies(set, broken);
    backends(set, broken);
    for (name, scaled) in set.objects.of_kind("ScaledObject") {
        let target = &scaled["spec"]["scaleTargetRef"];
        if target["kind"] != "Deployment" || target["name"] != name || set.object("Deployment", name).is_null() {
            let what = format!("ScaledObject/{name} scales {}, not Deployment/{name}", target["name"]);
            broken.at("ScaledObject", name, "spec.scaleTargetRef", what);
        }
    }
}

/// Directories of ours, which the images do not have.
const OURS: [&str; 4] = ["/etc/buildkit-fleet/", "/etc/buildkit-tls/", "/opt/drain/", "/usr/local/etc/haproxy/"];
/// Of buildkitd: its state and its cache.
const STATE: &str = "/var/lib/buildkit";

/// Mounts name volumes of the pod, each name one volume; what is mounted where we read or build is a whole volume, and our
/// own `ConfigMaps` exist.
fn volumes(set: &Manifests, deployment: &Value, missing: &mut dyn FnMut(String)) {
    let volumes = items(&pod(deployment)["volumes"]);
    let names: HashSet<&str> = volumes.iter().filter_map(|volume| volume["name"].as_str()).collect();
    if names.len() != volumes.len() {
        missing("two volumes have the same name, or none".to_owned());
    }
    for container in containers(deployment) {
        let mut taken = HashSet::new();
        for mount in items(&container["volumeMounts"]) {
            if mount["name"].as_str().is_none_or(|name| !names.contains(name)) {
                missing(format!("{} mounts volume {}, which the pod does not have", container["name"], mount["name"]));
            }
            if !taken.insert(&mount["mountPath"]) {
                missing(format!("{} mounts two volumes at {}", container["name"], mount["mountPath"]));
            }
        }
    }
    let is_ours = |mount: &&Value| {
        let path = mount["mountPath"].as_str().unwrap_or_default();
        path == STATE || OURS.iter().any(|dir| format!("{path}/").starts_with(dir))
    };
    for mount in items(&container(deployment)["volumeMounts"]).iter().filter(is_ours) {
        whole(volume_of(deployment, mount), mount, missing);
    }
    for name in volumes.iter().filter_map(|volume| volume["configMap"]["name"].as_str()) {
        // Any other one is not of this set.
        if name.starts_with("buildkitd-") && set.config_map(name).is_null() {
            missing(format!("there is no ConfigMap/{name}"));
        }
    }
}

/// `subPath`, `items` and `optional` would let a file be missing.
pub(super) fn whole(volume: &Value, mount: &Value, missing: &mut dyn FnMut(String)) {
    let has_only = |value: &Value, keys: &[&str]| {
        value.as_object().is_some_and(|value| value.keys().all(|key| keys.contains(&key.as_str())))
    };
    if !has_only(mount, &["name", "mountPath", "readOnly"]) {
        missing(format!("mount {} does not mount a whole volume", mount["name"]));
    }
    let whole = has_only(volume, &["name", "configMap", "secret", "emptyDir"])
        && [("configMap", "name"), ("secret", "secretName"), ("emptyDir", "")]
            .iter()
            .all(|(kind, key)| volume.get(*kind).is_none_or(|source| has_only(source, &[key])));
    if !whole {
        missing(format!(
            "volume {} is neither a whole ConfigMap or Secret nor a directory on the node's disk",
            volume["name"]
        ));
    }
}

/// Files that commands and arguments name exist as keys of the mounted ConfigMap.
fn files(set: &Manifests, deployment: &Value, missing: &mut dyn FnMut(String)) {
    let container = container(deployment);
    let words = command_words(container);
    for mount in items(&container["volumeMounts"]) {
        let Some(map) = volume_of(deployment, mount)["configMap"]["name"].as_str() else { continue };
        if set.config_map(map).is_null() {
            continue;
        }
        let keys = &set.config_map(map)["data"];
        let dir = mount["mountPath"].as_str().unwrap_or_default();
        let below = words.clone().filter_map(|word| word.strip_prefix(dir)?.strip_prefix('/'));
        let mut used = false;
        for file in below {
            used = true;
            if keys[file].as_str().is_none_or(str::is_empty) {
                missing(format!("{dir}/{file} is not a key of ConfigMap/{map}"));
            }
        }
        if !used && OURS.iter().any(|ours| format!("{dir}/").starts_with(ours)) {
            missing(format!("nothing reads {dir}, where ConfigMap/{map} is mounted"));
        }
    }
    let mounts: Vec<&str> =
        items(&container["volumeMounts"]).iter().filter_map(|mount| mount["mountPath"].as_str()).collect();
    for word in words {
        if OURS.iter().any(|dir| word.starts_with(dir)) && !mounts.iter().any(|mount| word.starts_with(*mount)) {
            missing(format!("nothing is mounted where {word} is read"));
        }
    }
}

/// Port names of a container.
fn ports(deployment: &Value) -> impl Iterator<Item = (&str, Option<u64>)> {
    items(&container(deployment)["ports"])
        .iter()
        .map(|port| (port["name"].as_str().unwrap_or_default(), port["containerPort"].as_u64()))
}

fn probes(deployment: &Value, missing: &mut dyn FnMut(String)) {
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        if let Some(port) = container(deployment)[probe]["httpGet"]["port"].as_str()
            && !ports(deployment).any(|(name, _)| name == port)
        {
            missing(format!("{probe} uses port `{port}`, which the container does not have"));
        }
    }
    let all: Vec<_> = ports(deployment).collect();
    let names: HashSet<_> = all.iter().map(|(name, _)| name).collect();
    let numbers: HashSet<_> = all.iter().map(|(_, number)| number).collect();
    if names.len() != all.len() || numbers.len() != all.len() || all.iter().any(|(name, _)| name.len() > 15) {
        missing("two ports are the same, or a name is longer than 15 characters".to_owned());
    }
}

/// The Deployment whose pods have these labels.
fn deployment_of<'a>(set: &Manifests<'a>, selector: &Value) -> &'a Value {
    let matches = |deployment: &Value| {
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        selector.as_object().is_some_and(|pairs| pairs.iter().all(|(key, value)| labels.get(key) == Some(value)))
    };
    set.objects
        .of_kind("Deployment")
        .map(|(_, deployment)| deployment)
        .find(|found| matches(found))
        .unwrap_or(&Value::Null)
}

fn services(set: &Manifests, broken: &mut Findings) {
    for (name, service) in set.objects.of_kind("Service") {
        let mut bad = |what: String| broken.at("Service", name, "spec.ports", what);
        let deployment = deployment_of(set, &service["spec"]["selector"]);
        // The Services that clients use: the port of one architecture, or of any.
        let meant = match name.strip_prefix("buildkitd") {
            Some("") => Some("all"),
            Some(rest) => rest
                .strip_prefix('-')
                .filter(|rest| !rest.ends_with("-pods") && !["lb-metrics", "external"].contains(rest)),
            None => None,
        };
        if meant.is_some_and(|meant| service["spec"]["ports"][0]["targetPort"] != meant) {
            bad(format!("Service/{name} targets port {}", service["spec"]["ports"][0]["targetPort"]));
        }
        for port in items(&service["spec"]["ports"]) {
            if !ports(deployment).any(|(name, _)| port["targetPort"] == name) {
                bad(format!("Service/{name}: pods have no port {}", port["targetPort"]));
            }
        }
    }
    for (name, monitor) in set.objects.of_kind("ServiceMonitor") {
        if name == KEDA_MONITOR {
            continue;
        }
        let wanted = monitor["spec"]["selector"]["matchLabels"].as_object();
        let services = set.objects.of_kind("Service").filter(|(_, service)| {
            wanted.is_some_and(|wanted| wanted.iter().all(|(key, value)| service["metadata"]["labels"][key] == *value))
        });
        for (service_name, service) in services {
            for endpoint in items(&monitor["spec"]["endpoints"]) {
                if !items(&service["spec"]["ports"]).iter().any(|port| port["name"] == endpoint["port"]) {
                    broken.at(
                        "ServiceMonitor",
                        name,
                        "spec.endpoints",
                        format!("ServiceMonitor/{name}: Service/{service_name} has no port {}", endpoint["port"]),
                    );
                }
            }
        }
    }
}

fn policies(set: &Manifests, broken: &mut Findings) {
    for (name, policy) in set.objects.of_kind("NetworkPolicy") {
        let deployment = deployment_of(set, &policy["spec"]["podSelector"]["matchLabels"]);
        for port in items(&policy["spec"]["ingress"]).iter().flat_map(|rule| items(&rule["ports"])) {
            let listens = ports(deployment).any(|(_, number)| number.is_some() && port["port"].as_u64() == number);
            if !listens || port.get("endPort").is_some() {
                broken.at(
                    "NetworkPolicy",
                    name,
                    "spec.ingress",
                    format!("NetworkPolicy/{name} opens port {}, where nothing listens", port["port"]),
                );
            }
        }
    }
}

/// Frontends use backends that exist and listen on ports of the container; servers are found by a Service of the fleet.
fn backends(set: &Manifests, broken: &mut Findings) {
    let lb = set.object("Deployment", LB);
    let mut listening = HashSet::new();
    for frontend in set.haproxy.of_kind("frontend") {
        let mut bad = |what: String| broken.of_haproxy(&["frontend", frontend.name], what);
        if let Some(arch) = frontend.name.strip_prefix("ft_").filter(|arch| *arch != "all")
            && frontend.setting(&["default_backend"]) != Some(&[format!("bk_{arch}").as_str()])
        {
            bad(format!("frontend {} uses the backend of another architecture", frontend.name));
        }
        // A backend is used only while it has a free pod.
        for words in frontend.settings(&["use_backend"]) {
            if words.first().is_none_or(|backend| !words.contains(&format!("be_conn_free({backend})").as_str())) {
                bad(format!("frontend {} checks a different backend than it uses", frontend.name));
            }
        }
        let uses = frontend.settings(&["use_backend"]).chain(frontend.settings(&["default_backend"]));
        for target in uses.filter_map(|words| words.first()) {
            if set.haproxy.section("backend", target).is_none() {
                bad(format!("frontend {} uses backend {target}, which does not exist", frontend.name));
            }
        }
        for address in frontend.settings(&["bind"]).filter_map(|words| words.first()) {
            // The statistics page is reached only by `kubectl port-forward`.
            if let Some(port) = address.strip_prefix("127.0.0.1:") {
                if ports(lb).any(|(_, number)| number == port.parse().ok()) {
                    bad(format!("frontend {} listens on {address}, which is also a port of the pod", frontend.name));
                }
                continue;
            }
            let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
            // The port has the name of the frontend, because Services refer to it by that name.
            let name = frontend.name.strip_prefix("ft_").unwrap_or(frontend.name);
            if !ports(lb).any(|at| at == (name, port)) {
                bad(format!("frontend {} does not listen on the pod's port `{name}`", frontend.name));
            }
            if port.is_none() || !listening.insert(port) || !ports(lb).any(|(_, number)| number == port) {
                bad(format!("frontend {} listens on {address}, which is not a port of the pod", frontend.name));
            }
        }
    }
    if listening.len() != ports(lb).count() {
        broken.of_haproxy(&[], "a port of the load balancer's pod has no frontend".to_owned());
    }
    for arch in &set.arches {
        let name = backend_of(arch);
        let mut bad = |what: String| broken.of_haproxy(&["backend", &name, "server-template"], what);
        let backend = set.haproxy.section("backend", &name);
        let words = backend.and_then(|backend| backend.setting(&["server-template"])).unwrap_or_default();
        let address = words.get(2).copied().unwrap_or_default();
        let expected = format!("buildkitd-{arch}-pods.{}.svc.cluster.local:1234", set.namespace);
        let guarded = expected.replacen("-pods", "-guarded-pods", 1);
        let address = address.split_once('@').map_or(address, |(_, name)| name);
        // Which of the two, the invariant `guard` compares.
        if address != expected && address != guarded {
            bad(format!("servers of {name} come from {address}, not {expected}"));
        }
        let resolvers = words.windows(2).find_map(|pair| (pair[0] == "resolvers").then_some(pair[1]));
        if resolvers.is_none_or(|name| set.haproxy.section("resolvers", name).is_none()) {
            bad(format!("servers of {name} have no resolvers"));
        }
    }
    // HAProxy reports a missing defaults section itself, but not an empty section.
    for section in ["global", "resolvers"] {
        if set.haproxy.of_kind(section).any(|section| section.lines().next().is_none()) {
            broken.of_haproxy(&[section], format!("section {section} of haproxy.cfg is empty"));
        }
    }
}
