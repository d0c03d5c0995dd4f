//! Pod and node arithmetic, in whole numbers. It matches the generator that this program replaces, to the byte, and
//! nodeadm's and Karpenter's own formulas (awslabs/amazon-eks-ami nodeadm/internal/kubelet/config.go,
//! aws/karpenter-provider-aws pkg/providers/instancetype/types.go).

use crate::catalogue::instances::InstanceType;

/// Requests of the DaemonSets on every node, measured on running clusters.
const DAEMONSETS_MILLICORES: u64 = 300;
const DAEMONSETS_MIB: u64 = 440;
/// nodeadm's hard eviction threshold memory.available.
const EVICTION_MIB: u64 = 100;

/// CPU and memory of one pod, in whole units: the static CPU manager pins whole CPUs only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodSize {
    pub vcpu: u64,
    pub gib: u64,
}

/// The part of a node that pods can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usable {
    pub millicores: u64,
    pub mib: u64,
}

/// CPU that nodeadm reserves for the kubelet: 6 % of the first core, 1 % of the second, 0.5 % of the next two,
/// 0.25 % of the rest.
pub fn kube_reserved_millicores(vcpu: u64) -> u64 {
    match vcpu {
        0..=1 => 60,
        2 => 70,
        3..=4 => 80,
        _ => 80 + (vcpu - 4) * 5 / 2,
    }
}

/// Memory that nodeadm reserves for the kubelet, from the pods that the network interfaces allow.
pub fn kube_reserved_mib(eni_max_pods: u64) -> u64 {
    11 * eni_max_pods + 255
}

/// What Karpenter assumes before the first node of a type is known: the hypervisor takes 7.5 % of the memory.
pub fn usable(instance: &InstanceType) -> Usable {
    let node_mib = instance.memory_mib * 37 / 40;
    usable_of(instance, node_mib)
}

fn usable_of(instance: &InstanceType, node_mib: u64) -> Usable {
    let millicores = instance.vcpu * 1000 - kube_reserved_millicores(instance.vcpu);
    let reserved_mib = kube_reserved_mib(instance.eni_max_pods) + EVICTION_MIB + DAEMONSETS_MIB;
    Usable { millicores: millicores.saturating_sub(DAEMONSETS_MILLICORES), mib: node_mib.saturating_sub(reserved_mib) }
}

/// The pod size with which `pods_per_node` pods fill the node, with a tenth to spare. CPU or memory may be 0.
pub fn pod_size(instance: &InstanceType, pods_per_node: u64) -> PodSize {
    let usable = usable(instance);
    PodSize {
        vcpu: usable.millicores * 9 / (10 * pods_per_node) / 1000,
        gib: usable.mib * 9 / (10 * pods_per_node) / 1024,
    }
}

/// How many such pods fit on a node, by requests.
pub fn fits(instance: &InstanceType, pod: PodSize) -> u64 {
    fits_in(usable(instance), pod)
}

/// How many such pods the scheduler may place once it knows the node's real memory, which may be all of it.
pub fn fits_with_all_memory(instance: &InstanceType, pod: PodSize) -> u64 {
    fits_in(usable_of(instance, instance.memory_mib), pod)
}

fn fits_in(usable: Usable, pod: PodSize) -> u64 {
    (usable.millicores / (pod.vcpu * 1000)).min(usable.mib / (pod.gib * 1024))
}

/// How many such pods the kubelet can align with NUMA nodes under the policies `static` and `restricted`. The CPUs
/// reserved for the kubelet come from the first NUMA node (k8s `cm/cpumanager/policy_static.go`).
pub fn fits_numa(instance: &InstanceType, pod: PodSize) -> u64 {
    let per_node = instance.vcpu / instance.numa_nodes;
    let reserved = kube_reserved_millicores(instance.vcpu).div_ceil(1000);
    if pod.vcpu > per_node {
        return if pod.vcpu <= instance.vcpu - reserved {
            instance.numa_nodes / pod.vcpu.div_ceil(per_node)
        } else {
            0
        };
    }
    per_node.saturating_sub(reserved) / pod.vcpu + (instance.numa_nodes - 1) * (per_node / pod.vcpu)
}

