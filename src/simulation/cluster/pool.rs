//! Pods and nodes of one pool.

use std::collections::{BTreeSet, VecDeque};

use crate::simulation::model::Model;
use crate::simulation::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its place in memory may be reused.
    Gone,
    /// Without a node.
    Pending,
    /// On a node that is not ready, or starting.
    Starting,
    Ready,
    Ending,
}

#[derive(Clone, Debug)]
pub struct Pod {
    /// Number of pods that have had this place.
    pub life: u32,
    pub phase: Phase,
    pub(super) node: Option<u32>,
    /// Its slot in the balancer.
    pub slot: Option<u32>,
    pub build: Option<u32>,
    /// The slot that the build runs on: the pod's slot, even after its address has left it.
    pub builds_in: Option<u32>,
    /// Before the start of the run for pods at rest.
    pub(super) ready_ms: i64,
    /// When it was placed on its node.
    pub(super) placed_ms: u64,
    /// Represents its UID, which is random.
    pub(super) uid: u64,
    /// Its place in `active`.
    pub(super) place: u32,
}

#[derive(Clone, Debug)]
pub(super) struct NodeState {
    pub(super) kind: usize,
    pub(super) ready: bool,
    pub(super) leaving: bool,
    pub(super) gone: bool,
    /// Pods that use room on it, including terminating ones.
    pub(super) used: u32,
    /// Pods that are not terminating.
    pub(super) active: u32,
    /// When a pod was last placed here, started terminating or ended: `consolidateAfter` counts from then
    /// (karpenter pkg/controllers/nodeclaim/podevents).
    pub(super) last_ms: u64,
    pub(super) launched_ms: u64,
}

/// All pods and nodes of one pool.
#[derive(Debug)]
pub struct PoolState<'a> {
    pub(super) model: &'a Model,
    pub pods: Vec<Pod>,
    pub(super) vacant: Vec<u32>,
    /// Pods that are not terminating.
    pub(super) active: Vec<u32>,
    /// Pods without a node, in the order in which they became so.
    pub(super) pending: VecDeque<u32>,
    pub(super) nodes: Vec<NodeState>,
    pub(super) vacant_nodes: Vec<u32>,
    /// Ready nodes by the number of pods that they have room for.
    pub(super) room: Vec<BTreeSet<u32>>,
    /// Pods that nodes which are not ready yet have room for.
    pub(super) booting: u32,
    /// When Karpenter looks for empty nodes for the first time.
    pub(super) look_ms: u64,
    pub(super) count: Vec<u32>,
    pub(super) unavailable_until: Vec<u64>,
    pub(super) batch_planned: bool,
    pub ready: u32,
    pub ending: u32,
    pub(super) alive_nodes: u32,
    /// Milliseconds that pods existed on nodes, without pods that still exist.
    pub(super) pod_ms: u64,
    /// Milliseconds that nodes of each type existed, without nodes that still exist.
    pub(super) node_ms: Vec<u64>,
    pub(super) pod_starts: Random,
    pub(super) node_starts: Random,
    pub(super) losses: Random,
    pub(super) uids: Random,
}
