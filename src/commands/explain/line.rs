//! A line of a manifest to the field that it belongs to.

use anyhow::{Result, bail};

use crate::commands::explain::comment;
use crate::commands::explain::manifest::Document;
use crate::commands::explain::target::{Found, Target, field};
use crate::diagnostics::span::{Lines, Span};
use crate::input::yaml::Kind;
use crate::manifests::set::SetFile;
use crate::manifests::setting::{is_configuration, settings};

/// Finds the field on a line, counted from 1. A comment and a blank line belong to what follows them.
pub fn find(file: &SetFile, documents: &[Document], wanted: usize) -> Result<Target> {
    let lines = Lines::of(&file.text);
    let last = file.text.lines().count();
    if wanted == 0 {
        bail!("line 0 of {}: lines count from 1, up to {last} here", file.path);
    }
    if wanted > last {
        bail!("{} has no line {wanted}: its last one is {last}", file.path);
    }
    if let Some(target) = of_script(file, documents, wanted, &lines) {
        return Ok(target);
    }
    let says_nothing = |line: usize| {
        let text = lines.line(line);
        text == "---" || text.trim_start().is_empty() || text.trim_start().starts_with('#')
    };
    let Some(line) = (wanted..=last).find(|line| !says_nothing(*line)) else {
        bail!("nothing follows line {wanted} of {}: name a line before it", file.path)
    };
    for document in documents {
        let Some(found) = deepest(&Found::top(document), line, &lines) else { continue };
        let at = found.line(&lines);
        if let Kind::Scalar { text, .. } = &found.node.kind
            && is_configuration(&found.path)
            && let Some(setting) = settings(text).find(|setting| at + 1 + setting.before == line)
        {
            let field = field(document, setting.path(&found.path));
            let why = comment::above_group(&lines, line);
            return Ok(Target { field, value: setting.text.to_owned(), line, why });
        }
        return match of_script(file, documents, line, &lines) {
            Some(target) => Ok(target),
            None => Ok(Target { line, ..found.target(file, document) }),
        };
    }
    bail!("line {wanted} of {} is not part of an object: name the line of a key", file.path)
}

/// A line of a text that is no configuration, such as a script: its comments are part of it.
fn of_script(file: &SetFile, documents: &[Document], line: usize, lines: &Lines) -> Option<Target> {
    documents.iter().find_map(|document| {
        let found = deepest(&Found::top(document), line, lines)?;
        let Kind::Scalar { text, .. } = &found.node.kind else { return None };
        let inner = line.checked_sub(found.line(lines) + 1)?;
        if is_configuration(&found.path) || !text.contains('\n') {
            return None;
        }
        let value = text.lines().nth(inner)?.trim().to_owned();
        Some(Target { value, line, ..found.target(file, document) })
    })
}

/// The entry that the line belongs to.
fn deepest<'n>(found: &Found<'n>, line: usize, lines: &Lines) -> Option<Found<'n>> {
    let on = |span: Span| lines.place(span.start).line;
    let start = |found: &Found| found.keys.last().map_or(found.node.span, |key| *key);
    // An entry ends where the next one starts: a block's own end may count the line behind it.
    let inner = found.children().into_iter().rev().find(|inner| on(start(inner)) <= line)?;
    let key = start(&inner);
    // Behind the end of the whole document.
    if lines.place(inner.node.span.end.max(key.end).saturating_sub(1)).line < line {
        return None;
    }
    if on(key) == line && !matches!(inner.node.kind, Kind::Mapping(_)) {
        return Some(inner);
    }
    deepest(&inner, line, lines).or(Some(inner))
}
