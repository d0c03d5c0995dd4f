//! Invariants of the builders' caches.

use serde_json::Value;

use crate::fleet::cache_volume::CacheVolume;
use crate::fleet::model::Pool;
use crate::fleet::sizing;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::nodes::{Nodes, nodes_of};
use crate::manifests::check::quantity::{bytes, gigabytes, mebibytes};
use crate::manifests::check::set::{RenderedFleet, container, items, shown};

/// The kubelet's default `nodefs.available`: below it builds are evicted.
const KUBELET_EVICTS_PERCENT: u64 = 10;

pub(super) fn disk(set: &RenderedFleet, broken: &mut Findings) {
    for (pool, deployment) in set.builders() {
        let Some(planned) = pool.placement.karpenter() else {
            own_disk(set, pool, deployment, broken);
            continue;
        };
        let percent = |key: &str| setting(set, pool, key, "%");
        let shares = (percent("maxUsedSpace"), percent("reservedSpace"), percent("minFreeSpace"));
        let (Some(used), Some(reserved), Some(free)) = shares else {
            let arch = pool.arch.name();
            broken.of_toml(arch, format!("buildkitd.toml of {arch} has no disk shares"));
            continue;
        };
        let request = bytes(&container(deployment)["resources"]["requests"]["ephemeral-storage"]).unwrap_or_default();
        for Nodes { name, instance, pods_per_node, object } in nodes_of(set, pool, broken) {
            check_cache_disk(set, pool, planned.plan.cache, object, broken);
            let by_disk = gigabytes(planned.plan.cache.whole_gb(instance)) / request.max(1);
            let daemons = sizing::fits_with_all_memory(instance, planned.plan.pod).min(by_disk).max(pods_per_node);
            if used == 0
                || reserved == 0
                || reserved > used
                || daemons.saturating_mul(used).saturating_add(free) > 100
                || free <= KUBELET_EVICTS_PERCENT
            {
                broken.of_toml(pool.arch.name(), format!("{daemons} daemons on a node of NodePool/{name} each keep up to {used} %, at least {reserved} %, and {free} % free"
                ));
            }
        }
    }
}

/// A number of the pool's buildkitd.toml that is written in this unit.
fn setting(set: &RenderedFleet, pool: &Pool, key: &str, unit: &str) -> Option<u64> {
    let config = set.object("ConfigMap", &format!("buildkitd-config-{}", pool.arch.name()));
    let mut lines = config["data"]["buildkitd.toml"].as_str()?.lines();
    let value = lines.find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(" = "))?;
    value.trim_matches('"').strip_suffix(unit)?.parse().ok()
}

/// On nodes of the cluster, a cache takes no more than its pod requests, and gives way before the kubelet evicts.
fn own_disk(set: &RenderedFleet, pool: &Pool, deployment: &Value, broken: &mut Findings) {
    let gib = |key: &str| setting(set, pool, key, "GiB");
    let free = setting(set, pool, "minFreeSpace", "%");
    let request = bytes(&container(deployment)["resources"]["requests"]["ephemeral-storage"]).unwrap_or_default();
    let (used, reserved) = (gib("maxUsedSpace"), gib("reservedSpace"));
    let holds = used.is_some_and(|used| {
        mebibytes(used.saturating_mul(1024)) <= request
            && reserved.is_some_and(|reserved| (1..=used).contains(&reserved))
    });
    if !holds || free.is_none_or(|free| !(KUBELET_EVICTS_PERCENT + 1..100).contains(&free)) {
        broken.of_toml(
            pool.arch.name(),
            format!(
                "buildkitd.toml of {} keeps from {} to {} GiB and {} % free, with a request of {request} bytes",
                pool.arch.name(),
                shown(reserved),
                shown(used),
                shown(free)
            ),
        );
    }
}

/// The disk that the caches are sized for is the one that they are on.
fn check_cache_disk(set: &RenderedFleet, pool: &Pool, cache: CacheVolume, nodepool: &Value, broken: &mut Findings) {
    let class = nodepool["spec"]["template"]["spec"]["nodeClassRef"]["name"].as_str().unwrap_or_default();
    let spec = &set.object("EC2NodeClass", class)["spec"];
    let holds = match cache {
        CacheVolume::Nvme => spec["instanceStorePolicy"] == "RAID0",
        CacheVolume::Root { size_gib } => {
            let root = items(&spec["blockDeviceMappings"]).iter().find(|disk| disk["deviceName"] == "/dev/xvda");
            let size = root.and_then(|root| bytes(&root["ebs"]["volumeSize"]));
            spec["instanceStorePolicy"].is_null() && size >= Some(mebibytes(size_gib * 1024))
        }
    };
    if !holds {
        let disk = if cache.is_root() { "a root volume of their size" } else { "NVMe" };
        let what = format!("EC2NodeClass/{class} does not put the caches of {} on {disk}", pool.arch.name());
        broken.at("EC2NodeClass", class, "spec", what);
    }
}
