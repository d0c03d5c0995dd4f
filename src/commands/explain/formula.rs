//! The arithmetic behind the numbers of the manifests, with a cluster's numbers filled in. Kept apart from the code
//! that computes them on purpose: a test works each formula out and compares it with the manifest.

use crate::catalogue::instances::InstanceType;
use crate::fleet::hpa::MAX_POLICY_PERIOD_S;
use crate::fleet::instance_plan::PlannedType;
use crate::fleet::model::{Fleet, Pool};
use crate::fleet::sizing;
use crate::manifests::address::Field;
use crate::manifests::names::LB;

/// How a number comes about.
#[derive(Debug, PartialEq, Eq)]
pub struct Formula {
    /// With `+ - * /`, parentheses, `floor`, `ceil`, `min` and `max`.
    pub expression: String,
    pub words: &'static str,
}

/// The formula of a field; none where it is no computed number.
pub fn of(fleet: &Fleet, field: &Field) -> Option<Formula> {
    let formula = |expression: String, words| Some(Formula { expression, words });
    if let Some((_, setting)) = field.path.split_once(".cfg].").or(field.path.split_once(".toml].")) {
        return of_setting(fleet, field, setting);
    }
    let path = field.path.as_str();
    let timing = fleet.timing;
    let grace = format!("{} * 60 + 900", timing.max_build_minutes());
    let grace_words = "the longest build and 15 min around it, in seconds";
    let container = path.strip_prefix("spec.template.spec.containers[").and_then(|path| path.split_once("]."));
    let container = container.map_or("", |(_, path)| path);
    match (field.kind.as_str(), path) {
        ("Deployment", "spec.template.spec.terminationGracePeriodSeconds") => return formula(grace, grace_words),
        ("Deployment", _) if field.name == LB => {
            return matches!(container, "resources.requests.memory" | "resources.limits.memory")
                .then(|| lb_memory(fleet));
        }
        _ => {}
    }
    let pool = fleet.pools.iter().find(|pool| is_of(pool, field))?;
    let peak = pool.scaling.peak();
    match (field.kind.as_str(), path) {
        ("NodePool", _) => of_node_pool(pool, field),
        ("Deployment", _) => match container {
            "resources.requests.cpu" | "resources.limits.cpu" => Some(cpu(pool)),
            "resources.requests.memory" | "resources.limits.memory" => Some(memory(pool)),
            "resources.requests.ephemeral-storage" => Some(cache(pool)),
            "env[DRAIN_CAP_S].value" => {
                formula(format!("{grace} - 120"), "the grace period, and two minutes for buildkitd to stop")
            }
            _ => None,
        },
        ("ScaledObject", _) => {
            let idle = format!("{} * 60", fleet.scale_down.idle_minutes);
            let policy = path.strip_prefix("spec.advanced.horizontalPodAutoscalerConfig.behavior.").unwrap_or_default();
            match policy {
                "scaleUp.policies[Pods].value" => {
                    formula(format!("max(4, ceil({peak} / 6))"), "a sixth of the maximum: 2 to 360 pods in four steps")
                }
                "scaleDown.stabilizationWindowSeconds" => formula(idle, "idle_minutes in seconds"),
                "scaleDown.policies[Pods].periodSeconds" | "scaleDown.policies[Percent].periodSeconds" => formula(
                    format!("min({idle}, {MAX_POLICY_PERIOD_S})"),
                    "idle_minutes in seconds, at most what an HPA takes",
                ),
                _ => (path == "spec.cooldownPeriod")
                    .then_some(Formula { expression: idle, words: "idle_minutes in seconds" }),
            }
        }
        _ => None,
    }
}

/// Objects of one architecture end in its name, or have it before the instance type.
fn is_of(pool: &Pool, field: &Field) -> bool {
    let arch = pool.arch.name();
    match field.kind.as_str() {
        "NodePool" => pool.plan.entries.iter().any(|entry| entry.nodepool == field.name),
        _ => field.name.ends_with(&format!("-{arch}")),
    }
}

fn of_node_pool(pool: &Pool, field: &Field) -> Option<Formula> {
    let place = pool.plan.entries.iter().position(|entry| entry.nodepool == field.name)?;
    let entry = &pool.plan.entries[place];
    let nodes = format!("2 * ceil({} / {})", pool.scaling.peak(), entry.pods_per_node);
    let formula = |expression, words| Some(Formula { expression, words });
    match field.path.as_str() {
        "spec.weight" => formula(format!("100 - {place}"), "in the order of the types"),
        "spec.limits.nodes" => {
            formula(nodes, "twice the nodes for the most pods: rollouts and draining pods stand beside a full fleet")
        }
        "spec.limits.cpu" => formula(format!("{nodes} * {}", entry.instance.vcpu), "the vCPU of as many nodes"),
        _ => None,
    }
}

fn cpu(pool: &Pool) -> Formula {
    let PlannedType { instance, pods_per_node, .. } = pool.plan.first();
    let reserved = reserved_cpu(instance.vcpu);
    Formula {
        expression: format!("floor(({} * 1000 - {reserved} - 300) * 9 / (10 * {pods_per_node}) / 1000)", instance.vcpu),
        words: "the first type's millicores less the kubelet's and the DaemonSets', a tenth to spare, by pods per node, whole vCPU",
    }
}

/// Millicores that nodeadm reserves for the kubelet.
fn reserved_cpu(vcpu: u64) -> String {
    match vcpu {
        5.. => format!("(80 + floor(({vcpu} - 4) * 5 / 2))"),
        _ => sizing::kube_reserved_millicores(vcpu).to_string(),
    }
}

