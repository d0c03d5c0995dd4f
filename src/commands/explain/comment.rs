//! The comments of a manifest: why a line is as it is.

use crate::diagnostics::span::{Lines, Span};

/// The comment above the innermost of these keys that has one.
pub(super) fn nearest(lines: &Lines, keys: &[Span]) -> Vec<String> {
    let above = keys.iter().rev().map(|key| ending_at(lines, lines.place(key.start).line - 1));
    above.into_iter().find(|comment| !comment.is_empty()).unwrap_or_default()
}

/// In a configuration: the comment above the lines that a line stands with.
pub(super) fn above_group(lines: &Lines, line: usize) -> Vec<String> {
    let text = |line: usize| lines.line(line).trim_start();
    let indent = |line: usize| lines.line(line).len() - text(line).len();
    let mut end = line - 1;
    while end > 0 && !text(end).starts_with('#') {
        if text(end).is_empty() || indent(end) != indent(line) {
            return Vec::new();
        }
        end -= 1;
    }
    ending_at(lines, end)
}

/// The lines of the comment whose last line is this one.
fn ending_at(lines: &Lines, end: usize) -> Vec<String> {
    let text = |line: usize| lines.line(line).trim_start();
    let start = (1..=end).rev().take_while(|line| text(*line).starts_with("# ")).last();
    let Some(start) = start else { return Vec::new() };
    (start..=end).map(|line| text(line).trim_start_matches("# ").to_owned()).collect()
}
