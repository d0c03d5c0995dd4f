//! A diff for programs.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::commands::diff::side::Side;
use crate::commands::unified::unified;
use crate::consequences::cluster::{ClusterDiff, Status};
use crate::consequences::consequence::Consequence;
use crate::consequences::field::FieldChange;
use crate::publish::compare::Change;

/// What `diff --format json` prints: what a change would do to running fleets, worst first.
#[derive(Debug, Serialize)]
pub(super) struct DiffJson<'a> {
    /// What clusters.yaml is compared with, as it was given: a directory or a git revision.
    against: &'a str,
    /// What was read of it, in words.
    read: &'static str,
    /// Why it could not be used, although it is there: every fleet is then shown as new. Null otherwise.
    unusable: Option<&'a str>,
    /// Whether no cluster differs.
    same: bool,
    /// The clusters that were asked for: those of clusters.yaml in its order, then those that only the other side has.
    clusters: Vec<ClusterOfDiff<'a>>,
}

/// One cluster.
#[derive(Debug, Serialize)]
struct ClusterOfDiff<'a> {
    /// Name of the cluster in clusters.yaml, or on the other side where only that has it.
    cluster: &'a str,
    /// Whether the cluster is `same` or `changed`, `added` where the other side does not have it, `removed` where only the other side has it.
    status: &'static str,
    /// What applying the change does, worst first.
    consequences: Vec<ConsequenceJson<'a>>,
    /// Files that differ.
    files: Vec<FileDiff<'a>>,
}

/// One thing that applying a change does.
#[derive(Debug, Serialize)]
struct ConsequenceJson<'a> {
    /// Kind of the consequence, worst first.
    class: &'static str,
    /// Whether somebody should look before it is applied.
    grave: bool,
    /// `Kind/name` of the objects that change.
    objects: &'a [String],
    /// What happens, in a sentence.
    what: &'a str,
    /// How to apply it well; null where there is nothing to know.
    advice: Option<&'a str>,
    /// The fields that make it happen.
    reasons: Vec<Reason<'a>>,
    /// The numbers of `what`. Which there are follows from the class and from what changed; null where a number is not known.
    numbers: &'a Map<String, Value>,
}

/// A field that differs. Both values are null where the difference is in comments or order.
#[derive(Debug, Serialize)]
struct Reason<'a> {
    /// Path of the field in its object.
    path: &'a str,
    /// Value before; null where there is none.
    old: Option<&'a str>,
    /// Value after; null where there is none.
    new: Option<&'a str>,
}

/// One file that differs.
#[derive(Debug, Serialize)]
struct FileDiff<'a> {
    /// Path of the file below the cluster's directory.
    path: &'a str,
    /// Whether the file is `added`, `changed` or `removed`.
    status: &'static str,
    /// Unified diff of the file.
    diff: String,
}

impl<'a> DiffJson<'a> {
    pub(super) fn of(before: &'a Side, clusters: &'a [ClusterDiff]) -> Self {
        DiffJson {
            against: &before.name,
            read: before.read,
            unusable: before.unusable.as_deref(),
            same: clusters.iter().all(|cluster| cluster.status == Status::Same),
            clusters: clusters.iter().map(ClusterOfDiff::of).collect(),
        }
    }
}

impl<'a> ClusterOfDiff<'a> {
    fn of(cluster: &'a ClusterDiff) -> Self {
        ClusterOfDiff {
            cluster: &cluster.cluster,
            status: cluster.status.name(),
            consequences: cluster.consequences.iter().map(ConsequenceJson::of).collect(),
            files: cluster.changes.iter().map(|change| FileDiff::of(&cluster.cluster, change)).collect(),
        }
    }
}

impl<'a> ConsequenceJson<'a> {
    fn of(consequence: &'a Consequence) -> Self {
        ConsequenceJson {
            class: consequence.class.name(),
            grave: consequence.class.is_grave(),
            objects: &consequence.objects,
            what: &consequence.what,
            advice: consequence.advice.as_deref(),
            reasons: consequence.reasons.iter().map(Reason::of).collect(),
            numbers: &consequence.numbers,
        }
    }
}

impl<'a> Reason<'a> {
    fn of(change: &'a FieldChange) -> Self {
        Reason { path: &change.path, old: change.old.as_deref(), new: change.new.as_deref() }
    }
}

impl<'a> FileDiff<'a> {
    fn of(cluster: &str, change: &'a Change) -> Self {
        FileDiff { path: &change.path, status: change.status(), diff: unified(cluster, change) }
    }
}
