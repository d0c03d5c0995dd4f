//! A field of a manifest: its value, how it comes about, and which lines of clusters.yaml it comes from.

use std::fmt::Write as _;

use anyhow::Result;

use crate::config::Entry;
use crate::explain::formula;
use crate::explain::key::written;
use crate::explain::manifest::Field;
use crate::explain::reach::Base;
use crate::explain::target::Target;
use crate::explain::variation::Subject;
use crate::shape::{KeyPath, Shape, flatten};
use crate::talk::wrap;

pub(super) fn explain(
    target: &Target,
    base: &Base,
    subject: &Subject,
    file: (&str, &str),
    width: usize,
) -> Result<String> {
    let field = &target.field;
    let mut text = format!("{field}\n");
    let _ = writeln!(text, "    line {} of {}, {} {}", target.line, field.file, field.kind, field.name);
    text += "value\n";
    for line in target.value.lines() {
        let _ = writeln!(text, "    {line}");
    }
    if let Some(formula) = formula::of(base.fleet, field) {
        text += "formula\n";
        text += &wrap(&formula.expression, width, "    ");
        text += &wrap(formula.words, width, "    ");
    }
    let (given, absent) = sources(field, base, subject)?;
    text += "from\n";
    for key in &given {
        text += &wrap(&written(key, subject, file), width, "    ");
    }
    if given.is_empty() {
        let what = if absent.is_empty() { "the template: the same in every cluster" } else { "the template" };
        text += &wrap(what, width, "    ");
    }
    if !absent.is_empty() {
        let names: Vec<String> = absent.iter().map(KeyPath::dotted).collect();
        text += "would also follow from\n";
        text += &wrap(&names.join(", "), width, "    ");
    }
    if !target.why.is_empty() {
        text += "why\n";
        text += &wrap(&target.why.join(" "), width, "    ");
    }
    Ok(text)
}

/// The keys that change the field, or what is in it: those that are written or have a default, and those that are not.
fn sources(field: &Field, base: &Base, subject: &Subject) -> Result<(Vec<KeyPath>, Vec<KeyPath>)> {
    let inside = |reached: &Field| {
        let same = (reached.file, &reached.kind, &reached.name) == (field.file, &field.kind, &field.name);
        let rest = reached.path.strip_prefix(&field.path);
        same && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ':']) || field.path.is_empty())
    };
    let mut keys = Vec::new();
    for key in flatten(Entry::KEYS) {
        // What is in a block with names of the user's choice is tried with the block.
        if matches!((key.key.shape)(), Shape::Block { .. }) || key.path.contains(&"*") {
            continue;
        }
        if base.reached(&key, subject)?.iter().any(inside) {
            keys.push(key);
        }
    }
    Ok(keys.into_iter().partition(|key| subject.written(&key.path).is_some() || key.key.default.is_some()))
}
