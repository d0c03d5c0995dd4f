//! Protections that are removed: exposures of an object are listed for both versions, and new ones are reported.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::consequences::classify::pair::ManifestPair;
use crate::consequences::consequence::{Class, Consequence};
use crate::manifests::setting::settings;

pub(super) fn classify(pair: &ManifestPair) -> Vec<Consequence> {
    let mut found = Vec::new();
    for (identity, new) in pair.new.iter() {
        // A new Service may open what was there before; other objects bring what they expose.
        let old = pair.old.get(identity).or((identity.kind == "Service").then_some(&Value::Null));
        let Some(old) = old.filter(|old| *old != new) else { continue };
        let (before, after) = (exposures(&identity.kind, old), exposures(&identity.kind, new));
        for opened in after.difference(&before) {
            found.push(Consequence::new(Class::OpensAccess, identity.short(), opened));
        }
        if identity.kind == "ConfigMap" && wants_certificate(new) && !wants_certificate(old) {
            let what =
                "clients need a certificate of the CA once the builders have rolled: clients without one are refused";
            found.push(Consequence::new(Class::ClosesAccess, identity.short(), what).advice(
                "create the Secret first: new pods wait for it. Until the rollout is complete, clients reach both kinds of builders",
            ));
        }
    }
    found
}

fn exposures(kind: &str, object: &Value) -> BTreeSet<String> {
    match kind {
        "Deployment" => of_pod(&object["spec"]["template"]["spec"]),
        "Service" => of_service(&object["spec"]),
        "EC2NodeClass" => of_nodes(&object["spec"]),
        "Namespace" => of_namespace(object),
        "ConfigMap" => of_texts(&object["data"]),
        _ => BTreeSet::new(),
    }
}

fn of_pod(pod: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |open: bool, what: String| {
        if open {
            found.insert(what);
        }
    };
    for (key, what) in [
        ("hostNetwork", "the pod uses the node's network"),
        ("hostPID", "the pod sees the node's processes"),
        ("hostIPC", "the pod shares memory segments with the node"),
    ] {
        add(pod[key] == true, what.to_owned());
    }
    add(pod["automountServiceAccountToken"] != false, "the pod has a token for the API server".to_owned());
    for volume in list(&pod["volumes"]) {
        if let Some(path) = volume["hostPath"]["path"].as_str() {
            add(true, format!("the pod mounts {path} from the node"));
        }
    }
    for container in list(&pod["containers"]).chain(list(&pod["initContainers"])) {
        let name = container["name"].as_str().unwrap_or_default();
        let own = &container["securityContext"];
        let either = |key: &str| if own[key].is_null() { &pod["securityContext"][key] } else { &own[key] };
        let privileged = own["privileged"] == true;
        add(privileged, format!("container {name} is privileged"));
        if privileged {
            // The rest is implied.
            continue;
        }
        add(own["allowPrivilegeEscalation"] != false, format!("container {name} may gain privileges"));
        add(own["readOnlyRootFilesystem"] != true, format!("container {name} may write to its root file system"));
        add(either("runAsNonRoot") != true, format!("container {name} may run as root"));
        let profile = either("seccompProfile")["type"].as_str();
        add(
            !matches!(profile, Some("RuntimeDefault" | "Localhost")),
            format!("container {name} has no seccomp profile"),
        );
        add(
            !list(&own["capabilities"]["drop"]).any(|capability| capability == "ALL"),
            format!("container {name} keeps the runtime's default capabilities"),
        );
        for capability in list(&own["capabilities"]["add"]).filter_map(Value::as_str) {
            add(true, format!("container {name} has the capability {capability}"));
        }
    }
    found
}

fn of_nodes(spec: &Value) -> BTreeSet<String> {
    let metadata = &spec["metadataOptions"];
    let mut found = BTreeSet::new();
    // Karpenter's defaults: tokens required, one hop.
    if metadata["httpTokens"] == "optional" {
        found.insert("the nodes' metadata service answers without a token".to_owned());
    }
    if metadata["httpPutResponseHopLimit"].as_u64().is_some_and(|hops| hops > 1) {
        found.insert("pods can reach the nodes' metadata service, and with it the node role's credentials".to_owned());
    }
    if spec["associatePublicIPAddress"] == true {
        found.insert("nodes get public addresses".to_owned());
    }
    for disk in list(&spec["blockDeviceMappings"]) {
        if disk["ebs"]["encrypted"] != true {
            found.insert(format!("the disk {} is not encrypted", disk["deviceName"].as_str().unwrap_or_default()));
        }
    }
    found
}

/// Where a load balancer outside of the cluster sends connections.
fn of_service(spec: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if matches!(spec["type"].as_str(), Some("LoadBalancer" | "NodePort")) {
        found.insert("builders can be reached from outside of the cluster".to_owned());
        if list(&spec["loadBalancerSourceRanges"]).next().is_none() {
            found.insert("the Service accepts connections from every network".to_owned());
        }
    }
    found
}

/// Pod security admission: without the label everything is admitted.
fn of_namespace(object: &Value) -> BTreeSet<String> {
    let level = object["metadata"]["labels"]["pod-security.kubernetes.io/enforce"].as_str().unwrap_or("privileged");
    let mut found = BTreeSet::new();
    if level != "restricted" {
        found.insert("the namespace admits pods beyond the restricted profile".to_owned());
    }
    if level != "restricted" && level != "baseline" {
        found.insert("the namespace admits privileged pods".to_owned());
    }
    found
}

fn of_texts(data: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (name, text) in texts(data) {
        if name == "buildkitd.toml" && !settings(text).any(|setting| setting.section == "[grpc.tls]") {
            found.insert("buildkitd accepts connections without TLS: whoever can connect can build".to_owned());
        }
        for setting in settings(text) {
            if let Some(registry) = setting.section.strip_prefix("[registry.") {
                let registry = registry.trim_end_matches(']');
                if matches!(setting.text, "http = true" | "insecure = true") {
                    found.insert(format!("images of the registry {registry} are pulled without verified TLS"));
                }
            }
            if let Some(names) = setting.text.strip_prefix("insecure-entitlements = ") {
                let named = names.split('"').skip(1).step_by(2);
                found.extend(named.map(|name| format!("builds that ask for the entitlement {name} get it")));
            }
            let words: Vec<&str> = setting.text.split_whitespace().collect();
            if let ["bind", address, ..] = words.as_slice()
                && let Some((host, port)) = address.rsplit_once(':')
                && !matches!(host, "127.0.0.1" | "[::1]" | "::1")
            {
                found.insert(format!("the load balancer accepts connections on port {port} from the whole network"));
            }
        }
    }
    found
}

fn wants_certificate(config: &Value) -> bool {
    texts(&config["data"]).any(|(name, text)| {
        name == "buildkitd.toml"
            && settings(text).any(|setting| setting.section == "[grpc.tls]" && setting.text.starts_with("ca "))
    })
}

fn texts(data: &Value) -> impl Iterator<Item = (&str, &str)> {
    data.as_object().into_iter().flatten().filter_map(|(name, text)| Some((name.as_str(), text.as_str()?)))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
