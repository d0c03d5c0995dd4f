//! The plan for programs. Sums are prices of nodes, on-demand list prices or the user's own, and of nothing else.

use serde::Serialize;

use crate::catalogue::price::Usd;
use crate::commands::plan::capacity::{Capacity, Cost, PoolCapacity, Speed, TypeCapacity};
use crate::commands::plan::images::DockerHubPulls;
use crate::commands::skipped::SkippedCluster;
use crate::fleet::dns::DNS_PAYLOAD_BYTES;
use crate::fleet::hpa::Step;
use crate::fleet::scaling::Scaling;
use crate::resolve::resolved::Resolved;
use crate::values::arch::Arch;
use crate::values::name::Region;

/// What `plan --format json` prints: size, cost and scaling speed of every fleet.
#[derive(Debug, Serialize)]
pub(super) struct PlanJson<'a> {
    /// The clusters that were asked for, in the order of clusters.yaml.
    pub clusters: Vec<ClusterOfPlan<'a>>,
}

/// One cluster of the output.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ClusterOfPlan<'a> {
    Fleet(Box<FleetJson<'a>>),
    Skipped(SkippedCluster<'a>),
}

/// One fleet. Its sums are those of its pools, each on its first instance type.
#[derive(Debug, Serialize)]
pub(super) struct FleetJson<'a> {
    /// Name of the cluster in clusters.yaml.
    cluster: &'a str,
    /// Name of the cluster, on EKS the one that AWS knows.
    cluster_name: &'a str,
    /// AWS region; null where none is given.
    region: Option<&'a str>,
    /// Who makes the nodes: `karpenter`, or `none` where they are not part of the fleet. Their number and cost are then not
    /// known: `instance_types` is empty, and sums are null.
    provisioner: &'static str,
    #[serde(flatten)]
    cost: CostJson,
    /// Instance types of the fleet without a known price in the region.
    unpriced_instance_types: Vec<&'a str>,
    /// Server slots of the load balancer, of all pools.
    lb_slots: u64,
    /// Memory that the load balancer's pod asks for, in MiB.
    lb_memory_mib: u64,
    /// Size of the metrics page that KEDA reads with as many builds as pods at the maximum, in bytes; null where nothing
    /// is scaled.
    keda_scrape_bytes: Option<usize>,
    /// Size of what Prometheus reads in one scrape, about, in bytes; null where monitoring is off.
    prometheus_scrape_bytes_about: Option<u64>,
    /// Size of the whole metrics page, which nobody reads, about, in bytes.
    whole_metrics_page_bytes_about: u64,
    /// Images that many nodes may pull from Docker Hub; null where at most 100 nodes may come, or no image is there.
    docker_hub: Option<DockerHubJson<'a>>,
    /// One pool for each architecture.
    pools: Vec<PoolJson<'a>>,
}

/// Images that so many nodes may pull from Docker Hub that its limit of pulls per address can be exceeded.
#[derive(Debug, Serialize)]
struct DockerHubJson<'a> {
    /// Image of buildkitd; null where it is in another registry.
    image: Option<&'a str>,
    /// Image of the load balancer; null where it is in another registry.
    haproxy_image: Option<&'a str>,
    /// Most nodes, with each pool at its maximum on the instance type that needs most of them.
    nodes_at_most: u64,
}

/// One pool: the builders of one architecture. Its sums are those of its first instance type.
#[derive(Debug, Serialize)]
struct PoolJson<'a> {
    /// CPU architecture of the builders.
    arch: Arch,
    /// `fixed` for a number of pods that never changes, `keda` for one that follows the builds.
    scaling: &'static str,
    /// Fewest pods; the same as `pods_at_max` of a fixed pool.
    pods_at_min: u32,
    /// Most pods.
    pods_at_max: u32,
    /// CPU that a pod asks for, in vCPU.
    pod_vcpu: u64,
    /// Memory that a pod asks for, in GiB.
    pod_memory_gib: u64,
    /// Local disk that a pod asks for, in GB.
    pod_nvme_request_gb: u64,
    /// Places for pods on the nodes at the minimum that no pod fills, because nodes come whole; 0 where the nodes are not
    /// known.
    idle_pod_places_at_min: u64,
    #[serde(flatten)]
    cost: CostJson,
    /// Server slots of the load balancer for this pool.
    lb_slots: u64,
    /// Size of the DNS answer that names every pod at the maximum, in bytes.
    dns_answer_bytes_at_max: u64,
    /// Largest DNS answer that the load balancer takes, in bytes.
    dns_answer_bytes_limit: u64,
    /// Most pods that such an answer can name.
    dns_pods_that_fit: u64,
    /// From the minimum to as many builds as pods at the maximum; null of a fixed pool.
    growth: Option<GrowthJson>,
    /// From the maximum to no build; null of a fixed pool.
    shrinking: Option<ShrinkingJson>,
    /// Instance types in order of preference, each as if it carried the whole pool; empty with `provisioner` `none`.
    instance_types: Vec<InstanceTypeJson<'a>>,
}