/// Disk shares of one daemon, in whole percent of the node's disk, which all daemons of the node share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheShares {
    /// The daemon collects garbage above this.
    pub max_used_percent: u64,
    /// It never collects below this.
    pub reserved_percent: u64,
}

/// The least that a cache of this many GiB keeps: half of it.
pub fn reserved_gib(cache_gib: u64) -> u64 {
    (cache_gib / 2).max(1)
}

/// Free space that every daemon keeps: below 10 %, the kubelet evicts pods without a grace period.
pub const MIN_FREE_PERCENT: u64 = 20;

pub fn cache_shares(pods_per_node: u64) -> CacheShares {
    let max_used_percent = 70 / pods_per_node;
    CacheShares { max_used_percent, reserved_percent: max_used_percent / 2 }
}

/// Share of its part of the NVMe that one pod requests.
pub const CACHE_REQUEST_PERCENT: u64 = 60;

/// Disk request of one pod: 60 % of its part of the NVMe, in GB. Not a limit: exceeding a limit evicts the pod.
pub fn cache_request_gb(local_nvme_gb: u64, pods_per_node: u64) -> u64 {
    local_nvme_gb * CACHE_REQUEST_PERCENT / (100 * pods_per_node)
}

/// Nodes needed for this many pods.
pub fn nodes(pods: u64, pods_per_node: u64) -> u64 {
    pods.div_ceil(pods_per_node)
}

/// Node limit of a NodePool: twice the peak, since rollouts and draining pods need room beside a full fleet. Each
/// NodePool can hold the whole peak: it is used when the one before it has no capacity.
pub fn node_limit(peak_pods: u64, pods_per_node: u64) -> u64 {
    2 * nodes(peak_pods, pods_per_node)
}

/// Server slots in haproxy.cfg: twice the peak, rounded up to a multiple of 64, so that a small change of the peak
/// changes neither the file nor the load balancer. A slot needs about 15 KiB.
pub fn server_slots(peak_pods: u64) -> u64 {
    (2 * peak_pods).next_multiple_of(64)
}

/// Bytes of the DNS answer that names this many pods: header 12, question, EDNS 11, and 28 (AAAA) or 16 (A) bytes per
/// record with its compressed name.
pub fn dns_answer_bytes(name: &str, pods: u64, record_bytes: u64) -> u64 {
    let question = name.len() as u64 + 2 + 4;
    12 + question + 11 + record_bytes * pods
}

/// Most pods that fit in an answer of this size.
pub fn dns_answer_pods(name: &str, most_bytes: u64, record_bytes: u64) -> u64 {
    most_bytes.saturating_sub(dns_answer_bytes(name, 0, record_bytes)) / record_bytes
}

/// Connection limit of one frontend: twice the peak that it serves plus 256, in steps no finer than those of the slots.
pub fn frontend_connections(peak_pods: u64) -> u64 {
    (2 * peak_pods + 256).next_multiple_of(256).max(1024)
}

/// Connection limit of the load balancer: the limits of its build frontends, and enough beside them to answer probes
/// and scrapes when these are full. At the limit of the process nothing is accepted, not even health checks.
pub fn lb_connections(frontends: u64) -> u64 {
    (frontends + 128).next_multiple_of(1024).max(4096)
}

/// Memory of the load balancer: two 16 KiB buffers and their bookkeeping per connection, 15 KiB per slot, and 64 MiB
/// for the rest (11 to 21 MiB measured).
pub fn lb_memory_mib(connections: u64, slots: u64) -> u64 {
    (64 + (connections * 40 + slots * 15).div_ceil(1024)).next_multiple_of(256)
}
