//! Text of clusters.yaml that Flux would change. What a patch adds shows in rendered manifests, as an invariant that breaks.

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::input::yaml::{Kind, Node};
use crate::values::delivery::substituted;

/// Texts in the block of a cluster that Flux delivers, and in the one of `defaults`.
pub(super) fn check(tree: &Node, cluster: &str, problems: &mut Problems) {
    let own = tree.get("clusters").and_then(|clusters| clusters.get(cluster));
    for block in [own, tree.get("defaults")].into_iter().flatten().filter_map(|block| block.get("buildkit")) {
        if let Kind::Mapping(entries) = &block.kind {
            for (key, value) in entries.iter().filter(|(key, _)| key.text() != Some("patches")) {
                texts(key, problems);
                texts(value, problems);
            }
        }
    }
}

fn texts(node: &Node, problems: &mut Problems) {
    match &node.kind {
        Kind::Scalar { text, .. } => {
            if let Some(part) = substituted(text) {
                problems.push(
                    Problem::new(&rule::SUBSTITUTED_BY_FLUX, format!("Flux would change {}", node.describe()))
                        .at(node.span, format!("has `{part}`"))
                        .help("write it without, as `$NAME` in a shell, or remove `delivery: flux`"),
                );
            }
        }
        Kind::Sequence(items) => items.iter().for_each(|item| texts(item, problems)),
        Kind::Mapping(entries) => entries.iter().for_each(|(key, value)| {
            texts(key, problems);
            texts(value, problems);
        }),
        Kind::Alias(_) => {}
    }
}