/// One instance type, as if it carried the whole pool.
#[derive(Debug, Serialize)]
struct InstanceTypeJson<'a> {
    /// Name of the instance type.
    instance_type: &'a str,
    /// Name of its NodePool.
    nodepool: &'a str,
    /// Pods that share one node.
    pods_per_node: u64,
    /// Nodes at the minimum, as the pool starts.
    nodes_at_min: u64,
    /// Nodes at the minimum that a burst may leave, each with one pod; the same as `nodes_at_min` of a fixed pool.
    nodes_at_min_at_most: u64,
    /// Nodes at the maximum.
    nodes_at_max: u64,
    /// Limit of nodes in the NodePool.
    node_limit: u64,
    /// CPU of the nodes at the maximum, in vCPU.
    vcpu_at_max: u64,
    /// Memory of the nodes at the maximum, in GiB.
    memory_gib_at_max: u64,
    /// A pod's part of the node's NVMe, or of its root volume with `cache_disk: root`, in GB.
    nvme_gb_per_pod: u64,
    #[serde(flatten)]
    cost: CostJson,
}

/// What nodes cost. Null where the price of a type is not known, or where the nodes are not.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the output")]
struct CostJson {
    /// Cost of the nodes at the minimum, in US dollars an hour; null where a price is not known.
    usd_per_hour_at_min: Option<f64>,
    /// Cost of the nodes at the minimum that a burst may leave, in US dollars an hour; null where a price is not known.
    usd_per_hour_at_min_at_most: Option<f64>,
    /// Cost of the nodes at the maximum, in US dollars an hour; null where a price is not known.
    usd_per_hour_at_max: Option<f64>,
    /// Cost of the nodes at the minimum, in US dollars for a month of 730 hours; null where a price is not known.
    usd_per_month_at_min: Option<f64>,
}

/// How a pool grows when as many builds as pods at the maximum come at once.
#[derive(Debug, Serialize)]
struct GrowthJson {
    /// Number of pods after each step of the HPA.
    pods: Vec<u32>,
    /// From the HPA's first look at the builds to its last step, in seconds.
    seconds_after_first_look: u64,
    /// From the first build to the HPA's first look at it, at most, in seconds.
    seconds_to_first_look_at_most: u64,
    /// Number of pods after the last step; below the maximum where the HPA ignores the rest of the demand.
    pods_reached: u32,
}

/// How a pool shrinks when all builds end at once.
#[derive(Debug, Serialize)]
struct ShrinkingJson {
    /// Number of pods after each step.
    pods: Vec<u32>,
    /// From the HPA's last look at the builds to the last step, in seconds.
    seconds_after_last_busy_look: u64,
    /// Who takes the last step: `hpa`, or `keda` where the pool may have no pods.
    by: &'static str,
}

impl<'a> ClusterOfPlan<'a> {
    pub(super) fn of(outcome: &'a Resolved) -> Self {
        match outcome {
            Resolved::Fleet(fleet) => ClusterOfPlan::Fleet(Box::new(FleetJson::of(&Capacity::of(fleet)))),
            Resolved::Skipped { cluster, why } => ClusterOfPlan::Skipped(SkippedCluster { cluster, skipped: why }),
        }
    }
}

