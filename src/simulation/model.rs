//! The numbers that a simulation runs on: those of the rendered fleet, and what the user says of clients and starts.

use crate::catalogue::price::{self, Usd};
use crate::fleet::hpa::Behavior;
use crate::fleet::model::{Fleet, Pool};
use crate::fleet::scaling::{FALLBACK_THRESHOLD, POLLING_INTERVAL_S, Scaling};
use crate::fleet::sizing;
use crate::fleet::timing::CONSOLIDATE_AFTER_MINUTES;
use crate::simulation::duration::{Length, Spread};

/// drain.sh lets an idle pod go after 12 idle polls of 5 s.
pub const QUIET_MS: u64 = 60_000;
/// Karpenter looks at an empty node once more after 15 s (karpenter pkg/controllers/disruption/consolidation.go).
pub const VALIDATION_MS: u64 = 15_000;
/// Karpenter collects pods until none came for 1 s (`BATCH_IDLE_DURATION`); at most 10 s, in which the pods of one
/// step of an HPA have long come.
pub const BATCH_MS: u64 = 1_000;
/// A type that had no capacity is not tried again for so long (karpenter-provider-aws pkg/cache/cache.go).
pub const UNAVAILABLE_MS: u64 = 180_000;
/// From a launch that fails for want of capacity to the next batch: the NodeClaim is deleted and its pods are
/// collected again, for up to 10 s (`BATCH_MAX_DURATION`).
pub const FAILED_LAUNCH_MS: u64 = 10_000;
/// How often bk-build begins a build again whose builder was lost (`BK_LOST_MAX`).
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

/// A client's patience.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Client {
    pub kind: ClientKind,
    /// How long one connection waits for a silent server.
    pub connect_ms: u64,
    /// Between two tries.
    pub pause_ms: u64,
    /// From the first try to giving up.
    pub budget_ms: u64,
}

/// Nodes of one instance type.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeType {
    pub name: String,
    pub pods: u32,
    /// `limits.nodes` of its NodePool.
    pub limit: u32,
    pub hourly: Option<Usd>,
}

/// A time in which something fails.
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

/// How the number of pods follows from the demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    Fixed(u32),
    Keda {
        behavior: Behavior,
        /// Pods while the metric cannot be read, where this KEDA can do it without harm.
        fallback: Option<u32>,
        /// `cooldownPeriod`, for a pool that sleeps.
        cooldown_ms: u64,
    },
}

/// Everything that does not change in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub growth: Growth,
    pub client: Client,
    pub slots: u32,
    pub queue_ms: u64,
    pub hold_ms: u64,
    /// terminationGracePeriodSeconds: a build that runs longer on a pod that ends is killed.
    pub grace_ms: u64,
    /// By weight. Never empty.
    pub types: Vec<NodeType>,
    pub consolidate_after_ms: u64,
    pub polling_ms: u64,
    /// Failed reads in a row before the fallback.
    pub failure_threshold: u32,
    /// From a pod on a ready node to a ready pod.
    pub pod_start: Spread,
    /// From a launch to a ready node.
    pub node_start: Spread,
    /// When a type has no capacity, by its place among the types.
    pub no_capacity: Vec<(usize, Window)>,
    /// When KEDA cannot read the metric.
    pub metric_out: Vec<Window>,
    /// Mean time until a builder is lost; none where none is.
    pub lost_after: Option<Length>,
}

/// What is said on the command line, and not in clusters.yaml.
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
        let types: Vec<NodeType> = pool
            .plan
            .entries
            .iter()
            .map(|entry| NodeType {
                name: entry.instance.name.clone(),
                pods: narrow(entry.pods_per_node),
                limit: narrow(sizing::node_limit(peak.into(), entry.pods_per_node)),
                hourly: price::hourly(&entry.instance.name, &fleet.region),
            })
            .collect();
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
            grace_ms: seconds(fleet.timing.grace_s()),
            no_capacity: no_capacity?,
            types,
            consolidate_after_ms: u64::from(CONSOLIDATE_AFTER_MINUTES) * 60_000,
            polling_ms: seconds(POLLING_INTERVAL_S),
            failure_threshold: FALLBACK_THRESHOLD,
            pod_start: assumptions.pod_start,
            node_start: assumptions.node_start,
            metric_out: assumptions.metric_out.clone(),
            lost_after: assumptions.lost_after,
        })
    }

    /// Pods that are there before the first build comes.
    pub fn pods_at_rest(&self) -> u32 {
        match self.growth {
            Growth::Fixed(replicas) => replicas,
            Growth::Keda { behavior, .. } => behavior.bounds.min(),
        }
    }
}

/// Counts of a fleet, which the rules keep far below.
fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
