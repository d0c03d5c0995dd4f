//! A key of clusters.yaml: what it means, what it takes, what it reaches.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::config::Entry;
use crate::explain::manifest::Field;
use crate::explain::reach::Base;
use crate::explain::variation::Subject;
use crate::fleet::Fleet;
use crate::place::Lines;
use crate::problem::did_you_mean;
use crate::render::Renderer;
use crate::shape::{KeyPath, Shape, flatten};
use crate::talk::wrap;
use crate::yaml;

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

/// The keys that an address means: all of its path, or the end of it where only one ends so.
pub fn find(wanted: &str) -> Result<KeyPath, String> {
    let keys = flatten(Entry::KEYS);
    let wanted = wanted.trim_start_matches("defaults.");
    if let Some(key) = keys.iter().find(|key| key.dotted() == wanted) {
        return Ok(key.clone());
    }
    let ending: Vec<&KeyPath> = keys.iter().filter(|key| key.dotted().ends_with(&format!(".{wanted}"))).collect();
    match ending.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names = keys.iter().flat_map(|key| [key.dotted(), key.key.name.to_owned()]).collect::<Vec<_>>();
            Err(did_you_mean(wanted, names.iter().map(String::as_str)).map_or_else(
                || "`buildkit-fleet explain` lists the keys".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ))
        }
        several => {
            let names: Vec<String> = several.iter().map(|key| format!("`{}`", key.dotted())).collect();
            Err(format!("several keys end so: {}", names.join(", ")))
        }
    }
}

/// Every key on a line, with the first sentence about it.
pub fn list(width: usize) -> String {
    let mut text = String::new();
    for key in flatten(Entry::KEYS) {
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
    let mut text = meaning(key, width);
    let mut reached: Vec<Field> = Vec::new();
    for (cluster, source) in EXAMPLES {
        let tree = yaml::parse(source).map_err(|problem| anyhow::anyhow!(problem.message))?;
        let subject = Subject::new(&tree, cluster);
        let fleet = subject.fleet().context("a defect of this program, please report it: an example is refused")?;
        for field in Base::of(&fleet, renderer)?.reached(key, &subject)? {
            if !reached.contains(&field) {
                reached.push(field);
            }
        }
    }
    reached.sort_by_key(|field| field.file);
    text += &told(&reached, key, "any cluster", width);
    Ok(text)
}

/// The same in one cluster of the file: with its value there.
pub fn explain_in(
    key: &KeyPath,
    fleet: &Fleet,
    subject: &Subject,
    file: (&str, &str),
    renderer: &Renderer,
    width: usize,
) -> Result<String> {
    let mut text = meaning(key, width);
    let cluster = fleet.key.as_str();
    let _ = writeln!(text, "in {cluster}");
    text += &wrap(&written(key, subject, file), width, "    ");
    text += &told(&Base::of(fleet, renderer)?.reached(key, subject)?, key, cluster, width);
    Ok(text)
}

/// `clusters.yaml:28:26  amd64_pods_per_node: 2  (defaults)`, or the default.
pub fn written(key: &KeyPath, subject: &Subject, (path, source): (&str, &str)) -> String {
    let name = key.key.name;
    match subject.written(&key.path) {
        Some((node, shared)) => {
            let place = Lines::of(source).place(node.span.start);
            let value: String = source
                .get(node.span.start..node.span.end)
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let shared = if shared { ", from `defaults`" } else { "" };
            format!("{path}:{}:{}: {name}: {value}{shared}", place.line, place.column)
        }
        None => match key.key.default {
            Some(default) => format!("{name}: {default}, by default"),
            None => format!("{name} is not given"),
        },
    }
}

fn meaning(key: &KeyPath, width: usize) -> String {
    let shape = (key.key.shape)();
    let mut text = format!("{}\n", key.dotted());
    text += &wrap(key.key.about(), width, "    ");
    let unit = key.key.unit.map(|unit| format!(", in {unit}")).unwrap_or_default();
    text += "takes\n";
    text += &wrap(&format!("{}{unit}", shape.expected()), width, "    ");
    if !matches!(shape, Shape::Block { .. }) {
        text += "default\n";
        text += &wrap(key.key.default.unwrap_or("none"), width, "    ");
    }
    text
}

/// The fields, below the objects that they are of.
fn told(reached: &[Field], key: &KeyPath, cluster: &str, width: usize) -> String {
    if matches!((key.key.shape)(), Shape::Block { .. }) {
        return String::new();
    }
    let mut text = "reaches\n".to_owned();
    if reached.is_empty() {
        text += &wrap(&format!("no field of a manifest of {cluster}"), width, "    ");
    }
    let mut object = String::new();
    for field in reached {
        let named = format!("{}: {} {}", field.file, field.kind, field.name);
        if named != object {
            text += &wrap(&named, width, "    ");
            object = named;
        }
        text += &wrap(&field.path, width, "        ");
    }
    text
}
