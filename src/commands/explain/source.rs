//! One cluster of clusters.yaml as written, and with other values in it.

use crate::input::yaml::{Kind, Node};
use crate::resolve::read::read_tree;
use crate::resolve::resolved::Resolved;

/// The file as it is named and as it reads, and the cluster that the question is about.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub path: &'a str,
    pub text: &'a str,
    pub tree: &'a Node<'a>,
    pub cluster: &'a str,
}

/// A key of the file and its value.
pub type KeyAndValue<'a> = (Node<'a>, Node<'a>);

impl<'a> Source<'a> {
    /// `defaults`, and the cluster's own block.
    pub fn blocks(&self) -> (Option<&'a Node<'a>>, Option<&'a Node<'a>>) {
        (self.tree.get("defaults"), self.tree.get("clusters").and_then(|clusters| clusters.get(self.cluster)))
    }

    /// What is written at a key, the cluster's own first; whether each stands in `defaults`. `*` stands for every name
    /// that is written there.
    pub fn written(&self, path: &[&str]) -> Vec<(&'a KeyAndValue<'a>, bool)> {
        let (defaults, own) = self.blocks();
        let mut found = Vec::new();
        for (block, shared) in [(own, false), (defaults, true)] {
            let mut blocks: Vec<&'a Node<'a>> = block.into_iter().collect();
            let mut pairs = Vec::new();
            for name in path {
                pairs = blocks.into_iter().flat_map(|block| named(block, name)).collect();
                blocks = pairs.iter().map(|(_, value)| value).collect();
            }
            found.extend(pairs.into_iter().map(|pair| (pair, shared)));
        }
        found
    }

    /// What becomes of the cluster with these blocks; none where it is refused.
    pub fn resolve(&self, defaults: Option<&Node<'a>>, own: Node<'a>) -> Option<Resolved> {
        let clusters = ("clusters".to_owned(), Node::block([(self.cluster.to_owned(), own)]));
        let defaults = defaults.map(|defaults| ("defaults".to_owned(), defaults.clone()));
        let (outcomes, problems) = read_tree(&Node::block(defaults.into_iter().chain([clusters])));
        if problems.has_errors() { None } else { outcomes.into_iter().next() }
    }
}

/// The pairs of this name; of every name for `*`.
fn named<'a>(block: &'a Node<'a>, name: &str) -> Vec<&'a KeyAndValue<'a>> {
    match &block.kind {
        Kind::Mapping(pairs) if name == "*" => pairs.iter().collect(),
        _ => block.entry(name).into_iter().collect(),
    }
}
