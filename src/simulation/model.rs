//! The input of a simulation: the numbers of the rendered fleet, and the user's assumptions about clients and start times.

use crate::catalogue::price::{self, Usd};
use crate::fleet::hpa::Behavior;
use crate::fleet::model::{Fleet, Pool};
use crate::fleet::scaling::{FALLBACK_THRESHOLD, POLLING_INTERVAL_S, Scaling};
use crate::fleet::sizing;
use crate::fleet::timing::CONSOLIDATE_AFTER_MINUTES;
use crate::simulation::duration::{Length, Spread};

pub const DAY_MS: u64 = 86_400_000;
/// drain.sh ends an idle pod after 12 idle polls of 5 s.
pub const QUIET_MS: u64 = 60_000;
/// Karpenter checks an empty node again after 15 s (karpenter pkg/controllers/disruption/consolidation.go).
pub const VALIDATION_MS: u64 = 15_000;
/// How often Karpenter looks for empty nodes (karpenter pkg/controllers/disruption/controller.go, `pollingPeriod`).
pub const LOOK_MS: u64 = 10_000;
/// Karpenter collects pods until no new one appeared for 1 s (`BATCH_IDLE_DURATION`); the limit of 10 s is never reached
/// by the pods of one HPA step.
pub const BATCH_MS: u64 = 1_000;
/// How long a type without capacity is not tried again (karpenter-provider-aws pkg/cache/cache.go).
pub const UNAVAILABLE_MS: u64 = 180_000;
/// Time from a launch that fails for lack of capacity to the next batch: the NodeClaim is deleted and its pods are
/// collected again, for up to 10 s (`BATCH_MAX_DURATION`).
pub const FAILED_LAUNCH_MS: u64 = 10_000;
/// How often bk-build restarts a build whose builder was lost (`BK_LOST_MAX`).
pub const LOST_MAX: u8 = 2;

/// How a client waits for a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ClientKind {
    /// `buildctl --wait --timeout BUDGET`: reconnects 1 s after each wait without an answer
    BuildctlWait,
    /// buildctl in a retry loop, like bk-build: waits, fails, pauses
    BuildctlRetry,
    /// docker buildx in the same loop: connects twice before it fails
    BuildxRetry,
}

/// How long a client waits, pauses and tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Client {
    pub kind: ClientKind,
    /// How long one connection waits for a server that does not answer.
    pub connect_ms: u64,
    /// Pause between two tries.
    pub pause_ms: u64,
    /// Time from the first try to giving up.
    pub budget_ms: u64,
}

/// Nodes of one instance type. For nodes that Karpenter does not make, each is the place of one pod, which is there as soon
/// as a pod needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeType {
    pub name: String,
    pub pods: u32,
    /// `limits.nodes` of its NodePool.
    pub limit: u32,
    pub hourly: Option<Usd>,
}

/// A period in which something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from_ms: u64,
    pub to_ms: u64,
}

impl Window {
    pub fn has(self, at_ms: u64) -> bool {
        (self.from_ms..self.to_ms).contains(&at_ms)
    }
}

/// How the number of pods depends on the demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    Fixed(u32),
    Keda {
        behavior: Behavior,
        /// Pods while the metric cannot be read, if this version of KEDA applies the fallback safely.
        fallback: Option<u32>,
        /// `cooldownPeriod`, for a pool that scales to zero.
        cooldown_ms: u64,
    },
}

/// Everything that is constant in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub growth: Growth,
    pub client: Client,
    pub slots: u32,
    pub queue_ms: u64,
    pub hold_ms: u64,
    /// Whether pods refuse connections themselves from when they start to drain, and keep their slots until they are gone
    /// (`one_build_guard`).
    pub guarded: bool,
    /// terminationGracePeriodSeconds: a build that runs longer on a terminating pod is killed.
    pub grace_ms: u64,
    /// By weight. Never empty.
    pub types: Vec<NodeType>,
    /// Whether Karpenter makes the nodes. If not, there is room for every pod: nobody knows how many nodes there are.
    pub karpenter: bool,
    /// How long pods without a node are collected before nodes are made for them.
    pub batch_ms: u64,
    /// Time from the last pod of a node to its removal, but for what is left until Karpenter's next look.
    pub idle_ms: u64,
    /// How often Karpenter looks for empty nodes; 0 where it does not make them.
    pub poll_ms: u64,
    pub polling_ms: u64,
    /// Consecutive failed reads before the fallback.
    pub failure_threshold: u32,
    /// Time until a pod on a ready node is ready.
    pub pod_start: Spread,
    /// Time from launching a node until it is ready.
    pub node_start: Spread,
    /// When a type has no capacity, by its index among the types.
    pub no_capacity: Vec<(usize, Window)>,
    /// When KEDA cannot read the metric.
    pub metric_out: Vec<Window>,
    /// Mean time until a builder is lost; `None` if builders are never lost.
    pub lost_after: Option<Length>,
}

