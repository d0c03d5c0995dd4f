//! The arithmetic behind the numbers of the manifests, with a cluster's numbers filled in. Kept apart from the code
//! that computes them on purpose: a test works each formula out and compares it with the manifest.

use crate::explain::manifest::Field;
use crate::fleet::instance_plan::PlannedType;
use crate::fleet::{Fleet, Pool};
use crate::sizing;

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
    if let Some((_, setting)) = field.path.split_once("]: ") {
        return of_setting(fleet, field, setting);
    }
    let path = field.path.as_str();
    let timing = fleet.timing;
    let grace = format!("{} * 60 + 900", timing.max_build_minutes());
    let grace_words = "the longest build and 15 min around it, in seconds";
    let container = path.strip_prefix("spec.template.spec.containers[0].").unwrap_or_default();
    match (field.kind.as_str(), path) {
        ("Deployment", "spec.template.spec.terminationGracePeriodSeconds") => return formula(grace, grace_words),
        ("Deployment", _) if field.name == "buildkitd-lb" => {
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
            "env[0].value" => {
                formula(format!("{grace} - 120"), "the grace period, and two minutes for buildkitd to stop")
            }
            _ => None,
        },
        ("ScaledObject", _) => {
            let idle = format!("{} * 60", fleet.scale_down.idle_minutes);
            let policy = path.strip_prefix("spec.advanced.horizontalPodAutoscalerConfig.behavior.").unwrap_or_default();
            match policy {
                "scaleUp.policies[1].value" => {
                    formula(format!("max(4, ceil({peak} / 6))"), "a sixth of the maximum: 2 to 360 pods in four steps")
                }
                "scaleDown.stabilizationWindowSeconds" => formula(idle, "idle_minutes in seconds"),
                "scaleDown.policies[0].periodSeconds" | "scaleDown.policies[1].periodSeconds" => {
                    formula(format!("min({idle}, 1800)"), "idle_minutes in seconds, at most what an HPA takes")
                }
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
    let reserved = match instance.vcpu {
        vcpu @ 5.. => format!("(80 + floor(({vcpu} - 4) * 5 / 2))"),
        vcpu => sizing::kube_reserved_millicores(vcpu).to_string(),
    };
    Formula {
        expression: format!("floor(({} * 1000 - {reserved} - 300) * 9 / (10 * {pods_per_node}) / 1000)", instance.vcpu),
        words: "the first type's millicores less the kubelet's and the DaemonSets', a tenth to spare, by pods per node, whole vCPU",
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

/// Every frontend that builds come in by; the one for any architecture is as large as the largest.
fn connections(fleet: &Fleet) -> String {
    let each: Vec<String> = fleet.pools.iter().map(frontend).collect();
    let any = if each.len() == 1 { each.concat() } else { format!("max({})", each.join(", ")) };
    format!("max(4096, ceil(({} + {any} + 128) / 1024) * 1024)", each.join(" + "))
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
    let (section, name) = setting.split_once(": ")?;
    let timing = fleet.timing;
    let formula = |expression: String, words| Some(Formula { expression, words });
    let pool_of = |prefix: &str| {
        let arch = section.strip_prefix(prefix)?.split_whitespace().next()?;
        fleet.pools.iter().find(|pool| pool.arch.name() == arch)
    };
    match (section, name) {
        ("global", "maxconn") => formula(
            connections(fleet),
            "what the build frontends may take together, and 128 for probes and scrapes, in steps of 1024",
        ),
        ("defaults tcp", "retries") => formula(
            format!("{} + 10", timing.client_connect_s()),
            "seconds that a client is held while no pod is UP: longer than it waits",
        ),
        ("defaults tcp", "timeout queue") => formula(
            format!("{} + {}", timing.client_connect_s(), timing.client_retry_pause_s()),
            "a client's whole cycle, wait and pause: a client that goes on trying counts as one",
        ),
        ("defaults tcp", "timeout client" | "timeout server") => formula(
            format!("{} + 5", timing.max_build_minutes()),
            "the longest build and what surrounds it, in minutes",
        ),
        (_, "maxUsedSpace" | "reservedSpace") => {
            let pool = fleet.pools.iter().find(|pool| is_of(pool, field))?;
            let share = format!("floor(70 / {})", pool.plan.most_pods_per_node());
            if name == "maxUsedSpace" {
                formula(
                    share,
                    "percent of the node's disk for each of the most pods on a node; the kubelet evicts below 10 % free",
                )
            } else {
                formula(format!("floor({share} / 2)"), "half of maxUsedSpace")
            }
        }
        ("frontend ft_all from tcp", "maxconn") => {
            let each: Vec<String> = fleet.pools.iter().map(frontend).collect();
            let expression = if each.len() == 1 { each.concat() } else { format!("max({})", each.join(", ")) };
            formula(expression, "as many as the largest frontend of an architecture")
        }
        (_, "maxconn") => {
            formula(frontend(pool_of("frontend ft_")?), "twice the most pods and 256 more, in steps of 256")
        }
        (_, name) if name.starts_with("server-template ") => formula(
            slots(pool_of("backend bk_")?),
            "twice the most pods, in steps of 64, so that a small change of the maximum leaves the load balancer alone",
        ),
        _ => None,
    }
}
