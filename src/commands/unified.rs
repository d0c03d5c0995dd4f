//! Two versions of a file as a unified diff.

use std::path::Path;

use crate::diagnostics::escape::visible_lines;
use crate::publish::compare::Change;

/// The diff of a file in this directory, with `a/` and `b/` before the path; `/dev/null` for a missing version.
pub fn unified(dir: impl AsRef<Path>, change: &Change) -> String {
    let (old, new) = (change.old.as_deref().unwrap_or_default(), change.new.as_deref().unwrap_or_default());
    let name = |side: &str, text: &Option<String>| match text {
        Some(_) => format!("{side}/{}", dir.as_ref().join(&change.path).display()),
        None => "/dev/null".to_owned(),
    };
    let diff = similar::TextDiff::from_lines(old, new);
    diff.unified_diff().header(&name("a", &change.old), &name("b", &change.new)).to_string()
}

/// The same for people: safe to print on a terminal or in a log.
pub fn shown(dir: impl AsRef<Path>, change: &Change) -> String {
    visible_lines(unified(dir, change))
}
