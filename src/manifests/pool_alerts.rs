//! The alerts of one architecture's pool.

use crate::fleet::model::{Fleet, Pool};
use crate::fleet::placement::Placement;
use crate::fleet::scaling::Scaling;
use crate::manifests::alert::Alert;
use crate::manifests::series::{
    ACTIVE_SERVERS, FleetSeries, HPA_CONDITION, OOM_EVENTS, QUEUE, SESSIONS, UNSCHEDULABLE,
};

/// Waiting clients that are a problem even while the fleet grows: more than a quarter of the pool, who wait for about a
/// quarter of a build; so a pool of 8 speaks at 3. From 80 pods on, 20 that wait are enough to speak at all sizes.
pub(super) fn waiting_clients(peak: u32) -> u32 {
    (peak / 4).clamp(1, 20)
}

pub(super) fn of(fleet: &Fleet, pool: &Pool) -> Vec<Alert> {
    let (mut alerts, scaled) = (of_demand(fleet, pool), matches!(pool.scaling, Scaling::Keda { .. }));
    alerts.extend(of_pods(fleet, pool));
    if scaled {
        alerts.extend(of_scaling(fleet, pool));
    }
    alerts
}

/// An alert of this pool.
fn alert(
    pool: &Pool,
    name: &'static str,
    expr: String,
    hold: Option<&'static str>,
    severity: &'static str,
    texts: (String, String),
) -> Alert {
    let (summary, description) = texts;
    Alert { name, expr, hold, severity, arch: Some(pool.arch), summary, description }
}

/// Whether the pool sleeps when nobody builds: it needs a node first.
fn sleeps(pool: &Pool) -> bool {
    matches!(pool.scaling, Scaling::Keda { bounds, .. } if bounds.min() == 0)
}

/// What clients see.
fn of_demand(fleet: &Fleet, pool: &Pool) -> Vec<Alert> {
    let (arch, peak) = (pool.arch.name(), pool.scaling.peak());
    let backend = |name: &str| FleetSeries::of(fleet).backend(name, pool.arch);
    // Between two tries of a client that waits, the count falls to 0 for seconds, and a scrape may meet them.
    let peaks = |name: &str| format!("sum by (namespace, proxy) (max_over_time({}[2m]))", backend(name));
    let (sessions, queue) = (peaks(SESSIONS), peaks(QUEUE));
    let servers = backend(ACTIVE_SERVERS);
    let active = format!("sum by (namespace, proxy) ({servers})");
    let waiting = waiting_clients(peak);
    // Where pods guard themselves, those with a build of an earlier load balancer are DOWN, after a roll of a full fleet all.
    let busy = if fleet.builder.one_build_guard.is_required() {
        format!("\nunless on (namespace)\nmax by (namespace) ({}) > 0", FleetSeries::of(fleet).ready(pool.arch))
    } else {
        String::new()
    };
    let scaled = matches!(pool.scaling, Scaling::Keda { .. });
    let short = if pool.placement.karpenter().is_some() { "no capacity, node limits" } else { "no room on the nodes" };
    let bound = if scaled { "maximum" } else { "replicas" };
    vec![
        alert(
            pool,
            "BuildkitPinnedAtMax",
            format!("{sessions} >= {peak}"),
            Some("15m"),
            "warning",
            (
                format!("{arch}: at maximum capacity ({peak} pods) for 15 min"),
                format!("New builds wait. If this happens on ordinary days, raise the {bound} in clusters.yaml."),
            ),
        ),
        alert(
            pool,
            "BuildkitClientsWaiting",
            // With no pod UP, clients are held outside of the queue and show in the sessions alone.
            format!("{queue} > {waiting}\nor\n({sessions} > {waiting} and {active} == 0)"),
            Some("15m"),
            "warning",
            (
                format!("{arch}: more than {waiting} clients have waited for a builder for 15 min"),
                if scaled {
                    format!("Check for Pending pods ({short}), and the HPA's events.")
                } else {
                    format!(
                        "Check for Pending pods ({short}). The pool has a fixed size, the replicas in clusters.yaml."
                    )
                },
            ),
        ),
        alert(
            pool,
            "BuildkitBelowMax",
            // While demand grows, each new client waits for its node, and the pool grows with it: only a pool that does
            // not grow is stuck. With no pod UP the queue is empty; that is BuildkitNoBuilder's.
            format!(
                "{queue} > 0\nand\n{active} < {peak}\nand\n{active} <= sum by (namespace, proxy) ({servers} offset 10m)"
            ),
            Some("20m"),
            "warning",
            (
                format!("{arch}: clients have waited for 20 min and the pool does not grow to its {peak} pods"),
                if scaled {
                    format!(
                        "kubectl -n {0} describe hpa keda-hpa-buildkitd-{arch} shows what it wants, kubectl -n {0} get pods -l app=buildkitd,arch={arch} which pods are not ready.",
                        fleet.namespace
                    )
                } else {
                    format!(
                        "kubectl -n {} get pods -l app=buildkitd,arch={arch} shows which pods are not ready.",
                        fleet.namespace
                    )
                },
            ),
        ),
        alert(
            pool,
            "BuildkitNoBuilder",
            format!("{active} == 0 and {sessions} > 0{busy}"),
            Some(if sleeps(pool) { "10m" } else { "3m" }),
            "critical",
            (
                format!("{arch}: clients are waiting and no builder is UP"),
                "Check the pods and their nodes, then the headless Service's endpoints and the cluster's DNS."
                    .to_owned(),
            ),
        ),
    ]
}

