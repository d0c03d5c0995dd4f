//! One cluster of clusters.yaml with another value at one key, to see what the value does.

use std::collections::HashSet;

use crate::commands::explain::plans;
use crate::commands::explain::sample::{Context, Sample, node, plain, word};
use crate::fleet::model::Fleet;
use crate::input::shape::{KeyPath, Shape};
use crate::input::yaml::{Kind, Node};
use crate::resolve::read::read_tree;
use crate::resolve::resolved::Resolved;
use crate::values::arch::Arch;

/// Most pods of an architecture where a value needs the bound beside it.
const COMPANION_MAX: u32 = 12;

/// The file with one of its clusters alone.
pub struct Subject<'a> {
    tree: &'a Node<'a>,
    cluster: &'a str,
}

/// A fleet that another value makes.
#[derive(Debug)]
pub struct Varied {
    pub fleet: Fleet,
    /// Of a block with names of the user's choice, the one entry that has another value.
    pub entry: Option<String>,
    /// What it differs from in that entry alone; none where that is the fleet in the file.
    pub beside: Option<Fleet>,
}

/// What other values at a key make of the cluster.
#[derive(Debug, Default)]
pub struct Variations {
    /// Fleets that differ from the one in the file.
    pub fleets: Vec<Varied>,
    /// Some value leaves the cluster without manifests.
    pub skips: bool,
    /// Some other value passes the rules, whether it makes a difference or not.
    pub accepted: bool,
}

impl<'a> Subject<'a> {
    pub fn new(tree: &'a Node<'a>, cluster: &'a str) -> Self {
        Subject { tree, cluster }
    }

    /// The fleet as it is.
    pub fn fleet(&self) -> Option<Fleet> {
        let (defaults, block) = self.blocks();
        match read(defaults, self.cluster, block.cloned()?)? {
            Resolved::Fleet(fleet) => Some(*fleet),
            Resolved::Skipped { .. } => None,
        }
    }

    /// `defaults`, and the cluster's own block.
    pub fn blocks(&self) -> (Option<&'a Node<'a>>, Option<&'a Node<'a>>) {
        (self.tree.get("defaults"), self.tree.get("clusters").and_then(|clusters| clusters.get(self.cluster)))
    }

    /// The entries that are written for a key, the cluster's own first; whether each stands in `defaults`. `*` stands
    /// for every name that is written there.
    pub fn written(&self, path: &[&str]) -> Vec<(&'a (Node<'a>, Node<'a>), bool)> {
        let (defaults, own) = self.blocks();
        let mut found = Vec::new();
        for (block, shared) in [(own, false), (defaults, true)] {
            let mut entries: Vec<&'a (Node<'a>, Node<'a>)> = Vec::new();
            for (depth, name) in path.iter().enumerate() {
                let blocks: Vec<&'a Node<'a>> = if depth == 0 {
                    block.into_iter().collect()
                } else {
                    entries.iter().map(|(_, value)| value).collect()
                };
                entries = blocks.into_iter().flat_map(|block| named(block, name)).collect();
            }
            found.extend(entries.into_iter().map(|entry| (entry, shared)));
        }
        found
    }

