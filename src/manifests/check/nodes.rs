//! Nodes: how many, what fits on them, and which pods may run on them.

use serde_json::Value;

use crate::catalogue::instances::InstanceType;
use crate::fleet::model::Pool;
use crate::fleet::sizing::{self, PodSize};
use crate::manifests::check::findings::Findings;
use crate::manifests::check::quantity::{bytes, gigabytes, mebibytes, millicores};
use crate::manifests::check::scaling::peak;
use crate::manifests::check::set::{RenderedFleet, builders_of, container, items, number, pod, shown};

/// A NodePool with its instance type.
pub(super) struct Nodes<'a> {
    pub name: &'a str,
    pub instance: &'a InstanceType,
    pub pods_per_node: u64,
    pub object: &'a Value,
}

/// The NodePools of a pool; those whose type or number of pods cannot be read are reported as broken.
pub(super) fn nodes_of<'a>(set: &RenderedFleet<'a>, pool: &'a Pool, broken: &mut Findings) -> Vec<Nodes<'a>> {
    let mut found = Vec::new();
    let planned = pool.placement.node_types();
    for (name, object) in set.nodepools(pool) {
        let types = items(&object["spec"]["template"]["spec"]["requirements"])
            .iter()
            .find(|requirement| requirement["key"] == "node.kubernetes.io/instance-type");
        let entry = planned.iter().find(|entry| {
            types.is_some_and(|types| items(&types["values"]) == [Value::from(entry.instance.name.as_str())])
        });
        let pods_per_node = number(&object["metadata"]["annotations"]["buildkit-fleet/pods-per-node"]);
        match (entry, pods_per_node) {
            (Some(entry), Some(pods_per_node)) if pods_per_node == entry.pods_per_node => {
                found.push(Nodes { name, instance: &entry.instance, pods_per_node, object });
            }
            _ => broken.of_nodes(
                name,
                format!("NodePool/{name} has an instance type or a number of pods per node that is not configured"),
            ),
        }
    }
    if found.len() != planned.len() {
        broken.push(format!("{} has {} NodePools for {} types", pool.arch.name(), found.len(), planned.len()));
    }
    found
}

pub(super) fn limits(set: &RenderedFleet, broken: &mut Findings) {
    for pool in &set.fleet.pools {
        let peak = peak(set, pool.arch.name());
        for Nodes { name, instance, pods_per_node, object } in nodes_of(set, pool, broken) {
            let nodes = object["spec"]["limits"]["nodes"].as_u64();
            let pods = nodes.map(|nodes| nodes.saturating_mul(pods_per_node));
            if peak.is_none() || pods < peak {
                broken.of_nodes(name, format!("NodePool/{name} can hold {} of {} pods", shown(pods), shown(peak)));
            }
            let cpu = object["spec"]["limits"]["cpu"].as_u64();
            if nodes.is_none() || cpu < nodes.map(|nodes| nodes.saturating_mul(instance.vcpu)) {
                broken.of_nodes(
                    name,
                    format!("NodePool/{name} is limited to {} vCPU, too few for {} nodes", shown(cpu), shown(nodes)),
                );
            }
        }
    }
}

/// Karpenter accepts weights from 1 to 100, and uses the heaviest NodePool first.
pub(super) fn order(set: &RenderedFleet, broken: &mut Findings) {
    for pool in &set.fleet.pools {
        let mut lightest = 101;
        for entry in pool.placement.node_types() {
            let of_type = nodes_of(set, pool, &mut Findings::default()).into_iter();
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

pub(super) fn fit(set: &RenderedFleet, broken: &mut Findings) {
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
            let arch = pool.arch.name();
            let what = format!("builders of {arch} request less than 1 vCPU, 1 GiB of memory or 1 GB of disk");
            broken.at("Deployment", &builders_of(arch), "spec.template.spec.containers[buildkitd].resources", what);
            continue;
        };
        let size = PodSize { vcpu: cpu / 1000, gib: memory / mebibytes(1024) };
        let Some(planned) = pool.placement.karpenter() else { continue };
        for Nodes { name, instance, pods_per_node, .. } in nodes_of(set, pool, broken) {
            let usable = sizing::usable(instance);
            for (what, wanted, there) in [
                ("CPU", cpu, usable.millicores),
                ("memory", memory, mebibytes(usable.mib)),
                ("disk", disk, gigabytes(planned.plan.cache.usable_gb(instance))),
            ] {
                if wanted.saturating_mul(pods_per_node) > there {
                    broken.of_nodes(
                        name,
                        format!("NodePool/{name} has too little {what} for {pods_per_node} pods of {wanted}: {there}"),
                    );
                }
            }
            let aligned = sizing::fits_numa(instance, size);
            let placed = sizing::fits_with_all_memory(instance, size).max(pods_per_node);
            if placed > aligned {
                broken.of_nodes(name, format!("NodePool/{name} may get {placed} pods but can align only {aligned}"));
            }
        }
    }
}
