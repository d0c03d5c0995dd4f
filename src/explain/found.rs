//! A place in an object, and the ways down from it.

use crate::explain::address::{join, names};
use crate::explain::comment;
use crate::explain::manifest::{Document, text_at};
use crate::explain::setting::{is_configuration, settings};
use crate::explain::target::{Target, field, text_of};
use crate::place::Lines;
use crate::problem::Span;
use crate::render::RenderedFile;
use crate::yaml::{Kind, Node};

/// A node with what leads to it.
pub(super) struct Found<'n> {
    pub(super) path: String,
    pub(super) node: &'n Node<'n>,
    /// Keys from the object down to the node's own.
    pub(super) keys: Vec<Span>,
}

impl<'n> Found<'n> {
    pub(super) fn top(document: &'n Document<'n>) -> Self {
        let start = document.root.span.start;
        Found { path: String::new(), node: &document.root, keys: vec![Span { start, end: start }] }
    }

    /// The line of its key.
    pub(super) fn line(&self, lines: &Lines) -> usize {
        lines.place(self.keys.last().map_or(0, |key| key.start)).line
    }

    /// Goes one key or item down and tells how many steps it took: a key with dots may be written without brackets, an
    /// item may be named by its place.
    pub(super) fn step(&mut self, steps: &[String]) -> Option<usize> {
        match &self.node.kind {
            Kind::Mapping(_) => {
                let (taken, (key, value)) =
                    (1..=steps.len()).find_map(|taken| Some((taken, self.node.entry(&steps[..taken].join("."))?)))?;
                self.path = join(&self.path, key.text().unwrap_or_default());
                self.keys.push(key.span);
                self.node = value;
                Some(taken)
            }
            Kind::Sequence(items) => {
                let names = names(items, text_at);
                let place = match called(&names, steps.first()?).as_slice() {
                    [one] => *one,
                    _ => steps[0].parse().ok()?,
                };
                self.node = items.get(place)?;
                self.path = format!("{}[{}]", self.path, names[place]);
                self.keys.push(self.node.span);
                Some(1)
            }
            _ => None,
        }
    }

    /// The path that these steps lead to from here.
    pub(super) fn follow(&self, mut steps: &[String]) -> Option<String> {
        let mut at = Found { path: self.path.clone(), node: self.node, keys: Vec::new() };
        while !steps.is_empty() {
            if let Kind::Scalar { text, .. } = &at.node.kind
                && is_configuration(&at.path)
            {
                let path = steps.iter().fold(at.path.clone(), |path, step| join(&path, step));
                let inside = |other: &str| {
                    other.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                };
                return settings(text).any(|setting| inside(&setting.path(&at.path))).then_some(path);
            }
            steps = &steps[at.step(steps)?..];
        }
        Some(at.path)
    }

    /// Its entries or items.
    pub(super) fn children(&self) -> Vec<Found<'n>> {
        let below = |path, key, node| Found { path, node, keys: [self.keys.as_slice(), &[key]].concat() };
        match &self.node.kind {
            Kind::Mapping(entries) => entries
                .iter()
                .map(|(key, value)| below(join(&self.path, key.text().unwrap_or_default()), key.span, value))
                .collect(),
            Kind::Sequence(items) => {
                let named = items.iter().zip(names(items, text_at));
                named.map(|(item, name)| below(format!("{}[{name}]", self.path), item.span, item)).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn target(self, file: &RenderedFile, document: &Document) -> Target {
        let lines = Lines::of(&file.text);
        Target {
            value: text_of(self.node, file),
            line: self.line(&lines),
            why: comment::nearest(&lines, &self.keys),
            field: field(document, self.path),
        }
    }
}

/// The places of the items with this name; of an alert, the name without its architecture is enough.
pub(super) fn called(names: &[String], name: &str) -> Vec<usize> {
    let places = |is: &dyn Fn(&str) -> bool| -> Vec<usize> {
        names.iter().enumerate().filter(|(_, other)| is(other)).map(|(place, _)| place).collect()
    };
    match places(&|other| other == name) {
        none if none.is_empty() => places(&|other| other.rsplit_once('/').is_some_and(|(alert, _)| alert == name)),
        found => found,
    }
}