    /// Tries other values at the key. Where `*` stands for a name, those of the types in use are tried.
    pub fn variations(&self, key: &KeyPath, base: &Fleet) -> Variations {
        let mut found = Variations::default();
        let (defaults, Some(own)) = self.blocks() else { return found };
        let shape = (key.key.shape)();
        let entries = self.written(&key.path);
        let names = entries.iter().filter_map(|((_, value), _)| match &value.kind {
            Kind::Mapping(entries) if matches!(shape, Shape::Map(_)) => Some(entries),
            _ => None,
        });
        let names = names.flatten().filter_map(|(name, _)| name.text()).collect();
        let context = Context { key: key.key.name, fleet: base, names, facts: key.path.contains(&"*") };
        let mut samples = match &shape {
            Shape::Map(map) if map.ordered => plans::near(&context),
            Shape::Map(map) => self.other_entries(key, &context.of_values(map)),
            _ => Vec::new(),
        };
        samples.extend(context.samples(&shape).into_iter().map(Sample::plain));
        let mut seen = HashSet::from([format!("{base:?}")]);
        for path in paths(key, base) {
            let now = self.written(&path).first().map(|((_, value), _)| value.flow());
            let outcome = |value: &Node<'a>| {
                let block = with(own, &path, value.clone());
                read(defaults, self.cluster, block).or_else(|| {
                    read(defaults, self.cluster, with(&self.companions(own, key, base)?, &path, value.clone()))
                })
            };
            for Sample { value, entry, beside } in &samples {
                let beside = beside.as_ref().map(outcome);
                let beside = match beside {
                    Some(Some(Resolved::Fleet(fleet))) => Some(*fleet),
                    Some(_) => continue,
                    None => None,
                };
                match outcome(value) {
                    Some(Resolved::Fleet(fleet)) => {
                        found.accepted |= now.as_deref().or(key.key.default) != Some(value.flow().as_str());
                        if beside.is_some() || seen.insert(format!("{fleet:?}")) {
                            found.fleets.push(Varied { fleet: *fleet, entry: entry.clone(), beside });
                        }
                    }
                    Some(Resolved::Skipped { .. }) => found.skips = true,
                    None => {}
                }
            }
            // And no value at all, where one is written.
            if now.is_some()
                && let Some(own) = without(own, &path)
                && let Some(Resolved::Fleet(fleet)) =
                    read(defaults.and_then(|defaults| without(defaults, &path)).as_ref(), self.cluster, own)
                && seen.insert(format!("{fleet:?}"))
            {
                found.accepted = true;
                found.fleets.push(Varied { fleet: *fleet, entry: None, beside: None });
            }
        }
        found
    }

    /// The cluster's own block at the key, with another value for one entry of it or of `defaults`.
    fn other_entries(&self, key: &KeyPath, values: &[Node<'a>]) -> Vec<Sample<'a>> {
        let mut own = self.blocks().1;
        for name in &key.path {
            own = own.and_then(|block| block.get(name));
        }
        let own = own.cloned().unwrap_or_else(|| node(Kind::Alias));
        let entries = self.written(&[key.path.as_slice(), &["*"]].concat());
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for ((name, value), _) in entries {
            let Some(name) = name.text().filter(|name| seen.insert(*name)) else { continue };
            found.extend(values.iter().map(|other| Sample {
                value: with(&own, &[name], over(value, other)),
                entry: Some(name.to_owned()),
                beside: None,
            }));
        }
        found
    }

    /// The block with what the rules want beside another value of the key; none where they want nothing.
    fn companions(&self, own: &Node<'a>, key: &KeyPath, base: &Fleet) -> Option<Node<'a>> {
        match key.key.name {
            // The cluster's own singular keys exclude the types.
            name if name.ends_with("_instance_types") => {
                let arch = name.trim_end_matches("_instance_types");
                let singular = [format!("{arch}_instance_type"), format!("{arch}_pods_per_node")];
                let block = own.get("buildkit")?;
                let Kind::Mapping(entries) = &block.kind else { return None };
                let kept = entries.iter().filter(|(key, _)| !singular.iter().any(|name| key.text() == Some(name)));
                Some(with(own, &["buildkit"], node(Kind::Mapping(kept.cloned().collect()))))
            }
            "architectures" | "enabled" => {
                let mut block = own.clone();
                for arch in Arch::ALL {
                    let max = format!("{}_max", arch.name());
                    let path = ["buildkit", "autoscaling", max.as_str()];
                    if self.written(&path).is_empty() {
                        block = with(&block, &path, plain(&COMPANION_MAX.to_string()));
                    }
                }
                if !base.autoscaled() {
                    block = with(&block, &["modules"], node(Kind::Sequence(vec![word("keda"), word("buildkit")])));
                }
                Some(block)
            }
            _ => None,
        }
    }
}

/// The entries of this name; of every name for `*`.
fn named<'a>(block: &'a Node<'a>, name: &str) -> Vec<&'a (Node<'a>, Node<'a>)> {
    match &block.kind {
        Kind::Mapping(entries) if name == "*" => entries.iter().collect(),
        _ => block.entry(name).into_iter().collect(),
    }
}

/// The names that lead to the key; where `*` stands for a name, those with each type in use.
fn paths<'n>(key: &KeyPath, base: &'n Fleet) -> Vec<Vec<&'n str>> {
    if !key.path.contains(&"*") {
        return vec![key.path.clone()];
    }
    let types = base.pools.iter().flat_map(|pool| &pool.plan.entries).map(|entry| entry.instance.name.as_str());
    types.map(|name| key.path.iter().map(|step| if *step == "*" { name } else { *step }).collect()).collect()
}

/// What becomes of the cluster; none where it is refused.
fn read(defaults: Option<&Node>, cluster: &str, block: Node) -> Option<Resolved> {
    let mut root = Vec::new();
    if let Some(defaults) = defaults {
        root.push((word("defaults"), defaults.clone()));
    }
    root.push((word("clusters"), node(Kind::Mapping(vec![(word(cluster), block)]))));
    let (outcomes, problems) = read_tree(&node(Kind::Mapping(root)));
    if problems.has_errors() { None } else { outcomes.into_iter().next() }
}

/// The value with what the other one says instead: of a block, the keys that it has.
fn over<'n>(value: &Node<'n>, other: &Node<'n>) -> Node<'n> {
    match &other.kind {
        Kind::Mapping(entries) => entries.iter().fold(value.clone(), |block, (key, value)| {
            key.text().map_or(block.clone(), |key| with(&block, &[key], value.clone()))
        }),
        _ => other.clone(),
    }
}

/// The block without what stands at the end of the path; none where it is no block.
fn without<'n>(block: &Node<'n>, path: &[&str]) -> Option<Node<'n>> {
    let Kind::Mapping(entries) = &block.kind else { return None };
    let (first, rest) = path.split_first()?;
    let mut kept = Vec::new();
    for (key, value) in entries {
        match (key.text() == Some(*first), rest) {
            (true, []) => {}
            (true, rest) => kept.push((key.clone(), without(value, rest).unwrap_or_else(|| value.clone()))),
            (false, _) => kept.push((key.clone(), value.clone())),
        }
    }
    Some(node(Kind::Mapping(kept)))
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
