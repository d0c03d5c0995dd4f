//! Where builders run, and how large they are.

use indexmap::IndexMap;
use serde::Serialize;

use crate::fleet::cache_volume::GIB_IN_MB;
use crate::fleet::instance_plan::{InstancePlan, PlannedType};
use crate::fleet::nodes::NodeSettings;
use crate::fleet::sizing::{CacheShares, PodSize};
use crate::values::toleration::Toleration;

/// Who makes the nodes of an architecture's builders.
#[derive(Clone, Debug)]
pub enum Placement {
    /// Karpenter makes nodes for the builders alone, from NodePools of the set.
    Karpenter(Box<KarpenterNodes>),
    /// Nodes of the cluster, which something else makes.
    Given(GivenNodes),
}

/// Nodes that Karpenter makes. Builders are sized to fill them.
#[derive(Clone, Debug)]
pub struct KarpenterNodes {
    pub plan: InstancePlan,
    pub settings: NodeSettings,
}

/// Nodes that are there without us: how builders select them, and what each requests. The template reads the first two.
#[derive(Clone, Debug, Serialize)]
pub struct GivenNodes {
    /// Labels of the nodes, beside `kubernetes.io/arch`.
    pub selector: IndexMap<String, String>,
    pub tolerations: Vec<Toleration>,
    #[serde(skip)]
    pub pod: PodSize,
    /// Disk of a builder's cache, in GiB.
    #[serde(skip)]
    pub cache_gib: u64,
    /// The type of node that the sizes follow from; none where they were given outright.
    #[serde(skip)]
    pub plan: Option<InstancePlan>,
}

/// What a builder's cache may take of its node's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheLimit {
    /// Of the whole disk, which the builders of a node share.
    Shares(CacheShares),
    /// GiB.
    Gib(u64),
}

impl Placement {
    pub fn karpenter(&self) -> Option<&KarpenterNodes> {
        match self {
            Placement::Karpenter(nodes) => Some(nodes),
            Placement::Given(_) => None,
        }
    }

    pub fn given(&self) -> Option<&GivenNodes> {
        match self {
            Placement::Karpenter(_) => None,
            Placement::Given(nodes) => Some(nodes),
        }
    }

    /// The types of nodes that Karpenter makes: a NodePool for each.
    pub fn node_types(&self) -> &[PlannedType] {
        self.karpenter().map_or(&[], |nodes| &nodes.plan.entries)
    }

    /// The types that the builders' size follows from, whoever makes the nodes.
    pub fn plan(&self) -> Option<&InstancePlan> {
        match self {
            Placement::Karpenter(nodes) => Some(&nodes.plan),
            Placement::Given(nodes) => nodes.plan.as_ref(),
        }
    }

    /// CPU and memory of a builder.
    pub fn pod(&self) -> PodSize {
        match self {
            Placement::Karpenter(nodes) => nodes.plan.pod,
            Placement::Given(nodes) => nodes.pod,
        }
    }

    pub fn cache_limit(&self) -> CacheLimit {
        match self {
            Placement::Karpenter(nodes) => CacheLimit::Shares(nodes.plan.cache.shares(nodes.plan.most_pods_per_node())),
            Placement::Given(nodes) => CacheLimit::Gib(nodes.cache_gib),
        }
    }

    /// Disk request of a builder, in GB.
    pub fn cache_request_gb(&self) -> u64 {
        match self {
            Placement::Karpenter(nodes) => nodes.plan.cache_request_gb(),
            Placement::Given(nodes) => nodes.cache_gib * GIB_IN_MB / 1000,
        }
    }

    /// Where builders run, for people: `m6id.24xlarge x2, then m6id.12xlarge x1`.
    pub fn in_words(&self) -> String {
        match self {
            Placement::Karpenter(nodes) => nodes.plan.in_words(),
            Placement::Given(_) => "nodes of the cluster".to_owned(),
        }
    }
}
