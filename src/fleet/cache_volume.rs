//! How much of a node's disk the builders' caches may take.

use crate::catalogue::instances::InstanceType;
use crate::fleet::sizing::CacheShares;

/// What the root volume holds beside the caches, in GiB: AL2023 (about 4), images of buildkitd and the DaemonSets, logs,
/// and the kubelet's own reservation of 1 GiB. Karpenter's default volume for all of it is 20 GiB.
pub const SYSTEM_GIB: u64 = 20;

/// A GiB in MB, rounded down and up: what is promised to caches is never more than there is, and what the scheduler may
/// count on never less.
pub const GIB_IN_MB: u64 = 1073;
pub const GIB_IN_MB_AT_MOST: u64 = 1074;

/// The disk that all caches of a node share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheVolume {
    /// All NVMe disks of the node in one array, which holds nothing else.
    Nvme,
    /// The root volume, at least as large as `SYSTEM_GIB`.
    Root { size_gib: u64 },
}

impl CacheVolume {
    pub fn is_root(self) -> bool {
        matches!(self, CacheVolume::Root { .. })
    }

    /// What caches may take of it, in GB.
    pub fn usable_gb(self, instance: &InstanceType) -> u64 {
        match self {
            CacheVolume::Nvme => instance.local_nvme_gb,
            CacheVolume::Root { size_gib } => size_gib.saturating_sub(SYSTEM_GIB) * GIB_IN_MB / 1000,
        }
    }

    /// All of it, in GB: the scheduler places pods on no more.
    pub fn whole_gb(self, instance: &InstanceType) -> u64 {
        match self {
            CacheVolume::Nvme => instance.local_nvme_gb,
            CacheVolume::Root { size_gib } => size_gib * GIB_IN_MB_AT_MOST / 1000,
        }
    }

    /// The shares of each daemon: of the whole disk, as buildkitd counts them, but 70 % of what caches may take.
    pub fn shares(self, daemons: u64) -> CacheShares {
        let (usable, whole) = match self {
            CacheVolume::Nvme => (1, 1),
            CacheVolume::Root { size_gib } => (size_gib.saturating_sub(SYSTEM_GIB), size_gib),
        };
        let max_used_percent = 70 * usable / (whole * daemons).max(1);
        CacheShares { max_used_percent, reserved_percent: max_used_percent / 2 }
    }
}
