//! The numbers of one fleet: pods, nodes, disk, cost, speed. Sizes are the same as in the templates.

use crate::catalogue::price::{self, MONTH_HOURS, Usd};
use crate::fleet::dns::{DNS_PAYLOAD_BYTES, discovery_name, listed_pods, record_bytes};
use crate::fleet::hpa::{self, Behavior, SYNC_MS, Step};
use crate::fleet::instance_plan::PlannedType;
use crate::fleet::model::{Fleet, Pool};
use crate::fleet::scaling::{POLLING_INTERVAL_S, Scaling};
use crate::fleet::sizing;
use crate::manifests::pool_view::{TypeView, pool_view};
use crate::manifests::{scrape, view};

/// One fleet.
#[derive(Debug)]
pub struct Capacity<'a> {
    pub fleet: &'a Fleet,
    pub pools: Vec<PoolCapacity<'a>>,
    /// On the first type of each pool.
    pub cost: Cost,
    pub lb_slots: u64,
    pub lb_memory_mib: u64,
    /// With as many builds as pods at max; `None` if nothing is scaled.
    pub keda_scrape_bytes: Option<usize>,
    /// `None` if monitoring is disabled.
    pub prometheus_scrape_bytes_about: Option<u64>,
    /// Size of a page that Prometheus does not request.
    pub whole_page_bytes_about: u64,
}

/// One architecture.
#[derive(Debug)]
pub struct PoolCapacity<'a> {
    pub pool: &'a Pool,
    pub pods_at_min: u32,
    pub pods_at_max: u32,
    /// ephemeral-storage request of a pod.
    pub nvme_request_gb: u64,
    /// In order of preference; each as if the whole pool ran on it. Empty where Karpenter does not make the nodes.
    pub types: Vec<TypeCapacity<'a>>,
    pub dns_answer_bytes_at_max: u64,
    pub dns_pods_that_fit: u64,
    pub lb_slots: u64,
    /// `None` for a fixed pool.
    pub speed: Option<Speed>,
}

/// One instance type.
#[derive(Debug)]
pub struct TypeCapacity<'a> {
    pub planned: &'a PlannedType,
    /// The smallest number, as when the pool starts.
    pub nodes_at_min: u64,
    /// After a burst, if each pod is on a separate node; for a fixed pool the same as `nodes_at_min`.
    pub nodes_at_min_at_most: u64,
    pub nodes_at_max: u64,
    pub node_limit: u64,
    pub vcpu_at_max: u64,
    pub gib_at_max: u64,
    /// A pod's part of the disk that caches may take.
    pub nvme_share_gb: u64,
    pub cost: Cost,
}

/// List prices of the nodes only; `None` if one of them is unknown, or if the nodes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub hour_at_min: Option<Usd>,
    pub hour_at_min_at_most: Option<Usd>,
    pub hour_at_max: Option<Usd>,
}

impl Cost {
    pub fn month_at_min(self) -> Option<Usd> {
        self.hour_at_min.map(|hour| hour * MONTH_HOURS)
    }
}

/// From min to max and back.
#[derive(Clone, Debug)]
pub struct Speed {
    pub behavior: Behavior,
    /// From the HPA's first sync with as many builds as pods at max.
    pub up: Vec<Step>,
    /// From its last sync with them; after that there are none.
    pub down: Vec<Step>,
}

impl<'a> Capacity<'a> {
    pub fn of(fleet: &'a Fleet) -> Self {
        let pools: Vec<PoolCapacity> = fleet.pools.iter().map(|pool| PoolCapacity::of(fleet, pool)).collect();
        let lb = view::lb_view(fleet);
        let builds = pools.iter().map(|pool| (pool.pool.arch, pool.pods_at_max));
        let architectures = pools.len() as u64;
        Capacity {
            fleet,
            cost: Cost {
                hour_at_min: pools.iter().map(|pool| pool.cost().hour_at_min).sum(),
                hour_at_min_at_most: pools.iter().map(|pool| pool.cost().hour_at_min_at_most).sum(),
                hour_at_max: pools.iter().map(|pool| pool.cost().hour_at_max).sum(),
            },
            lb_slots: lb.slots,
            lb_memory_mib: lb.memory_mib,
            keda_scrape_bytes: fleet.autoscaled().then(|| scrape::sessions_page(builds).len()),
            prometheus_scrape_bytes_about: fleet.monitoring.then(|| scrape::prometheus_bytes_about(architectures)),
            whole_page_bytes_about: scrape::whole_page_bytes_about(architectures, lb.slots),
            pools,
        }
    }

