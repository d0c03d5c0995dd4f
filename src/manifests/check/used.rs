//! That everything in the templates is used. A patch may add what only its own image or another object uses.

use std::collections::HashSet;

use serde_json::Value;

use crate::manifests::check::builder::is_further;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::references::whole;
use crate::manifests::check::set::{RenderedFleet, command_words, container, items, pod, volume_of};

pub(super) fn used(set: &RenderedFleet, broken: &mut Findings) {
    for (name, deployment) in set.objects.of_kind("Deployment") {
        let mut missing = |what: String| broken.push(format!("Deployment/{name}: {what}"));
        volumes(set, deployment, &mut missing);
        files(deployment, &mut missing);
        environment(set, deployment, &mut missing);
    }
}

/// Volumes or mounts without those that the user asks for, which the invariant `builder` compares.
fn own(list: &Value) -> Vec<&Value> {
    items(list).iter().filter(|item| !is_further(item["name"].as_str().unwrap_or_default())).collect()
}

/// All volumes are mounted as a whole, and come from the set or from the configured Secret.
fn volumes(set: &RenderedFleet, deployment: &Value, missing: &mut dyn FnMut(String)) {
    let volumes = own(&pod(deployment)["volumes"]);
    let names: HashSet<&str> = volumes.iter().filter_map(|volume| volume["name"].as_str()).collect();
    let mounts = own(&container(deployment)["volumeMounts"]);
    let mounted: HashSet<&str> = mounts.iter().filter_map(|mount| mount["name"].as_str()).collect();
    if names != mounted || names.len() != volumes.len() || mounts.len() != mounted.len() {
        missing(format!("volumes {names:?} and mounts {mounted:?} differ"));
    }
    for mount in mounts {
        whole(volume_of(deployment, mount), mount, missing);
    }
    for volume in volumes {
        if let Some(map) = volume["configMap"]["name"].as_str()
            && set.config_map(map).is_null()
        {
            missing(format!("there is no ConfigMap/{map}"));
        }
        if let Some(secret) = volume.get("secret")
            && secret["secretName"].as_str()
                != set.fleet.mtls_secret.as_ref().map(crate::values::name::SecretName::as_str)
        {
            missing(format!("Secret {} is not the configured one", secret["secretName"]));
        }
    }
}

/// Something reads what is mounted of a ConfigMap.
fn files(deployment: &Value, missing: &mut dyn FnMut(String)) {
    let container = container(deployment);
    for mount in own(&container["volumeMounts"]) {
        let Some(map) = volume_of(deployment, mount)["configMap"]["name"].as_str() else { continue };
        let dir = mount["mountPath"].as_str().unwrap_or_default();
        if !command_words(container).any(|word| word.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))) {
            missing(format!("nothing reads {dir}, where ConfigMap/{map} is mounted"));
        }
    }
}

/// Environment variables are read by a script, but for those that the user asks for.
fn environment(set: &RenderedFleet, deployment: &Value, missing: &mut dyn FnMut(String)) {
    let scripts: Vec<&str> = set
        .objects
        .of_kind("ConfigMap")
        .filter_map(|(_, map)| map["data"].as_object())
        .flatten()
        .filter(|(key, _)| key.rsplit('.').next() == Some("sh"))
        .filter_map(|(_, text)| text.as_str())
        .collect();
    for variable in items(&container(deployment)["env"]) {
        let name = variable["name"].as_str().unwrap_or_default();
        let is_asked_for = set.fleet.builder.env.keys().any(|asked| asked.as_str() == name);
        if !is_asked_for && !scripts.iter().any(|script| script.contains(&format!("[ -n \"${name}\" ] ||"))) {
            missing(format!("no script reads {name}"));
        }
    }
}
