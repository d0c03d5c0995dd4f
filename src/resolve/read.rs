//! From the bytes of clusters.yaml to its fleets.

use std::collections::HashMap;

use crate::config::ClusterKeys;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::span::Span;
use crate::input::alias::{self, AliasUse};
use crate::input::shape::flatten;
use crate::input::yaml::{self, Node};
use crate::resolve::file::Config;
use crate::resolve::keys::home;
use crate::resolve::resolved::Resolved;
use crate::resolve::{fleet, substitution};
use crate::values::delivery::Delivery;

/// What was read of a file. If there is an error among the problems, the outcomes must not be used.
#[derive(Debug, Default)]
pub struct Reading {
    pub outcomes: Vec<Resolved>,
    pub problems: Problems,
    /// The block of each cluster.
    pub blocks: HashMap<String, Span>,
}

pub fn read(bytes: &[u8]) -> Reading {
    match yaml::decode(bytes).and_then(parse) {
        Ok((tree, uses)) => read_written_out(&tree, &uses),
        Err(problem) => {
            let mut reading = Reading::default();
            reading.problems.push(problem);
            reading
        }
    }
}

/// The outcomes and the problems of a file.
pub fn read_bytes(bytes: &[u8]) -> (Vec<Resolved>, Problems) {
    let Reading { outcomes, problems, .. } = read(bytes);
    (outcomes, problems)
}

/// The tree of a file, with the aliases of what is read here written out, and where they stand.
pub fn parse(source: &str) -> Result<(Node<'_>, Vec<AliasUse>), Problem> {
    alias::written_out(yaml::parse(source)?, ClusterKeys::KEYS)
}

/// Like `read_bytes`, for a file that is already parsed.
pub fn read_tree(tree: &Node) -> (Vec<Resolved>, Problems) {
    let Reading { outcomes, problems, .. } = read_written_out(tree, &[]);
    (outcomes, problems)
}

fn read_written_out(tree: &Node, uses: &[AliasUse]) -> Reading {
    let mut problems = Problems::default();
    let mut config = Config::read(tree, &mut problems);
    let outcomes = fleet::all(&mut config, &mut problems);
    let blocks: HashMap<String, Span> =
        config.clusters.iter().map(|cluster| (cluster.name.value.clone(), cluster.span)).collect();
    for fleet in outcomes.iter().filter_map(Resolved::fleet).filter(|fleet| fleet.delivery == Delivery::Flux) {
        let (name, mut found) = (fleet.key.as_str(), Problems::default());
        substitution::check(tree, name, &mut found);
        problems.absorb(name, blocks.get(name).copied().unwrap_or_default(), found);
    }
    if !uses.is_empty() {
        show_uses(&config, &blocks, uses, &mut problems);
    }
    problems.explain_keys(explain_it);
    problems.place_misplaced(home);
    Reading { outcomes, problems, blocks }
}

/// How many blocks around a value are looked at for an alias of theirs: a bound for files that are made to take long.
const MOST_BLOCKS_AROUND: usize = 64;

/// Adds to each problem with a value that an alias stands for where that alias is: in the cluster, or in `defaults`.
fn show_uses(config: &Config, blocks: &HashMap<String, Span>, uses: &[AliasUse], problems: &mut Problems) {
    let contains = |outer: Span, inner: Span| (outer.start..outer.end).contains(&inner.start);
    let mut by_block: HashMap<Option<&str>, Vec<AliasUse>> = HashMap::new();
    for alias in uses {
        // The clusters are in the order of the file.
        let before = config.clusters.partition_point(|cluster| cluster.span.start <= alias.at.start);
        let block = before.checked_sub(1).map(|at| &config.clusters[at]).filter(|own| contains(own.span, alias.at));
        by_block.entry(block.map(|own| own.name.value.as_str())).or_default().push(*alias);
    }
    for uses in by_block.values_mut() {
        uses.sort_by_key(|alias| alias.target.start);
    }
    problems.add_uses(|cluster, value| {
        if cluster.and_then(|name| blocks.get(name)).is_some_and(|own| contains(*own, value)) {
            return None;
        }
        [cluster, None].into_iter().find_map(|block| {
            let uses = by_block.get(&block)?;
            let around = &uses[..uses.partition_point(|alias| alias.target.start <= value.start)];
            let containing = around.iter().rev().take(MOST_BLOCKS_AROUND).find(|alias| contains(alias.target, value));
            containing.map(|alias| alias.at)
        })
    });
}

/// How to find out what a key takes. In messages, an entry of a map is the map's name, a dot and its own name.
fn explain_it(name: &str) -> String {
    let key = name.split('.').next().unwrap_or(name);
    // `enabled` is the last part of two keys, so `explain enabled` would be ambiguous.
    if flatten(ClusterKeys::KEYS).iter().filter(|known| known.key.name == key).count() == 1 {
        format!("run `buildkit-fleet explain {key}` to see what it takes")
    } else {
        "run `buildkit-fleet explain` to list the keys of a cluster".to_owned()
    }
}
