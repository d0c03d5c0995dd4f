//! Which nodes an architecture runs on, and the pod that they are cut into.

use crate::config::Buildkit;
use crate::fleet::arch::Arch;
use crate::fleet::count::PodsPerNode;
use crate::instances::{self, InstanceType, Missing, TypeName};
use crate::layer::Leaf;
use crate::problem::{Problem, Problems, Span, Spanned, did_you_mean};
use crate::rule;
use crate::sizing::{self, PodSize};

/// Pods per node where nothing else is said.
const DEFAULT_PODS_PER_NODE: PodsPerNode = PodsPerNode::constant(2);
/// NodePool weights run from 100 down to 1 (CRD karpenter.sh/v1).
const MAX_TYPES: usize = 100;
/// A NodePool's name becomes a label value and, with a suffix, the name of NodeClaims.
const NODEPOOL_NAME_MAX: usize = 58;

/// Instance types in order of preference; the first one sizes the pod. Never empty.
#[derive(Clone, Debug)]
pub struct InstancePlan {
    pub entries: Vec<PlannedType>,
    pub pod: PodSize,
}

/// One type of the plan: a NodePool.
#[derive(Clone, Debug)]
pub struct PlannedType {
    pub instance: InstanceType,
    pub pods_per_node: u64,
    /// Name of the NodePool, from the type alone: reordering the plan rewrites no pool.
    pub nodepool: String,
}

impl InstancePlan {
    pub fn first(&self) -> &PlannedType {
        &self.entries[0]
    }

    /// Most pods on one node over all types: the disk shares of buildkitd.toml serve the fullest node. The scheduler
    /// places as many as fit by their requests, which may be more than were declared.
    pub fn most_pods_per_node(&self) -> u64 {
        let request = self.cache_request_gb().max(1);
        let placed = |entry: &PlannedType| {
            sizing::fits_with_all_memory(&entry.instance, self.pod).min(entry.instance.local_nvme_gb / request)
        };
        self.entries.iter().map(|entry| placed(entry).max(entry.pods_per_node)).max().unwrap_or(1)
    }

    /// Disk request of a pod, in GB: the smallest over all types, so that the pod fits on each.
    pub fn cache_request_gb(&self) -> u64 {
        let request = |entry: &PlannedType| sizing::cache_request_gb(entry.instance.local_nvme_gb, entry.pods_per_node);
        self.entries.iter().map(request).min().unwrap_or(0)
    }

    /// Reads the plan of one architecture from the cluster's own layer and both merged; none where a problem was
    /// found. `fallback_span` is the place for problems of values that nobody wrote.
    pub fn read(
        arch: Arch,
        own: &Buildkit,
        defaults: &Buildkit,
        merged: &Buildkit,
        fallback_span: Span,
        problems: &mut Problems,
    ) -> Option<Self> {
        let wanted = wanted(arch, own, defaults, merged, fallback_span, problems)?;
        if wanted.len() > MAX_TYPES {
            problems.push(
                Problem::new(
                    &rule::TOO_MANY_INSTANCE_TYPES,
                    format!("`{}_instance_types` lists {} types", arch.name(), wanted.len()),
                )
                .at(wanted[MAX_TYPES].name.span, format!("the first beyond {MAX_TYPES}"))
                .help("keep those that you would really run on"),
            );
        }
        let mut entries = Vec::with_capacity(wanted.len());
        let mut pod = None;
        for (place, entry) in wanted.iter().enumerate() {
            let Some(instance) = facts(arch, &entry.name, merged, problems) else { continue };
            let nodepool = format!("buildkit-{}-{}", arch.name(), instance.name.replace('.', "-"));
            if nodepool.len() > NODEPOOL_NAME_MAX {
                problems.push(
                    Problem::new(
                        &rule::NODEPOOL_NAME_TOO_LONG,
                        format!("the NodePool's name `{nodepool}` has {} characters", nodepool.len()),
                    )
                    .at(entry.name.span, format!("its NodePool's name may have {NODEPOOL_NAME_MAX}"))
                    .help("choose a type with a shorter name"),
                );
            }
            if let Some(same) = entries.iter().position(|entry: &PlannedType| entry.nodepool == nodepool) {
                problems.push(
                    Problem::new(
                        &rule::NODEPOOL_NAME_COLLISION,
                        format!(
                            "`{}` and `{}` make one NodePool name, `{nodepool}`",
                            wanted[same].name.value, entry.name.value
                        ),
                    )
                    .at(entry.name.span, "the second of them")
                    .see(wanted[same].name.span, "the first")
                    .help("use one of the two"),
                );
            }
            let planned = PlannedType { instance, pods_per_node: entry.pods_per_node.value.get().into(), nodepool };
            if place == 0 {
                pod = size_by(&planned, entry, problems);
            }
            if let Some(pod) = pod {
                check_fit(&planned, entry, pod, &wanted[0], problems);
            }
            entries.push(planned);
        }
        (entries.len() == wanted.len()).then_some(InstancePlan { entries, pod: pod? })
    }
}

