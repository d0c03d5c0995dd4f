//! What of a manifest is meant: the object and the path of an address to a field.

use anyhow::{Result, anyhow};

use crate::commands::explain::comment;
use crate::commands::explain::manifest::{Document, text_at};
use crate::diagnostics::span::{Lines, Span};
use crate::diagnostics::suggest::did_you_mean;
use crate::input::yaml::{Kind, Node};
use crate::manifests::address::{self, Asked, Field, join, names};
use crate::manifests::set::SetFile;
use crate::manifests::setting::{is_configuration, settings};

/// A place in a rendered file.
#[derive(Debug)]
pub struct Target {
    pub field: Field,
    /// As written, without its indentation: a scalar, the lines of a block, or lines of a configuration.
    pub value: String,
    pub line: usize,
    /// Comments that stand above it, or above the nearest block around it.
    pub why: Vec<String>,
}

pub(super) fn field(document: &Document, path: String) -> Field {
    Field { file: document.file.clone(), kind: document.kind.clone(), name: document.name.clone(), path }
}

/// Finds the field that an address names.
pub fn find(file: &SetFile, documents: &[Document], asked: &Asked) -> Result<Target> {
    let document = object(file, documents, asked)?;
    let mut found = Found::top(document);
    let mut steps = asked.steps.as_slice();
    while !steps.is_empty() {
        if let Kind::Scalar { text, .. } = &found.node.kind
            && is_configuration(&found.path)
        {
            return setting(file, document, &found, text, steps);
        }
        let Some(taken) = found.step(steps) else { return Err(missing(document, &found, &steps[0])) };
        steps = &steps[taken..];
    }
    Ok(found.target(file, document))
}

/// The lines of a configuration that the path names: a setting, or a section with all of its settings.
fn setting(file: &SetFile, document: &Document, found: &Found, text: &str, rest: &[String]) -> Result<Target> {
    let lines = Lines::of(&file.text);
    let steps = [address::steps(&found.path)?, rest.to_vec()].concat();
    let asked = Asked { kind: None, name: document.name.clone(), steps };
    let mut target: Option<Target> = None;
    for setting in settings(text) {
        if !asked.holds(&field(document, setting.path(&found.path)), &setting.path(&found.path)) {
            continue;
        }
        let line = found.line(&lines) + 1 + setting.before;
        if let Some(target) = &mut target {
            target.value.push('\n');
            target.value.push_str(setting.text);
        } else {
            let why = comment::above_group(&lines, line);
            let path = rest.iter().fold(found.path.clone(), |path, step| join(&path, step));
            target = Some(Target { field: field(document, path), value: setting.text.to_owned(), line, why });
        }
    }
    target.ok_or_else(|| {
        let known: Vec<String> = settings(text).map(|setting| setting.name()).collect();
        let wanted = rest.join(".");
        let hint = did_you_mean(&wanted, known.iter().map(String::as_str)).map_or_else(
            || format!("it has {}", sections(text).join(", ")),
            |near| {
                format!("did you mean `{}`?", near.split('.').fold(found.path.clone(), |path, word| join(&path, word)))
            },
        );
        anyhow!("`{}` has no setting `{wanted}`: {hint}", found.path)
    })
}

fn sections(text: &str) -> Vec<String> {
    settings(text)
        .filter(|setting| setting.text == setting.section)
        .map(|setting| format!("`{}`", setting.name()))
        .collect()
}

/// The text of a scalar; the lines of a block up to its last entry, without their indentation.
pub(super) fn text_of(node: &Node, file: &SetFile) -> String {
    if let Kind::Scalar { text, .. } = &node.kind {
        return text.trim_end().to_owned();
    }
    let lines = Lines::of(&file.text);
    let (start, end) = (node.span.start, end_of(node, &file.text));
    let indent = lines.place(start).column - 1;
    let block = file.text.get(start..end).unwrap_or_default().trim_end();
    let mut text = String::new();
    for (place, line) in block.split('\n').enumerate() {
        let outer = if place == 0 { 0 } else { line.len().min(indent) };
        text.push_str(line.get(outer..).unwrap_or_default());
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Where a node ends. The span of a block goes on to the next key, behind comments; one in brackets ends with them.
fn end_of(node: &Node, text: &str) -> usize {
    let bracketed = text.get(node.span.start..).is_some_and(|text| text.starts_with(['[', '{']));
    let last = match &node.kind {
        Kind::Mapping(entries) if !bracketed => entries.last().map(|(_, value)| end_of(value, text)),
        Kind::Sequence(items) if !bracketed => items.last().map(|item| end_of(item, text)),
        _ => None,
    };
    last.unwrap_or(node.span.end)
}

/// The object that the address starts with.
fn object<'d, 'a>(file: &SetFile, documents: &'d [Document<'a>], asked: &Asked) -> Result<&'d Document<'a>> {
    let of_kind =
        |document: &&Document| asked.kind.as_ref().is_none_or(|kind| document.kind.eq_ignore_ascii_case(kind));
    let matching: Vec<&Document> =
        documents.iter().filter(|document| document.name == asked.name).filter(of_kind).collect();
    let all = || {
        let names: Vec<String> = documents.iter().map(|found| format!("`{}/{}`", found.kind, found.name)).collect();
        names.join(", ")
    };
    match matching.as_slice() {
        [one] => Ok(*one),
        [] if asked.name.is_empty() => {
            Err(anyhow!("`{0}:` needs a line, or an object and a path: it has {1}", file.path, all()))
        }
        [] => {
            let near = did_you_mean(&asked.name, documents.iter().map(|document| document.name.as_str()));
            let near = near.filter(|near| *near != asked.name);
            let hint = near.map_or_else(|| format!("it has {}", all()), |near| format!("did you mean `{near}`?"));
            let kind = asked.kind.as_ref().map(|kind| format!("{kind}/")).unwrap_or_default();
            Err(anyhow!("{} has no object `{kind}{}`: {hint}", file.path, asked.name))
        }
        _ => {
            Err(anyhow!("`{}` is the name of several objects: write the kind before it, one of {}", asked.name, all()))
        }
    }
}

fn missing(document: &Document, at: &Found, step: &str) -> anyhow::Error {
    let place =
        if at.path.is_empty() { format!("{}/{}", document.kind, document.name) } else { format!("`{}`", at.path) };
    match &at.node.kind {
        Kind::Mapping(entries) => {
            let keys: Vec<&str> = entries.iter().filter_map(|(key, _)| key.text()).collect();
            let hint = did_you_mean(step, keys.iter().copied()).map_or_else(
                || format!("it has {}", keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            anyhow!("{place} has no `{step}`: {hint}")
        }
        Kind::Sequence(items) => {
            let names = names(items, text_at);
            let several: Vec<String> =
                called(&names, step).into_iter().map(|place| format!("`[{}]`", names[place])).collect();
            if !several.is_empty() {
                return anyhow!("{place} has several items `{step}`: write one of {}", several.join(", "));
            }
            let last = items.len().saturating_sub(1);
            let near = did_you_mean(step, names.iter().map(String::as_str)).or(names.first().map(String::as_str));
            let name = near.filter(|name| name.parse::<usize>().is_err());
            let name = name.map(|name| format!(", or a name such as `[{name}]`")).unwrap_or_default();
            anyhow!("{place} is a list without an item `{step}`: write `[0]` to `[{last}]`{name}")
        }
        _ => anyhow!("{place} is a single value without `{step}`: end the path before `{step}`"),
    }
}

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

    pub(super) fn target(self, file: &SetFile, document: &Document) -> Target {
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
