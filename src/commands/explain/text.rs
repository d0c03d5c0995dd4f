//! The text of every answer.

use crate::commands::explain::formula;
use crate::commands::explain::influence::Influence;
use crate::commands::explain::probe::Probe;
use crate::commands::explain::source::{KeyAndValue, Source};
use crate::config::ClusterKeys;
use crate::consequences::consequence::Class;
use crate::console::wrap::wrap;
use crate::diagnostics::rule::{ALL, Rule};
use crate::diagnostics::span::Lines;
use crate::fleet::formula::Formula;
use crate::input::shape::{KeyPath, Shape, flatten};
use crate::manifests::address::Field;
use crate::manifests::index::Target;
use crate::values::patch::Patch;

const INDENT: &str = "    ";

/// A title with indented paragraphs below it.
fn part<S: AsRef<str>>(title: &str, paragraphs: impl IntoIterator<Item = S>, width: usize) -> String {
    let start = format!("{title}\n");
    paragraphs.into_iter().fold(start, |text, paragraph| text + &wrap(paragraph.as_ref(), width, INDENT))
}

/// A title with indented lines below it that are not wrapped: they are for copying.
fn verbatim<S: AsRef<str>>(title: &str, lines: impl IntoIterator<Item = S>) -> String {
    let indented = |line: S| format!("\n{INDENT}{}", line.as_ref()).trim_end_matches(' ').to_owned();
    title.to_owned() + &lines.into_iter().map(indented).collect::<String>() + "\n"
}

/// Every rule with what it protects from.
pub fn rules(width: usize) -> String {
    let rule = |rule: &Rule| part(&format!("{} ({})", rule.id, rule.severity.name()), [rule.protects], width);
    ALL.iter().copied().map(rule).collect()
}

pub fn rule(rule: &Rule, width: usize) -> String {
    let title = format!("{} ({}, since {})\n", rule.id, rule.severity.name(), rule.since);
    title + &part("protects from", [rule.protects], width) + &part("to do", [rule.remedy], width)
}

pub fn class(class: Class, width: usize) -> String {
    let look = if class.is_grave() { ", to be reviewed before it is applied" } else { "" };
    part(&format!("{} (a kind of consequence of `diff`{look})", class.name()), [class.about()], width)
}

/// Every key, with the first sentence about it.
pub fn keys(width: usize) -> String {
    let key = |key: KeyPath| {
        let about = key.key.about();
        let first = about.split_once(". ").map_or(about, |(first, _)| &about[..=first.len()]);
        let default = key.key.default.map(|default| format!(" Default: {default}.")).unwrap_or_default();
        part(&key.dotted(), [format!("{first}{default}")], width)
    };
    flatten(ClusterKeys::KEYS).into_iter().map(key).collect()
}

/// What a key means and accepts.
pub fn key(key: &KeyPath, width: usize) -> String {
    let shape = (key.key.shape)();
    let mut text = part(&key.dotted(), [key.key.about()], width) + &part("accepts", [shape.expected()], width);
    text += &key.key.unit.map(|unit| part("unit", [unit], width)).unwrap_or_default();
    if !matches!(shape, Shape::Block { .. }) {
        text += &part("default", [key.key.default.unwrap_or("none")], width);
    }
    text
}

/// Where the value of a key is written in one cluster.
pub fn in_cluster(key: &KeyPath, source: Source, width: usize) -> String {
    part(&format!("in {}", source.cluster), places(key, &[], source), width)
}

/// The addresses of what a key influences, each on a line of its own.
pub fn influence(influence: &Influence, cluster: &str, width: usize) -> String {
    let lists = [
        ("affects", &influence.changes),
        ("removes, with some values", &influence.removes),
        ("adds, with some values", &influence.adds),
    ];
    let lists = lists.iter().filter(|(_, fields)| !fields.is_empty());
    let text: String = lists.map(|(title, fields)| verbatim(title, fields.iter().map(Field::to_string))).collect();
    let nothing = match influence {
        Influence { skips: true, .. } => format!("decides whether {cluster} gets manifests at all"),
        _ if !text.is_empty() => return text,
        Influence { accepted: false, .. } => {
            format!("no manifest of {cluster}: none of the values tried is accepted beside the rest of the file")
        }
        _ => format!("no manifest of {cluster}"),
    };
    text + &part("affects", [nothing], width)
}

