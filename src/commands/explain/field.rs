//! A field of a manifest: its value, how it comes about, and which lines of clusters.yaml it comes from.

use std::fmt::Write as _;

use crate::commands::explain::base::Base;
use crate::commands::explain::formula;
use crate::commands::explain::reach::Reach;
use crate::commands::explain::target::Target;
use crate::commands::explain::variation::Subject;
use crate::commands::explain::written::{Source, places, places_of};
use crate::console::wrap::wrap;
use crate::input::shape::KeyPath;
use crate::manifests::address::Asked;

/// What there is to tell of a field; `keys` with what each reaches in this cluster.
pub fn explain(
    target: &Target,
    base: &Base,
    keys: &[(KeyPath, Reach)],
    subject: &Subject,
    source: Source,
    width: usize,
) -> String {
    let field = &target.field;
    let mut text = format!("{field}\n");
    let _ = writeln!(text, "    line {} of {}, {} {}", target.line, field.file, field.kind, field.name);
    text += "value\n";
    for line in target.value.lines() {
        text += format!("    {line}").trim_end();
        text.push('\n');
    }
    if let Some(formula) = formula::of(base.fleet, field) {
        text += "formula\n";
        text += &wrap(&formula.expression, width, "    ");
        text += &wrap(formula.words, width, "    ");
    }
    let deciding = keys.iter().filter(|(_, reach)| reach.decides(field));
    let (given, absent): (Vec<_>, Vec<_>) =
        deciding.partition(|(key, _)| !subject.written(&key.path).is_empty() || key.key.default.is_some());
    text += "from\n";
    for place in given.iter().flat_map(|(key, reach)| {
        let entries = reach.entries_deciding(field);
        let of_entries = places_of(&entries, key, subject, source);
        if of_entries.is_empty() { places(key, subject, source) } else { of_entries }
    }) {
        text += &wrap(&place, width, "    ");
    }
    if given.is_empty() {
        let what = if absent.is_empty() { "the template: the same in every cluster" } else { "the template" };
        text += &wrap(what, width, "    ");
    }
    if !absent.is_empty() {
        text += "would also follow from\n";
        let names: Vec<String> = absent.iter().map(|(key, _)| key.dotted()).collect();
        text += &wrap(&names.join(", "), width, "    ");
    }
    if !target.why.is_empty() {
        text += "why\n";
        text += &wrap(&target.why.join(" "), width, "    ");
    }
    text
}

/// The same of a field that the cluster does not have, but would have with another value of some key; `rest` is what
/// stands behind the file in its address.
pub fn explain_absent(
    file: &str,
    rest: &str,
    asked: &Asked,
    base: &Base,
    keys: &[(KeyPath, Reach)],
    width: usize,
) -> Option<String> {
    let adding = keys.iter().filter(|(_, reach)| reach.adds_to(file, Some(asked)));
    let names: Vec<String> = adding.map(|(key, _)| key.dotted()).collect();
    if names.is_empty() {
        return None;
    }
    let mut text = format!("{file}:{rest}\nvalue\n");
    text += &wrap(&format!("none in {}", base.fleet.key), width, "    ");
    text += "would follow from\n";
    Some(text + &wrap(&names.join(", "), width, "    "))
}
