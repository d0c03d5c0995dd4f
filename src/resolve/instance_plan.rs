//! Reads which nodes an architecture runs on.

use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned};
use crate::fleet::cache_volume::CacheVolume;
use crate::fleet::instance_plan::{InstancePlan, PlannedType};
use crate::input::layer::Leaf;
use crate::resolve::cache_volume;
use crate::resolve::instance_rules::{RequestedType, check_crowd, check_fit, check_numa, facts, size_by};
use crate::values::arch::Arch;
use crate::values::count::PodsPerNode;

/// NodePool weights run from 100 down to 1 (CRD karpenter.sh/v1).
const MAX_TYPES: usize = 100;

/// A NodePool's name becomes a label value and, with a suffix, the name of NodeClaims.
const NODEPOOL_NAME_MAX: usize = 58;

/// The layers that a plan is read from. It matters which layer names the types, so the merged one is not enough.
#[derive(Clone, Copy)]
pub struct Layers<'a> {
    pub own: &'a Buildkit,
    pub defaults: &'a Buildkit,
    pub merged: &'a Buildkit,
    /// The disk of the caches.
    pub cache: CacheVolume,
    /// Whether these are the nodes that builders get, or only what their size follows from.
    pub karpenter: bool,
    /// The place for problems of values that are not in the file.
    pub at: Span,
}

/// The requested types: those of the nearest layer that names any.
fn wanted(arch: Arch, layers: Layers, problems: &mut Problems) -> Option<Vec<RequestedType>> {
    let Layers { own, defaults, merged, at, .. } = layers;
    let (keys, standard) = (merged.of(arch), Buildkit::standard());
    let nearest = |leaf: &Leaf<PodsPerNode>| leaf.spanned().copied();
    let pods_per_node = nearest(keys.pods_per_node)
        .or(nearest(&merged.pods_per_node))
        .unwrap_or(Spanned { value: standard.pods_per_node.required(), span: at });
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
                    format!("`{}_pods_per_node` has no effect: `defaults` has `instance_types`", arch.name()),
                )
                .at(count.span, "this number is ignored")
                .see(types.span, "each type has its own number here")
                .help(format!("give the cluster its own `{}_instance_types`", arch.name())),
            );
        }
        below
    };
    match types {
        Leaf::Refused => None,
        Leaf::Given(types) if types.value.0.is_empty() => {
            problems.push(
                Problem::new(&rule::INSTANCE_TYPES_EMPTY, format!("`{}_instance_types` is empty", arch.name()))
                    .at(types.span, "expected `type: pods per node`"),
            );
            None
        }
        Leaf::Given(types) => Some(
            types
                .value
                .0
                .iter()
                .map(|(name, count)| RequestedType {
                    name: name.clone(),
                    pods_per_node: count.unwrap_or(pods_per_node),
                })
                .collect(),
        ),
        Leaf::Absent => {
            let name = match keys.instance_type {
                Leaf::Refused => return None,
                Leaf::Given(name) => name.clone(),
                Leaf::Absent => Spanned { value: standard.of(arch).instance_type.required(), span: pods_per_node.span },
            };
            Some(vec![RequestedType { name, pods_per_node }])
        }
    }
}

/// Reads the plan of one architecture; none where a problem was found.
pub(super) fn read(arch: Arch, layers: Layers, problems: &mut Problems) -> Option<InstancePlan> {
    let wanted = wanted(arch, layers, problems)?;
    let Layers { merged, cache, karpenter, .. } = layers;
    if wanted.len() > MAX_TYPES {
        problems.push(
            Problem::new(
                &rule::TOO_MANY_INSTANCE_TYPES,
                format!("`{}_instance_types` lists {} types", arch.name(), wanted.len()),
            )
            .at(wanted[MAX_TYPES].name.span, format!("the first beyond {MAX_TYPES}"))
            .help("keep the types that you would really run on"),
        );
    }
    let mut entries = Vec::with_capacity(wanted.len());
    let mut pod = None;
    for (place, entry) in wanted.iter().enumerate() {
        let Some(instance) = facts(arch, &entry.name, (merged, cache, karpenter), problems) else { continue };
        let nodepool = format!("buildkit-{}-{}", arch.name(), instance.name.replace('.', "-"));
        if nodepool.len() > NODEPOOL_NAME_MAX {
            problems.push(
                Problem::new(
                    &rule::NODEPOOL_NAME_TOO_LONG,
                    format!("the NodePool name `{nodepool}` has {} characters", nodepool.len()),
                )
                .at(entry.name.span, format!("its NodePool name may have up to {NODEPOOL_NAME_MAX}"))
                .help("choose a type with a shorter name"),
            );
        }
        if let Some(same) = entries.iter().position(|entry: &PlannedType| entry.nodepool == nodepool) {
            problems.push(
                Problem::new(
                    &rule::NODEPOOL_NAME_COLLISION,
                    format!(
                        "`{}` and `{}` have the same NodePool name, `{nodepool}`",
                        wanted[same].name.value, entry.name.value
                    ),
                )
                .at(entry.name.span, "the second type")
                .see(wanted[same].name.span, "the first type")
                .help("use only one of the two"),
            );
        }
        let planned = PlannedType { instance, pods_per_node: entry.pods_per_node.value.get().into(), nodepool };
        if place == 0 {
            pod = size_by(&planned, entry, problems);
        }
        if let Some(pod) = pod {
            // The kubelet of other nodes need not align pods.
            if check_fit(&planned, entry, (pod, cache), &wanted[0], problems) && karpenter {
                check_numa(&planned, entry, pod, problems);
            }
        }
        entries.push(planned);
    }
    let plan = (entries.len() == wanted.len()).then_some(InstancePlan { entries, pod: pod?, cache })?;
    if karpenter {
        check_crowd(&plan, &wanted, problems);
        cache_volume::check(arch, &plan, merged, problems);
    }
    Some(plan)
}
