//! A key of clusters.yaml: what it means, what it takes, what it reaches.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::commands::explain::base::Base;
use crate::commands::explain::reach::Reach;
use crate::commands::explain::variation::Subject;
use crate::commands::explain::written::{Source, places};
use crate::config::ClusterKeys;
use crate::console::wrap::wrap;
use crate::diagnostics::suggest::did_you_mean;
use crate::input::shape::{KeyPath, Shape, flatten};
use crate::input::yaml;
use crate::manifests::render::Renderer;

/// Two fleets on which every key of the block has something to do: one scaled, one fixed.
const EXAMPLES: [(&str, &str); 2] = [
    (
        "scaled",
        "clusters:\n  scaled:\n    cluster_name: eks\n    region: us-east-1\n    eks_version: \"1.35\"\n    keda: {chart_version: 2.20.2}\n    modules: [keda, buildkit]\n    buildkit:\n      autoscaling: {enabled: true, amd64_max: 12, arm64_max: 12}\n",
    ),
    (
        "fixed",
        "clusters:\n  fixed:\n    cluster_name: eks\n    region: us-east-1\n    eks_version: \"1.35\"\n    modules: [buildkit]\n",
    ),
];

/// The key that a name means: all of its path, or the end of it where only one ends so. Names of the user's choice may
/// stand in the path, or `*` for any of them.
pub fn find(wanted: &str) -> Result<KeyPath, String> {
    let keys = flatten(ClusterKeys::KEYS);
    let wanted = wanted.trim_start_matches("defaults.");
    if let Some(key) = keys.iter().find(|key| key.dotted() == wanted) {
        return Ok(key.clone());
    }
    let ending: Vec<&KeyPath> = keys.iter().filter(|key| key.dotted().ends_with(&format!(".{wanted}"))).collect();
    match ending.as_slice() {
        [one] => Ok((*one).clone()),
        [] if in_map(&keys, wanted).is_some() => in_map(&keys, wanted).cloned().ok_or_else(String::new),
        [] => {
            let names = keys.iter().flat_map(|key| [key.dotted(), key.key.name.to_owned()]).collect::<Vec<_>>();
            Err(did_you_mean(wanted, names.iter().map(String::as_str)).map_or_else(
                || "`buildkit-fleet explain` lists the keys, `explain --rules` the rules".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ))
        }
        several => {
            let names: Vec<String> = several.iter().map(|key| format!("`{}`", key.dotted())).collect();
            Err(format!("several keys end so: write one of {}", names.join(", ")))
        }
    }
}

/// `instance_specs.x1.builder.vcpu` is `buildkit.instance_specs.*.vcpu`, `extra_labels.team` is `buildkit.extra_labels`.
fn in_map<'k>(keys: &'k [KeyPath], wanted: &str) -> Option<&'k KeyPath> {
    let map = keys.iter().filter(|key| matches!((key.key.shape)(), Shape::Map(_))).find(|map| {
        wanted.starts_with(&format!("{}.", map.dotted())) || wanted.starts_with(&format!("{}.", map.key.name))
    })?;
    let last = wanted.rsplit('.').next()?;
    keys.iter()
        .find(|key| key.path.starts_with(&map.path) && key.path.contains(&"*") && key.key.name == last)
        .or(Some(map))
}

/// Every key on a line, with the first sentence about it.
pub fn list(width: usize) -> String {
    let mut text = String::new();
    for key in flatten(ClusterKeys::KEYS) {
        let _ = writeln!(text, "{}", key.dotted());
        let default = key.key.default.map(|default| format!(" Default: {default}.")).unwrap_or_default();
        text += &wrap(&format!("{}{default}", first_sentence(key.key.about())), width, "    ");
    }
    text
}

fn first_sentence(about: &str) -> &str {
    about.split_once(". ").map_or(about, |(first, _)| &about[..=first.len()])
}

/// What the key means, on its own.
pub fn explain(key: &KeyPath, renderer: &Renderer, width: usize) -> Result<String> {
    if is_block(key) {
        return Ok(meaning(key, width));
    }
    let mut reach = Reach::default();
    for (cluster, source) in EXAMPLES {
        let tree = yaml::parse(source).map_err(|problem| anyhow::anyhow!(problem.message))?;
        let subject = Subject::new(&tree, cluster);
        let fleet = subject.fleet().context("a defect of this program, please report it: an example is refused")?;
        reach.join(&Base::of(&fleet, renderer)?.reach(key, &subject)?);
    }
    Ok(meaning(key, width) + &told(&reach, "any cluster", width))
}

/// The same in one cluster of the file: with its value there.
pub fn explain_in(key: &KeyPath, base: &Base, subject: &Subject, source: Source, width: usize) -> Result<String> {
    if is_block(key) {
        return Ok(meaning(key, width));
    }
    let cluster = base.fleet.key.as_str();
    let mut text = meaning(key, width);
    let _ = writeln!(text, "in {cluster}");
    for place in places(key, subject, source) {
        text += &wrap(&place, width, "    ");
    }
    Ok(text + &told(&base.reach(key, subject)?, cluster, width))
}

fn is_block(key: &KeyPath) -> bool {
    matches!((key.key.shape)(), Shape::Block { .. })
}

fn meaning(key: &KeyPath, width: usize) -> String {
    let shape = (key.key.shape)();
    let mut text = format!("{}\n", key.dotted());
    text += &wrap(key.key.about(), width, "    ");
    text += "takes\n";
    text += &wrap(&shape.expected(), width, "    ");
    if let Some(unit) = key.key.unit {
        text += "unit\n";
        text += &wrap(unit, width, "    ");
    }
    if !is_block(key) {
        text += "default\n";
        text += &wrap(key.key.default.unwrap_or("none"), width, "    ");
    }
    text
}

/// The addresses of what the key reaches, each on a line of its own, whole: they are for copying.
fn told(reach: &Reach, cluster: &str, width: usize) -> String {
    let mut text = String::new();
    let parts = [
        ("reaches", &reach.changes),
        ("leaves out, with some values", &reach.removes),
        ("adds, with some values", &reach.adds),
    ];
    for (what, fields) in parts.into_iter().filter(|(_, fields)| !fields.is_empty()) {
        let _ = writeln!(text, "{what}");
        for field in fields {
            let _ = writeln!(text, "    {field}");
        }
    }
    let nothing = match reach {
        Reach { skips: true, .. } => format!("decides whether {cluster} gets manifests at all"),
        _ if !text.is_empty() => return text,
        Reach { accepted: false, .. } => {
            format!("no manifest of {cluster}: none of the values tried is accepted beside the rest of the file")
        }
        _ => format!("no manifest of {cluster}"),
    };
    text + "reaches\n" + &wrap(&nothing, width, "    ")
}
