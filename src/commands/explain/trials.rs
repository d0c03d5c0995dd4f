//! One cluster of clusters.yaml with other values at one key, to see what they do.

use std::collections::HashSet;

use serde_json::json;

use crate::commands::explain::source::Source;
use crate::commands::explain::values::{Context, Trial};
use crate::fleet::model::Fleet;
use crate::input::shape::{KeyPath, Shape};
use crate::input::yaml::Node;
use crate::resolve::resolved::Resolved;
use crate::values::arch::Arch;

/// Most pods of an architecture where a value needs the bound beside it.
const COMPANION_MAX: u32 = 12;

/// Root volume that holds the caches of any node.
const COMPANION_GIB: u32 = 10_000;

/// What other values at a key make of the cluster.
#[derive(Default)]
pub(super) struct Trials {
    /// Fleets that differ from the one in the file.
    pub fleets: Vec<Trial<Fleet>>,
    /// Some value leaves the cluster without manifests.
    pub skips: bool,
    /// Some other value passes the rules, whether it makes a difference or not.
    pub accepted: bool,
}

/// Tries other values at the key. Where `*` stands for a name, those of the types in use are tried.
pub(super) fn of<'a>(key: &KeyPath, source: Source<'a>, base: &Fleet) -> Trials {
    let mut found = Trials::default();
    let (defaults, Some(own)) = source.blocks() else { return found };
    let values = values(key, source, base);
    let mut seen = HashSet::from([format!("{base:?}")]);
    for path in paths(key, source, base) {
        let now = source.written(&path).first().map(|((_, value), _)| value.flow());
        let resolve = |value: &Node<'a>| {
            let alone = source.resolve(defaults, own.with(&path, value.clone()));
            alone.or_else(|| source.resolve(defaults, companions(own, key, source, base)?.with(&path, value.clone())))
        };
        for Trial { what: value, entry, beside } in &values {
            let beside = match beside.as_ref().map(resolve) {
                Some(Some(Resolved::Fleet(fleet))) => Some(*fleet),
                Some(_) => continue,
                None => None,
            };
            match resolve(value) {
                Some(Resolved::Fleet(fleet)) => {
                    found.accepted |= now.as_deref().or(key.key.default) != Some(value.flow().as_str());
                    if beside.is_some() || seen.insert(format!("{fleet:?}")) {
                        found.fleets.push(Trial { what: *fleet, entry: entry.clone(), beside });
                    }
                }
                Some(Resolved::Skipped { .. }) => found.skips = true,
                None => {}
            }
        }
        // And no value at all, where one is written.
        let defaults = defaults.map(|defaults| defaults.without(&path));
        if now.is_some()
            && let Some(Resolved::Fleet(fleet)) = source.resolve(defaults.as_ref(), own.without(&path))
            && seen.insert(format!("{fleet:?}"))
        {
            found.accepted = true;
            found.fleets.push(Trial::plain(*fleet));
        }
    }
    found
}

/// The names that lead to the key; where `*` stands for a name, those with each type in use, or with each name that is
/// written there.
fn paths<'n>(key: &KeyPath, source: Source<'n>, base: &'n Fleet) -> Vec<Vec<&'n str>> {
    let Some(place) = key.path.iter().position(|step| *step == "*") else { return vec![key.path.clone()] };
    let names: Vec<&str> = if key.path[..place].ends_with(&["instance_specs"]) {
        let entries = base.pools.iter().filter_map(|pool| pool.placement.plan()).flat_map(|plan| &plan.entries);
        entries.map(|entry| entry.instance.name.as_str()).collect()
    } else {
        let written = source.written(&key.path[..=place]);
        written.into_iter().filter_map(|((name, _), _)| name.text()).collect()
    };
    names
        .into_iter()
        .map(|name| key.path.iter().map(|step| if *step == "*" { name } else { *step }).collect())
        .collect()
}

