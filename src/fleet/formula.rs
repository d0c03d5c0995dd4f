//! How the computed numbers of a fleet come about, as expressions with its own numbers filled in: for people. They repeat
//! `sizing`, `timing` and `hpa` by hand, so that those stay plain arithmetic; a test works every expression out and
//! compares it with the manifests.

use crate::catalogue::instances::InstanceType;
use crate::fleet::cache_volume::{CacheVolume, GIB_IN_MB, GIB_IN_MB_AT_MOST, SYSTEM_GIB};
use crate::fleet::hpa::MAX_POLICY_PERIOD_S;
use crate::fleet::instance_plan::{InstancePlan, PlannedType};
use crate::fleet::model::{Fleet, Pool};
use crate::fleet::sizing;
use crate::fleet::timing::Timing;

/// How a number is computed.
#[derive(Debug)]
pub struct Formula {
    /// With `+ - * /`, parentheses, `floor`, `ceil`, `min` and `max`.
    pub expression: String,
    pub words: &'static str,
}

fn formula(expression: String, words: &'static str) -> Formula {
    Formula { expression, words }
}

pub fn grace(timing: Timing) -> Formula {
    formula(grace_s(timing), "the longest build and 15 min around it, in seconds")
}

fn grace_s(timing: Timing) -> String {
    format!("{} * 60 + 900", timing.max_build_minutes())
}

pub fn drain_cap(timing: Timing) -> Formula {
    formula(format!("{} - 120", grace_s(timing)), "the grace period, less two minutes for buildkitd to stop")
}

pub fn hold_retries(timing: Timing) -> Formula {
    formula(queue_s(timing), "seconds that a client is held while no pod is UP: as long as in the queue")
}

pub fn queue_timeout(timing: Timing) -> Formula {
    let words = "a second less than a client's shortest cycle, wait and 0.8 of the pause, and longer than its wait: a client that retries counts at most once";
    formula(queue_s(timing), words)
}

fn queue_s(timing: Timing) -> String {
    let (connect, pause) = (timing.client_connect_s(), timing.client_retry_pause_s());
    format!("max({connect} + 1, {connect} + floor({pause} * 4 / 5) - 1)")
}

pub fn lb_timeout(timing: Timing) -> Formula {
    let words = "the longest build and what surrounds it, in minutes";
    formula(format!("{} + 5", timing.max_build_minutes()), words)
}

pub fn scale_up_pods(pool: &Pool) -> Formula {
    let words = "a sixth of the maximum: 2 to 360 pods in four steps";
    formula(format!("max(4, ceil({} / 6))", pool.scaling.peak()), words)
}

pub fn idle(fleet: &Fleet) -> Formula {
    formula(idle_s(fleet), "idle_minutes in seconds")
}

fn idle_s(fleet: &Fleet) -> String {
    format!("{} * 60", fleet.scale_down.idle_minutes)
}

pub fn scale_down_period(fleet: &Fleet) -> Formula {
    let words = "idle_minutes in seconds, at most what an HPA accepts";
    formula(format!("min({}, {MAX_POLICY_PERIOD_S})", idle_s(fleet)), words)
}

pub fn node_limit(pool: &Pool, planned: &PlannedType) -> Formula {
    let words = "twice the nodes for the most pods: rollouts and draining pods run beside a full fleet";
    formula(node_count(pool, planned), words)
}

fn node_count(pool: &Pool, planned: &PlannedType) -> String {
    format!("2 * ceil({} / {})", pool.scaling.peak(), planned.pods_per_node)
}

pub fn cpu_limit(pool: &Pool, planned: &PlannedType) -> Formula {
    formula(format!("{} * {}", node_count(pool, planned), planned.instance.vcpu), "the vCPU of this many nodes")
}

pub fn weight(place: usize) -> Formula {
    formula(format!("100 - {place}"), "in the order of the types")
}

pub fn pod_vcpu(plan: &InstancePlan) -> Formula {
    let PlannedType { instance, pods_per_node, .. } = plan.first();
    let words = "the first type's millicores less the kubelet's and the DaemonSets', a tenth to spare, by pods per node, whole vCPU";
    formula(format!("floor(({}) * 9 / (10 * {pods_per_node}) / 1000)", usable_millicores(instance)), words)
}

pub fn pod_gib(plan: &InstancePlan) -> Formula {
    let PlannedType { instance, pods_per_node, .. } = plan.first();
    let usable = usable_mib(instance, &format!("floor({} * 37 / 40)", instance.memory_mib));
    let words = "the first type's MiB less 7.5 % for the hypervisor, the kubelet's (by the pods that the interfaces allow), eviction's and the DaemonSets', a tenth to spare, by pods per node, whole GiB";
    formula(format!("floor(({usable}) * 9 / (10 * {pods_per_node}) / 1024)"), words)
}

fn usable_millicores(instance: &InstanceType) -> String {
    // What nodeadm reserves for the kubelet.
    let reserved = match instance.vcpu {
        vcpu @ 5.. => format!("(80 + floor(({vcpu} - 4) * 5 / 2))"),
        vcpu => sizing::kube_reserved_millicores(vcpu).to_string(),
    };
    format!("{} * 1000 - {reserved} - 300", instance.vcpu)
}

fn usable_mib(instance: &InstanceType, node_mib: &str) -> String {
    format!("{node_mib} - (11 * {} + 255) - 100 - 440", instance.eni_max_pods)
}

