//! What happens to the builders' pods.

use crate::fleet::model::Fleet;
use crate::manifests::dashboard::demand::each_arch;
use crate::manifests::dashboard::panel::{Look, PanelSketch, RowSketch};
use crate::manifests::series::{DELETION, FleetSeries, OOM_EVENTS, RESTARTS, UNSCHEDULABLE};
use crate::values::arch::Arch;

pub(super) fn pods(fleet: &Fleet, select: FleetSeries) -> RowSketch {
    // No series where there is no such pod: 0, as long as kube-state-metrics is there at all.
    let or_none = |expr: String, arch: Arch| format!("{expr}\nor\n0 * max by (namespace) ({})", select.replicas(arch));
    let draining = |arch| {
        let deleted = select.builders(DELETION, arch);
        or_none(format!("count by (namespace) (max by (namespace, pod) ({deleted}))"), arch)
    };
    let pending = |arch| {
        let unschedulable = select.builders(UNSCHEDULABLE, arch);
        or_none(format!("sum by (namespace) (max by (namespace, pod) ({unschedulable}))"), arch)
    };
    let restarts = |arch| {
        let restarts = select.builders(RESTARTS, arch);
        format!("sum by (namespace) (max by (namespace, pod) (increase({restarts}[$__rate_interval])))")
    };
    let killed = |arch| {
        let killed = select.builders(OOM_EVENTS, arch);
        format!("sum by (namespace) (increase({killed}[$__rate_interval]))")
    };
    let panel = |id, title: &str, about: &str, runbook, queries| PanelSketch {
        id,
        title: title.to_owned(),
        about: about.to_owned(),
        runbook,
        unit: "short",
        queries,
        look: Look::Lines,
    };
    RowSketch {
        id: 300,
        title: "Pods of builders",
        panels: vec![
            panel(
                301,
                "Draining",
                "Builders that are being deleted, in pods: each finishes its build first, so they may drain for as long as the longest build. Do not delete them by force.",
                &["A drain that does not end"],
                each_arch(fleet, "", draining),
            ),
            panel(
                302,
                "Pending without a node",
                "Builders that no node has room for, in pods. A few while the fleet grows are as they should be; for longer than a node takes to start, there is no capacity or a limit.",
                &["BuildkitBuildersPending"],
                each_arch(fleet, "", pending),
            ),
            panel(
                303,
                "Restarts",
                "Restarts of builders' containers: each cuts its build off. kubectl describe pod shows the exit code.",
                &["BuildkitOutOfMemory"],
                each_arch(fleet, "", restarts),
            ),
            panel(
                304,
                "Out of memory",
                "Processes that were killed because a builder's memory was used up: the build step ends with exit code 137.",
                &["BuildkitOutOfMemory"],
                each_arch(fleet, "", killed),
            ),
        ],
    }
}