/// What the command line says and clusters.yaml does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumptions {
    pub client: ClientKind,
    pub budget: Length,
    pub pod_start: Spread,
    pub node_start: Spread,
    pub no_capacity: Vec<(String, Window)>,
    pub metric_out: Vec<Window>,
    pub lost_after: Option<Length>,
}

impl Model {
    /// The model of one pool. An error names an instance type that the pool does not have.
    pub fn new(fleet: &Fleet, pool: &Pool, assumptions: &Assumptions) -> Result<Self, String> {
        let peak = pool.scaling.peak();
        let growth = match pool.scaling {
            Scaling::Fixed { replicas } => Growth::Fixed(replicas),
            Scaling::Keda { bounds, .. } => Growth::Keda {
                behavior: Behavior::of(fleet, bounds),
                fallback: fleet.fallback(pool),
                cooldown_ms: u64::from(fleet.scale_down.idle_minutes) * 60_000,
            },
        };
        let karpenter = pool.placement.karpenter().is_some();
        let types = node_types(fleet, pool);
        let place = |name: &str| {
            let names: Vec<&str> = types.iter().map(|one| one.name.as_str()).collect();
            types.iter().position(|one| one.name == name).ok_or_else(|| {
                format!("{} {} has no instance type `{name}`: it has {}", fleet.key, pool.arch.name(), names.join(", "))
            })
        };
        let no_capacity: Result<Vec<_>, String> =
            assumptions.no_capacity.iter().map(|(name, window)| Ok((place(name)?, *window))).collect();
        let seconds = |seconds: u32| u64::from(seconds) * 1000;
        Ok(Model {
            growth,
            client: Client {
                kind: assumptions.client,
                connect_ms: seconds(fleet.timing.client_connect_s()),
                pause_ms: seconds(fleet.timing.client_retry_pause_s()),
                budget_ms: assumptions.budget.0,
            },
            slots: narrow(sizing::server_slots(peak.into())),
            queue_ms: seconds(fleet.timing.queue_s()),
            hold_ms: seconds(fleet.timing.hold_retries()),
            guarded: fleet.builder.one_build_guard.is_required(),
            grace_ms: seconds(fleet.timing.grace_s()),
            no_capacity: no_capacity?,
            types,
            karpenter,
            batch_ms: if karpenter { BATCH_MS } else { 0 },
            idle_ms: if karpenter { u64::from(CONSOLIDATE_AFTER_MINUTES) * 60_000 + VALIDATION_MS } else { 0 },
            poll_ms: if karpenter { LOOK_MS } else { 0 },
            polling_ms: seconds(POLLING_INTERVAL_S),
            failure_threshold: FALLBACK_THRESHOLD,
            pod_start: assumptions.pod_start,
            node_start: if karpenter { assumptions.node_start } else { Spread::Always(Length(0)) },
            metric_out: assumptions.metric_out.clone(),
            lost_after: assumptions.lost_after,
        })
    }

    /// Pods that exist before the first build arrives.
    pub fn pods_at_rest(&self) -> u32 {
        match self.growth {
            Growth::Fixed(replicas) => replicas,
            Growth::Keda { behavior, .. } => behavior.bounds.min(),
        }
    }
}

/// The nodes that a pool may get.
fn node_types(fleet: &Fleet, pool: &Pool) -> Vec<NodeType> {
    let peak = pool.scaling.peak().into();
    let planned = pool.placement.node_types().iter().map(|entry| NodeType {
        name: entry.instance.name.clone(),
        pods: narrow(entry.pods_per_node),
        limit: narrow(sizing::node_limit(peak, entry.pods_per_node)),
        hourly: price::of(&entry.instance, fleet.region.as_ref()),
    });
    let given = pool.placement.given().map(|_| NodeType {
        name: "nodes of the cluster".to_owned(),
        pods: 1,
        // Draining pods run beside a full fleet.
        limit: u32::MAX,
        hourly: None,
    });
    planned.chain(given).collect()
}

/// Converts counts of a fleet, which the rules keep far below the limit.
fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