pub fn cache_request(plan: &InstancePlan) -> Formula {
    let words = match plan.cache {
        CacheVolume::Nvme => "60 % of a pod's part of the node's NVMe in GB, the smallest over the types",
        CacheVolume::Root { .. } => {
            "60 % of a pod's part of the root volume in GB, less 20 GiB for images, the smallest over the types"
        }
    };
    formula(request_gb(plan), words)
}

fn request_gb(plan: &InstancePlan) -> String {
    let share = |PlannedType { instance, pods_per_node, .. }: &PlannedType| {
        format!("floor({} * 60 / (100 * {pods_per_node}))", usable_gb(plan.cache, instance))
    };
    one_of("min", plan.entries.iter().map(share))
}

/// On nodes of the cluster: the same, in GiB.
pub fn cache_gib(plan: &InstancePlan) -> Formula {
    let words = "60 % of a pod's part of the type's disk, the smallest over the types, in whole GiB";
    formula(format!("floor({} * 1000 / {GIB_IN_MB_AT_MOST})", request_gb(plan)), words)
}

/// A number of `builder`, which is not computed.
pub fn stated(number: u64) -> Formula {
    formula(number.to_string(), "as `builder` in clusters.yaml gives it")
}

/// The least that a cache of this many GiB keeps.
pub fn cache_reserved_gib(cache_gib: u64) -> Formula {
    formula(format!("max(1, floor({cache_gib} / 2))"), "half of maxUsedSpace, in whole GiB")
}

pub fn cache_max_used(plan: &InstancePlan) -> Formula {
    let words = "percent of the node's disk for each of the most pods that may be placed on a node, by requests; the kubelet evicts below 10 % free";
    formula(cache_share(plan), words)
}

pub fn cache_reserved(plan: &InstancePlan) -> Formula {
    formula(format!("floor({} / 2)", cache_share(plan)), "half of maxUsedSpace")
}

/// 70 % of the disk over the most pods on a node: as many as declared, or as many as fit where that is more.
fn cache_share(plan: &InstancePlan) -> String {
    let (pod, request) = (plan.pod, plan.cache_request_gb().max(1));
    let most = |PlannedType { instance, pods_per_node, .. }: &PlannedType| {
        let by_cpu = format!("({}) / ({} * 1000)", usable_millicores(instance), pod.vcpu);
        let mib = usable_mib(instance, &instance.memory_mib.to_string());
        let by_memory = format!("({mib}) / ({} * 1024)", pod.gib);
        let disk = whole_gb(plan.cache, instance);
        format!("max({pods_per_node}, floor(min({by_cpu}, {by_memory}, {disk} / {request})))")
    };
    let most = one_of("max", plan.entries.iter().map(most));
    match plan.cache {
        CacheVolume::Nvme => format!("floor(70 / {most})"),
        CacheVolume::Root { size_gib } => format!("floor(70 * ({size_gib} - {SYSTEM_GIB}) / ({size_gib} * {most}))"),
    }
}

fn usable_gb(cache: CacheVolume, instance: &InstanceType) -> String {
    match cache {
        CacheVolume::Nvme => instance.local_nvme_gb.to_string(),
        CacheVolume::Root { size_gib } => format!("floor(({size_gib} - {SYSTEM_GIB}) * {GIB_IN_MB} / 1000)"),
    }
}

fn whole_gb(cache: CacheVolume, instance: &InstanceType) -> String {
    match cache {
        CacheVolume::Nvme => instance.local_nvme_gb.to_string(),
        CacheVolume::Root { size_gib } => format!("floor({size_gib} * {GIB_IN_MB_AT_MOST} / 1000)"),
    }
}

pub fn server_slots(pool: &Pool) -> Formula {
    let words =
        "twice the most pods, in steps of 64, so that a small change of the maximum leaves the load balancer alone";
    formula(slots(pool), words)
}

fn slots(pool: &Pool) -> String {
    format!("ceil(2 * {} / 64) * 64", pool.scaling.peak())
}

pub fn frontend_connections(pool: &Pool) -> Formula {
    formula(frontend(pool), "twice the most pods and 256 more, in steps of 256")
}

fn frontend(pool: &Pool) -> String {
    format!("max(1024, ceil((2 * {} + 256) / 256) * 256)", pool.scaling.peak())
}

pub fn combined_connections(fleet: &Fleet) -> Formula {
    formula(combined(fleet), "the same as the largest frontend of an architecture")
}

fn combined(fleet: &Fleet) -> String {
    one_of("max", fleet.pools.iter().map(frontend))
}

pub fn lb_connections(fleet: &Fleet) -> Formula {
    let words = "what the build frontends may take together, and 128 for probes and scrapes, in steps of 1024";
    formula(connections(fleet), words)
}

/// Every frontend that builds come in by; the one for any architecture is as large as the largest.
fn connections(fleet: &Fleet) -> String {
    let each: Vec<String> = fleet.pools.iter().map(frontend).collect();
    format!("max(4096, ceil(({} + {} + 128) / 1024) * 1024)", each.join(" + "), combined(fleet))
}

pub fn lb_memory(fleet: &Fleet) -> Formula {
    let slots: Vec<String> = fleet.pools.iter().map(slots).collect();
    let kib = format!("{} * 40 + ({}) * 15", connections(fleet), slots.join(" + "));
    let words = "MiB: 64, 40 KiB for each connection and 15 KiB for each server slot, in steps of 256";
    formula(format!("ceil((64 + ceil(({kib}) / 1024)) / 256) * 256"), words)
}

/// The `min` or `max` of several expressions; one alone needs no function.
fn one_of(function: &str, each: impl Iterator<Item = String>) -> String {
    let each: Vec<String> = each.collect();
    if each.len() == 1 { each.concat() } else { format!("{function}({})", each.join(", ")) }
}
