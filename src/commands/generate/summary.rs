//! The summary after a run: one short block per cluster.

use std::fmt::Write as _;

use crate::diagnostics::words::number;
use crate::fleet::capabilities::{Fallback, OLDEST_BUILDKIT};
use crate::fleet::model::{Fleet, Pool};
use crate::fleet::scaling::Scaling;
use crate::fleet::sizing;
use crate::manifests::list;

/// Changes of one cluster's directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub written: usize,
    pub removed: usize,
}

pub(super) fn of(fleet: &Fleet, changes: Changes) -> String {
    let mut text = format!("{}: {}", fleet.title(), describe(fleet, changes));
    for pool in &fleet.pools {
        let _ = write!(text, "\n  {}", line(pool));
    }
    // A set has the dashboard only where it is asked for: that it has none is no news.
    for (manifest, why) in list::left_out(fleet).filter(|(manifest, _)| manifest.path != list::DASHBOARD_FILE) {
        let _ = write!(text, "\n  no {}: {why}", manifest.path);
    }
    let fallback_given = fleet.pools.iter().any(|pool| matches!(pool.scaling, Scaling::Keda { fallback: Some(_), .. }));
    if fallback_given && fleet.ladder.fallback() == Fallback::Unusable {
        text += "\n  no fallback: this version of KEDA would cut a busy fleet down to it";
    }
    if fleet.buildkit.is_none() {
        let _ = write!(
            text,
            "\n  the version of BuildKit is unknown, {OLDEST_BUILDKIT} or later is assumed: set `buildkit_version`"
        );
    }
    text
}

fn describe(fleet: &Fleet, changes: Changes) -> String {
    let files = list::paths(fleet).count();
    match changes {
        Changes { written: 0, removed: 0 } => format!("{files} files, unchanged"),
        Changes { written, removed: 0 } => format!("{files} files, {written} written"),
        Changes { written, removed } => format!("{files} files, {written} written, {removed} removed"),
    }
}

/// `amd64  2..360 pods of 42 vCPU 155 GiB, fallback 32; m6id.24xlarge x2, then m6id.12xlarge x1; node limit 360, 720`
fn line(pool: &Pool) -> String {
    let pods = match pool.scaling {
        Scaling::Fixed { replicas } => number(replicas, "pod"),
        Scaling::Keda { bounds, .. } => format!("{}..{} pods", bounds.min(), bounds.max()),
    };
    let fallback = match pool.scaling {
        Scaling::Keda { fallback: Some(fallback), .. } => format!(", fallback {fallback}"),
        _ => String::new(),
    };
    let peak = pool.scaling.peak().into();
    let limits: Vec<String> = pool
        .placement
        .node_types()
        .iter()
        .map(|entry| sizing::node_limit(peak, entry.pods_per_node).to_string())
        .collect();
    let limits = if limits.is_empty() { String::new() } else { format!("; node limit {}", limits.join(", ")) };
    let size = pool.placement.pod();
    format!(
        "{}  {pods} of {} vCPU {} GiB{fallback}; {}{limits}",
        pool.arch.name(),
        size.vcpu,
        size.gib,
        pool.placement.in_words(),
    )
}
