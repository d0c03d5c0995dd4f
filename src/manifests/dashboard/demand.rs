//! What clients ask for and what they get.

use crate::fleet::model::{Fleet, Pool};
use crate::fleet::scaling::Scaling;
use crate::manifests::dashboard::panel::{Look, PanelSketch, RowSketch};
use crate::manifests::pool_alerts::waiting_clients;
use crate::manifests::series::{ACTIVE_SERVERS, CONNECTIONS, FleetSeries, QUEUE, QUEUE_TIME, SESSIONS};
use crate::values::arch::Arch;

/// The place of an architecture among panels that exist once for each, whichever of them the fleet has.
pub(super) fn place(arch: Arch) -> u32 {
    match arch {
        Arch::Amd64 => 1,
        Arch::Arm64 => 2,
    }
}

/// One query for each architecture, which its legend starts with.
pub(super) fn each_arch(fleet: &Fleet, legend: &str, expr: impl Fn(Arch) -> String) -> Vec<(String, String)> {
    let pools = fleet.pools.iter().map(|pool| pool.arch);
    pools.map(|arch| (expr(arch), format!("{} {legend}", arch.name()).trim_end().to_owned())).collect()
}

/// Running and waiting builds of an architecture.
pub(super) fn sessions(select: FleetSeries, arch: Arch) -> String {
    format!("sum by (namespace, proxy) ({})", select.backend(SESSIONS, arch))
}

pub(super) fn builds(fleet: &Fleet, select: FleetSeries) -> RowSketch {
    RowSketch {
        id: 100,
        title: "Builds and builders",
        panels: fleet.pools.iter().map(|pool| builds_of(pool, select)).collect(),
    }
}

fn builds_of(pool: &Pool, select: FleetSeries) -> PanelSketch {
    let (arch, peak) = (pool.arch, pool.scaling.peak());
    let sum = |name: &str| format!("sum by (namespace, proxy) ({})", select.backend(name, arch));
    let (sessions, queue, active) = (sessions(select, arch), sum(QUEUE), sum(ACTIVE_SERVERS));
    let bound = match pool.scaling {
        Scaling::Keda { .. } => "maximum",
        Scaling::Fixed { .. } => "replicas",
    };
    PanelSketch {
        id: 100 + place(arch),
        title: format!("{}: builds and builders", arch.name()),
        about: format!(
            "Builds that run and that wait for a builder, builders that take builds (up), pods that the Deployment asks for (desired) and the {bound} of clusters.yaml, {peak}. While no builder is up, every client counts as waiting, also a build that a draining pod still runs. BuildkitPinnedAtMax fires at the {bound}, BuildkitClientsWaiting when more than {} wait. Desired above up: builders wait for nodes, or start.",
            waiting_clients(peak)
        ),
        runbook: &["BuildkitPinnedAtMax", "BuildkitClientsWaiting", "BuildkitBelowMax", "BuildkitNoBuilder"],
        unit: "short",
        queries: [
            // With no pod UP, clients are held outside of the queue and show in the sessions alone.
            (format!("({sessions} - {queue} and {active} > 0)\nor\n{active} == 0"), "running"),
            (format!("({sessions} and {active} == 0)\nor\n({queue} and {active} > 0)"), "waiting"),
            (active, "up"),
            (format!("max by (namespace, deployment) ({})", select.replicas(arch)), "desired"),
            (format!("vector({peak})"), bound),
        ]
        .map(|(expr, legend)| (expr, legend.to_owned()))
        .into(),
        look: Look::Lines,
    }
}

pub(super) fn waits(fleet: &Fleet, select: FleetSeries) -> RowSketch {
    let queue_time = |arch| format!("max by (namespace, proxy) ({})", select.backend(QUEUE_TIME, arch));
    let connections = |arch| {
        let series = select.backend(CONNECTIONS, arch);
        format!("60 * sum by (namespace, proxy) (rate({series}[$__rate_interval]))")
    };
    RowSketch {
        id: 200,
        title: "Waiting for a builder",
        panels: vec![
            PanelSketch {
                id: 201,
                title: "Wait in the load balancer".to_owned(),
                about: "Seconds that a client waited for a builder in the load balancer: HAProxy's average over the last 1,024 connections that got one, so it stays where it was while nobody builds. A wait over several connections counts each by itself. If it grows on ordinary days, raise the maximum, or the minimum for waits in the morning; `buildkit-fleet simulate` shows which.".to_owned(),
                runbook: &["BuildkitClientsWaiting"],
                unit: "s",
                queries: each_arch(fleet, "", queue_time),
                look: Look::Lines,
            },
            PanelSketch {
                id: 202,
                title: "Connections a minute".to_owned(),
                about: "Connections that arrive at the load balancer, a minute: builds, and each further try of a client that waits. Many more than builds: clients give up and come back, see the wait beside this.".to_owned(),
                runbook: &["BuildkitClientsWaiting"],
                unit: "short",
                queries: each_arch(fleet, "", connections),
                look: Look::Lines,
            },
        ],
    }
}
