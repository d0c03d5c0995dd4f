//! Alerts with the fleet's own numbers. Series: HAProxy's exporter (proxy labels are ours), KEDA's operator,
//! kube-state-metrics. `haproxy_backend_status` is not among them: the hold server keeps it UP always.

use serde::Serialize;

use crate::fleet::model::{Fleet, Pool};
use crate::fleet::scaling::Scaling;
use crate::manifests::names::LB_METRICS;
use crate::values::arch::Arch;

/// Waiting clients that are a problem even while the fleet grows.
const WAITING_CLIENTS: u32 = 20;

#[derive(Clone, Debug, Serialize)]
pub struct Alert {
    pub name: &'static str,
    pub expr: String,
    /// How long the expression must hold; none fires at once.
    pub hold: Option<&'static str>,
    pub severity: &'static str,
    pub arch: Option<Arch>,
    pub summary: String,
    pub description: String,
}

pub fn of(fleet: &Fleet) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = fleet.pools.iter().flat_map(|pool| of_pool(fleet, pool)).collect();
    alerts.push(lb_down(fleet));
    if fleet.autoscaled() {
        alerts.extend(of_keda(fleet));
    }
    alerts
}

fn of_pool(fleet: &Fleet, pool: &Pool) -> Vec<Alert> {
    let arch = pool.arch.name();
    let series =
        |name: &str| format!("sum by (proxy) ({name}{{namespace=\"{}\",proxy=\"bk_{arch}\"}})", fleet.namespace);
    let sessions = series("haproxy_backend_current_sessions");
    let queue = series("haproxy_backend_current_queue");
    let active = series("haproxy_backend_active_servers");
    let peak = pool.scaling.peak();
    let alert = |name, expr, hold, severity, summary: String, description: &str| Alert {
        name,
        expr,
        hold: Some(hold),
        severity,
        arch: Some(pool.arch),
        summary,
        description: description.to_owned(),
    };
    let scaled = matches!(pool.scaling, Scaling::Keda { .. });
    let bound = if scaled { "maximum" } else { "replicas" };
    // A pool that sleeps needs a node first.
    let sleeps = matches!(pool.scaling, Scaling::Keda { bounds, .. } if bounds.min() == 0);
    let mut alerts = vec![
        alert(
            "BuildkitPinnedAtMax",
            format!("{sessions} >= {peak}"),
            "15m",
            "warning",
            format!("{arch}: at maximum capacity ({peak} pods) for 15 min"),
            &format!("New builds wait. If this happens on ordinary days, raise the {bound} in clusters.yaml."),
        ),
        alert(
            "BuildkitClientsWaiting",
            // With no pod UP, clients are held outside of the queue and show in the sessions alone.
            format!("{queue} > {WAITING_CLIENTS}\nor\n({sessions} > {WAITING_CLIENTS} and {active} == 0)"),
            "15m",
            "warning",
            format!("{arch}: more than {WAITING_CLIENTS} clients have waited for a builder for 15 min"),
            if scaled {
                "Check for Pending pods (no capacity, node limits), and the HPA's events."
            } else {
                "Check for Pending pods (no capacity, node limits). The pool has a fixed size, the replicas in clusters.yaml."
            },
        ),
        alert(
            "BuildkitNoBuilder",
            format!("{active} == 0 and {sessions} > 0"),
            if sleeps { "10m" } else { "3m" },
            "critical",
            format!("{arch}: clients are waiting and no builder is UP"),
            "Check the pods and their nodes, then the headless Service's endpoints and the cluster's DNS.",
        ),
    ];
    if scaled {
        let mut inactive = format!(
            "kube_horizontalpodautoscaler_status_condition{{namespace=\"{0}\",horizontalpodautoscaler=\"keda-hpa-buildkitd-{arch}\",condition=\"ScalingActive\",status=\"false\"}} == 1",
            fleet.namespace
        );
        if sleeps {
            // At 0 pods the HPA is switched off, as it should be.
            let awake = format!(
                "kube_deployment_spec_replicas{{namespace=\"{}\",deployment=\"buildkitd-{arch}\"}} > 0",
                fleet.namespace
            );
            inactive = format!("{inactive}\nand on ()\n{awake}");
        }
        alerts.push(alert(
            "BuildkitScalingInactive",
            inactive,
            "10m",
            "critical",
            format!("{arch}: the HPA is not scaling"),
            &format!(
                "kubectl -n {} describe hpa keda-hpa-buildkitd-{arch} shows why: no metric, or a selector that matches two HPAs.",
                fleet.namespace
            ),
        ));
        alerts.push(alert(
            "BuildkitMetricAbsent",
            format!("absent(keda_scaler_metrics_value{{scaledObject=\"buildkitd-{arch}\"}})"),
            "10m",
            "warning",
            format!("{arch}: KEDA reports no metric for the pool"),
            "The ScaledObject is missing or not ready, or Prometheus does not scrape KEDA's operator.",
        ));
    }
    alerts
}

