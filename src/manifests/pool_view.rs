//! The data of one architecture for the templates.

use serde::Serialize;

use crate::fleet::dns::discovery_name;
use crate::fleet::hpa::ScalingRules;
use crate::fleet::instance_plan::InstancePlan;
use crate::fleet::model::{Fleet, Pool};
use crate::fleet::nodes::NodeSettings;
use crate::fleet::placement::{CacheLimit, GivenNodes, Placement};
use crate::fleet::scaling::{Bounds, Scaling};
use crate::fleet::sizing;
use crate::manifests::scrape;
use crate::values::arch::Arch;

#[derive(Debug, Serialize)]
pub struct PoolView<'a> {
    pub arch: Arch,
    pub lb_port: u16,
    pub slot_prefix: &'static str,
    /// Connection limit of its frontend.
    pub connections: u64,
    pub slots: u64,
    /// The largest peak that these slots are enough for.
    pub slots_peak: u64,
    pub discovery_name: String,
    pub peak: u32,
    /// Number of pods of a fixed pool.
    pub replicas: Option<u32>,
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub fallback: Option<u32>,
    pub scale_up: Option<RulesView>,
    pub value_location: String,
    pub vcpu: u64,
    pub gib: u64,
    /// What the size follows from; none where it was given outright.
    pub sized_by: Option<SizedBy<'a>>,
    pub cache: CacheView,
    pub min_free_percent: u64,
    pub node_name_tag: String,
    /// Nodes that Karpenter makes, or
    pub nodes: Option<&'a NodeSettings>,
    /// others.
    pub given: Option<&'a GivenNodes>,
    pub types: Vec<TypeView<'a>>,
    /// Rendered buildkitd.toml and the name of its ConfigMap, filled in by the renderer.
    pub buildkitd_toml: String,
    pub config: String,
}

/// The instance type that a pod's size follows from.
#[derive(Debug, Serialize)]
pub struct SizedBy<'a> {
    pub first_type: &'a str,
    pub pods_per_node: u64,
    pub usable_cpu_m: u64,
    pub usable_mib: u64,
}

/// A builder's cache. The request and the limits are as the manifests write them.
#[derive(Debug, Serialize)]
pub struct CacheView {
    pub request: u64,
    pub request_unit: &'static str,
    pub max_used: u64,
    pub reserved: u64,
    /// Of both limits.
    pub limit_unit: &'static str,
    /// On the root volume of a node that Karpenter makes.
    pub on_root: bool,
    /// Builders that share a disk, of nodes that Karpenter makes.
    pub most_pods_per_node: u64,
}

#[derive(Debug, Serialize)]
pub struct TypeView<'a> {
    pub name: &'a str,
    pub nodepool: &'a str,
    pub weight: usize,
    pub pods_per_node: u64,
    pub nodes_at_peak: u64,
    pub node_limit: u64,
    pub cpu_limit: u64,
}

pub(crate) fn pool_view<'a>(fleet: &'a Fleet, pool: &'a Pool) -> PoolView<'a> {
    let size = pool.placement.pod();
    let peak = pool.scaling.peak();
    let slots = sizing::server_slots(peak.into());
    let (replicas, bounds) = match pool.scaling {
        Scaling::Fixed { replicas } => (Some(replicas), None),
        Scaling::Keda { bounds, .. } => (None, Some(bounds)),
    };
    PoolView {
        arch: pool.arch,
        lb_port: pool.arch.lb_port(),
        slot_prefix: pool.arch.slot_prefix(),
        connections: sizing::frontend_connections(peak.into()),
        slots,
        slots_peak: slots / 2,
        discovery_name: discovery_name(pool.arch, &fleet.namespace, fleet.builder.one_build_guard),
        peak,
        replicas,
        min: bounds.map(Bounds::min),
        max: bounds.map(Bounds::max),
        fallback: fleet.fallback(pool),
        scale_up: bounds.map(|bounds| RulesView::of(ScalingRules::up(fleet, bounds.max()))),
        value_location: scrape::sessions_of(pool.arch),
        vcpu: size.vcpu,
        gib: size.gib,
        sized_by: pool.placement.plan().map(SizedBy::of),
        cache: CacheView::of(&pool.placement),
        min_free_percent: sizing::MIN_FREE_PERCENT,
        node_name_tag: format!("{}-buildkit-{}", fleet.cluster_name, pool.arch.name()),
        nodes: pool.placement.karpenter().map(|nodes| &nodes.settings),
        given: pool.placement.given(),
        types: pool
            .placement
            .node_types()
            .iter()
            .enumerate()
            .map(|(place, entry)| {
                let node_limit = sizing::node_limit(peak.into(), entry.pods_per_node);
                TypeView {
                    name: &entry.instance.name,
                    nodepool: &entry.nodepool,
                    weight: 100 - place,
                    pods_per_node: entry.pods_per_node,
                    nodes_at_peak: sizing::nodes(peak.into(), entry.pods_per_node),
                    node_limit,
                    cpu_limit: node_limit * entry.instance.vcpu,
                }
            })
            .collect(),
        buildkitd_toml: String::new(),
        config: String::new(),
    }
}

impl<'a> SizedBy<'a> {
    fn of(plan: &'a InstancePlan) -> Self {
        let first = plan.first();
        let usable = sizing::usable(&first.instance);
        SizedBy {
            first_type: &first.instance.name,
            pods_per_node: first.pods_per_node,
            usable_cpu_m: usable.millicores,
            usable_mib: usable.mib,
        }
    }
}

impl CacheView {
    fn of(placement: &Placement) -> Self {
        let plan = placement.karpenter().map(|nodes| &nodes.plan);
        let (on_root, most_pods_per_node) =
            plan.map_or((false, 1), |plan| (plan.cache.is_root(), plan.most_pods_per_node()));
        match placement.cache_limit() {
            CacheLimit::Shares(shares) => CacheView {
                request: placement.cache_request_gb(),
                request_unit: "G",
                max_used: shares.max_used_percent,
                reserved: shares.reserved_percent,
                limit_unit: "%",
                on_root,
                most_pods_per_node,
            },
            // buildkitd reads GB as GiB too; the manifest says what is meant.
            CacheLimit::Gib(gib) => CacheView {
                request: gib,
                request_unit: "Gi",
                max_used: gib,
                reserved: sizing::reserved_gib(gib),
                limit_unit: "GiB",
                on_root,
                most_pods_per_node,
            },
        }
    }
}

/// One direction of the HPA's behavior.
#[derive(Debug, Serialize)]
pub struct RulesView {
    pub stabilization_s: u32,
    pub pods: u32,
    pub percent: u32,
    pub period_s: u32,
    pub period_minutes: u32,
}

impl RulesView {
    pub(super) fn of(rules: ScalingRules) -> Self {
        let ScalingRules { stabilization_s, pods, percent, period_s, tolerance: _ } = rules;
        RulesView { stabilization_s, pods, percent, period_s, period_minutes: period_s / 60 }
    }
}
