//! Rules of instance types: a type must be known, suit a builder, and have room for its declared pods.

use crate::catalogue::instances::{self, InstanceType};
use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Spanned;
use crate::diagnostics::suggest::did_you_mean;
use crate::fleet::cache_volume::CacheVolume;
use crate::fleet::instance_plan::{InstancePlan, PlannedType};
use crate::fleet::sizing::{self, PodSize};
use crate::resolve::instances::{Missing, look_up};
use crate::values::arch::Arch;
use crate::values::count::PodsPerNode;
use crate::values::instance_type::TypeName;

/// A type as given in clusters.yaml.
pub(super) struct RequestedType {
    pub(super) name: Spanned<TypeName>,
    pub(super) pods_per_node: Spanned<PodsPerNode>,
}

/// `{arch}_instance_types` and the singular keys set the same thing: one layer may use only one of them.
pub(super) fn check_exclusive(layer: &Buildkit, problems: &mut Problems) {
    for arch in Arch::ALL {
        let keys = layer.of(arch);
        let Some(types) = keys.instance_types.span() else { continue };
        let singular = [("instance_type", keys.instance_type.span()), ("pods_per_node", keys.pods_per_node.span())];
        for (key, span) in singular.into_iter().filter_map(|(key, span)| Some((key, span?))) {
            let (name, key) = (arch.name(), format!("{}_{key}", arch.name()));
            problems.push(
                Problem::new(
                    &rule::INSTANCE_TYPES_EXCLUSIVE,
                    format!("`{key}` cannot be used with `{name}_instance_types`"),
                )
                .at(span, "this value would be ignored")
                .see(types, "the types and their pods per node are given here")
                .help(format!("remove `{key}`, or give the same in `{name}_instance_types`")),
            );
        }
    }
}

/// Every row of `instance_specs` must be complete together with the catalogue, whether or not the type is used:
/// otherwise a misspelt type would pass as an unused one.
pub(super) fn check_specs(merged: &Buildkit, problems: &mut Problems) {
    for (name, (span, spec)) in &merged.instance_specs.0 {
        match look_up(name, Some(spec)) {
            Ok(_) | Err(Missing::Unknown) => {}
            Err(Missing::Column(column)) => problems.push(
                Problem::new(
                    &rule::INSTANCE_SPEC_INCOMPLETE,
                    format!("`instance_specs` has no `{column}` for `{name}`"),
                )
                .at(*span, "this type is not in the catalogue")
                .help("give arch, vcpu, memory_mib, local_nvme_gb and eni_max_pods, from the vendor's tables"),
            ),
            Err(Missing::UnevenNuma { vcpu, numa_nodes }) => problems.push(
                Problem::new(
                    &rule::INVALID_VALUE,
                    format!("`numa_nodes` cannot be {numa_nodes} for `{name}`, which has {vcpu} vCPU"),
                )
                .at(spec.numa_nodes.span().unwrap_or(*span), "expected a divisor of the number of vCPU"),
            ),
        }
    }
}

/// The specifications of a type, if builders of this architecture can run on it.
pub(super) fn facts(
    arch: Arch,
    name: &Spanned<TypeName>,
    (merged, cache, karpenter): (&Buildkit, CacheVolume, bool),
    problems: &mut Problems,
) -> Option<InstanceType> {
    let own = merged.instance_specs.0.get(name.value.as_str());
    let instance = match look_up(name.value.as_str(), own.map(|(_, spec)| spec)) {
        Ok(instance) => instance,
        // Reported by `check_specs`, for every row.
        Err(Missing::Column(_) | Missing::UnevenNuma { .. }) => return None,
        Err(Missing::Unknown) => {
            problems.push(unknown_type(arch, name));
            return None;
        }
    };
    if instance.arch != arch {
        problems.push(
            Problem::new(
                &rule::INSTANCE_TYPE_WRONG_ARCH,
                format!("`{}` is an {} type", name.value, instance.arch.name()),
            )
            .at(name.span, format!("used for {} here", arch.name()))
            .help(format!("choose an {} type", arch.name())),
        );
        return None;
    }
    if instance.local_nvme_gb == 0 && !cache.is_root() {
        let help = if karpenter {
            "choose a type with local NVMe, such as the `d` types of each family, or put caches on the root volume: `builder: {cache_disk: root}` and `nodes: {root_volume: {size_gib: 500}}`"
        } else {
            "give the disk that its pods may use as `local_nvme_gb` in `instance_specs`, or the size of a builder outright: `builder: {cpu: 4, memory: 16Gi, cache: 50Gi}`"
        };
        problems.push(
            Problem::new(&rule::INSTANCE_TYPE_WITHOUT_NVME, format!("`{}` has no local NVMe", name.value))
                .at(name.span, "the build cache would fill the root disk")
                .help(help),
        );
        return None;
    }
    if karpenter && !instance.numa_known {
        problems.push(
            Problem::new(
                &rule::NUMA_UNKNOWN,
                format!("the number of NUMA nodes of `{}` is unknown; assuming 1", name.value),
            )
            .at(name.span, format!("{} vCPU may be two sockets", instance.vcpu))
            .help(format!(
                "run `lscpu` on such a node and write `instance_specs: {{{}: {{numa_nodes: N}}}}`",
                name.value
            )),
        );
    }
    Some(instance)
}

