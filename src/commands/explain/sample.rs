//! Values that are worth a try at a key.

use crate::diagnostics::span::Span;
use crate::fleet::model::Fleet;
use crate::input::shape::{Map, Shape};
use crate::input::yaml::{Kind, Node};
use crate::values::arch::Arch;

/// Those that pods per node may be, and small, middling and large counts.
const NUMBERS: [u32; 11] = [0, 1, 2, 3, 4, 6, 8, 25, 60, 200, 1000];
/// Pods per node beside types: few, the types are many.
pub(super) const COUNTS: [u64; 3] = [1, 2, 4];
/// vCPU, NUMA nodes and pods of instance types.
const FACTS: [u32; 5] = [1, 8, 60, 200, 1000];
/// MiB and GB of instance types.
const SIZES: [u32; 4] = [1000, 40_000, 300_000, 1_000_000];
/// Bounds above this are of sizes.
const LARGEST_COUNT: u32 = 10_000;

/// Types of all sizes: what a type reaches depends on how many pods fit on it.
const AMD64_TYPES: [&str; 8] = [
    "m6id.24xlarge",
    "m6id.xlarge",
    "m6id.2xlarge",
    "m6id.8xlarge",
    "m6id.12xlarge",
    "m6id.32xlarge",
    "c6id.16xlarge",
    "r6id.32xlarge",
];
const ARM64_TYPES: [&str; 8] = [
    "m8gd.24xlarge",
    "m7gd.xlarge",
    "m7gd.2xlarge",
    "m7gd.8xlarge",
    "m7gd.12xlarge",
    "m7gd.16xlarge",
    "c7gd.16xlarge",
    "r8gd.48xlarge",
];

/// A value that is worth a try.
pub(super) struct Sample<'n> {
    pub value: Node<'n>,
    /// Of a block with names of the user's choice, the one entry that has another value.
    pub entry: Option<String>,
    /// The block that it differs from in that entry alone; none where that is the one in use.
    pub beside: Option<Node<'n>>,
}

impl<'n> Sample<'n> {
    pub(super) fn plain(value: Node<'n>) -> Self {
        Sample { value, entry: None, beside: None }
    }
}

/// What the values depend on beside the shape.
pub(super) struct Context<'c> {
    /// The key's own name.
    pub key: &'c str,
    pub fleet: &'c Fleet,
    /// Names that are in the block already, where the user chooses them.
    pub names: Vec<&'c str>,
    /// The values are facts of instance types, not counts of the fleet.
    pub facts: bool,
}

impl<'c> Context<'c> {
    /// Values of this shape. Rules may refuse any of them.
    pub(super) fn samples(&self, shape: &Shape) -> Vec<Node<'static>> {
        match shape {
            Shape::Boolean => vec![plain("true"), plain("false")],
            Shape::Integer { min, max } => self.numbers(*min, *max),
            Shape::OneOf(words) => words.iter().map(|text| word(text)).collect(),
            Shape::Text(_) if self.key.ends_with("_instance_type") => self.types().into_iter().map(word).collect(),
            Shape::Text(text) => text.examples.iter().map(|text| word(text)).collect(),
            Shape::List(items) => {
                let items = self.samples(items);
                let alone = items.iter().map(|item| node(Kind::Sequence(vec![item.clone()])));
                alone.chain([node(Kind::Sequence(items.clone())), node(Kind::Sequence(Vec::new()))]).collect()
            }
            Shape::Map(map) => self.maps(map),
            Shape::Block { keys, .. } => {
                let values: Vec<(&'static str, Vec<Node>)> =
                    keys.iter().map(|key| (key.name, self.samples(&(key.shape)()))).collect();
                let whole = values.iter().filter_map(|(name, values)| Some((word(name), values.first()?.clone())));
                let whole = node(Kind::Mapping(whole.collect()));
                let one = values
                    .into_iter()
                    .flat_map(|(name, values)| values.into_iter().map(move |value| pair(name, value)));
                one.chain([whole]).collect()
            }
        }
    }

    /// Blocks with one name each; where the order counts, also with one more name behind those in use.
    fn maps(&self, map: &Map) -> Vec<Node<'static>> {
        let mut values = self.of_values(map);
        if map.ordered {
            values = COUNTS.iter().map(|count| plain(&count.to_string())).collect();
        }
        let of_types = map.ordered || matches!(*map.value, Shape::Block { .. });
        let names = if of_types { self.types() } else { [map.name.examples, &self.names].concat() };
        let mut maps: Vec<Node> =
            names.iter().flat_map(|name| values.iter().map(move |value| pair(name, value.clone()))).collect();
        if map.ordered {
            let in_use: Vec<(Node, Node)> =
                self.in_use().map(|(name, count)| (word(name), plain(&count.to_string()))).collect();
            let more = names.iter().flat_map(|name| values.iter().map(move |value| (word(name), value.clone())));
            maps.extend(more.map(|one| node(Kind::Mapping([in_use.clone(), vec![one]].concat()))));
        }
        maps
    }

    /// Values of the entries of a block.
    pub(super) fn of_values(&self, map: &Map) -> Vec<Node<'static>> {
        let of_blocks = matches!(*map.value, Shape::Block { .. });
        Context { facts: of_blocks, names: self.names.clone(), ..*self }.samples(&map.value)
    }

    /// The usual numbers, and those around the fleet's own.
    fn numbers(&self, min: u32, max: u32) -> Vec<Node<'static>> {
        let mut numbers = match (max > LARGEST_COUNT, self.facts) {
            (true, _) => SIZES.to_vec(),
            (false, true) => FACTS.to_vec(),
            (false, false) => NUMBERS.to_vec(),
        };
        for pool in self.fleet.pools.iter().filter(|_| !self.facts) {
            let peak = pool.scaling.peak();
            numbers.extend([peak - 1, peak, peak + 1, 2 * peak]);
        }
        numbers.retain(|number| (min..=max).contains(number));
        numbers.sort_unstable();
        numbers.dedup();
        numbers.iter().map(|number| plain(&number.to_string())).collect()
    }

    /// Types in use, each with its pods per node: of the key's architecture, or of all where the key is of none.
    pub(super) fn in_use(&self) -> impl Iterator<Item = (&'c str, u64)> {
        let own = Arch::ALL.into_iter().find(|arch| self.key.starts_with(arch.name()));
        let pools = self.fleet.pools.iter().filter(move |pool| own.is_none_or(|own| own == pool.arch));
        let entries = pools.flat_map(|pool| &pool.plan.entries);
        entries.map(|entry| (entry.instance.name.as_str(), entry.pods_per_node))
    }

    /// Types in use; for a key of one architecture those of all sizes as well.
    pub(super) fn types(&self) -> Vec<&'c str> {
        let more: &[&str] = match self.key {
            key if key.starts_with(Arch::Amd64.name()) => &AMD64_TYPES,
            key if key.starts_with(Arch::Arm64.name()) => &ARM64_TYPES,
            _ => &[],
        };
        let mut types: Vec<&str> = self.in_use().map(|(name, _)| name).collect();
        types.extend(more);
        types
    }
}

pub(super) fn node(kind: Kind<'_>) -> Node<'_> {
    Node { span: Span::default(), kind, tagged: false }
}

pub(super) fn word(text: &str) -> Node<'static> {
    node(Kind::Scalar { text: text.to_owned().into(), plain: false })
}

pub(super) fn plain(text: &str) -> Node<'static> {
    node(Kind::Scalar { text: text.to_owned().into(), plain: true })
}

fn pair(name: &str, value: Node<'static>) -> Node<'static> {
    node(Kind::Mapping(vec![(word(name), value)]))
}
