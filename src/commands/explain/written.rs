//! Where the value of a key stands in clusters.yaml.

use crate::commands::explain::variation::Subject;
use crate::diagnostics::span::Lines;
use crate::input::shape::{KeyPath, Shape};
use crate::input::yaml::Node;

/// clusters.yaml as it is named and as it reads.
#[derive(Clone, Copy)]
pub struct Source<'s> {
    pub path: &'s str,
    pub text: &'s str,
}

/// `clusters.yaml:28:5: amd64_pods_per_node: 2, from defaults`, or the default. A block that is merged name by name may
/// stand twice.
pub fn places(key: &KeyPath, subject: &Subject, source: Source) -> Vec<String> {
    let name = key.key.name;
    let entries = subject.written(&key.path);
    let merged = matches!((key.key.shape)(), Shape::Map(map) if !map.ordered);
    if entries.is_empty() {
        return vec![match key.key.default {
            Some(default) => format!("{name}: {default}, by default"),
            None => format!("{name} is not given"),
        }];
    }
    let shown = entries.iter().take(if merged || key.path.contains(&"*") { usize::MAX } else { 1 });
    shown.map(|written| place(written, name, "", source)).collect()
}

/// The same of entries of a block with names of the user's choice, each where it stands:
/// `clusters.yaml:70:9: m6id.12xlarge: 1, in amd64_instance_types`.
pub fn places_of(names: &[&str], key: &KeyPath, subject: &Subject, source: Source) -> Vec<String> {
    let inside = format!(", in `{}`", key.key.name);
    let written = names.iter().filter_map(|name| {
        let entries = subject.written(&[key.path.as_slice(), &[*name]].concat());
        entries.first().map(|entry| place(entry, name, &inside, source))
    });
    written.collect()
}

fn place(((at, value), shared): &(&(Node, Node), bool), name: &str, inside: &str, source: Source) -> String {
    let place = Lines::of(source.text).place(at.span.start);
    let shared = if *shared { ", from `defaults`" } else { "" };
    format!("{}:{}:{}: {name}: {}{inside}{shared}", source.path, place.line, place.column, value.flow())
}
