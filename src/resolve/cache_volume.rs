//! Reads which disk the caches of an architecture's nodes are on.

use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::fleet::cache_volume::{CacheVolume, GIB_IN_MB, SYSTEM_GIB};
use crate::fleet::instance_plan::InstancePlan;
use crate::fleet::sizing::CACHE_REQUEST_PERCENT;
use crate::values::arch::Arch;
use crate::values::cache_disk::CacheDisk;
use crate::values::count::{PodsPerNode, VolumeGib};

/// Least request of a pod on a root volume, in GB: one build with its base images unpacked takes several, and below it
/// each build would collect what the one before it has cached.
const LEAST_REQUEST_GB: u64 = 10;

/// The disk. Without a usable size, the largest: nothing else is then reported because of it.
pub(super) fn read(arch: Arch, layer: &Buildkit, problems: &mut Problems) -> CacheVolume {
    let given = &layer.builder.cache_disk;
    if given.or(&Buildkit::standard().builder.cache_disk) == CacheDisk::Nvme {
        return CacheVolume::Nvme;
    }
    let size = &layer.nodes.of(arch).root_volume.size_gib;
    if let (true, Some(span)) = (size.is_absent(), given.span()) {
        problems.push(
            Problem::new(
                &rule::ROOT_VOLUME_TOO_SMALL,
                format!("`cache_disk: root` needs the size of the root volume of {} nodes", arch.name()),
            )
            .at(span, "caches would be on a volume of no stated size")
            .help("add `nodes: {root_volume: {size_gib: 500}}`, or remove `cache_disk`"),
        );
    }
    CacheVolume::Root { size_gib: size.get().map_or(VolumeGib::MAX, |size| size.get()).into() }
}

/// The root volume must hold the caches of all pods of the fullest node.
pub(super) fn check(arch: Arch, plan: &InstancePlan, layer: &Buildkit, problems: &mut Problems) {
    let CacheVolume::Root { size_gib } = plan.cache else { return };
    let (request, shares) = (plan.cache_request_gb(), plan.cache.shares(plan.most_pods_per_node()));
    // More pods than the shares can be divided by are reported for themselves.
    let crowded = plan.most_pods_per_node() > PodsPerNode::MAX.into();
    if request >= LEAST_REQUEST_GB && (shares.reserved_percent > 0 || crowded) {
        return;
    }
    let declared = plan.entries.iter().map(|entry| entry.pods_per_node).max().unwrap_or(1);
    let of_caches = (declared * LEAST_REQUEST_GB * 100).div_ceil(CACHE_REQUEST_PERCENT);
    let least = SYSTEM_GIB + (of_caches * 1000).div_ceil(GIB_IN_MB);
    let (label, help) = if request < LEAST_REQUEST_GB {
        (
            format!("expected at least {least} for {declared} pods"),
            format!(
                "{SYSTEM_GIB} GiB are for the node's image and those of its pods, and a pod requests {CACHE_REQUEST_PERCENT} % of its share of the rest, at least {LEAST_REQUEST_GB} GB: raise `size_gib`"
            ),
        )
    } else {
        let most = plan.most_pods_per_node();
        (
            format!("shared by up to {most} pods, less than 2 % for each"),
            "raise `size_gib`, or lower the pods per node".to_owned(),
        )
    };
    let span: Option<Span> = layer.nodes.of(arch).root_volume.size_gib.span();
    problems.push(
        Problem::new(
            &rule::ROOT_VOLUME_TOO_SMALL,
            format!("a root volume of {size_gib} GiB is too small for the caches of {} nodes", arch.name()),
        )
        .at(span.or(layer.builder.cache_disk.span()).unwrap_or_default(), label)
        .help(help),
    );
}
