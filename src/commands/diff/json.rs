//! A diff for programs.

use anyhow::Result;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::commands::diff::compared::{Compared, Judged};
use crate::commands::unified::unified;
use crate::consequences::cluster::Status;
use crate::consequences::consequence::Consequence;
use crate::consequences::field::FieldChange;
use crate::console::output::{pretty, print};
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

/// Prints the JSON, one cluster after another.
pub(super) fn print_all(compared: &Compared) -> Result<()> {
    let side = compared.side;
    let without_clusters = pretty(&DiffJson {
        against: &side.name,
        read: side.read,
        unusable: side.unusable.as_deref(),
        same: compared.clusters.iter().all(|cluster| cluster.status == Status::Same),
        clusters: Vec::new(),
    })?;
    let (head, tail) = match without_clusters.rsplit_once("[]") {
        Some(around) if !compared.clusters.is_empty() => around,
        _ => return print(&(without_clusters + "\n")),
    };
    print(&format!("{head}["))?;
    let mut before = "";
    let text = |cluster: &Judged, changes: &[Change]| {
        let text = pretty(&ClusterOfDiff::of(cluster, compared.consequences(cluster), changes))?;
        // A string of JSON has no line end.
        Ok(text.lines().flat_map(|line| ["\n    ", line]).collect::<String>())
    };
    compared.each(text, |_, text| {
        print(&format!("{before}{text}"))?;
        before = ",";
        Ok(true)
    })?;
    print(&format!("\n  ]{tail}\n"))
}

impl<'a> ClusterOfDiff<'a> {
    fn of(cluster: &'a Judged, consequences: &'a [Consequence], changes: &'a [Change]) -> Self {
        ClusterOfDiff {
            cluster: cluster.cluster,
            status: cluster.status.name(),
            consequences: consequences.iter().map(ConsequenceJson::of).collect(),
            files: changes.iter().map(|change| FileDiff::of(cluster.cluster, change)).collect(),
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
