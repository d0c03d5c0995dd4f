//! Which clusters of the file a command is about.

use indexmap::IndexSet;

use crate::console::output::message;
use crate::diagnostics::suggest::did_you_mean_of;
use crate::fleet::model::Fleet;
use crate::resolve::resolved::Resolved;

/// Reports the names that are not clusters of the file, and returns whether there are any.
pub fn any_unknown(wanted: &[String], outcomes: &[Resolved]) -> bool {
    any_unknown_of(wanted, outcomes.iter().map(Resolved::name))
}

/// Like `any_unknown`, for any names.
pub fn any_unknown_of<'a>(wanted: &[String], known: impl Iterator<Item = &'a str>) -> bool {
    // The same name may exist on both sides of a diff.
    let known: IndexSet<&str> = known.collect();
    let unknown: Vec<&String> = wanted.iter().filter(|name| !known.contains(name.as_str())).collect();
    let known: Vec<&str> = known.into_iter().collect();
    for name in &unknown {
        message(&format!("error: cluster `{name}` not found: {}", did_you_mean_of(name, &known)));
    }
    !unknown.is_empty()
}

/// Whether a command with these names is about this cluster; without names it is about all.
pub fn is_wanted(wanted: &[String], name: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|cluster| cluster == name)
}

/// The fleets that the command is about, in the order of the file.
pub fn fleets<'a>(wanted: &[String], outcomes: &'a [Resolved]) -> Vec<&'a Fleet> {
    outcomes.iter().filter_map(Resolved::fleet).filter(|fleet| is_wanted(wanted, fleet.key.as_str())).collect()
}