/// A type as the user asked for it.
struct Wanted {
    name: Spanned<TypeName>,
    pods_per_node: Spanned<PodsPerNode>,
}

/// The types that were asked for: the nearest layer that names any decides.
fn wanted(
    arch: Arch,
    own: &Buildkit,
    defaults: &Buildkit,
    merged: &Buildkit,
    fallback_span: Span,
    problems: &mut Problems,
) -> Option<Vec<Wanted>> {
    let keys = merged.of(arch);
    let nearest = |leaf: &Leaf<PodsPerNode>| leaf.spanned().copied();
    let pods_per_node = nearest(keys.pods_per_node)
        .or(nearest(&merged.pods_per_node))
        .unwrap_or(Spanned { value: DEFAULT_PODS_PER_NODE, span: fallback_span });
    let own_keys = own.of(arch);
    let types = if !own_keys.instance_types.is_absent() {
        own_keys.instance_types
    } else if !own_keys.instance_type.is_absent() {
        &Leaf::Absent
    } else {
        let below = defaults.of(arch).instance_types;
        if let (Leaf::Given(types), Leaf::Given(count)) = (below, own_keys.pods_per_node) {
            problems.push(
                Problem::new(
                    &rule::INSTANCE_TYPES_EXCLUSIVE,
                    format!("`{}_pods_per_node` has no effect beside the `instance_types` of `defaults`", arch.name()),
                )
                .at(count.span, "this number is not used")
                .see(types.span, "each type brings its own number here")
                .help(format!("give the cluster its own `{}_instance_types`", arch.name())),
            );
        }
        below
    };
    match types {
        Leaf::Refused => None,
        Leaf::Given(types) if types.value.0.is_empty() => {
            problems.push(
                Problem::new(&rule::INSTANCE_TYPES_EMPTY, format!("`{}_instance_types` names no type", arch.name()))
                    .at(types.span, "expected `type: pods per node`"),
            );
            None
        }
        Leaf::Given(types) => Some(
            types
                .value
                .0
                .iter()
                .map(|(name, count)| Wanted { name: name.clone(), pods_per_node: count.unwrap_or(pods_per_node) })
                .collect(),
        ),
        Leaf::Absent => {
            let name = match keys.instance_type {
                Leaf::Refused => return None,
                Leaf::Given(name) => name.clone(),
                Leaf::Absent => Spanned { value: TypeName::of_default(arch), span: pods_per_node.span },
            };
            Some(vec![Wanted { name, pods_per_node }])
        }
    }
}

/// `{arch}_instance_types` and the singular keys say the same: one layer may use one of them.
pub fn check_exclusive(layer: &Buildkit, problems: &mut Problems) {
    for arch in Arch::ALL {
        let keys = layer.of(arch);
        let Some(types) = keys.instance_types.span() else { continue };
        let singular = [("instance_type", keys.instance_type.span()), ("pods_per_node", keys.pods_per_node.span())];
        for (key, span) in singular.into_iter().filter_map(|(key, span)| Some((key, span?))) {
            let (name, key) = (arch.name(), format!("{}_{key}", arch.name()));
            problems.push(
                Problem::new(&rule::INSTANCE_TYPES_EXCLUSIVE, format!("`{key}` stands beside `{name}_instance_types`"))
                    .at(span, "this value would not be used")
                    .see(types, "the types and their pods per node are given here")
                    .help(format!("remove `{key}`, or say all of it with `{name}_instance_types`")),
            );
        }
    }
}

/// Every row of `instance_specs` gives what the catalogue does not know, used or not: a misspelt type would otherwise
/// be one that nobody uses.
pub fn check_specs(merged: &Buildkit, problems: &mut Problems) {
    for (name, (span, spec)) in &merged.instance_specs.0 {
        match instances::look_up(name, Some(spec)) {
            Ok(_) | Err(Missing::Unknown) => {}
            Err(Missing::Column(column)) => problems.push(
                Problem::new(
                    &rule::INSTANCE_SPEC_INCOMPLETE,
                    format!("`instance_specs` gives no `{column}` for `{name}`"),
                )
                .at(*span, "the catalogue does not know this type")
                .help("give arch, vcpu, memory_mib, local_nvme_gb and eni_max_pods, from the vendor's tables"),
            ),
            Err(Missing::UnevenNuma { vcpu, numa_nodes }) => problems.push(
                Problem::new(
                    &rule::INVALID_VALUE,
                    format!("`numa_nodes` cannot be {numa_nodes} for `{name}`, which has {vcpu} vCPU"),
                )
                .at(spec.numa_nodes.span().unwrap_or(*span), "expected a number that divides the vCPU"),
            ),
        }
    }
}

