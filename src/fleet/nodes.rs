//! Nodes of the builders: what differs between accounts.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::Buildkit;
use crate::config::nodes::ArchNodesKeys;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::input::layer::scalar_key;
use crate::values::aws::{AmiId, CapacityType, InstanceProfileName, KmsKey, RoleName, TagKey};
use crate::values::name::AmiAlias;
use crate::values::node_files::UserDataPart;
use crate::values::selector_term::SelectorTerm;
use crate::values::taint::Taint;

/// Operations per second that a gp3 volume may have per GiB, and per MiB/s of throughput (EBS user guide, "General
/// Purpose SSD volumes").
const IOPS_PER_GIB: u32 = 500;
const IOPS_PER_MIB_S: u32 = 4;

/// Settings of one architecture's nodes, or of the load balancer's. The template reads them under these names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeIdentity {
    /// Karpenter makes the instance profile.
    Role(RoleName),
    Profile(InstanceProfileName),
}

/// The machine image; AL2023 in any case, since only its nodeadm reads the NodeConfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeImage {
    Alias(AmiAlias),
    /// Never empty.
    Ids(Vec<AmiId>),
}

/// The root volume, of type gp3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VolumeSettings {
    pub size_gib: u32,
    pub iops: u32,
    pub throughput_mib_s: u32,
    pub kms_key: Option<KmsKey>,
}

impl NodeSettings {
    /// Reads the keys of one architecture, which must not exclude each other.
    pub fn read(keys: &ArchNodesKeys, image: NodeImage, problems: &mut Problems) -> Self {
        let standard = &Buildkit::standard().nodes;
        let identity = keys
            .role
            .get()
            .map(|role| NodeIdentity::Role(role.clone()))
            .or_else(|| keys.instance_profile.get().map(|profile| NodeIdentity::Profile(profile.clone())));
        let capacity_types = keys.capacity_types.or(&standard.capacity_types);
        if let Some(given) = keys.capacity_types.spanned() {
            if given.value.is_empty() {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, "`capacity_types` is empty")
                        .at(given.span, "expected `on-demand`, `spot` or `reserved`"),
                );
            }
            if let Some(spot) = given.value.iter().find(|given| given.value.is_spot()) {
                problems.push(
                    Problem::new(
                        &rule::SPOT_CUTS_BUILDS,
                        "AWS takes spot nodes back with two minutes of notice, which cuts their builds",
                    )
                    .at(spot.span, "builds run for up to `max_build_minutes`")
                    .help("keep `on-demand` alone, unless clients repeat builds that were cut"),
                );
            }
        }
        NodeSettings {
            identity,
            subnets: keys.subnets.get().map(|terms| terms.0.clone()).unwrap_or_default(),
            security_groups: keys.security_groups.get().map(|terms| terms.0.clone()).unwrap_or_default(),
            tags: read_tags(keys, problems),
            capacity_types: capacity_types.iter().map(|given| given.value).collect(),
            ami: image,
            root_volume: read_volume(keys, problems),
            startup_taints: keys.startup_taints.get().map(|taints| taints.0.clone()).unwrap_or_default(),
            kubelet: keys.kubelet.get().map(|fields| fields.0.clone()).unwrap_or_default(),
            user_data: keys.user_data.get().map(|parts| parts.0.clone()).unwrap_or_default(),
        }
    }
}

fn read_tags(keys: &ArchNodesKeys, problems: &mut Problems) -> IndexMap<String, String> {
    let mut tags = IndexMap::new();
    for (key, (span, value)) in &keys.tags.0 {
        if let (Some(key), Some(value)) = (scalar_key::<TagKey>("tags", key, *span, problems), value.get()) {
            tags.insert(key.value.to_string(), value.to_string());
        }
    }
    tags
}

fn read_volume(keys: &ArchNodesKeys, problems: &mut Problems) -> VolumeSettings {
    let (given, standard) = (&keys.root_volume, &Buildkit::standard().nodes.root_volume);
    let size_gib = given.size_gib.or(&standard.size_gib).get();
    let iops = given.iops.or(&standard.iops).get();
    let throughput_mib_s = given.throughput.or(&standard.throughput).get();
    if let Some(span) = given.iops.span().filter(|_| iops > size_gib.saturating_mul(IOPS_PER_GIB)) {
        problems.push(
            Problem::new(&rule::ROOT_VOLUME_LIMITS, format!("a gp3 volume of {size_gib} GiB cannot have {iops} IOPS"))
                .at(span, format!("expected at most {}", size_gib.saturating_mul(IOPS_PER_GIB)))
                .help(format!("AWS allows {IOPS_PER_GIB} per GiB: raise `size_gib`, or lower `iops`")),
        );
    }
    if let Some(span) = given.throughput.span().filter(|_| throughput_mib_s.saturating_mul(IOPS_PER_MIB_S) > iops) {
        problems.push(
            Problem::new(
                &rule::ROOT_VOLUME_LIMITS,
                format!("a gp3 volume with {iops} IOPS cannot have {throughput_mib_s} MiB/s"),
            )
            .at(span, format!("expected at most {}", iops / IOPS_PER_MIB_S))
            .help(format!(
                "AWS wants {IOPS_PER_MIB_S} IOPS for each MiB/s: set `iops` to {}, or lower `throughput`",
                throughput_mib_s.saturating_mul(IOPS_PER_MIB_S)
            )),
        );
    }
    VolumeSettings { size_gib, iops, throughput_mib_s, kms_key: given.kms_key_id.get().cloned() }
}
