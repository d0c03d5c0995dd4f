//! The file as written: its blocks, each with its place. No rules across keys.

use crate::config::ClusterKeys;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned};
use crate::diagnostics::suggest::did_you_mean;
use crate::input::entries::entries;
use crate::input::layer::LayerField;
use crate::input::shape::Keys;
use crate::input::yaml::Node;

/// One cluster as written.
#[derive(Debug)]
pub struct ClusterBlock {
    pub name: Spanned<String>,
    /// The cluster's own block, from its key to its end.
    pub span: Span,
    pub entry: ClusterKeys,
    /// What is wrong with the block as written.
    pub problems: Problems,
}

/// The file as written.
#[derive(Debug, Default)]
pub struct Config {
    pub defaults: ClusterKeys,
    /// The key `clusters`.
    pub clusters_at: Span,
    pub clusters: Vec<ClusterBlock>,
}

impl Config {
    pub fn read(root: &Node, problems: &mut Problems) -> Self {
        let mut config = Config::default();
        for (key, span, value) in entries("clusters.yaml", root, Keys::Open, problems) {
            match key {
                "defaults" => config.defaults = ClusterKeys::read("defaults", span, value, problems),
                "clusters" => {
                    config.clusters_at = span;
                    for (name, key, block) in entries("clusters", value, Keys::Closed, problems) {
                        let mut problems = Problems::default();
                        config.clusters.push(ClusterBlock {
                            name: Spanned { value: name.to_owned(), span: key },
                            span: Span { start: key.start, end: block.span.end.max(key.end) },
                            entry: ClusterKeys::read(name, key, block, &mut problems),
                            problems,
                        });
                    }
                }
                _ => {
                    if let Some(near) = did_you_mean(key, ["defaults", "clusters"]) {
                        problems.push(
                            Problem::new(&rule::MISSPELT_TOP_LEVEL, format!("the top-level block `{key}` is ignored"))
                                .at(span, format!("did you mean `{near}`?"))
                                .help(format!("rename it to `{near}`, unless another tool reads it")),
                        );
                    }
                }
            }
        }
        if config.clusters.is_empty() && !problems.has_errors() {
            let start = Span { start: root.span.start, end: root.span.start + 1 };
            let given = config.clusters_at != Span::default();
            problems.push(
                Problem::new(&rule::CLUSTERS_REQUIRED, "the file has no clusters")
                    .at(
                        if given { config.clusters_at } else { start },
                        if given { "empty" } else { "expected `clusters:` in this block" },
                    )
                    .help("write `clusters:` with one block for each cluster"),
            );
        }
        config
    }
}
