//! Nodes: how many, what fits on them, and which pods may run on them.

use serde_json::{Value, json};

use crate::catalogue::instances::InstanceType;
use crate::fleet::cache_volume::CacheVolume;
use crate::fleet::model::Pool;
use crate::fleet::sizing::{self, PodSize};
use crate::manifests::check::quantity::{bytes, gigabytes, mebibytes, millicores};
use crate::manifests::check::scaling::peak;
use crate::manifests::check::set::{RenderedFleet, container, items, number, pod, shown};
use crate::manifests::names::{LB, LB_NODES};

/// The kubelet's default `nodefs.available`: below it builds are evicted.
const KUBELET_EVICTS_PERCENT: u64 = 10;

/// A NodePool with its instance type.
struct Nodes<'a> {
    name: &'a str,
    instance: &'a InstanceType,
    pods_per_node: u64,
    object: &'a Value,
}

/// The NodePools of a pool; those whose type or number of pods cannot be read are reported as broken.
fn nodes_of<'a>(set: &RenderedFleet<'a>, pool: &'a Pool, broken: &mut Vec<String>) -> Vec<Nodes<'a>> {
    let mut found = Vec::new();
    for (name, object) in set.nodepools(pool) {
        let types = items(&object["spec"]["template"]["spec"]["requirements"])
            .iter()
            .find(|requirement| requirement["key"] == "node.kubernetes.io/instance-type");
        let entry = pool.plan.entries.iter().find(|entry| {
            types.is_some_and(|types| items(&types["values"]) == [Value::from(entry.instance.name.as_str())])
        });
        let pods_per_node = number(&object["metadata"]["annotations"]["buildkit-fleet/pods-per-node"]);
        match (entry, pods_per_node) {
            (Some(entry), Some(pods_per_node)) if pods_per_node == entry.pods_per_node => {
                found.push(Nodes { name, instance: &entry.instance, pods_per_node, object });
            }
            _ => broken.push(format!(
                "NodePool/{name} has an instance type or a number of pods per node that is not configured"
            )),
        }
    }
    if found.len() != pool.plan.entries.len() {
        broken.push(format!(
            "{} has {} NodePools for {} types",
            pool.arch.name(),
            found.len(),
            pool.plan.entries.len()
        ));
    }
    found
}

pub(super) fn limits(set: &RenderedFleet, broken: &mut Vec<String>) {
    for pool in &set.fleet.pools {
        let peak = peak(set, pool);
        for Nodes { name, instance, pods_per_node, object } in nodes_of(set, pool, broken) {
            let nodes = object["spec"]["limits"]["nodes"].as_u64();
            let pods = nodes.map(|nodes| nodes.saturating_mul(pods_per_node));
            if peak.is_none() || pods < peak {
                broken.push(format!("NodePool/{name} can hold {} of {} pods", shown(pods), shown(peak)));
            }
            let cpu = object["spec"]["limits"]["cpu"].as_u64();
            if nodes.is_none() || cpu < nodes.map(|nodes| nodes * instance.vcpu) {
                broken.push(format!(
                    "NodePool/{name} is limited to {} vCPU, too few for {} nodes",
                    shown(cpu),
                    shown(nodes)
                ));
            }
        }
    }
}

/// Karpenter accepts weights from 1 to 100, and uses the heaviest NodePool first.
pub(super) fn order(set: &RenderedFleet, broken: &mut Vec<String>) {
    for pool in &set.fleet.pools {
        let mut lightest = 101;
        for entry in &pool.plan.entries {
            let of_type = nodes_of(set, pool, &mut Vec::new()).into_iter();
            let mut weights = of_type
                .filter(|nodes| nodes.instance.name == entry.instance.name)
                .filter_map(|nodes| nodes.object["spec"]["weight"].as_u64());
            let weight = weights.next().unwrap_or_default();
            if !(1..lightest).contains(&weight) {
                broken.push(format!("{} has weight {weight}, out of order", entry.instance.name));
            }
            lightest = weight;
        }
    }
}

