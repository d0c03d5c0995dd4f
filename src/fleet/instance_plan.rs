//! Which nodes an architecture runs on, and the pod that they are cut into.

use crate::config::Buildkit;
use crate::fleet::arch::Arch;
use crate::fleet::count::PodsPerNode;
use crate::fleet::instance_rules::{check_crowd, check_fit, facts, size_by};
use crate::instances::{InstanceType, TypeName};
use crate::layer::Leaf;
use crate::problem::{Problem, Problems, Span, Spanned};
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

/// The layers that a plan is read from: which one names the types decides, so merging alone is not enough.
#[derive(Clone, Copy)]
pub struct Layers<'a> {
    pub own: &'a Buildkit,
    pub defaults: &'a Buildkit,
    pub merged: &'a Buildkit,
    /// The place for problems of values that nobody wrote.
    pub at: Span,
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

    /// Most pods on one node over all types: the disk shares of buildkitd.toml serve the fullest node.
    pub fn most_pods_per_node(&self) -> u64 {
        self.entries.iter().map(|entry| self.placed_on(entry)).max().unwrap_or(1)
    }

    /// Most pods on one node of a type. The scheduler places as many as fit by their requests, which may be more than
    /// were declared.
    pub fn placed_on(&self, entry: &PlannedType) -> u64 {
        let by_disk = entry.instance.local_nvme_gb / self.cache_request_gb().max(1);
        sizing::fits_with_all_memory(&entry.instance, self.pod).min(by_disk).max(entry.pods_per_node)
    }

    /// Disk request of a pod, in GB: the smallest over all types, so that the pod fits on each.
    pub fn cache_request_gb(&self) -> u64 {
        let request = |entry: &PlannedType| sizing::cache_request_gb(entry.instance.local_nvme_gb, entry.pods_per_node);
        self.entries.iter().map(request).min().unwrap_or(0)
    }

    /// Reads the plan of one architecture; none where a problem was found.
    pub fn read(arch: Arch, layers: Layers, problems: &mut Problems) -> Option<Self> {
        let wanted = wanted(arch, layers, problems)?;
        let merged = layers.merged;
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
        let plan = (entries.len() == wanted.len()).then_some(InstancePlan { entries, pod: pod? })?;
        check_crowd(&plan, &wanted, problems);
        Some(plan)
    }
}

/// A type as the user asked for it.
pub(super) struct Wanted {
    pub(super) name: Spanned<TypeName>,
    pub(super) pods_per_node: Spanned<PodsPerNode>,
}

/// The types that were asked for: the nearest layer that names any decides.
fn wanted(arch: Arch, layers: Layers, problems: &mut Problems) -> Option<Vec<Wanted>> {
    let Layers { own, defaults, merged, at } = layers;
    let keys = merged.of(arch);
    let nearest = |leaf: &Leaf<PodsPerNode>| leaf.spanned().copied();
    let pods_per_node = nearest(keys.pods_per_node)
        .or(nearest(&merged.pods_per_node))
        .unwrap_or(Spanned { value: DEFAULT_PODS_PER_NODE, span: at });
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