    /// Types without a price in the region, in the order of the fleet.
    pub fn unpriced(&self) -> impl Iterator<Item = &'a str> {
        let types = self.pools.iter().flat_map(|pool| &pool.types);
        types.filter(|of| of.cost.hour_at_max.is_none()).map(|of| of.planned.instance.name.as_str())
    }
}

impl<'a> PoolCapacity<'a> {
    fn of(fleet: &'a Fleet, pool: &'a Pool) -> Self {
        let view = pool_view(fleet, pool);
        let speed = match pool.scaling {
            Scaling::Fixed { .. } => None,
            Scaling::Keda { bounds, .. } => Some(Speed::of(Behavior::of(fleet, bounds))),
        };
        let guard = fleet.builder.one_build_guard;
        let (name, record) = (discovery_name(pool.arch, &fleet.namespace, guard), record_bytes(fleet.ip_family));
        let types = pool.placement.node_types().iter().zip(&view.types);
        PoolCapacity {
            pool,
            pods_at_min: pool.scaling.least(),
            pods_at_max: view.peak,
            nvme_request_gb: pool.placement.cache_request_gb(),
            types: types.map(|(planned, view)| TypeCapacity::of(fleet, pool, planned, view, speed.is_some())).collect(),
            dns_answer_bytes_at_max: sizing::dns_answer_bytes(&name, listed_pods(view.peak.into(), guard), record),
            dns_pods_that_fit: sizing::dns_answer_pods(&name, DNS_PAYLOAD_BYTES, record) / listed_pods(1, guard),
            lb_slots: view.slots,
            speed,
        }
    }

    /// Karpenter starts the first type as long as there is capacity.
    pub fn first(&self) -> Option<&TypeCapacity<'a>> {
        self.types.first()
    }

    pub fn cost(&self) -> Cost {
        self.first().map_or_else(Cost::default, |first| first.cost)
    }

    /// Unused room for pods on the nodes at min; none where the nodes are not known.
    pub fn idle_places_at_min(&self) -> u64 {
        let places = self.first().map(|first| first.nodes_at_min * first.planned.pods_per_node);
        places.map_or(0, |places| places - u64::from(self.pods_at_min))
    }
}

impl<'a> TypeCapacity<'a> {
    fn of(fleet: &Fleet, pool: &Pool, planned: &'a PlannedType, view: &TypeView, scaled: bool) -> Self {
        let pods_at_min = pool.scaling.least();
        let PlannedType { instance, pods_per_node, .. } = planned;
        let (nodes_at_min, nodes_at_max) = (sizing::nodes(pods_at_min.into(), *pods_per_node), view.nodes_at_peak);
        // ReplicaSets first remove pods that share a node (pkg/controller/controller_utils.go, `ActivePodsWithRanks`), and
        // Karpenter removes only empty nodes.
        let spread = if scaled { u64::from(pods_at_min).min(view.node_limit) } else { nodes_at_min };
        let hourly = price::of(instance, fleet.region.as_ref());
        let usable_gb = pool.placement.plan().map_or(0, |plan| plan.cache.usable_gb(instance));
        TypeCapacity {
            planned,
            nodes_at_min,
            nodes_at_min_at_most: spread,
            nodes_at_max,
            node_limit: view.node_limit,
            vcpu_at_max: nodes_at_max * instance.vcpu,
            gib_at_max: nodes_at_max * instance.memory_mib / 1024,
            nvme_share_gb: usable_gb / pods_per_node,
            cost: Cost {
                hour_at_min: hourly.map(|hour| hour * nodes_at_min),
                hour_at_min_at_most: hourly.map(|hour| hour * spread),
                hour_at_max: hourly.map(|hour| hour * nodes_at_max),
            },
        }
    }
}

impl Speed {
    fn of(behavior: Behavior) -> Self {
        Speed { behavior, up: hpa::climb(behavior, SYNC_MS), down: hpa::descend(behavior, SYNC_MS) }
    }

    /// Longest time from the demand to the HPA's first sync that sees it, in seconds. KEDA starts a pool at zero before it.
    pub fn first_look_s(&self) -> u64 {
        SYNC_MS / 1000 + if self.behavior.bounds.min() == 0 { u64::from(POLLING_INTERVAL_S) } else { 0 }
    }

    /// Pods after the last step up; below max if the HPA ignores the rest of the demand.
    pub fn reached(&self) -> u32 {
        self.up.last().map_or(self.behavior.least(), |step| step.pods)
    }
}