fn memory(pool: &Pool) -> Formula {
    let PlannedType { instance, pods_per_node, .. } = pool.plan.first();
    Formula {
        expression: format!(
            "floor((floor({} * 37 / 40) - (11 * {} + 255) - 100 - 440) * 9 / (10 * {pods_per_node}) / 1024)",
            instance.memory_mib, instance.eni_max_pods
        ),
        words: "the first type's MiB less 7.5 % for the hypervisor, the kubelet's (by the pods that the interfaces allow), eviction's and the DaemonSets', a tenth to spare, by pods per node, whole GiB",
    }
}

fn cache(pool: &Pool) -> Formula {
    let shares: Vec<String> = pool
        .plan
        .entries
        .iter()
        .map(|entry| format!("floor({} * 60 / (100 * {}))", entry.instance.local_nvme_gb, entry.pods_per_node))
        .collect();
    let expression = if shares.len() == 1 { shares.concat() } else { format!("min({})", shares.join(", ")) };
    Formula { expression, words: "60 % of a pod's part of the node's NVMe in GB, the smallest over the types" }
}

fn slots(pool: &Pool) -> String {
    format!("ceil(2 * {} / 64) * 64", pool.scaling.peak())
}

fn frontend(pool: &Pool) -> String {
    format!("max(1024, ceil((2 * {} + 256) / 256) * 256)", pool.scaling.peak())
}

/// The frontend for any architecture.
fn combined(fleet: &Fleet) -> String {
    largest(&fleet.pools.iter().map(frontend).collect::<Vec<_>>())
}

/// Every frontend that builds come in by; the one for any architecture is as large as the largest.
fn connections(fleet: &Fleet) -> String {
    let each: Vec<String> = fleet.pools.iter().map(frontend).collect();
    format!("max(4096, ceil(({} + {} + 128) / 1024) * 1024)", each.join(" + "), combined(fleet))
}

fn lb_memory(fleet: &Fleet) -> Formula {
    let slots: Vec<String> = fleet.pools.iter().map(slots).collect();
    Formula {
        expression: format!(
            "ceil((64 + ceil(({} * 40 + ({}) * 15) / 1024)) / 256) * 256",
            connections(fleet),
            slots.join(" + ")
        ),
        words: "MiB: 64, 40 KiB for each connection and 15 KiB for each server slot, in steps of 256",
    }
}

fn of_setting(fleet: &Fleet, field: &Field, setting: &str) -> Option<Formula> {
    let timing = fleet.timing;
    let formula = |expression: String, words| Some(Formula { expression, words });
    let words: Vec<&str> = setting.split('.').collect();
    let pool_of = |section: &str| {
        let arch = section.trim_start_matches("ft_").trim_start_matches("bk_");
        fleet.pools.iter().find(|pool| pool.arch.name() == arch)
    };
    match words.as_slice() {
        ["global", "maxconn"] => formula(
            connections(fleet),
            "what the build frontends may take together, and 128 for probes and scrapes, in steps of 1024",
        ),
        ["defaults", "tcp", "retries"] => formula(
            format!("{} + 10", timing.client_connect_s()),
            "seconds that a client is held while no pod is UP: longer than it waits",
        ),
        ["defaults", "tcp", "timeout", "queue"] => formula(
            format!("{} + {}", timing.client_connect_s(), timing.client_retry_pause_s()),
            "a client's whole cycle, wait and pause, in seconds: a client that goes on trying counts as one",
        ),
        ["defaults", "tcp", "timeout", "client" | "server"] => formula(
            format!("{} + 5", timing.max_build_minutes()),
            "the longest build and what surrounds it, in minutes",
        ),
        ["worker", "oci", "maxUsedSpace"] => {
            let pool = fleet.pools.iter().find(|pool| is_of(pool, field))?;
            formula(
                share(pool),
                "percent of the node's disk for each of the most pods that may be placed on a node, by requests; the kubelet evicts below 10 % free",
            )
        }
        ["worker", "oci", "reservedSpace"] => {
            let pool = fleet.pools.iter().find(|pool| is_of(pool, field))?;
            formula(format!("floor({} / 2)", share(pool)), "half of maxUsedSpace")
        }
        ["frontend", "ft_all", "maxconn"] => {
            formula(combined(fleet), "as many as the largest frontend of an architecture")
        }
        ["frontend", section, "maxconn"] => {
            formula(frontend(pool_of(section)?), "twice the most pods and 256 more, in steps of 256")
        }
        ["backend", section, "server-template", _] => formula(
            slots(pool_of(section)?),
            "twice the most pods, in steps of 64, so that a small change of the maximum leaves the load balancer alone",
        ),
        _ => None,
    }
}

/// 70 % of the disk over the most pods on a node: as many as declared, or as many as fit where that is more.
fn share(pool: &Pool) -> String {
    let (pod, request) = (pool.plan.pod, pool.plan.cache_request_gb().max(1));
    let most: Vec<String> = pool
        .plan
        .entries
        .iter()
        .map(|PlannedType { instance, pods_per_node, .. }| {
            let InstanceType { vcpu, memory_mib, eni_max_pods, local_nvme_gb, .. } = instance;
            format!(
                "max({pods_per_node}, floor(min(({vcpu} * 1000 - {} - 300) / ({} * 1000), ({memory_mib} - (11 * {eni_max_pods} + 255) - 100 - 440) / ({} * 1024), {local_nvme_gb} / {request})))",
                reserved_cpu(*vcpu), pod.vcpu, pod.gib
            )
        })
        .collect();
    format!("floor(70 / {})", largest(&most))
}

/// The largest of several expressions.
fn largest(each: &[String]) -> String {
    if each.len() == 1 { each.concat() } else { format!("max({})", each.join(", ")) }
}
