//! Names of objects that are used in several places. The templates contain them literally.

/// Hex digits of a ConfigMap's content hash in its name: of 40 bits, 1,000 versions collide once in 2 million fleets.
const HASH_DIGITS: usize = 10;

/// The name of a ConfigMap that pods mount: it changes with the content, so a pod of an old template that restarts never
/// reads a new configuration. `checksum` is of the content, in hex.
pub fn hashed(base: &str, checksum: &str) -> String {
    format!("{base}-{}", checksum.get(..HASH_DIGITS).unwrap_or(checksum))
}

/// The same name without the hash, by which addresses and comparisons call it; any other name as it is.
pub fn without_hash<'a>(kind: &str, name: &'a str) -> &'a str {
    let is_hash = |hash: &str| {
        hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    match name.rsplit_once('-') {
        Some((base, hash)) if kind == "ConfigMap" && is_hash(hash) => base,
        _ => name,
    }
}

/// Annotations of a set's objects: the cluster that it is for, on the Namespace, and what applies it.
pub const OF_CLUSTER: &str = "buildkit-fleet/cluster-name";
pub const OF_REGION: &str = "buildkit-fleet/region";
pub const ARGOCD_OPTIONS: &str = "argocd.argoproj.io/sync-options";
pub const FLUX_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// The load balancer's Deployment and its pods.
pub const LB: &str = "buildkitd-lb";
/// Its Service for metrics.
pub const LB_METRICS: &str = "buildkitd-lb-metrics";
/// Its ConfigMap, without the hash.
pub const LB_CONFIG: &str = "buildkitd-lb-config";
/// The ConfigMap of drain.sh, without the hash.
pub const DRAIN: &str = "buildkitd-drain";
/// The NodePool and the EC2NodeClass of its own node, where it has one, and the ResourceQuota of its priority class.
pub const LB_NODES: &str = "buildkit-lb";
pub const LB_QUOTA: &str = "buildkitd-lb-priority";
/// What scrapes KEDA's operator, in its own namespace.
pub const KEDA_MONITOR: &str = "buildkitd-keda-operator";
/// The ConfigMap of the dashboard, which no pod reads: it has no hash.
pub const DASHBOARD: &str = "buildkitd-dashboard";
/// The Service for runners outside of the cluster, where one is asked for.
pub const EXTERNAL: &str = "buildkitd-external";
/// The container that makes a pod refuse a second build, and the label of such pods.
pub const GUARD: &str = "one-build-guard";
pub const GUARD_LABEL: &str = "buildkit-fleet/one-build";
