//! What `check` finds, for programs.

use serde::Serialize;

use crate::commands::check::arguments::Check;
use crate::commands::check::held::{Breach, Held};
use crate::commands::check::ours::Ours;

/// What `check --format json` prints: which invariants manifests break, and where.
#[derive(Debug, Serialize)]
pub(super) struct CheckJson<'a> {
    /// What was read, as it was given: a directory, a file, or `-` for stdin.
    manifests: &'a str,
    /// The cluster of clusters.yaml that they were held against; null where none was given.
    cluster: Option<&'a str>,
    /// Number of objects of a fleet.
    objects: usize,
    /// Number of other objects, which are ignored.
    ignored: usize,
    /// Whether no invariant is broken.
    holds: bool,
    /// Each place at which an invariant is broken.
    broken: Vec<BreachJson<'a>>,
    /// Ids of the invariants that were checked.
    checked: &'a [&'static str],
    /// Ids of those of which only the part was checked that manifests show by themselves.
    checked_in_part: &'a [&'static str],
    /// Ids of those that were not checked.
    not_checked: &'a [&'static str],
}

/// A place at which an invariant is broken. Object, path, file and line are null where no single object is to blame.
#[derive(Debug, Serialize)]
struct BreachJson<'a> {
    /// Stable id of the invariant; docs/reliability.md lists them.
    invariant: &'static str,
    /// What is wrong, in a sentence.
    what: &'a str,
    /// What happens without the invariant.
    without: &'static str,
    /// `Kind/name` of the object, a ConfigMap without the hash of its content.
    object: Option<String>,
    /// Path of the field in its object; empty where the whole object is meant.
    path: Option<&'a str>,
    /// The file that has the object, `-` for stdin; null if none has it.
    file: Option<&'a str>,
    /// Line of the field or, if the text does not have it, of the nearest block around it, from 1.
    line: Option<usize>,
}

pub(super) fn of<'a>(held: &'a Held, ours: &Ours, command: &'a Check) -> CheckJson<'a> {
    CheckJson {
        manifests: &command.manifests,
        cluster: command.cluster.as_deref(),
        objects: ours.objects.len(),
        ignored: ours.ignored,
        holds: held.broken.is_empty(),
        broken: held.broken.iter().map(BreachJson::of).collect(),
        checked: &held.checked,
        checked_in_part: &held.partly,
        not_checked: &held.not_checked,
    }
}

impl<'a> BreachJson<'a> {
    fn of(breach: &'a Breach) -> Self {
        let field = breach.field.as_ref();
        BreachJson {
            invariant: breach.invariant,
            what: &breach.what,
            without: breach.without,
            object: field.map(|field| format!("{}/{}", field.kind, field.name)),
            path: field.map(|field| field.path.as_str()),
            file: breach.file.as_deref(),
            line: breach.line,
        }
    }
}
