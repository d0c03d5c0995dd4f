//! What `check` finds, for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::commands::check::arguments::Check;
use crate::commands::check::held::{Breach, Held};
use crate::console::wrap::wrap;
use crate::diagnostics::escape::visible;

pub(super) fn of(held: &Held, command: &Check, width: usize, color: bool) -> String {
    let of_one = held.broken.chunk_by(|one, next| one.invariant == next.invariant);
    let mut out: String = of_one.map(|breaches| of_invariant(breaches, width, color)).collect();
    let mut list = |what: &str, ids: &[&str]| {
        if !ids.is_empty() {
            out += &wrap(&format!("{what}: {}", ids.join(", ")), width, "");
        }
    };
    let without = if command.cluster.is_none() { " without --cluster" } else { "" };
    list(&format!("checked in part{without}"), &held.partly);
    list(&format!("not checked{without}"), &held.not_checked);
    out
}

/// The places at which one invariant is broken.
fn of_invariant(breaches: &[Breach], width: usize, color: bool) -> String {
    let Some(first) = breaches.first() else { return String::new() };
    let style = if color { Style::new().bold().fg_color(Some(AnsiColor::Red.into())) } else { Style::new() };
    let mut out = format!("{style}broken{style:#}: {}\n", first.invariant);
    for breach in breaches {
        if let Some(place) = place_of(breach) {
            let _ = writeln!(out, "  {}", visible(place));
        }
        out += &wrap(&visible(breach.what.clone()), width, "    ");
    }
    out + &wrap(&format!("without it, {}", first.without), width, "  ") + "\n"
}

/// `out.yaml:12: Kind/name path`
fn place_of(breach: &Breach) -> Option<String> {
    let field = breach.field.as_ref()?;
    let file = breach.file.as_deref().map_or("", |file| if file == "-" { "stdin" } else { file });
    let line = breach.line.map(|line| format!("{file}:{line}: ")).unwrap_or_default();
    let dot = if field.path.is_empty() { "" } else { " " };
    Some(format!("{line}{}/{}{dot}{}", field.kind, field.name, field.path))
}
