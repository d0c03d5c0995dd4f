//! What of a manifest is meant: `FILE:PATH` and `FILE:LINE` to a field.

use anyhow::{Result, anyhow, bail};

use crate::explain::manifest::{Document, Field, Setting, join, settings};
use crate::place::Lines;
use crate::problem::{Span, did_you_mean};
use crate::render::RenderedFile;
use crate::yaml::{Kind, Node};

/// A place in a rendered file.
#[derive(Debug)]
pub struct Target {
    pub field: Field,
    /// As written: a scalar, or the lines of a block.
    pub value: String,
    pub line: usize,
    /// Comments that stand above it, or above the nearest block around it.
    pub why: Vec<String>,
}

/// Finds what `rest` names in the file: a line, or an object and a path.
pub fn find(file: &RenderedFile, documents: &[Document], rest: &str) -> Result<Target> {
    if let Ok(line) = rest.parse::<usize>() {
        return at_line(file, documents, line);
    }
    let (document, path) = object(documents, rest)?;
    let mut node = &document.root;
    let mut key = Span { start: node.span.start, end: node.span.start };
    let mut at = String::new();
    let mut above = Vec::new();
    for step in steps(path)? {
        let next = child(node, &step).ok_or_else(|| missing(document, &at, node, &step))?;
        above.push(key);
        at = match &node.kind {
            Kind::Sequence(items) => {
                let place = items.iter().position(|item| std::ptr::eq(item, next.1)).unwrap_or_default();
                format!("{at}[{place}]")
            }
            _ => join(&at, &step),
        };
        (key, node) = next;
    }
    above.push(key);
    Ok(target(file, document, at, key, node, &above))
}

fn at_line(file: &RenderedFile, documents: &[Document], wanted: usize) -> Result<Target> {
    let lines = Lines::of(&file.text);
    let last = file.text.lines().count();
    // A comment belongs to what follows it.
    let is_comment = |line: usize| {
        let text = lines.line(line).trim_start();
        text.is_empty() || text.starts_with('#') || text == "---"
    };
    let line = (wanted..=last).find(|line| !is_comment(*line));
    let Some(line) = line.filter(|_| wanted > 0) else { bail!("{} has {last} lines", file.path) };
    for document in documents {
        let mut above = vec![Span { start: document.root.span.start, end: document.root.span.start }];
        if let Some((path, key, node)) = deepest(&document.root, "", line, &lines, &mut above) {
            let mut found = target(file, document, path, key, node, &above);
            if let Kind::Scalar { text, .. } = &node.kind
                && text.contains('\n')
                && lines.place(key.start).line < line
            {
                let inner = lines.line(line).trim();
                let setting = settings(text).find(|setting| setting.text == inner);
                found.field.path +=
                    &setting.as_ref().map(|setting| format!(": {}", setting.name())).unwrap_or_default();
                inner.clone_into(&mut found.value);
                found.why = comments_above(&lines, line, true);
            }
            found.line = line;
            return Ok(found);
        }
    }
    bail!("line {wanted} of {} is not part of an object", file.path)
}

/// The entry that the line belongs to.
fn deepest<'n>(
    node: &'n Node<'n>,
    path: &str,
    line: usize,
    lines: &Lines,
    above: &mut Vec<Span>,
) -> Option<(String, Span, &'n Node<'n>)> {
    let on = |span: Span| lines.place(span.start).line;
    // An entry ends where the next one starts: a block's own end may count the line behind it.
    let candidates: Vec<(String, Span, &Node)> = match &node.kind {
        Kind::Mapping(entries) => {
            entries.iter().map(|(key, value)| (join(path, key.text().unwrap_or_default()), key.span, value)).collect()
        }
        Kind::Sequence(items) => {
            items.iter().enumerate().map(|(place, item)| (format!("{path}[{place}]"), item.span, item)).collect()
        }
        _ => return None,
    };
    let (path, key, value) = candidates.into_iter().rev().find(|(_, key, _)| on(*key) <= line)?;
    // Behind the end of the whole document.
    if lines.place(value.span.end.max(key.end).saturating_sub(1)).line < line {
        return None;
    }
    above.push(key);
    if on(key) == line && !matches!(value.kind, Kind::Mapping(_)) {
        return Some((path, key, value));
    }
    deepest(value, &path, line, lines, above).or(Some((path, key, value)))
}

fn target(file: &RenderedFile, document: &Document, path: String, key: Span, node: &Node, above: &[Span]) -> Target {
    let lines = Lines::of(&file.text);
    let value = match &node.kind {
        Kind::Scalar { text, .. } => text.trim_end().to_owned(),
        _ => file.text.get(node.span.start..node.span.end).unwrap_or_default().trim_end().to_owned(),
    };
    let why = above.iter().rev().map(|span| comments_above(&lines, lines.place(span.start).line, false));
    Target {
        field: Field { file: document.file, kind: document.kind.clone(), name: document.name.clone(), path },
        value,
        line: lines.place(key.start).line,
        why: why.into_iter().find(|lines| !lines.is_empty()).unwrap_or_default(),
    }
}

