//! The block `buildkit.nodes`: keys for both architectures, and blocks of the same keys for one.

use crate::input::layer::{LayerField, Leaf, layer};
use crate::values::arch::Arch;
use crate::values::iam::RoleName;

/// Writes the keys once, for the block itself and for the blocks of one architecture in it.
macro_rules! node_keys {
    ($( $(#[doc = $doc:literal])* $field:ident : $kind:ty $([$unit:literal])? $(= $default:literal)?, )*) => {
        layer! {
            /// The block `buildkit.nodes`.
            pub struct NodesKeys (Closed) {
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
}
