//! Reads where builders run, and how large they are.

use indexmap::IndexMap;

use crate::config::Buildkit;
use crate::config::builder::BuilderKeys;
use crate::config::nodes::ArchNodesKeys;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::diagnostics::words::names;
use crate::fleet::cache_volume::{CacheVolume, GIB_IN_MB_AT_MOST};
use crate::fleet::placement::{GivenNodes, KarpenterNodes, Placement};
use crate::fleet::sizing::PodSize;
use crate::input::layer::{LayerField, scalar_key};
use crate::resolve::instance_plan::{self, Layers};
use crate::resolve::nodes::NodesSource;
use crate::resolve::{cache_volume, provisioner};
use crate::values::arch::Arch;
use crate::values::name::LabelKey;

const ARCH_LABEL: &str = "kubernetes.io/arch";

/// The layers of a cluster. It matters which one names types and sizes, so the merged one is not enough.
#[derive(Clone, Copy)]
pub(super) struct FleetLayers<'a> {
    pub nodes: &'a NodesSource<'a>,
    pub own: &'a Buildkit,
    pub defaults: &'a Buildkit,
    /// The place for problems of values that are not in the file.
    pub at: Span,
}

impl<'a> FleetLayers<'a> {
    fn merged(self) -> &'a Buildkit {
        self.nodes.layer
    }

    fn layers(self, karpenter: bool, cache: CacheVolume) -> Layers<'a> {
        Layers { own: self.own, defaults: self.defaults, merged: self.merged(), cache, karpenter, at: self.at }
    }
}

/// The placement of an architecture's builders; none where a problem was found.
pub(super) fn read(source: FleetLayers, arch: Arch, problems: &mut Problems) -> Option<Placement> {
    if !provisioner::of(source.merged()).is_karpenter() {
        return Some(Placement::Given(given(source, arch, problems)?));
    }
    // Without effect, and wrong all the same.
    read_selector(&source.merged().nodes.of(arch), problems);
    let cache = cache_volume::read(arch, source.merged(), problems);
    let plan = instance_plan::read(arch, source.layers(true, cache), problems);
    let settings = source.nodes.read(Some(arch), problems);
    Some(Placement::Karpenter(Box::new(KarpenterNodes { plan: plan?, settings })))
}

/// The labels that builders select, beside their architecture.
fn read_selector(keys: &ArchNodesKeys, problems: &mut Problems) -> IndexMap<String, String> {
    let mut selector = IndexMap::new();
    for (key, (span, value)) in &keys.selector.0 {
        if key == ARCH_LABEL {
            problems.push(
                Problem::new(&rule::RESERVED_LABEL, format!("the label `{ARCH_LABEL}` is selected in any case"))
                    .at(*span, "it comes from `architectures`")
                    .help("remove it"),
            );
        } else if let (Some(key), Some(value)) = (scalar_key::<LabelKey>("selector", key, *span, problems), value.get())
        {
            selector.insert(key.value.to_string(), value.to_string());
        }
    }
    selector
}

fn given(source: FleetLayers, arch: Arch, problems: &mut Problems) -> Option<GivenNodes> {
    let keys = source.merged().nodes.of(arch);
    let selector = read_selector(&keys, problems);
    let tolerations = keys.tolerations.get().map(|all| all.0.clone()).unwrap_or_default();
    if has_size(&source.merged().builder) && !follows_type(source, arch) {
        let (pod, cache_gib) = stated(&source.merged().builder, problems)?;
        return Some(GivenNodes { selector, tolerations, pod, cache_gib, plan: None });
    }
    if !names_type(source.merged(), arch) {
        problems.push(
            Problem::new(&rule::BUILDER_SIZE_REQUIRED, format!("{} builders have no size", arch.name()))
                .at(
                    source.merged().nodes.provisioner.span().unwrap_or(source.at),
                    "nodes that Karpenter does not make have no type to follow",
                )
                .help("add `builder: {cpu: 4, memory: 16Gi, cache: 50Gi}`"),
        );
        return None;
    }
    let plan = instance_plan::read(arch, source.layers(false, CacheVolume::Nvme), problems)?;
    // In GiB, rounded down: the share of the disk is in GB.
    let cache_gib = plan.cache_request_gb() * 1000 / GIB_IN_MB_AT_MOST;
    if cache_gib == 0 {
        problems.push(
            Problem::new(&rule::INSTANCE_TYPE_WITHOUT_NVME, "less than 1 GiB of disk for each builder's cache")
                .at(source.at, format!("{} GB for each", plan.cache_request_gb()))
                .help("raise `local_nvme_gb` in `instance_specs`, or lower the pods per node"),
        );
        return None;
    }
    Some(GivenNodes { selector, tolerations, pod: plan.pod, cache_gib, plan: Some(plan) })
}

fn has_size(keys: &BuilderKeys) -> bool {
    !(keys.cpu.is_absent() && keys.memory.is_absent() && keys.cache.is_absent())
}

fn names_type(layer: &Buildkit, arch: Arch) -> bool {
    let keys = layer.of(arch);
    !(keys.instance_type.is_absent() && keys.instance_types.is_absent())
}

/// Whether the cluster itself names a type, where only `defaults` has a size.
fn follows_type(source: FleetLayers, arch: Arch) -> bool {
    !has_size(&source.own.builder) && names_type(source.own, arch)
}

/// The size that is given outright: all three keys, or none.
fn stated(keys: &BuilderKeys, problems: &mut Problems) -> Option<(PodSize, u64)> {
    let all = [("cpu", keys.cpu.is_absent()), ("memory", keys.memory.is_absent()), ("cache", keys.cache.is_absent())];
    let missing: Vec<String> = all.iter().filter(|(_, missing)| *missing).map(|(key, _)| (*key).to_owned()).collect();
    if let (false, Some(at)) = (missing.is_empty(), keys.place()) {
        problems.push(
            Problem::new(&rule::BUILDER_SIZE_REQUIRED, format!("`builder` has no {}", names(&missing)))
                .at(at, "`cpu`, `memory` and `cache` together are the size of a builder")
                .help("add what is missing, such as `builder: {cpu: 4, memory: 16Gi, cache: 50Gi}`"),
        );
    }
    let pod = PodSize { vcpu: keys.cpu.get()?.get().into(), gib: keys.memory.get()?.get() };
    Some((pod, keys.cache.get()?.get()))
}

/// A cluster that gives a size and names a type has two sizes.
pub(super) fn check_one_size(own: &Buildkit, arches: &[Arch], problems: &mut Problems) {
    let size = [own.builder.cpu.span(), own.builder.memory.span(), own.builder.cache.span()];
    let Some(size) = size.into_iter().flatten().min() else { return };
    let of_arch = arches.iter().flat_map(|arch| {
        let keys = own.of(*arch);
        let types = [
            ("instance_type", keys.instance_type.span()),
            ("instance_types", keys.instance_types.span()),
            ("pods_per_node", keys.pods_per_node.span()),
        ];
        types.map(|(key, span)| (format!("{}_{key}", arch.name()), span))
    });
    let both = [("pods_per_node".to_owned(), own.pods_per_node.span())];
    for (key, span) in of_arch.chain(both).filter_map(|(key, span)| Some((key, span?))) {
        problems.push(
            Problem::new(
                &rule::BUILDER_SIZE_TWICE,
                format!("`{key}` has no effect: `builder` gives the size of a builder"),
            )
            .at(span, "this value is ignored")
            .see(size, "the size is given here")
            .help("keep one of the two"),
        );
    }
}