/// Values for the key: those with one entry different first.
fn values<'a>(key: &KeyPath, source: Source<'a>, base: &Fleet) -> Vec<Trial<Node<'a>>> {
    let shape = (key.key.shape)();
    let entries = source.written(&[key.path.as_slice(), &["*"]].concat());
    let names = entries.iter().filter_map(|((name, _), _)| name.text()).collect();
    let facts = key.path.contains(&"instance_specs");
    let context = Context { key: key.key.name, fleet: base, names, facts };
    let mut trials = Vec::new();
    match &shape {
        Shape::Map(map) if map.ordered => return context.plans(),
        Shape::Map(map) => {
            let own = key.path.iter().fold(source.blocks().1, |block, name| block?.get(name));
            let own = own.cloned().unwrap_or_else(|| Node::block([]));
            let values = context.values(&map.value);
            let mut seen = HashSet::new();
            for ((name, value), _) in entries {
                let Some(name) = name.text().filter(|name| seen.insert(*name)) else { continue };
                let blocks = values.iter().map(|other| own.with(&[name], value.overlaid(&other.into())));
                trials.extend(blocks.map(|what| Trial { what, entry: Some(name.to_owned()), beside: None }));
            }
        }
        _ => {}
    }
    trials.extend(context.values(&shape).iter().map(|value| Trial::plain(value.into())));
    trials
}

/// The block with what the rules want beside another value of the key; none where they want nothing.
fn companions<'a>(own: &Node<'a>, key: &KeyPath, source: Source<'a>, base: &Fleet) -> Option<Node<'a>> {
    match key.key.name {
        // The cluster's own singular keys exclude the types.
        name if name.ends_with("_instance_types") => {
            let arch = name.trim_end_matches("_instance_types");
            let singular = [format!("{arch}_instance_type"), format!("{arch}_pods_per_node")];
            Some(singular.iter().fold(own.clone(), |block, name| block.without(&["buildkit", name])))
        }
        "architectures" | "enabled" => {
            let mut block = own.clone();
            for arch in Arch::ALL {
                let max = format!("{}_max", arch.name());
                let path = ["buildkit", "autoscaling", max.as_str()];
                if source.written(&path).is_empty() {
                    block = block.with(&path, (&json!(COMPANION_MAX)).into());
                }
            }
            if !base.autoscaled() {
                block = block.with(&["modules"], (&json!(["keda", "buildkit"])).into());
            }
            Some(block)
        }
        "cache_disk" => {
            Some(own.with(&["buildkit", "nodes", "root_volume", "size_gib"], (&json!(COMPANION_GIB)).into()))
        }
        "provisioner" => Some(with_size(own)),
        "role" | "instance_profile" => Some(without_others(own, &["role", "instance_profile"])),
        "ami_alias" | "ami_ids" => {
            Some(without_others(own, &["ami_alias", "ami_ids"]).without(&["buildkit", "ami_alias"]))
        }
        _ => None,
    }
}

/// The block with a size for the builders on nodes that Karpenter does not make.
fn with_size<'a>(own: &Node<'a>) -> Node<'a> {
    let of_arch = Arch::ALL.iter().flat_map(|arch| {
        ["instance_type", "instance_types", "pods_per_node"].map(|key| format!("{}_{key}", arch.name()))
    });
    let block = of_arch.fold(own.clone(), |block, key| block.without(&["buildkit", &key]));
    let sizes = [("cpu", json!(4)), ("memory", json!("16Gi")), ("cache", json!("50Gi"))];
    sizes.iter().fold(block, |block, (key, value)| block.with(&["buildkit", "builder", key], value.into()))
}

/// The block without these keys of nodes, which exclude each other.
fn without_others<'a>(own: &Node<'a>, keys: &[&str]) -> Node<'a> {
    keys.iter().fold(own.clone(), |block, key| {
        let block = block.without(&["buildkit", "nodes", key]);
        Arch::ALL.iter().fold(block, |block, arch| block.without(&["buildkit", "nodes", arch.name(), key]))
    })
}
