//! Nodes of the builders: what differs between accounts.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::values::aws::{AmiId, CapacityType, InstanceProfileName, KmsKey, RoleName};
use crate::values::name::AmiAlias;
use crate::values::node_files::UserDataPart;
use crate::values::selector_term::SelectorTerm;
use crate::values::taint::Taint;

/// Settings of one architecture's nodes, or of the load balancer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// `None`: the role `<cluster_name>-node-role`.
    pub identity: Option<NodeIdentity>,
    /// Empty: the subnets with Karpenter's discovery tag of the cluster.
    pub subnets: Vec<SelectorTerm>,
    /// Empty: the security groups with Karpenter's discovery tag of the cluster.
    pub security_groups: Vec<SelectorTerm>,
    /// Tags of instances and volumes beside ours, which they may override.
    pub tags: IndexMap<String, String>,
    /// Never empty.
    pub capacity_types: Vec<CapacityType>,
    pub ami: NodeImage,
    pub root_volume: VolumeSettings,
    pub startup_taints: Vec<Taint>,
    /// Further fields of the kubelet's configuration.
    pub kubelet: Map<String, Value>,
    /// Further parts of the user data.
    pub user_data: Vec<UserDataPart>,
}

/// What nodes may do in AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeIdentity {
    /// Karpenter makes the instance profile.
    Role(RoleName),
    Profile(InstanceProfileName),
}

/// The machine image; AL2023 in any case, since only its nodeadm reads the NodeConfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeImage {
    Alias(AmiAlias),
    /// Never empty.
    Ids(Vec<AmiId>),
}

/// The root volume, of type gp3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSettings {
    pub size_gib: u32,
    pub iops: u32,
    pub throughput_mib_s: u32,
    pub kms_key: Option<KmsKey>,
}