fn unknown_type(arch: Arch, name: &Spanned<TypeName>) -> Problem {
    let text = name.value.as_str();
    let family = text.split('.').next().unwrap_or(text);
    let siblings: Vec<&str> =
        instances::catalogue_names(arch).filter(|known| known.split('.').next() == Some(family)).collect();
    let near = did_you_mean(text, instances::catalogue_names(arch));
    // The same name with a `d` is the type with disks: m6id.24xlarge for m6i.24xlarge.
    let label = near.map_or_else(
        || "not in the catalogue of types with local NVMe".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let help = if siblings.is_empty() {
        "choose a type with local NVMe, or add the type to `instance_specs`".to_owned()
    } else {
        format!("known types of this family: {}; add other types to `instance_specs`", siblings.join(", "))
    };
    Problem::new(&rule::INSTANCE_TYPE_UNKNOWN, format!("unknown {} instance type `{text}`", arch.name()))
        .at(name.span, label)
        .help(help)
}

/// The size of a pod, so that the declared number fits on the first type.
pub(super) fn size_by(planned: &PlannedType, entry: &RequestedType, problems: &mut Problems) -> Option<PodSize> {
    let pod = sizing::pod_size(&planned.instance, planned.pods_per_node);
    if pod.vcpu >= 1 && pod.gib >= 1 {
        return Some(pod);
    }
    let largest = (1..planned.pods_per_node).rev().find(|n| {
        let pod = sizing::pod_size(&planned.instance, *n);
        pod.vcpu >= 1 && pod.gib >= 1
    });
    let help = largest
        .map_or_else(|| "choose a larger type".to_owned(), |n| format!("at most {n} pods fit on a node of this type"));
    problems.push(
        Problem::new(
            &rule::POD_TOO_SMALL,
            format!(
                "{} pods on `{}` leave {} vCPU and {} GiB for each",
                planned.pods_per_node, planned.instance.name, pod.vcpu, pod.gib
            ),
        )
        .at(entry.pods_per_node.span, "expected at least 1 vCPU and 1 GiB for each")
        .help(help),
    );
    None
}

/// Whether the declared pods fit on the node by resources.
pub(super) fn check_fit(
    planned: &PlannedType,
    entry: &RequestedType,
    (pod, cache): (PodSize, CacheVolume),
    first: &RequestedType,
    problems: &mut Problems,
) -> bool {
    let (instance, declared) = (&planned.instance, planned.pods_per_node);
    let fits = sizing::fits(instance, pod);
    if fits < declared {
        problems.push(
            Problem::new(
                &rule::POD_DOES_NOT_FIT,
                format!(
                    "`{}` has room for {fits} pods of {} vCPU and {} GiB, not {declared}",
                    instance.name, pod.vcpu, pod.gib
                ),
            )
            .at(entry.pods_per_node.span, format!("at most {fits}"))
            .see(first.name.span, "the first type determines the pod size")
            .help("lower the number, or list this type first so that it determines the pod size"),
        );
        return false;
    }
    if cache == CacheVolume::Nvme && sizing::cache_request_gb(instance.local_nvme_gb, declared) == 0 {
        problems.push(
            Problem::new(
                &rule::INSTANCE_TYPE_WITHOUT_NVME,
                format!("`{}` has {} GB of NVMe for {declared} pods", instance.name, instance.local_nvme_gb),
            )
            .at(entry.name.span, "less than 1 GB of cache for each")
            .help("choose a type with more local NVMe"),
        );
        return false;
    }
    true
}

/// The kubelet must be able to align all pods that the scheduler may place.
pub(super) fn check_numa(planned: &PlannedType, entry: &RequestedType, pod: PodSize, problems: &mut Problems) {
    let (instance, declared) = (&planned.instance, planned.pods_per_node);
    let numa = sizing::fits_numa(instance, pod);
    let placed = sizing::fits_with_all_memory(instance, pod).max(declared);
    if placed > numa {
        let aligned: Vec<String> = (1..=8).filter(|n| aligns(instance, *n)).map(|n| n.to_string()).collect();
        problems.push(
            Problem::new(
                &rule::NUMA_MISFIT,
                format!(
                    "`{}` has {} NUMA nodes: {numa} pods of {} vCPU can be aligned, but the scheduler may place {placed}",
                    instance.name, instance.numa_nodes, pod.vcpu
                ),
            )
            .at(
                entry.pods_per_node.span,
                format!("{declared} on {} x {} vCPU", instance.numa_nodes, instance.vcpu / instance.numa_nodes),
            )
            .help(format!(
                "as the first type, `{}` allows {} pods per node",
                instance.name,
                aligned.join(", ")
            )),
        );
    }
}

/// A type that is much larger than the first gets many more pods than declared for it, and each daemon's share of the
/// disk is computed from the fullest node.
pub(super) fn check_crowd(plan: &InstancePlan, wanted: &[RequestedType], problems: &mut Problems) {
    let most = PodsPerNode::MAX.into();
    for (entry, asked) in plan.entries.iter().zip(wanted) {
        let placed = plan.placed_on(entry);
        if placed > most {
            problems.push(
                Problem::new(
                    &rule::TOO_MANY_PODS_FIT,
                    format!("a node of `{}` would get {placed} pods, more than {most}", entry.instance.name),
                )
                .at(
                    asked.name.span,
                    format!("has room for {placed} pods of {} vCPU and {} GiB", plan.pod.vcpu, plan.pod.gib),
                )
                .see(wanted[0].name.span, "this type determines the pod size")
                .help("use types closer in size, or fewer pods on the first"),
            );
        }
    }
}

/// Whether the kubelet can align all pods if the type is sized for `n` of them.
fn aligns(instance: &InstanceType, n: u64) -> bool {
    let pod = sizing::pod_size(instance, n);
    if pod.vcpu == 0 || pod.gib == 0 {
        return false;
    }
    sizing::fits_with_all_memory(instance, pod).max(n) <= sizing::fits_numa(instance, pod)
}
