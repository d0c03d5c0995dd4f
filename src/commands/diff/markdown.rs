//! A diff as a comment on a pull request.

use std::fmt::Write as _;

use anyhow::Result;

use crate::commands::diff::compared::{Compared, Group, Judged};
use crate::commands::diff::text::{MAX_REASONS, first_of, of_reason};
use crate::commands::unified;
use crate::consequences::cluster::Status;
use crate::consequences::consequence::{Class, Consequence};
use crate::diagnostics::escape::is_hidden;
use crate::diagnostics::words::number;
use crate::publish::compare::Change;

/// GitHub accepts 65,536 characters; the rest is for text that a workflow adds.
const MAX_CHARACTERS: usize = 59_000;
/// Limit for the consequences, so that there is room for diffs.
const FOR_CONSEQUENCES: usize = 40_000;

/// Consequences first, the worst on top, then every diff folded, as far as they fit. `again` is the command line that
/// shows the rest.
pub(super) fn of(compared: &Compared, again: &str) -> Result<String> {
    let (before, clusters) = (compared.side, &compared.clusters);
    let mut groups = compared.groups();
    let worst = |group: &Group| group.consequences.first().map_or(Class::NoEffect, |consequence| consequence.class);
    groups.sort_by_key(worst);
    let same = clusters.iter().filter(|cluster| cluster.status == Status::Same).count();
    let mut out = format!("### buildkit-fleet: consequences of this change, compared with {}\n\n", code(&before.name));
    if let Some(why) = &before.unusable {
        let _ = writeln!(out, "{}\n", escaped(why));
    }
    if groups.is_empty() {
        out += "No manifest changes.\n";
        return Ok(out);
    }
    out += &counts(&groups, clusters.len());
    let mut left = 0;
    for group in &groups {
        let section = section(group);
        if length(&out) + length(&section) > FOR_CONSEQUENCES {
            left += group.clusters.len();
        } else {
            out += &section;
        }
    }
    if left > 0 {
        let clusters = number(left, "more cluster");
        let _ = writeln!(out, "{clusters}, counted above, do not fit here: run {}.\n", code(again));
    }
    if same > 0 {
        let _ = writeln!(out, "{} unchanged.\n", number(same, "cluster"));
    }
    let mut missing: usize = clusters.iter().map(|cluster| cluster.files).sum();
    let texts = |cluster: &Judged, changes: &[Change]| {
        let text = |change: &Change| folded(cluster.cluster, &change.path, &unified::shown(cluster.cluster, change));
        Ok(changes.iter().map(text).collect::<Vec<String>>())
    };
    let shortest = length(&folded("", "", ""));
    compared.each(texts, |_, texts| {
        for folded in texts {
            // The sentence about the rest must fit as well.
            if length(&out) + length(&folded) + 200 <= MAX_CHARACTERS {
                out += &folded;
                missing -= 1;
            }
        }
        Ok(length(&out) + shortest + 200 <= MAX_CHARACTERS)
    })?;
    if missing > 0 {
        let _ = writeln!(out, "The diffs of {} do not fit here: run {}.", number(missing, "file"), code(again));
    }
    Ok(out)
}

/// How many of all clusters have each kind of consequence, even if their sections do not fit.
fn counts(groups: &[Group], clusters: usize) -> String {
    let of_class = |class: Class| -> usize {
        let has = |group: &&Group| group.consequences.iter().any(|consequence| consequence.class == class);
        groups.iter().filter(has).map(|group| group.clusters.len()).sum()
    };
    let parts: Vec<String> = Class::ALL
        .into_iter()
        .map(|class| (class, of_class(class)))
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| format!("{} {} in {count}", sign(class), class.name()))
        .collect();
    format!("Of {}: {}.\n\n", number(clusters, "cluster"), parts.join(", "))
}

fn sign(class: Class) -> &'static str {
    match class {
        class if class.is_grave() => "🔴",
        Class::InPlace | Class::NoEffect => "⚪",
        _ => "🟡",
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn section(group: &Group) -> String {
    const MAX_NAMES: usize = 20;
    let names = &group.clusters;
    let mut listed: Vec<String> = names.iter().take(MAX_NAMES).map(|name| code(name)).collect();
    if names.len() > MAX_NAMES {
        listed.push(format!("{} more", names.len() - MAX_NAMES));
    }
    let status = if group.status == Status::Changed { String::new() } else { format!(" ({})", group.status.name()) };
    let mut out = format!("#### {}{status}\n\n", listed.join(", "));
    for consequence in group.consequences {
        out += &item(consequence);
    }
    out.push('\n');
    out
}

fn item(consequence: &Consequence) -> String {
    let sign = sign(consequence.class);
    let mut out = format!(
        "- {sign} **{}** {}: {}\n",
        consequence.class.name(),
        code(&first_of(&consequence.objects)),
        escaped(&consequence.what)
    );
    for reason in consequence.reasons.iter().take(MAX_REASONS) {
        let _ = writeln!(out, "  - {}", code(&of_reason(reason)));
    }
    if consequence.reasons.len() > MAX_REASONS {
        let _ = writeln!(out, "  - and {}", number(consequence.reasons.len() - MAX_REASONS, "more field"));
    }
    if let Some(advice) = &consequence.advice {
        let _ = writeln!(out, "  - → {}", escaped(advice));
    }
    out
}

fn folded(cluster: &str, path: &str, diff: &str) -> String {
    let fence = fence(diff, 3);
    let summary = line(&format!("{cluster}/{path}"))
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('@', "&#64;");
    let end = if diff.ends_with('\n') { "" } else { "\n" };
    format!("<details><summary>{summary}</summary>\n\n{fence}diff\n{diff}{end}{fence}\n\n</details>\n")
}

/// More backticks than the text contains in a row.
fn fence(text: &str, least: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(least.max(longest + 1))
}

/// A code span: text that Markdown shows unchanged, on one line.
fn code(text: &str) -> String {
    let line = line(text);
    let fence = fence(&line, 1);
    let pad = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// The text on one line, without characters that change the direction of text.
fn line(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect()
}

/// A sentence that may contain names from a file, escaped so that nothing in it formats, links or mentions anybody.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '*' | '_' | '[' | ']' | '<' | '#' | '|' | '~' => out.extend(['\\', c]),
            // GitHub recognises @name even after a backslash.
            '@' => out.push_str("&#64;"),
            c if is_hidden(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_code_span_or_fence() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a`"), "`` `a` ``");
        assert_eq!(code("a\nb"), "`a b`");
        assert!(folded("c", "f", "+ ```\n").contains("````diff\n+ ```\n````\n"));
        assert!(folded("<b>", "f", "").contains("<summary>&lt;b&gt;/f</summary>"));
        assert_eq!(escaped("@team *x* <b>"), "&#64;team \\*x\\* \\<b>");
    }
}
