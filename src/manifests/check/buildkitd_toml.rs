//! buildkitd.toml as a TOML parser reads it: buildkitd does not start with a file that is none.

use serde_json::{Map, Value, json};

use crate::fleet::model::Fleet;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::RenderedFleet;
use crate::values::toml::merge;

pub(super) fn toml(set: &RenderedFleet, broken: &mut Findings) {
    for pool in &set.fleet.pools {
        let arch = pool.arch.name();
        let config = set.object("ConfigMap", &format!("buildkitd-config-{arch}"));
        let text = config["data"]["buildkitd.toml"].as_str().unwrap_or_default();
        match toml::from_str::<Map<String, Value>>(text) {
            Ok(found) => compare(set.fleet, arch, &found, broken),
            Err(error) => broken.of_toml(arch, format!("buildkitd.toml of {arch} is not TOML: {}", error.message())),
        }
    }
}

fn compare(fleet: &Fleet, arch: &str, found: &Map<String, Value>, broken: &mut Findings) {
    let mut meant = fleet.builder.toml.clone();
    let oci = found.get("worker").map_or(&Value::Null, |worker| &worker["oci"]);
    merge(&mut meant, &own(fleet, oci));
    for key in found.keys().chain(meant.keys().filter(|key| !found.contains_key(*key))) {
        if found.get(key) != meant.get(key) {
            let shown = |of: &Map<String, Value>| of.get(key).map_or_else(|| "nothing".to_owned(), Value::to_string);
            broken.of_toml(
                arch,
                format!("buildkitd.toml of {arch} has at `{key}` {}, not {}", shown(found), shown(&meant)),
            );
        }
    }
}

/// What the fleet sets. The cache's shares are as found: the invariant `disk` looks at them.
fn own(fleet: &Fleet, found: &Value) -> Map<String, Value> {
    let mut oci = json!({"enabled": true, "gc": true});
    for share in ["maxUsedSpace", "reservedSpace", "minFreeSpace"] {
        oci[share] = found[share].clone();
    }
    let mut own = Map::new();
    own.insert("worker".to_owned(), json!({"oci": oci, "containerd": {"enabled": false}}));
    if fleet.mtls_secret.is_some() {
        let file = |name: &str| format!("/etc/buildkit-tls/{name}");
        let tls = json!({"cert": file("tls.crt"), "key": file("tls.key"), "ca": file("ca.crt")});
        own.insert("grpc".to_owned(), json!({"tls": tls}));
    }
    let mut registries = Map::new();
    for (host, registry) in &fleet.registries {
        let mut keys = Map::new();
        if !registry.mirrors.is_empty() {
            let mirrors: Vec<&str> = registry.mirrors.iter().map(crate::values::name::RegistryHost::as_str).collect();
            keys.insert("mirrors".to_owned(), mirrors.into());
        }
        if registry.http {
            keys.insert("http".to_owned(), true.into());
        }
        registries.insert(host.to_string(), keys.into());
    }
    if !registries.is_empty() {
        own.insert("registry".to_owned(), registries.into());
    }
    own
}
