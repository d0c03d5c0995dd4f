//! The block `buildkit.nodes`: keys for both architectures, and blocks of the same keys for one.

use crate::diagnostics::span::Spanned;
use crate::input::layer::{LayerField, Leaf, layer};
use crate::input::map::MapOf;
use crate::values::arch::Arch;
use crate::values::aws::{AmiId, CapacityType, InstanceProfileName, KmsKey, RoleName, TagKey, TagValue};
use crate::values::count::{VolumeGib, VolumeIops, VolumeThroughput};
use crate::values::name::{AmiAlias, LabelKey, LabelText};
use crate::values::node_files::{KubeletFields, UserData};
use crate::values::provisioner::Provisioner;
use crate::values::selector_term::{SecurityGroupTerms, SubnetTerms};
use crate::values::taint::Taints;
use crate::values::toleration::Tolerations;

/// Writes the keys once, for the block itself and for the blocks of one architecture in it.
macro_rules! node_keys {
    ($( $(#[doc = $doc:literal])* $field:ident : $kind:ty $([$unit:literal])? $(= $default:literal)?, )*) => {
        layer! {
            /// The block `buildkit.nodes`.
            pub struct NodesKeys (Closed) {
                /// What makes nodes: Karpenter, from NodePools of the set, or something else. With `none`, the set has no NodePools.
                provisioner: Leaf<Provisioner> = "karpenter",
                $( $(#[doc = $doc])* $field : $kind $([$unit])? $(= $default)?, )*
                /// The same keys for amd64 nodes alone; they take precedence.
                amd64: ArchNodesKeys,
                /// The same keys for arm64 nodes alone; they take precedence.
                arm64: ArchNodesKeys,
            }
        }

        layer! {
            /// The block `buildkit.nodes.amd64` or `buildkit.nodes.arm64`.
            pub struct ArchNodesKeys (Closed) {
                $( $(#[doc = $doc])* $field : $kind $([$unit])?, )*
            }
        }

        impl NodesKeys {
            /// The keys of both architectures.
            pub fn both(&self) -> ArchNodesKeys {
                ArchNodesKeys { at: self.at, $( $field: self.$field.clone(), )* }
            }

            /// The keys of one architecture: those of its own block over those of both.
            pub fn of(&self, arch: Arch) -> ArchNodesKeys {
                match arch {
                    Arch::Amd64 => self.amd64.over(&self.both()),
                    Arch::Arm64 => self.arm64.over(&self.both()),
                }
            }
        }
    };
}

node_keys! {
    /// IAM role of the nodes; defaults to `<cluster_name>-node-role`. Karpenter makes an instance profile for it.
    role: Leaf<RoleName>,
    /// An instance profile that exists, instead of `role`.
    instance_profile: Leaf<InstanceProfileName>,
    /// Subnets of the nodes, as Karpenter's terms; defaults to the tag `karpenter.sh/discovery: <cluster_name>`.
    subnets: Leaf<SubnetTerms>,
    /// Security groups of the nodes, as Karpenter's terms; defaults to the tag `karpenter.sh/discovery: <cluster_name>`.
    security_groups: Leaf<SecurityGroupTerms>,
    /// Tags of instances and volumes, beside `Name` and others, which they may override. A change replaces every node.
    tags: MapOf<TagKey, Leaf<TagValue>>,
    /// How nodes are bought. AWS takes a spot node back with two minutes of notice, which cuts its builds.
    capacity_types: Leaf<Vec<Spanned<CapacityType>>> = "[on-demand]",
    /// Alias of the node image, instead of `buildkit.ami_alias`.
    ami_alias: Leaf<AmiAlias>,
    /// Ids of node images of AL2023, instead of an alias.
    ami_ids: Leaf<Vec<Spanned<AmiId>>>,
    /// The root volume. Images, caches and builds are on the NVMe, or on it with `builder: {cache_disk: root}`.
    root_volume: RootVolume,
    /// Taints of new nodes until something removes them, such as a CNI that is not ready.
    startup_taints: Leaf<Taints>,
    /// Further fields of the kubelet's configuration.
    kubelet: Leaf<KubeletFields>,
    /// Further parts of the user data, which cloud-init runs after nodeadm has read its own.
    user_data: Leaf<UserData>,
    /// Labels of the nodes that builders run on, beside `kubernetes.io/arch`; only with `provisioner: none`.
    selector: MapOf<LabelKey, Leaf<LabelText>>,
    /// Taints of nodes that builders tolerate; only with `provisioner: none`.
    tolerations: Leaf<Tolerations>,
}

layer! {
    /// The block `root_volume` of nodes.
    pub struct RootVolume (Closed) {
        /// Size of the volume.
        size_gib: Leaf<VolumeGib> ["GiB"] = "100",
        /// Operations per second; at most 500 per GiB.
        iops: Leaf<VolumeIops> = "3000",
        /// Throughput; at most a quarter of `iops`.
        throughput: Leaf<VolumeThroughput> ["MiB/s"] = "125",
        /// KMS key of the volume; defaults to the account's key for EBS.
        kms_key_id: Leaf<KmsKey>,
    }
}
