//! Which nodes an architecture runs on, and the size of its pods.

use crate::catalogue::instances::InstanceType;
use crate::fleet::cache_volume::CacheVolume;
use crate::fleet::sizing::{self, PodSize};

/// Instance types in order of preference; the first one determines the pod size. Never empty.
#[derive(Clone, Debug)]
pub struct InstancePlan {
    pub entries: Vec<PlannedType>,
    pub pod: PodSize,
    /// The disk of the caches, of the same kind on all types.
    pub cache: CacheVolume,
}

/// One type of the plan: a NodePool.
#[derive(Clone, Debug)]
pub struct PlannedType {
    pub instance: InstanceType,
    pub pods_per_node: u64,
    /// Name of the NodePool. It depends only on the type, so reordering the plan changes no NodePool.
    pub nodepool: String,
}

impl InstancePlan {
    pub fn first(&self) -> &PlannedType {
        &self.entries[0]
    }

    /// `m6id.24xlarge x2, then m6id.12xlarge x1`, for people.
    pub fn in_words(&self) -> String {
        let types = self.entries.iter().map(|entry| format!("{} x{}", entry.instance.name, entry.pods_per_node));
        types.collect::<Vec<_>>().join(", then ")
    }

    /// Most pods on one node of any type: the disk shares in buildkitd.toml must suit the fullest node.
    pub fn most_pods_per_node(&self) -> u64 {
        self.entries.iter().map(|entry| self.placed_on(entry)).max().unwrap_or(1)
    }

    /// Most pods on one node of a type. The scheduler places as many as fit by their requests, which may be more than
    /// declared.
    pub fn placed_on(&self, entry: &PlannedType) -> u64 {
        let by_disk = self.cache.whole_gb(&entry.instance) / self.cache_request_gb().max(1);
        sizing::fits_with_all_memory(&entry.instance, self.pod).min(by_disk).max(entry.pods_per_node)
    }

    /// Disk request of a pod, in GB: the smallest of all types, so that the pod fits on each.
    pub fn cache_request_gb(&self) -> u64 {
        let request =
            |entry: &PlannedType| sizing::cache_request_gb(self.cache.usable_gb(&entry.instance), entry.pods_per_node);
        self.entries.iter().map(request).min().unwrap_or(0)
    }
}