/// The facts of a type, if it can carry a builder of this architecture.
fn facts(arch: Arch, name: &Spanned<TypeName>, merged: &Buildkit, problems: &mut Problems) -> Option<InstanceType> {
    let own = merged.instance_specs.0.get(name.value.as_str());
    let instance = match instances::look_up(name.value.as_str(), own.map(|(_, spec)| spec)) {
        Ok(instance) => instance,
        // Told by `check_specs`, for every row.
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
    if instance.local_nvme_gb == 0 {
        problems.push(
            Problem::new(&rule::INSTANCE_TYPE_WITHOUT_NVME, format!("`{}` has no local NVMe", name.value))
                .at(name.span, "the build cache would fill the root disk")
                .help("choose a type with local NVMe, such as the `d` types of each family"),
        );
        return None;
    }
    if !instance.numa_known {
        problems.push(
            Problem::new(
                &rule::NUMA_UNKNOWN,
                format!("the NUMA nodes of `{}` are not known; 1 is assumed", name.value),
            )
            .at(name.span, format!("{} vCPU may be two sockets", instance.vcpu))
            .help(format!(
                "look at `lscpu` on such a node and write `instance_specs: {{{}: {{numa_nodes: N}}}}`",
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
    // The same name with `d` is the type with disks: m6i.24xlarge for m6id.24xlarge.
    let label = near.map_or_else(
        || "not in the catalogue of types with local NVMe".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let help = if siblings.is_empty() {
        "choose a type with local NVMe, or give its facts in `instance_specs`".to_owned()
    } else {
        format!("known of this family: {}; other types go into `instance_specs`", siblings.join(", "))
    };
    Problem::new(&rule::INSTANCE_TYPE_UNKNOWN, format!("unknown {} instance type `{text}`", arch.name()))
        .at(name.span, label)
        .help(help)
}

/// The pod that the first type is cut into.
fn size_by(planned: &PlannedType, entry: &Wanted, problems: &mut Problems) -> Option<PodSize> {
    let pod = sizing::pod_size(&planned.instance, planned.pods_per_node);
    if pod.vcpu >= 1 && pod.gib >= 1 {
        return Some(pod);
    }
    let largest = (1..planned.pods_per_node).rev().find(|n| {
        let pod = sizing::pod_size(&planned.instance, *n);
        pod.vcpu >= 1 && pod.gib >= 1
    });
    let help = largest
        .map_or_else(|| "choose a larger type".to_owned(), |n| format!("at most {n} pods share a node of this type"));
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

/// The declared pods must fit the node by resources and by NUMA.
fn check_fit(planned: &PlannedType, entry: &Wanted, pod: PodSize, first: &Wanted, problems: &mut Problems) {
    let (instance, declared) = (&planned.instance, planned.pods_per_node);
    let fits = sizing::fits(instance, pod);
    if fits < declared {
        problems.push(
            Problem::new(
                &rule::POD_DOES_NOT_FIT,
                format!(
                    "`{}` holds {fits} of the pods of {} vCPU and {} GiB, not {declared}",
                    instance.name, pod.vcpu, pod.gib
                ),
            )
            .at(entry.pods_per_node.span, format!("at most {fits}"))
            .see(first.name.span, "the first type sizes the pod")
            .help("lower the number, or put this type first to size the pod by it"),
        );
        return;
    }
    if sizing::cache_request_gb(instance.local_nvme_gb, declared) == 0 {
        problems.push(
            Problem::new(
                &rule::INSTANCE_TYPE_WITHOUT_NVME,
                format!("`{}` has {} GB of NVMe for {declared} pods", instance.name, instance.local_nvme_gb),
            )
            .at(entry.name.span, "less than 1 GB of cache for each")
            .help("choose a type with more local NVMe"),
        );
        return;
    }
    let numa = sizing::fits_numa(instance, pod);
    let placed = sizing::fits_with_all_memory(instance, pod).max(declared);
    if placed > numa {
        let aligned: Vec<String> = (1..=8).filter(|n| aligns(instance, *n)).map(|n| n.to_string()).collect();
        problems.push(
            Problem::new(
                &rule::NUMA_MISFIT,
                format!(
                    "`{}` has {} NUMA nodes: {numa} pods of {} vCPU can be aligned, the scheduler may place {placed}",
                    instance.name, instance.numa_nodes, pod.vcpu
                ),
            )
            .at(
                entry.pods_per_node.span,
                format!("{declared} on {} x {} vCPU", instance.numa_nodes, instance.vcpu / instance.numa_nodes),
            )
            .help(format!(
                "as the first type, `{}` takes {} pods per node",
                instance.name,
                aligned.join(", ")
            )),
        );
    }
}

/// Whether the type, cut into `n` pods, runs them all aligned.
fn aligns(instance: &InstanceType, n: u64) -> bool {
    let pod = sizing::pod_size(instance, n);
    if pod.vcpu == 0 || pod.gib == 0 {
        return false;
    }
    sizing::fits_with_all_memory(instance, pod).max(n) <= sizing::fits_numa(instance, pod)
}
