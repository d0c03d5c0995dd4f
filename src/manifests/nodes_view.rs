//! What the templates see of the settings of nodes.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::fleet::model::Fleet;
use crate::fleet::nodes::{NodeIdentity, NodeImage, NodeSettings};
use crate::values::aws::{AmiId, CapacityType};
use crate::values::node_files::UserDataPart;
use crate::values::selector_term::SelectorTerm;
use crate::values::taint::Taint;
use crate::values::toleration::Toleration;

#[derive(Debug, Serialize)]
pub struct NodesView<'a> {
    /// Either of the two.
    pub role: Option<String>,
    pub instance_profile: Option<&'a str>,
    /// Either of the two.
    pub ami_alias: Option<&'a str>,
    pub ami_ids: &'a [AmiId],
    pub subnets: &'a [SelectorTerm],
    pub security_groups: &'a [SelectorTerm],
    pub tags: &'a IndexMap<String, String>,
    pub capacity_types: &'a [CapacityType],
    pub volume_gib: u32,
    pub volume_iops: u32,
    pub volume_mib_s: u32,
    pub kms_key: Option<&'a str>,
    pub startup_taints: &'a [Taint],
    pub kubelet: &'a Map<String, Value>,
    pub user_data: &'a [UserDataPart],
}

/// Nodes that are there without us.
#[derive(Debug, Serialize)]
pub struct GivenView<'a> {
    pub selector: &'a IndexMap<String, String>,
    pub tolerations: &'a [Toleration],
}

pub(super) fn nodes_view<'a>(fleet: &'a Fleet, nodes: &'a NodeSettings) -> NodesView<'a> {
    let (role, instance_profile) = match &nodes.identity {
        None => (Some(format!("{}-node-role", fleet.cluster_name)), None),
        Some(NodeIdentity::Role(role)) => (Some(role.to_string()), None),
        Some(NodeIdentity::Profile(profile)) => (None, Some(profile.as_str())),
    };
    let (ami_alias, ami_ids) = match &nodes.ami {
        NodeImage::Alias(alias) => (Some(alias.as_str()), &[][..]),
        NodeImage::Ids(ids) => (None, ids.as_slice()),
    };
    let volume = &nodes.root_volume;
    NodesView {
        role,
        instance_profile,
        ami_alias,
        ami_ids,
        subnets: &nodes.subnets,
        security_groups: &nodes.security_groups,
        tags: &nodes.tags,
        capacity_types: &nodes.capacity_types,
        volume_gib: volume.size_gib,
        volume_iops: volume.iops,
        volume_mib_s: volume.throughput_mib_s,
        kms_key: volume.kms_key.as_ref().map(crate::values::aws::KmsKey::as_str),
        startup_taints: &nodes.startup_taints,
        kubelet: &nodes.kubelet,
        user_data: &nodes.user_data,
    }
}
