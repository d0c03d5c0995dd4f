//! Where the value of a key stands in clusters.yaml.

use crate::explain::variation::Subject;
use crate::place::Lines;
use crate::shape::{KeyPath, Shape};

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
    let lines = Lines::of(source.text);
    let shown = entries.iter().take(if merged || key.path.contains(&"*") { usize::MAX } else { 1 });
    shown
        .map(|((at, value), shared)| {
            let place = lines.place(at.span.start);
            let shared = if *shared { ", from `defaults`" } else { "" };
            format!("{}:{}:{}: {name}: {}{shared}", source.path, place.line, place.column, value.flow())
        })
        .collect()
}