fn lb_down(fleet: &Fleet) -> Alert {
    Alert {
        name: "BuildkitLoadBalancerDown",
        expr: format!("absent(up{{namespace=\"{}\",service=\"{LB_METRICS}\"}} == 1)", fleet.namespace),
        hold: Some("2m"),
        severity: "critical",
        arch: None,
        summary: "Prometheus cannot scrape the load balancer: most likely no build can start".to_owned(),
        description: format!(
            "kubectl -n {} get deployment,pods -l app=buildkitd-lb shows whether it is down. If so, running builds continue on the old pod: do not delete pods. If it is up, Prometheus does not use the ServiceMonitor buildkitd-lb, or the NetworkPolicy buildkitd-lb-metrics-ingress blocks it.",
            fleet.namespace
        ),
    }
}

fn of_keda(fleet: &Fleet) -> Vec<Alert> {
    const LOOK: &str = "Check the load balancer's pod and the NetworkPolicy buildkitd-lb-metrics-ingress.";
    let meanwhile = if fleet.falls_back() { "keeps its size or scales to its fallback" } else { "keeps its size" };
    let alert = |name, expr: String, hold, severity, summary: &str, description: &str| Alert {
        name,
        expr,
        hold,
        severity,
        arch: None,
        summary: summary.to_owned(),
        description: description.to_owned(),
    };
    let mut alerts = vec![
        alert(
            "BuildkitScalerErrors",
            // No `for`: once the fallback is active the counter stands still.
            "increase(keda_scaler_detail_errors_total{scaledObject=~\"buildkitd-.*\"}[10m]) > 0".to_owned(),
            None,
            "warning",
            "KEDA could not read the load balancer's session count",
            &format!("Until it can, the fleet {meanwhile}. {LOOK}"),
        ),
        alert(
            "BuildkitScaledObjectErrors",
            "increase(keda_scaled_object_errors_total{scaledObject=~\"buildkitd-.*\"}[10m]) > 0".to_owned(),
            None,
            "warning",
            "KEDA reports errors of a ScaledObject",
            &format!("kubectl -n {} describe scaledobject shows which.", fleet.namespace),
        ),
    ];
    // The one sign of a lasting outage that goes on while the fallback is active.
    if fleet.ladder.http_request_metric() {
        alerts.push(alert(
            "BuildkitScalerHttpErrors",
            "sum by (scaled_resource) (rate(keda_scaler_http_requests_total{scaled_resource=~\"buildkitd-.*\",status_code!=\"200\"}[5m])) > 0".to_owned(),
            Some("5m"),
            "critical",
            "KEDA's requests to the load balancer have failed for 5 min",
            &format!("The fleet {meanwhile}, whatever the demand. {LOOK}"),
        ));
    }
    alerts
}

/// The alerts of this name, each with its place among all alerts of the fleet: one, or one for each pool that has it.
pub fn about(fleet: &Fleet, name: &str) -> Vec<(usize, Alert)> {
    of(fleet).into_iter().enumerate().filter(|(_, alert)| alert.name == name).collect()
}
