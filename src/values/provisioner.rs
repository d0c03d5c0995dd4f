//! Who makes the nodes of the builders.

use crate::values::pattern::words;

words! {
    /// What makes nodes for builders: Karpenter, or something that is none of the set's business.
    pub Provisioner: ["karpenter", "none"];
}

impl Provisioner {
    pub const KARPENTER: Self = Provisioner("karpenter");
    pub const NONE: Self = Provisioner("none");

    pub fn is_karpenter(self) -> bool {
        self == Self::KARPENTER
    }
}
