//! A diff for people at a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use anyhow::Result;

use crate::commands::diff::compared::{Compared, Group, Judged};
use crate::commands::unified;
use crate::consequences::cluster::Status;
use crate::consequences::consequence::{Class, Consequence};
use crate::consequences::field::FieldChange;
use crate::console::output::print;
use crate::console::wrap::{width, wrap};
use crate::diagnostics::escape::visible;
use crate::diagnostics::words::number;
use crate::publish::compare::Change;

/// Fields that are listed for one consequence; the diff below shows all of them.
pub(super) const MAX_REASONS: usize = 8;
/// Objects that are named for one consequence.
const MAX_OBJECTS: usize = 4;

/// Prints the consequences of all clusters, then how their files differ.
pub(super) fn print_all(compared: &Compared, color: bool) -> Result<()> {
    let width = width();
    let paint = Paint(color);
    if let Some(why) = &compared.side.unusable {
        print(&(wrap(why, width, "") + "\n"))?;
    }
    for group in compared.groups() {
        print(&of_group(&group, width, &paint))?;
    }
    let diffs = |cluster: &Judged, changes: &[Change]| {
        Ok(changes.iter().map(|change| paint.diff(&unified::shown(cluster.cluster, change))).collect::<String>())
    };
    compared.each(diffs, |_, text| print(&text).map(|()| true))
}

fn of_group(group: &Group, width: usize, paint: &Paint) -> String {
    let status = if group.status == Status::Changed { String::new() } else { format!(" ({})", group.status.name()) };
    let mut out = wrap(&format!("{}{status}", group.clusters.join(", ")), width, "");
    for consequence in group.consequences {
        out += &of_consequence(consequence, width, paint);
    }
    out.push('\n');
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