/// A field of a manifest: its value, how it is computed, and which lines of clusters.yaml it comes from. `influences`
/// are those of every key on its file, `patch` is the one that made the field what it is.
pub fn field(
    target: &Target,
    influences: &[(KeyPath, Influence)],
    patch: Option<&Patch>,
    probe: &Probe,
    width: usize,
) -> String {
    let Target { field, value, line, comment } = target;
    let mut text = format!("{field}\n{INDENT}line {line} of {}, {} {}\n", field.file, field.kind, field.name);
    text += &verbatim("value", value.lines());
    let of_templates = formula::of(probe.fleet, field).filter(|_| patch.is_none());
    if let Some(Formula { expression, words }) = of_templates {
        text += &part("formula", [expression.as_str(), words], width);
    }
    // The key `patches` as a whole says less than the one patch.
    let deciding = influences.iter().filter(|(key, influence)| key.key.name != "patches" && influence.decides(field));
    let (given, absent): (Vec<_>, Vec<_>) =
        deciding.partition(|(key, _)| !probe.source.written(&key.path).is_empty() || key.key.default.is_some());
    let mut from: Vec<String> = given
        .iter()
        .flat_map(|(key, influence)| places(key, &influence.entries_deciding(field), probe.source))
        .collect();
    if let Some(patch) = patch {
        from.insert(0, place_of(patch, probe));
    } else if given.is_empty() {
        let same = if absent.is_empty() { ": the same in every cluster" } else { "" };
        from.push(format!("the template{same}"));
    }
    text += &part("from", from, width);
    if !absent.is_empty() {
        let names: Vec<String> = absent.iter().map(|(key, _)| key.dotted()).collect();
        text += &part("can also come from", [names.join(", ")], width);
    }
    if !comment.is_empty() {
        text += &part("why", [comment], width);
    }
    text
}

/// `clusters.yaml:28:11: patches[1], of Deployment/buildkitd-lb`.
fn place_of(patch: &Patch, probe: &Probe) -> String {
    let at = probe.fleet.patches.iter().position(|other| other.span == patch.span).unwrap_or_default();
    let place = Lines::of(probe.source.text).place(patch.span.start);
    format!("{}:{}:{}: patches[{at}], of {}/{}", probe.source.path, place.line, place.column, patch.kind, patch.name)
}

/// Keys by their paths, `a.b, a.c`.
pub fn key_names(keys: &[&KeyPath]) -> String {
    keys.iter().map(|key| key.dotted()).collect::<Vec<_>>().join(", ")
}

/// A field that a cluster does not have, but would have with another value of one of these keys.
pub fn absent(address: &str, cluster: &str, keys: &[&KeyPath], width: usize) -> String {
    format!("{address}\n")
        + &part("value", [format!("none in {cluster}")], width)
        + &part("would come from", [key_names(keys)], width)
}

/// `clusters.yaml:28:5: amd64_pods_per_node: 2, from defaults` for a key, or these entries of it where they are written;
/// or the default. A block that is merged name by name may be written twice.
fn places(key: &KeyPath, entries: &[&str], source: Source) -> Vec<String> {
    let name = key.key.name;
    let place = |((key, value), shared): &(&KeyAndValue, bool), inside: &str| {
        let place = Lines::of(source.text).place(key.span.start);
        let shared = if *shared { ", from `defaults`" } else { "" };
        format!(
            "{}:{}:{}: {}: {}{inside}{shared}",
            source.path,
            place.line,
            place.column,
            key.text().unwrap_or_default(),
            value.flow()
        )
    };
    let of_entry = |entry: &&str| {
        let written = source.written(&[key.path.as_slice(), &[*entry]].concat());
        written.first().map(|written| place(written, &format!(", in `{name}`")))
    };
    let of_entries: Vec<String> = entries.iter().filter_map(of_entry).collect();
    let written = source.written(&key.path);
    let merged = matches!((key.key.shape)(), Shape::Map(map) if !map.ordered) || key.path.contains(&"*");
    match (written.as_slice(), key.key.default) {
        _ if !of_entries.is_empty() => of_entries,
        ([], Some(default)) => vec![format!("{name}: {default}, by default")],
        ([], None) => vec![format!("{name} is not given")],
        ([first, ..], _) if !merged => vec![place(first, "")],
        (all, _) => all.iter().map(|written| place(written, "")).collect(),
    }
}

/// A name that several things have: what to write instead, each on a line of its own.
pub fn ambiguous(name: &str, matches: &[String]) -> String {
    let more = matches.len().saturating_sub(MOST_MATCHES);
    let more = (more > 0).then(|| format!("and {more} more"));
    let listed = matches.iter().take(MOST_MATCHES).chain(&more);
    let title = format!("`{name}` is ambiguous ({} matches); use one of", matches.len());
    verbatim(&title, listed).trim_end().to_owned()
}

/// The most matches that are listed.
const MOST_MATCHES: usize = 5;