pub(super) fn fit(set: &RenderedFleet, broken: &mut Vec<String>) {
    for (pool, deployment) in set.builders() {
        let requests = &container(deployment)["resources"]["requests"];
        let of_others = |read: fn(&Value) -> Option<u64>, resource: &str| -> u64 {
            let others = items(&pod(deployment)["containers"]).iter().skip(1);
            let requests = others.filter_map(|other| read(&other["resources"]["requests"][resource]));
            requests.fold(0, u64::saturating_add)
        };
        let (Some(cpu), Some(memory), Some(disk)) = (
            millicores(&requests["cpu"])
                .filter(|cpu| *cpu >= 1000)
                .map(|cpu| cpu.saturating_add(of_others(millicores, "cpu"))),
            bytes(&requests["memory"])
                .filter(|memory| *memory >= mebibytes(1024))
                .map(|memory| memory.saturating_add(of_others(bytes, "memory"))),
            bytes(&requests["ephemeral-storage"])
                .filter(|disk| *disk >= gigabytes(1))
                .map(|disk| disk.saturating_add(of_others(bytes, "ephemeral-storage"))),
        ) else {
            broken.push(format!(
                "builders of {} request less than 1 vCPU, 1 GiB of memory or 1 GB of disk",
                pool.arch.name()
            ));
            continue;
        };
        let size = PodSize { vcpu: cpu / 1000, gib: memory / mebibytes(1024) };
        for Nodes { name, instance, pods_per_node, .. } in nodes_of(set, pool, broken) {
            let usable = sizing::usable(instance);
            for (what, wanted, there) in [
                ("CPU", cpu, usable.millicores),
                ("memory", memory, mebibytes(usable.mib)),
                ("disk", disk, gigabytes(pool.plan.cache.usable_gb(instance))),
            ] {
                if wanted.saturating_mul(pods_per_node) > there {
                    broken.push(format!(
                        "NodePool/{name} has too little {what} for {pods_per_node} pods of {wanted}: {there}"
                    ));
                }
            }
            let aligned = sizing::fits_numa(instance, size);
            let placed = sizing::fits_with_all_memory(instance, size).max(pods_per_node);
            if placed > aligned {
                broken.push(format!("NodePool/{name} may get {placed} pods but can align only {aligned}"));
            }
        }
    }
}

pub(super) fn disk(set: &RenderedFleet, broken: &mut Vec<String>) {
    for (pool, deployment) in set.builders() {
        let config = set.object("ConfigMap", &format!("buildkitd-config-{}", pool.arch.name()));
        let toml = config["data"]["buildkitd.toml"].as_str().unwrap_or_default();
        let percent = |key: &str| -> Option<u64> {
            let line = toml.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(" = "))?;
            line.trim_matches('"').strip_suffix('%')?.parse().ok()
        };
        let shares = (percent("maxUsedSpace"), percent("reservedSpace"), percent("minFreeSpace"));
        let (Some(used), Some(reserved), Some(free)) = shares else {
            broken.push(format!("buildkitd.toml of {} has no disk shares", pool.arch.name()));
            continue;
        };
        let request = bytes(&container(deployment)["resources"]["requests"]["ephemeral-storage"]).unwrap_or_default();
        for Nodes { name, instance, pods_per_node, object } in nodes_of(set, pool, broken) {
            check_cache_disk(set, pool, object, broken);
            let by_disk = gigabytes(pool.plan.cache.whole_gb(instance)) / request.max(1);
            let daemons = sizing::fits_with_all_memory(instance, pool.plan.pod).min(by_disk).max(pods_per_node);
            if used == 0
                || reserved == 0
                || reserved > used
                || daemons * used + free > 100
                || free <= KUBELET_EVICTS_PERCENT
            {
                broken.push(format!(
                    "{daemons} daemons on a node of NodePool/{name} each keep up to {used} %, at least {reserved} %, and {free} % free"
                ));
            }
        }
    }
}

/// The disk that the caches are sized for is the one that they are on.
fn check_cache_disk(set: &RenderedFleet, pool: &Pool, nodepool: &Value, broken: &mut Vec<String>) {
    let class = nodepool["spec"]["template"]["spec"]["nodeClassRef"]["name"].as_str().unwrap_or_default();
    let spec = &set.object("EC2NodeClass", class)["spec"];
    let holds = match pool.plan.cache {
        CacheVolume::Nvme => spec["instanceStorePolicy"] == "RAID0",
        CacheVolume::Root { size_gib } => {
            let root = items(&spec["blockDeviceMappings"]).iter().find(|disk| disk["deviceName"] == "/dev/xvda");
            let size = root.and_then(|root| bytes(&root["ebs"]["volumeSize"]));
            spec["instanceStorePolicy"].is_null() && size >= Some(mebibytes(size_gib * 1024))
        }
    };
    if !holds {
        let disk = if pool.plan.cache.is_root() { "a root volume of their size" } else { "NVMe" };
        broken.push(format!("EC2NodeClass/{class} does not put the caches of {} on {disk}", pool.arch.name()));
    }
}

