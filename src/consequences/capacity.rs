//! Pods, nodes and cost of the pools, read from the objects of a cluster.

use serde_json::Value;

use crate::catalogue::price::{self, Usd};
use crate::fleet::sizing;
use crate::manifests::objects::Objects;
use crate::values::arch::Arch;
use crate::values::name::Region;

/// The annotation of a NodePool with the number of builders per node; Karpenter does not read it.
pub const PODS_PER_NODE: &str = "/metadata/annotations/buildkit-fleet~1pods-per-node";

/// Pods of one architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pods {
    pub min: u64,
    pub max: u64,
    pub fallback: Option<u64>,
    /// Scaled by KEDA, not fixed by the Deployment.
    pub scaled: bool,
}

/// The pool of one architecture, as read from its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolFacts {
    pub arch: Arch,
    /// Name of its Deployment.
    pub deployment: String,
    pub pods: Pods,
    /// By weight: the first is used before the others.
    pub node_groups: Vec<NodeGroup>,
}

/// One NodePool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeGroup {
    pub nodepool: String,
    pub instance_type: String,
    /// `None` if the annotation is missing.
    pub pods_per_node: Option<u64>,
    /// Most nodes, `spec.limits.nodes`.
    pub ceiling: Option<u64>,
    pub hourly: Option<Usd>,
}

impl NodeGroup {
    /// Nodes needed for these pods.
    pub fn nodes(&self, pods: u64) -> Option<u64> {
        self.pods_per_node.filter(|n| *n > 0).map(|per_node| sizing::nodes(pods, per_node))
    }
}

impl PoolFacts {
    /// Nodes of the first type needed for these pods.
    pub fn nodes(&self, pods: u64) -> Option<u64> {
        self.node_groups.first()?.nodes(pods)
    }

    /// Hourly cost of these pods on nodes of the first type.
    pub fn hourly(&self, pods: u64) -> Option<Usd> {
        Some(self.node_groups.first()?.hourly? * self.nodes(pods)?)
    }
}

impl PoolFacts {
    /// `2 to 8 pods, 1 to 4 nodes, $5.70 to $22.78 an hour`.
    pub fn size(&self) -> String {
        let range = |of: &dyn Fn(u64) -> Option<String>| match (of(self.pods.min), of(self.pods.max)) {
            (Some(min), Some(max)) if min == max => max,
            (Some(min), Some(max)) => format!("{min} to {max}"),
            _ => "unknown".to_owned(),
        };
        let pods = range(&|pods| Some(pods.to_string()));
        let nodes = range(&|pods| self.nodes(pods).map(|nodes| nodes.to_string()));
        let usd = range(&|pods| self.hourly(pods).map(|usd| usd.to_string()));
        format!("{pods} pods, {nodes} nodes, {usd} an hour")
    }
}

/// The pools of a cluster. A Deployment without a number of pods is left out. Prices are those of the region.
pub fn pools(objects: &Objects, region: Option<&Region>) -> Vec<PoolFacts> {
    Arch::ALL.into_iter().filter_map(|arch| pool(arch, objects, region)).collect()
}

fn pool(arch: Arch, objects: &Objects, region: Option<&Region>) -> Option<PoolFacts> {
    let deployment = format!("buildkitd-{}", arch.name());
    let object = objects.named("Deployment", &deployment)?;
    let scaler = objects.of_kind("ScaledObject").map(|(_, object)| object).find(|object| {
        object.pointer("/spec/scaleTargetRef/name").and_then(Value::as_str) == Some(deployment.as_str())
    });
    let number = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_u64);
    let pods = match (scaler, number(object, "/spec/replicas")) {
        (Some(scaler), _) => Pods {
            // KEDA's defaults (apis/keda/v1alpha1/scaledobject_types.go).
            min: number(scaler, "/spec/minReplicaCount").unwrap_or(0),
            max: number(scaler, "/spec/maxReplicaCount").unwrap_or(100),
            fallback: number(scaler, "/spec/fallback/replicas"),
            scaled: true,
        },
        (None, Some(replicas)) => Pods { min: replicas, max: replicas, fallback: None, scaled: false },
        (None, None) => return None,
    };
    let mut groups: Vec<(u64, NodeGroup)> = objects
        .of_kind("NodePool")
        .filter(|(_, object)| arch_of(object) == Some(arch))
        .map(|(name, object)| {
            let instance_type = required(object, "node.kubernetes.io/instance-type").unwrap_or_default();
            let text = object.pointer(PODS_PER_NODE).and_then(Value::as_str);
            let group = NodeGroup {
                nodepool: name.to_owned(),
                hourly: region.and_then(|region| price::hourly(&instance_type, region)),
                instance_type,
                pods_per_node: text.and_then(|text| text.parse().ok()),
                ceiling: number(object, "/spec/limits/nodes"),
            };
            (number(object, "/spec/weight").unwrap_or(0), group)
        })
        .collect();
    groups.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    Some(PoolFacts { arch, deployment, pods, node_groups: groups.into_iter().map(|(_, group)| group).collect() })
}

/// The architecture of an object, from its label, or from the label that a NodePool gives its nodes.
pub fn arch_of(object: &Value) -> Option<Arch> {
    let label = object
        .pointer("/metadata/labels/arch")
        .or_else(|| object.pointer("/spec/template/metadata/labels/arch"))
        .and_then(Value::as_str)?;
    Arch::named(label)
}

/// The first value that a NodePool requires for a label.
fn required(nodepool: &Value, key: &str) -> Option<String> {
    let requirements = nodepool.pointer("/spec/template/spec/requirements")?.as_array()?;
    let wanted = requirements.iter().find(|requirement| requirement["key"] == key)?;
    wanted["values"].get(0)?.as_str().map(str::to_owned)
}
