//! What the builders get from their surroundings: what clusters.yaml asks for, and nothing else.

use serde_json::{Map, Value, json};

use crate::fleet::builder::{BuilderSettings, CA_DIR, OWN_VOLUMES, VolumeSource};
use crate::manifests::check::delivery::of_the_user;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{RenderedFleet, container, items, pod};
use crate::manifests::names::LB;
use crate::values::env::{DataObject, EnvValue};

pub(super) fn builder(set: &RenderedFleet, broken: &mut Findings) {
    let asked = &set.fleet.builder;
    let (variables, (volumes, mounts)) = (variables(asked), volumes(asked));
    for (name, deployment) in set.objects.of_kind("Deployment") {
        let mut expect = |what: &str, found: &Value, meant: &Value| {
            if found != meant {
                broken.push(format!("Deployment/{name} has {what} {found}, not {meant}"));
            }
        };
        let secrets: Vec<Value> = asked.image_pull_secrets.iter().map(|name| json!({"name": name.as_str()})).collect();
        let secrets = if secrets.is_empty() { Value::Null } else { secrets.into() };
        expect("imagePullSecrets", &pod(deployment)["imagePullSecrets"], &secrets);
        let account = asked.service_account.as_ref().filter(|_| name != LB);
        let account_name = account.map_or(Value::Null, |account| account.name.as_str().into());
        expect("serviceAccountName", &pod(deployment)["serviceAccountName"], &account_name);
        let token = account.is_some_and(|account| account.token);
        expect("a token", &pod(deployment)["automountServiceAccountToken"], &token.into());
        if name == LB {
            continue;
        }
        let container = container(deployment);
        let env: Vec<Value> = items(&container["env"]).iter().skip(1).cloned().collect();
        expect("variables", &env.into(), &variables);
        let further = |list: &Value| -> Value {
            items(list).iter().filter(|item| is_further(item["name"].as_str().unwrap_or_default())).cloned().collect()
        };
        expect("volumes", &further(&pod(deployment)["volumes"]), &volumes);
        expect("mounts", &further(&container["volumeMounts"]), &mounts);
    }
    let found: Vec<&str> = set.objects.of_kind("ServiceAccount").map(|(name, _)| name).collect();
    let created = asked.service_account.as_ref().filter(|account| account.create);
    if !found.iter().copied().eq(created.map(|account| account.name.as_str())) {
        broken.push(format!("ServiceAccounts {found:?} are not those of clusters.yaml"));
    }
    for (name, account) in set.objects.of_kind("ServiceAccount") {
        let asked: Map<String, Value> = created
            .map(|account| {
                account.annotations.iter().map(|(key, value)| (key.to_string(), value.as_str().into())).collect()
            })
            .unwrap_or_default();
        if created.is_none()
            || of_the_user(account, &asked) != asked
            || account["automountServiceAccountToken"] != false
        {
            broken
                .push(format!("ServiceAccount/{name} has other annotations than clusters.yaml, or gives away tokens"));
        }
    }
}

/// Whether a volume of a builder is one that the user may ask for: `references` looks at the fleet's own.
pub(super) fn is_further(volume: &str) -> bool {
    volume == "ca" || !OWN_VOLUMES.contains(&volume)
}

fn variables(asked: &BuilderSettings) -> Value {
    let variable = |(name, value): (&_, &EnvValue)| match value {
        EnvValue::Text(text) => json!({"name": name, "value": text}),
        EnvValue::Key { of, key } => {
            let kind = if of.is_secret() { "secretKeyRef" } else { "configMapKeyRef" };
            json!({"name": name, "valueFrom": {kind: {"name": of.name(), "key": key.as_str()}}})
        }
    };
    asked.env.iter().map(variable).collect()
}

/// Volumes and their mounts.
fn volumes(asked: &BuilderSettings) -> (Value, Value) {
    let data = |of: &DataObject| match of {
        DataObject::Secret(name) => ("secret", json!({"secretName": name.as_str()})),
        DataObject::ConfigMap(name) => ("configMap", json!({"name": name.as_str()})),
    };
    let (mut volumes, mut mounts) = (Vec::new(), Vec::new());
    if let Some(ca) = &asked.ca_certificates {
        let (kind, mut source) = data(&ca.of);
        source["items"] = json!([{"key": ca.key.as_str(), "path": "ca.crt"}]);
        volumes.push(json!({"name": "ca", kind: source}));
        mounts.push(json!({"name": "ca", "mountPath": CA_DIR, "readOnly": true}));
    }
    for volume in &asked.volumes {
        let (kind, source) = match &volume.source {
            VolumeSource::Data(of) => data(of),
            VolumeSource::EmptyDir { size: None } => ("emptyDir", json!({})),
            VolumeSource::EmptyDir { size: Some(size) } => ("emptyDir", json!({"sizeLimit": size.as_str()})),
            VolumeSource::HostPath(path) => ("hostPath", json!({"path": path.as_str()})),
        };
        let name = volume.name.as_str();
        volumes.push(json!({"name": name, kind: source}));
        let mut mount = json!({"name": name, "mountPath": volume.mount_path.as_str()});
        if volume.read_only {
            mount["readOnly"] = true.into();
        }
        mounts.push(mount);
    }
    (volumes.into(), mounts.into())
}