pub(super) fn placement(set: &RenderedFleet, broken: &mut Vec<String>) {
    for (pool, deployment) in set.builders() {
        let arch = pool.arch.name();
        let pod = pod(deployment);
        for Nodes { name, object, .. } in nodes_of(set, pool, broken) {
            let template = &object["spec"]["template"];
            let of_arch = items(&template["spec"]["requirements"]).iter().any(|requirement| {
                requirement["key"] == "kubernetes.io/arch" && items(&requirement["values"]) == [Value::from(arch)]
            });
            let selected = pod["nodeSelector"].as_object().is_some_and(|wanted| {
                let of_ours = ["kubernetes.io/arch", "workload-type"].iter().all(|key| wanted.contains_key(*key));
                of_ours
                    && wanted.iter().all(|(key, value)| match key.as_str() {
                        "kubernetes.io/arch" => of_arch && value == arch,
                        _ => template["metadata"]["labels"][key] == *value,
                    })
            });
            if !selected {
                broken.push(format!("NodePool/{name} creates nodes that builders of {arch} do not select"));
            }
            let taints = items(&template["spec"]["taints"]);
            let tolerated = |taint: &Value| {
                items(&pod["tolerations"]).iter().any(|toleration| {
                    ["key", "value", "effect"].iter().all(|field| toleration[*field] == taint[*field])
                })
            };
            if taints.is_empty() || !taints.iter().all(tolerated) {
                broken.push(format!("NodePool/{name} has no taint, or one that builders of {arch} do not tolerate"));
            }
            let class = template["spec"]["nodeClassRef"]["name"].as_str().unwrap_or_default();
            if set.object("EC2NodeClass", class).is_null() {
                broken.push(format!("NodePool/{name} uses EC2NodeClass {class:?}, which does not exist"));
            }
        }
    }
    lb_placement(set, broken);
    for (name, nodes) in set.objects.of_kind("NodePool").filter(|(name, _)| *name != LB_NODES) {
        let arch = nodes["spec"]["template"]["metadata"]["labels"]["arch"].as_str();
        if !set.fleet.pools.iter().any(|pool| Some(pool.arch.name()) == arch) {
            broken.push(format!("NodePool/{name} is of no architecture of the fleet"));
        }
    }
}

/// What the load balancer tolerates, whatever it was asked to: the loss of its node for two minutes, and its own node
/// where it has one.
pub(super) fn lb_tolerations(set: &RenderedFleet) -> Vec<Value> {
    let mut expected: Vec<Value> = ["not-ready", "unreachable"]
        .iter()
        .map(|what| {
            json!({"key": format!("node.kubernetes.io/{what}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 120})
        })
        .collect();
    if set.fleet.lb.node.is_some() {
        expected
            .push(json!({"key": "workload/buildkit-lb", "operator": "Equal", "value": "true", "effect": "NoSchedule"}));
    }
    expected
}

/// Nobody else runs on the load balancer's own node.
fn lb_placement(set: &RenderedFleet, broken: &mut Vec<String>) {
    let own = set.object("NodePool", LB_NODES);
    let pod = pod(set.object("Deployment", LB));
    let tolerates = |wanted: &Value| items(&pod["tolerations"]).contains(wanted);
    if !lb_tolerations(set).iter().all(tolerates) {
        broken.push(
            "the load balancer does not tolerate its own node, or the loss of its node for two minutes".to_owned(),
        );
    }
    let Some(node) = &set.fleet.lb.node else {
        if !own.is_null() {
            broken.push(format!("NodePool/{LB_NODES} was not asked for"));
        }
        return;
    };
    let template = &own["spec"]["template"];
    let types = items(&template["spec"]["requirements"])
        .iter()
        .find(|requirement| requirement["key"] == "node.kubernetes.io/instance-type");
    let own_node = types.is_some_and(|types| items(&types["values"]) == [node.instance_type.as_str()])
        && pod["nodeSelector"]["workload-type"] == template["metadata"]["labels"]["workload-type"]
        && template["metadata"]["labels"]["workload-type"] == "buildkit-lb"
        && items(&template["spec"]["taints"]).len() == 1
        && template["spec"]["taints"][0]["key"] == "workload/buildkit-lb"
        && template["spec"]["taints"][0]["effect"] == "NoSchedule"
        && own["spec"]["limits"]["nodes"].as_u64() >= Some(2)
        && template["spec"]["nodeClassRef"]["name"] == LB_NODES
        && !set.object("EC2NodeClass", LB_NODES).is_null();
    if !own_node {
        broken.push(format!("NodePool/{LB_NODES} is not the load balancer's own node, or it does not select it"));
    }
}