impl<'a> FleetJson<'a> {
    fn of(plan: &Capacity<'a>) -> Self {
        let fleet = plan.fleet;
        FleetJson {
            cluster: fleet.key.as_str(),
            cluster_name: fleet.cluster_name.as_str(),
            region: fleet.region.as_ref().map(Region::as_str),
            provisioner: if fleet.has_node_pools() { "karpenter" } else { "none" },
            cost: CostJson::of(plan.cost),
            unpriced_instance_types: plan.unpriced().collect(),
            lb_slots: plan.lb_slots,
            lb_memory_mib: plan.lb_memory_mib,
            keda_scrape_bytes: plan.keda_scrape_bytes,
            prometheus_scrape_bytes_about: plan.prometheus_scrape_bytes_about,
            whole_metrics_page_bytes_about: plan.whole_page_bytes_about,
            docker_hub: DockerHubPulls::of(plan).as_ref().map(DockerHubJson::of),
            pools: plan.pools.iter().map(PoolJson::of).collect(),
        }
    }
}

impl<'a> DockerHubJson<'a> {
    fn of(pulls: &DockerHubPulls<'a>) -> Self {
        let image = |of: &str| pulls.images.iter().find(|(key, _)| *key == of).map(|(_, image)| image.as_str());
        DockerHubJson { image: image("image"), haproxy_image: image("haproxy_image"), nodes_at_most: pulls.nodes }
    }
}

impl<'a> PoolJson<'a> {
    fn of(plan: &PoolCapacity<'a>) -> Self {
        let pod = plan.pool.placement.pod();
        PoolJson {
            arch: plan.pool.arch,
            scaling: match plan.pool.scaling {
                Scaling::Fixed { .. } => "fixed",
                Scaling::Keda { .. } => "keda",
            },
            pods_at_min: plan.pods_at_min,
            pods_at_max: plan.pods_at_max,
            pod_vcpu: pod.vcpu,
            pod_memory_gib: pod.gib,
            pod_nvme_request_gb: plan.nvme_request_gb,
            idle_pod_places_at_min: plan.idle_places_at_min(),
            cost: CostJson::of(plan.cost()),
            lb_slots: plan.lb_slots,
            dns_answer_bytes_at_max: plan.dns_answer_bytes_at_max,
            dns_answer_bytes_limit: DNS_PAYLOAD_BYTES,
            dns_pods_that_fit: plan.dns_pods_that_fit,
            growth: plan.speed.as_ref().map(GrowthJson::of),
            shrinking: plan.speed.as_ref().map(ShrinkingJson::of),
            instance_types: plan.types.iter().map(InstanceTypeJson::of).collect(),
        }
    }
}

impl<'a> InstanceTypeJson<'a> {
    fn of(plan: &TypeCapacity<'a>) -> Self {
        InstanceTypeJson {
            instance_type: &plan.planned.instance.name,
            nodepool: &plan.planned.nodepool,
            pods_per_node: plan.planned.pods_per_node,
            nodes_at_min: plan.nodes_at_min,
            nodes_at_min_at_most: plan.nodes_at_min_at_most,
            nodes_at_max: plan.nodes_at_max,
            node_limit: plan.node_limit,
            vcpu_at_max: plan.vcpu_at_max,
            memory_gib_at_max: plan.gib_at_max,
            nvme_gb_per_pod: plan.nvme_share_gb,
            cost: CostJson::of(plan.cost),
        }
    }
}

impl CostJson {
    fn of(cost: Cost) -> Self {
        CostJson {
            usd_per_hour_at_min: cost.hour_at_min.map(Usd::as_f64),
            usd_per_hour_at_min_at_most: cost.hour_at_min_at_most.map(Usd::as_f64),
            usd_per_hour_at_max: cost.hour_at_max.map(Usd::as_f64),
            usd_per_month_at_min: cost.month_at_min().map(Usd::as_f64),
        }
    }
}

impl GrowthJson {
    fn of(speed: &Speed) -> Self {
        GrowthJson {
            pods: pods(&speed.up),
            seconds_after_first_look: last_s(&speed.up),
            seconds_to_first_look_at_most: speed.first_look_s(),
            pods_reached: speed.reached(),
        }
    }
}

impl ShrinkingJson {
    fn of(speed: &Speed) -> Self {
        ShrinkingJson {
            pods: pods(&speed.down),
            seconds_after_last_busy_look: last_s(&speed.down),
            by: if speed.behavior.bounds.min() == 0 { "keda" } else { "hpa" },
        }
    }
}

fn pods(steps: &[Step]) -> Vec<u32> {
    steps.iter().map(|step| step.pods).collect()
}

fn last_s(steps: &[Step]) -> u64 {
    steps.last().map_or(0, |step| step.at_ms / 1000)
}