/// What happens to the builders' pods. Each is counted once, however often kube-state-metrics is scraped.
fn of_pods(fleet: &Fleet, pool: &Pool) -> [Alert; 2] {
    let arch = pool.arch.name();
    let select = FleetSeries::of(fleet);
    let (unschedulable, killed) = (select.builders(UNSCHEDULABLE, pool.arch), select.builders(OOM_EVENTS, pool.arch));
    [
        alert(
            pool,
            "BuildkitBuildersPending",
            // The same pod, now and earlier: while the fleet grows, there is always one that waits for its node.
            format!(
                "count by (namespace) (\n  max by (namespace, pod) ({unschedulable}) == 1\n  and\n  max by (namespace, pod) ({unschedulable} offset 10m) == 1\n) > 0"
            ),
            Some("5m"),
            "warning",
            (
                format!("{arch}: builders have found no node for 15 min"),
                match &pool.placement {
                    Placement::Karpenter(_) => format!(
                        "kubectl -n {} describe pods -l app=buildkitd,arch={arch}, and kubectl describe nodeclaims, show why: no capacity of these instance types, or a limit. A further type in {arch}_instance_types helps where capacity is short.",
                        fleet.namespace
                    ),
                    Placement::Given(_) => format!(
                        "kubectl -n {} describe pods -l app=buildkitd,arch={arch} shows why: no node has the labels of nodes.selector, all have a taint that is not in nodes.tolerations, or none has room for what a builder requests.",
                        fleet.namespace
                    ),
                },
            ),
        ),
        alert(
            pool,
            "BuildkitOutOfMemory",
            // The limit is the container's, so the event is too, also where the kubelet has one process killed only.
            format!("sum by (namespace) (increase({killed}[10m])) > 0"),
            None,
            "warning",
            (
                format!("{arch}: a build step used more memory than its builder has"),
                format!(
                    "The step ends with exit code 137; where the whole builder is killed, so is the build. {}",
                    if pool.placement.plan().is_some() {
                        "With fewer pods per node, each builder has more memory."
                    } else {
                        "builder.memory in clusters.yaml is what each builder has."
                    }
                ),
            ),
        ),
    ]
}

/// What KEDA and the HPA say of a scaled pool.
fn of_scaling(fleet: &Fleet, pool: &Pool) -> [Alert; 2] {
    let arch = pool.arch.name();
    let select = FleetSeries::of(fleet);
    let condition = select.ours(
        HPA_CONDITION,
        &format!("horizontalpodautoscaler=\"keda-hpa-buildkitd-{arch}\",condition=\"ScalingActive\",status=\"false\""),
    );
    let mut inactive = format!("max by (namespace) ({condition}) == 1");
    if sleeps(pool) {
        // At 0 pods the HPA is switched off, as it should be.
        let replicas = select.replicas(pool.arch);
        inactive = format!("{inactive}\nand\nmax by (namespace) ({replicas}) > 0");
    }
    let metric = select.keda_value(pool.arch);
    [
        alert(
            pool,
            "BuildkitScalingInactive",
            inactive,
            Some("10m"),
            "critical",
            (
                format!("{arch}: the HPA is not scaling"),
                format!(
                    "kubectl -n {} describe hpa keda-hpa-buildkitd-{arch} shows why: no metric, or a selector that matches two HPAs.",
                    fleet.namespace
                ),
            ),
        ),
        alert(
            pool,
            "BuildkitMetricAbsent",
            format!("absent({metric})"),
            Some("10m"),
            "warning",
            (
                format!("{arch}: KEDA reports no metric for the pool"),
                "The ScaledObject is missing or not ready, or Prometheus does not scrape KEDA's operator.".to_owned(),
            ),
        ),
    ]
}
