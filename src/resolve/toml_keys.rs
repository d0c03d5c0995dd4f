//! The keys of buildkitd.toml, as BuildKit 0.32 reads them (cmd/buildkitd/config/config.go, util/resolver/config/config.go,
//! docs/buildkitd.toml.md). Newer ones are passed on with a warning.

/// What buildkitd reads there: a value of another type keeps it from starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TomlKind {
    Flag,
    Number,
    Text,
    Texts,
    /// Anything: a table of free keys, or text or a number.
    Any,
}

use TomlKind::{Any, Flag, Number, Text, Texts};

/// Paths of keys; `*` is any name.
pub(super) const KNOWN: &[(&[&str], TomlKind)] = &[
    (&["debug"], Flag),
    (&["trace"], Flag),
    (&["root"], Text),
    (&["insecure-entitlements"], Texts),
    (&["proxyNetwork"], Flag),
    (&["provenanceEnvDir"], Text),
    (&["log", "format"], Text),
    (&["log", "level"], Text),
    (&["grpc", "address"], Texts),
    (&["grpc", "debugAddress"], Text),
    (&["grpc", "uid"], Number),
    (&["grpc", "gid"], Number),
    (&["grpc", "securityDescriptor"], Text),
    (&["grpc", "tls"], Any),
    (&["otel", "socketPath"], Text),
    (&["cdi", "disabled"], Flag),
    (&["cdi", "specDirs"], Texts),
    (&["cdi", "autoAllowed"], Texts),
    (&["worker", "containerd"], Any),
    (&["worker", "oci", "enabled"], Flag),
    (&["worker", "oci", "labels"], Any),
    (&["worker", "oci", "platforms"], Texts),
    (&["worker", "oci", "snapshotter"], Text),
    (&["worker", "oci", "rootless"], Flag),
    (&["worker", "oci", "noProcessSandbox"], Flag),
    (&["worker", "oci", "gc"], Flag),
    (&["worker", "oci", "gckeepstorage"], Any),
    (&["worker", "oci", "reservedSpace"], Any),
    (&["worker", "oci", "maxUsedSpace"], Any),
    (&["worker", "oci", "minFreeSpace"], Any),
    (&["worker", "oci", "gcpolicy"], Any),
    (&["worker", "oci", "networkMode"], Text),
    (&["worker", "oci", "cniConfigPath"], Text),
    (&["worker", "oci", "cniBinaryPath"], Text),
    (&["worker", "oci", "cniPoolSize"], Number),
    (&["worker", "oci", "bridgeName"], Text),
    (&["worker", "oci", "bridgeSubnet"], Text),
    (&["worker", "oci", "binary"], Text),
    (&["worker", "oci", "proxySnapshotterPath"], Text),
    (&["worker", "oci", "defaultCgroupParent"], Text),
    (&["worker", "oci", "stargzSnapshotter"], Any),
    (&["worker", "oci", "apparmor-profile"], Text),
    (&["worker", "oci", "selinux"], Flag),
    (&["worker", "oci", "max-parallelism"], Number),
    (&["registry", "*", "mirrors"], Texts),
    (&["registry", "*", "http"], Flag),
    (&["registry", "*", "insecure"], Flag),
    (&["registry", "*", "ca"], Texts),
    (&["registry", "*", "keypair"], Any),
    (&["registry", "*", "tlsconfigdir"], Texts),
    (&["dns", "nameservers"], Texts),
    (&["dns", "options"], Texts),
    (&["dns", "searchDomains"], Texts),
    (&["history", "maxAge"], Any),
    (&["history", "maxEntries"], Number),
    (&["frontend", "dockerfile.v0", "enabled"], Flag),
    (&["frontend", "gateway.v0", "enabled"], Flag),
    (&["frontend", "gateway.v0", "allowedRepositories"], Texts),
    (&["system", "platformsCacheMaxAge"], Any),
    (&["system", "maxRegistryConcurrency"], Number),
    // The documentation calls it `ghacache`, the code `cache.gha`.
    (&["cache", "gha"], Any),
    (&["ghacache"], Any),
];

const CACHE: (&str, &str) =
    ("the cache's shares follow from the node's disk and its pods", "remove it; `pods_per_node` changes the shares");

/// Keys that the fleet sets or depends on: why, and what to do instead.
pub(super) const OWNED: &[(&[&str], (&str, &str))] = &[
    (&["root"], ("the cache's volume is mounted there", "remove it")),
    (&["grpc", "address"], ("the load balancer and the probes connect there", "remove it")),
    (&["grpc", "debugAddress"], ("Prometheus reads the metrics there", "remove it")),
    (&["grpc", "tls"], ("`mtls_secret` sets it", "give the Secret of the certificates as `mtls_secret`")),
    (&["worker", "containerd"], ("the pods have no containerd", "set it under `worker.oci`")),
    (&["worker", "oci", "enabled"], ("builders run this worker", "remove it")),
    (&["worker", "oci", "rootless"], ("the pods run buildkitd as root", "remove it")),
    (&["worker", "oci", "gc"], ("without it the cache fills the node's disk", "remove it")),
    (&["worker", "oci", "gckeepstorage"], CACHE),
    (&["worker", "oci", "reservedSpace"], CACHE),
    (&["worker", "oci", "maxUsedSpace"], CACHE),
    (&["worker", "oci", "minFreeSpace"], CACHE),
    (&["worker", "oci", "gcpolicy"], CACHE),
    // Where a misplaced one would be taken for the fleet's own.
    (&["gckeepstorage"], CACHE),
    (&["reservedSpace"], CACHE),
    (&["maxUsedSpace"], CACHE),
    (&["minFreeSpace"], CACHE),
    (&["registry", "*", "mirrors"], ("`registry_mirrors` sets it", "give the mirrors as `registry_mirrors`")),
    (&["registry", "*", "http"], ("`http_registries` sets it", "list the registry in `http_registries`")),
];

/// Whether a path starts with another one. buildkitd ignores case: go-toml looks a key up in lower case as well.
pub(super) fn begins(path: &[&str], start: &[&str]) -> bool {
    let same = |(key, known): (&&str, &&str)| *known == "*" || key.to_lowercase() == known.to_lowercase();
    start.len() <= path.len() && path.iter().zip(start).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_owned_is_known_or_misplaced() {
        for (path, _) in OWNED.iter().filter(|(_, why)| *why != CACHE) {
            assert!(KNOWN.iter().any(|(known, _)| known == path), "{path:?}");
        }
    }
}
