//! A diff for people at a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use indexmap::IndexMap;

use crate::commands::diff::side::Side;
use crate::commands::unified;
use crate::consequences::cluster::{ClusterDiff, Status};
use crate::consequences::consequence::{Class, Consequence};
use crate::consequences::field::FieldChange;
use crate::console::wrap::{width, wrap};
use crate::diagnostics::escape::visible;
use crate::diagnostics::words::number;

/// Fields that are listed for one consequence; the diff below shows all of them.
pub(super) const MAX_REASONS: usize = 8;
/// Objects that are named for one consequence.
const MAX_OBJECTS: usize = 4;

/// Clusters with the same consequences, in the order of the first.
pub(super) fn grouped(clusters: &[ClusterDiff]) -> Vec<(Vec<&str>, &ClusterDiff)> {
    let mut groups: IndexMap<_, (Vec<&str>, &ClusterDiff)> = IndexMap::new();
    for cluster in clusters.iter().filter(|cluster| cluster.status != Status::Same) {
        let group = groups.entry((cluster.status, &cluster.consequences)).or_insert_with(|| (Vec::new(), cluster));
        group.0.push(&cluster.cluster);
    }
    groups.into_values().collect()
}

pub(super) fn of(before: &Side, clusters: &[ClusterDiff], color: bool) -> String {
    let width = width();
    let paint = Paint(color);
    let mut out = before.unusable.as_ref().map_or_else(String::new, |why| wrap(why, width, "") + "\n");
    for (names, diff) in grouped(clusters) {
        let status = if diff.status == Status::Changed { String::new() } else { format!(" ({})", diff.status.name()) };
        out += &wrap(&format!("{}{status}", names.join(", ")), width, "");
        for consequence in &diff.consequences {
            out += &of_consequence(consequence, width, &paint);
        }
        out.push('\n');
    }
    for cluster in clusters {
        for change in &cluster.changes {
            out += &paint.diff(&unified::shown(&cluster.cluster, change));
        }
    }
    out
}

fn of_consequence(consequence: &Consequence, width: usize, paint: &Paint) -> String {
    let class = consequence.class;
    let mut out = format!("  {}  {}\n", paint.class(class), first_of(&consequence.objects));
    out += &wrap(&consequence.what, width, "      ");
    for reason in consequence.reasons.iter().take(MAX_REASONS) {
        out += &wrap(&of_reason(reason), width, "        ");
    }
    if consequence.reasons.len() > MAX_REASONS {
        let more = consequence.reasons.len() - MAX_REASONS;
        let _ = writeln!(out, "        and {}", number(more, "more field"));
    }
    if let Some(advice) = &consequence.advice {
        out += &wrap(&format!("-> {advice}"), width, "      ");
    }
    out
}

/// The first of several objects.
pub(super) fn first_of(objects: &[String]) -> String {
    if objects.len() <= MAX_OBJECTS + 1 {
        return objects.join(", ");
    }
    format!("{} and {} more", objects[..MAX_OBJECTS].join(", "), objects.len() - MAX_OBJECTS)
}

/// `path: old -> new` on one line.
pub(super) fn of_reason(reason: &FieldChange) -> String {
    match (&reason.old, &reason.new) {
        (None, None) => reason.path.clone(),
        (Some(old), Some(new)) => {
            let (old, new) = apart(old, new);
            format!("{}: {} -> {}", reason.path, shown(&old), shown(&new))
        }
        (old, new) => {
            let of = |value: &Option<String>| value.as_ref().map_or_else(|| "(none)".to_owned(), |text| shown(text));
            format!("{}: {} -> {}", reason.path, of(old), of(new))
        }
    }
}

/// Long values without their common first and last words.
fn apart(old: &str, new: &str) -> (String, String) {
    const LONG: usize = 60;
    if old.len().max(new.len()) <= LONG {
        return (old.to_owned(), new.to_owned());
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_whitespace().collect(), new.split_whitespace().collect());
    let shorter = old.len().min(new.len());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let tail = old.iter().rev().zip(new.iter().rev()).take(shorter - head).take_while(|(old, new)| old == new).count();
    // One common word on each side is kept as context.
    let (start, end) = (head.saturating_sub(1), tail.saturating_sub(1));
    let cut = |words: &[&str]| {
        let middle = words[start..words.len() - end].join(" ");
        let (before, after) = (if start > 0 { "… " } else { "" }, if end > 0 { " …" } else { "" });
        format!("{before}{middle}{after}")
    };
    (cut(&old), cut(&new))
}

/// A value on one line, shortened, and safe to print on a terminal.
fn shown(text: &str) -> String {
    const LONGEST: usize = 160;
    if text.is_empty() {
        return "\"\"".to_owned();
    }
    let line = visible(text.chars().take(LONGEST).collect());
    if text.chars().nth(LONGEST).is_some() { line + "…" } else { line }
}

const GRAVE: Style = AnsiColor::Red.on_default().bold();
const NOTABLE: Style = AnsiColor::Yellow.on_default().bold();
const HARMLESS: Style = Style::new().dimmed();

/// Adds color if it is enabled.
struct Paint(bool);

impl Paint {
    fn with(&self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn class(&self, class: Class) -> String {
        let style = match class {
            class if class.is_grave() => GRAVE,
            Class::NoEffect | Class::InPlace => HARMLESS,
            _ => NOTABLE,
        };
        self.with(style, class.name())
    }

    fn diff(&self, diff: &str) -> String {
        if !self.0 {
            return diff.to_owned();
        }
        diff.split_inclusive('\n')
            .map(|line| {
                let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
                let style = match text.as_bytes().first() {
                    _ if text.starts_with("---") || text.starts_with("+++") => Style::new().bold(),
                    Some(b'-') => AnsiColor::Red.on_default(),
                    Some(b'+') => AnsiColor::Green.on_default(),
                    Some(b'@') => AnsiColor::Cyan.on_default(),
                    _ => return line.to_owned(),
                };
                self.with(style, text) + end
            })
            .collect()
    }
}
