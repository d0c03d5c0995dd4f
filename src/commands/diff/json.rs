//! A diff for programs.

use serde_json::{Value, json};

use crate::commands::diff::side::Side;
use crate::commands::unified::unified;
use crate::consequences::cluster::{ClusterDiff, Status};
use crate::consequences::consequence::Consequence;
use crate::consequences::field::FieldChange;
use crate::publish::compare::Change;

/// `against`, `read` (what of it was read), `unusable` (why it could not be, or null), `same` and `clusters`. Of a cluster: `cluster`, `status` (same, changed, added, removed), `consequences`,
/// worst first, and `files` (`path`, `status` and unified `diff` of each file that differs). Of a consequence: `class`,
/// `grave` (somebody should look before it is applied), `objects`, `what`, `advice` or null, `reasons` (`path`, `old` and `new`, null where
/// there is none; both null where the difference is in comments or order) and `numbers`, whose names tell the unit and
/// whose values are null where they are not known.
pub(super) fn of(before: &Side, clusters: &[ClusterDiff]) -> Value {
    json!({
        "against": before.name,
        "read": before.read,
        "unusable": before.unusable,
        "same": clusters.iter().all(|cluster| cluster.status == Status::Same),
        "clusters": clusters.iter().map(of_cluster).collect::<Vec<_>>(),
    })
}

fn of_cluster(cluster: &ClusterDiff) -> Value {
    json!({
        "cluster": cluster.cluster,
        "status": cluster.status.name(),
        "consequences": cluster.consequences.iter().map(of_consequence).collect::<Vec<_>>(),
        "files": cluster.changes.iter().map(|change| of_file(&cluster.cluster, change)).collect::<Vec<_>>(),
    })
}

fn of_consequence(consequence: &Consequence) -> Value {
    let reason = |reason: &FieldChange| json!({"path": reason.path, "old": reason.old, "new": reason.new});
    json!({
        "class": consequence.class.name(),
        "grave": consequence.class.is_grave(),
        "objects": consequence.objects,
        "what": consequence.what,
        "advice": consequence.advice,
        "reasons": consequence.reasons.iter().map(reason).collect::<Vec<_>>(),
        "numbers": consequence.numbers,
    })
}

fn of_file(cluster: &str, change: &Change) -> Value {
    json!({"path": change.path, "status": change.status(), "diff": unified(cluster, change)})
}
