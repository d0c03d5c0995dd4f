//! Keys that have an effect with one value of `nodes.provisioner` only.

use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::input::layer::LayerField;
use crate::values::provisioner::Provisioner;

/// Keys of `nodes` for nodes that the set does not make; all others there are for Karpenter's.
const OF_GIVEN_NODES: [&str; 2] = ["selector", "tolerations"];
/// Keys of `builder` that state a size, which Karpenter's nodes determine otherwise.
const SIZES: [&str; 3] = ["cpu", "memory", "cache"];

/// Who makes the nodes of a fleet.
pub(super) fn of(layer: &Buildkit) -> Provisioner {
    // Nothing is then said of what Karpenter would want: whoever writes the key means something else.
    if layer.nodes.provisioner.is_refused() {
        return Provisioner::NONE;
    }
    layer.nodes.provisioner.or(&Buildkit::standard().nodes.provisioner)
}

/// The keys of a block that are for one provisioner alone, each with its place.
fn keys_for(provisioner: Provisioner, block: &Buildkit) -> Vec<(String, Span)> {
    let nodes = &block.nodes;
    let both = nodes.both().given().into_iter().map(|(key, span)| (format!("nodes.{key}"), key, span));
    let of_arch = [("amd64", nodes.amd64.given()), ("arm64", nodes.arm64.given())]
        .into_iter()
        .flat_map(|(arch, keys)| keys.into_iter().map(move |(key, span)| (format!("nodes.{arch}.{key}"), key, span)));
    let of_nodes = both
        .chain(of_arch)
        .filter(|(_, key, _)| OF_GIVEN_NODES.contains(key) != provisioner.is_karpenter())
        .map(|(path, _, span)| (path, span));
    let mut found: Vec<(String, Span)> = of_nodes.collect();
    let of_builder = block
        .builder
        .given()
        .into_iter()
        .filter(|(key, _)| if provisioner.is_karpenter() { *key == "cache_disk" } else { SIZES.contains(key) });
    found.extend(of_builder.map(|(key, span)| (format!("builder.{key}"), span)));
    if provisioner.is_karpenter() {
        let others =
            [("ami_alias", block.ami_alias.span()), ("load_balancer.node_pool", block.load_balancer.node_pool.at)];
        found.extend(others.into_iter().filter_map(|(key, span)| Some((key.to_owned(), span?))));
    }
    found
}

fn other(provisioner: Provisioner) -> Provisioner {
    if provisioner.is_karpenter() { Provisioner::NONE } else { Provisioner::KARPENTER }
}

/// Keys of a cluster's own block that have no effect with its provisioner. Those of `defaults` may be for other clusters.
pub(super) fn check_own(own: &Buildkit, provisioner: Provisioner, problems: &mut Problems) {
    for (key, span) in keys_for(other(provisioner), own) {
        let (label, help) = if provisioner.is_karpenter() {
            ("nodes of Karpenter are the builders' own, and their type determines a builder's size", "none")
        } else {
            ("the set has no nodes of Karpenter", "karpenter")
        };
        problems.push(
            Problem::new(
                &rule::KEY_FOR_OTHER_NODES,
                format!("`{key}` has no effect with `nodes.provisioner: {}`", provisioner.as_str()),
            )
            .at(span, label)
            .help(format!("remove it, or set `nodes.provisioner: {help}`")),
        );
    }
}

/// Keys of `defaults` that have no effect in any cluster. `used` is what the clusters with a fleet use.
pub(super) fn check_defaults(defaults: &Buildkit, used: &[Provisioner], problems: &mut Problems) {
    let Some(first) = used.first().filter(|first| used.iter().all(|one| one == *first)) else { return };
    check_own(defaults, *first, problems);
}