/// The comment directly above a line. In a configuration, the comment above the lines that it stands with.
fn comments_above(lines: &Lines, line: usize, of_group: bool) -> Vec<String> {
    let text = |line: usize| lines.line(line).trim_start();
    let mut end = line - 1;
    if of_group {
        let indent = |line: usize| lines.line(line).len() - text(line).len();
        let level = indent(line);
        while end > 0 && !text(end).starts_with('#') {
            if text(end).is_empty() || indent(end) != level {
                return Vec::new();
            }
            end -= 1;
        }
    }
    let start = (1..=end).rev().take_while(|line| text(*line).starts_with("# ")).last();
    let Some(start) = start else { return Vec::new() };
    (start..=end).map(|line| text(line).trim_start_matches("# ").to_owned()).collect()
}

/// The object that the address starts with: `name` or `Kind/name`, up to the first dot.
fn object<'d, 'a>(documents: &'d [Document<'a>], rest: &'d str) -> Result<(&'d Document<'a>, &'d str)> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (wanted, path) = rest.split_at(end);
    let (kind, name) = wanted.split_once('/').map_or((None, wanted), |(kind, name)| (Some(kind), name));
    let matching: Vec<&Document> = documents
        .iter()
        .filter(|document| document.name == name && kind.is_none_or(|kind| document.kind.eq_ignore_ascii_case(kind)))
        .collect();
    let all = || {
        let names: Vec<String> = documents.iter().map(|found| format!("{}/{}", found.kind, found.name)).collect();
        names.join(", ")
    };
    match matching.as_slice() {
        [one] => Ok((*one, path)),
        [] => {
            let near = did_you_mean(name, documents.iter().map(|document| document.name.as_str()));
            let hint = near.map_or_else(|| format!("it has {}", all()), |near| format!("did you mean `{near}`?"));
            Err(anyhow!("the file has no object `{wanted}`: {hint}"))
        }
        _ => Err(anyhow!("`{wanted}` is the name of several objects: name the kind as well, one of {}", all())),
    }
}

/// `.spec.containers[0]["a.b"]` to its parts.
fn steps(path: &str) -> Result<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (key, after) = quoted.split_once("\"]").ok_or_else(|| anyhow!("`{rest}` has no closing `\"]`"))?;
            steps.push(key.to_owned());
            rest = after;
        } else if let Some(bracket) = rest.strip_prefix('[') {
            let (key, after) = bracket.split_once(']').ok_or_else(|| anyhow!("`{rest}` has no closing `]`"))?;
            steps.push(key.to_owned());
            rest = after;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                bail!("`{path}` has an empty part");
            }
            steps.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
    }
    Ok(steps)
}

/// A key of a mapping; a number, or the `name` of an item, in a list.
fn child<'n>(node: &'n Node<'n>, step: &str) -> Option<(Span, &'n Node<'n>)> {
    match &node.kind {
        Kind::Mapping(_) => node.entry(step).map(|(key, value)| (key.span, value)),
        Kind::Sequence(items) => {
            let named =
                |item: &&Node| ["name", "key"].iter().any(|key| item.get(key).and_then(Node::text) == Some(step));
            let item =
                step.parse().ok().and_then(|place: usize| items.get(place)).or_else(|| items.iter().find(named))?;
            Some((item.span, item))
        }
        _ => None,
    }
}

fn missing(document: &Document, at: &str, node: &Node, step: &str) -> anyhow::Error {
    let place = if at.is_empty() { format!("{}/{}", document.kind, document.name) } else { format!("`{at}`") };
    match &node.kind {
        Kind::Mapping(entries) => {
            let keys: Vec<&str> = entries.iter().filter_map(|(key, _)| key.text()).collect();
            let hint = did_you_mean(step, keys.iter().copied())
                .map_or_else(|| format!("it has {}", keys.join(", ")), |near| format!("did you mean `{near}`?"));
            anyhow!("{place} has no `{step}`: {hint}")
        }
        Kind::Sequence(items) => anyhow!("{place} has no item `{step}`: it has {}", items.len()),
        _ => anyhow!("{place} is a value and has no `{step}`"),
    }
}

/// The section and first words of a setting, where the field is one.
pub fn setting_of<'t>(text: &'t str, path: &str) -> Option<Setting<'t>> {
    let (_, name) = path.split_once("]: ")?;
    settings(text).find(|setting| setting.name() == name)
}
