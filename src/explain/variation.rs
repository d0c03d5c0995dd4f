//! One cluster of clusters.yaml with another value at one key, to see what the value does.

use crate::fleet::{Fleet, Outcome};
use crate::input;
use crate::problem::Span;
use crate::shape::{KeyPath, Shape};
use crate::yaml::{Kind, Node};

/// Numbers to try: those that pods per node may be, and small, middling and large counts.
const NUMBERS: [u32; 9] = [1, 2, 3, 4, 6, 25, 200, 230, 1000];

/// The file with one of its clusters alone.
pub struct Subject<'a> {
    tree: &'a Node<'a>,
    cluster: &'a str,
}

impl<'a> Subject<'a> {
    pub fn new(tree: &'a Node<'a>, cluster: &'a str) -> Self {
        Subject { tree, cluster }
    }

    /// The fleet as it is.
    pub fn fleet(&self) -> Option<Fleet> {
        let (defaults, block) = self.blocks();
        read(defaults, self.cluster, block.cloned()?)
    }

    /// `defaults`, and the cluster's own block.
    pub fn blocks(&self) -> (Option<&'a Node<'a>>, Option<&'a Node<'a>>) {
        (self.tree.get("defaults"), self.tree.get("clusters").and_then(|clusters| clusters.get(self.cluster)))
    }

    /// The value that is written for a key and whether it stands in `defaults`.
    pub fn written(&self, path: &[&str]) -> Option<(&'a Node<'a>, bool)> {
        let (defaults, own) = self.blocks();
        let at = |block: Option<&'a Node<'a>>| path.iter().try_fold(block?, |node, name| node.get(name));
        at(own).map(|node| (node, false)).or_else(|| at(defaults).map(|node| (node, true)))
    }

    /// Fleets that have another value at the key. Values that the rules refuse beside the rest of the file make none.
    pub fn variations(&self, key: &KeyPath, base: &Fleet) -> Vec<Fleet> {
        let (defaults, Some(own)) = self.blocks() else { return Vec::new() };
        let types: Vec<&str> =
            base.pools.iter().flat_map(|pool| &pool.plan.entries).map(|entry| entry.instance.name.as_str()).collect();
        samples(&(key.key.shape)(), &types)
            .into_iter()
            .filter_map(|sample| read(defaults, self.cluster, with(own, &key.path, sample)))
            .collect()
    }
}

fn read(defaults: Option<&Node>, cluster: &str, block: Node) -> Option<Fleet> {
    let mut root = Vec::new();
    if let Some(defaults) = defaults {
        root.push((word("defaults"), defaults.clone()));
    }
    root.push((word("clusters"), node(Kind::Mapping(vec![(word(cluster), block)]))));
    let (outcomes, problems) = input::read_tree(&node(Kind::Mapping(root)));
    if problems.has_errors() {
        return None;
    }
    outcomes.into_iter().find_map(|outcome| match outcome {
        Outcome::Fleet(fleet) => Some(*fleet),
        Outcome::Skipped { .. } => None,
    })
}

/// The block with this value at the end of the path.
fn with<'n>(block: &Node<'n>, path: &[&str], value: Node<'n>) -> Node<'n> {
    let Some((first, rest)) = path.split_first() else { return value };
    let mut entries = match &block.kind {
        Kind::Mapping(entries) => entries.clone(),
        _ => Vec::new(),
    };
    let place = entries.iter().position(|(key, _)| key.text() == Some(*first));
    let inner = with(place.map_or(&node(Kind::Alias), |place| &entries[place].1), rest, value);
    match place {
        Some(place) => entries[place].1 = inner,
        None => entries.push((word(first), inner)),
    }
    node(Kind::Mapping(entries))
}

/// Values that are worth a try.
fn samples(shape: &Shape, types: &[&str]) -> Vec<Node<'static>> {
    match shape {
        Shape::Boolean => vec![plain("true"), plain("false")],
        Shape::Integer { min, max } => {
            NUMBERS.iter().filter(|n| (min..=max).contains(n)).map(|n| plain(&n.to_string())).collect()
        }
        Shape::OneOf(words) => words.iter().map(|text| word(text)).collect(),
        Shape::Text(text) => text.examples.iter().map(|text| word(text)).collect(),
        Shape::List(items) => samples(items, types).into_iter().map(|item| node(Kind::Sequence(vec![item]))).collect(),
        Shape::Map(map) => {
            let values = samples(&map.value, types);
            // Facts of types count for the types in use.
            let names: Vec<&str> = map.name.examples.iter().chain(types).copied().collect();
            names
                .iter()
                .flat_map(|name| values.iter().map(move |value| node(Kind::Mapping(vec![(word(name), value.clone())]))))
                .collect()
        }
        Shape::Block { keys, .. } => keys
            .iter()
            .flat_map(|key| {
                let values = samples(&(key.shape)(), types);
                values.into_iter().map(move |value| node(Kind::Mapping(vec![(word(key.name), value)])))
            })
            .collect(),
    }
}

fn node(kind: Kind<'_>) -> Node<'_> {
    Node { span: Span::default(), kind, tagged: false }
}

fn word(text: &str) -> Node<'static> {
    node(Kind::Scalar { text: text.to_owned().into(), plain: false })
}

fn plain(text: &str) -> Node<'static> {
    node(Kind::Scalar { text: text.to_owned().into(), plain: true })
}
