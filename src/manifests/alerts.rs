//! Alerts with the fleet's own numbers. Series: HAProxy's exporter (proxy labels are ours), KEDA's operator,
//! kube-state-metrics, the kubelet's cAdvisor. `haproxy_backend_status` is not among them: the hold server keeps it UP
//! always.
//!
//! Everything is scraped once a minute: the window of a rate or an increase spans four scrapes or more.

use crate::fleet::model::Fleet;
use crate::manifests::alert::{Alert, AlertView};
use crate::manifests::pool_alerts;
use crate::manifests::series::{FleetSeries, KEDA_OBJECT_ERRORS, KEDA_SCALER_ERRORS, RESTARTS, UP};

pub fn of(fleet: &Fleet) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = fleet.pools.iter().flat_map(|pool| pool_alerts::of(fleet, pool)).collect();
    alerts.extend(of_load_balancer(fleet));
    if fleet.autoscaled() {
        alerts.extend(of_keda(fleet));
    }
    alerts
}

/// All alerts of the fleet for the template.
pub(super) fn viewed(fleet: &Fleet) -> Vec<AlertView> {
    let viewed = |alert: Alert| AlertView { runbook_url: alert.runbook_url(fleet), alert };
    of(fleet).into_iter().map(viewed).collect()
}

fn of_load_balancer(fleet: &Fleet) -> [Alert; 2] {
    let select = FleetSeries::of(fleet);
    let (up, restarts) = (select.lb_scrape(UP), select.lb_pods(RESTARTS, ""));
    [
        Alert {
            name: "BuildkitLoadBalancerDown",
            expr: format!("absent({up} == 1)"),
            hold: Some("2m"),
            severity: "critical",
            arch: None,
            summary: "Prometheus cannot scrape the load balancer: most likely no build can start".to_owned(),
            description: format!(
                "kubectl -n {} get deployment,pods -l app=buildkitd-lb shows whether it is down. If so, running builds continue on the old pod: do not delete pods. If it is up, Prometheus does not use the ServiceMonitor buildkitd-lb, or the NetworkPolicy buildkitd-lb-metrics-ingress blocks it.",
                fleet.namespace
            ),
        },
        Alert {
            name: "BuildkitLoadBalancerRestarts",
            expr: format!("sum by (namespace) (increase({restarts}[10m])) > 0"),
            hold: None,
            severity: "warning",
            arch: None,
            summary: "The load balancer's container has restarted: every running build was cut off".to_owned(),
            description: format!(
                "kubectl -n {0} describe pods -l app=buildkitd-lb shows the exit code, kubectl -n {0} logs -l app=buildkitd-lb --previous the last lines.",
                fleet.namespace
            ),
        },
    ]
}

/// KEDA's operator may be scraped by another ServiceMonitor as well, which tells neither its namespace nor the
/// ScaledObject's as ours does: the selectors name the object alone, and what is equal in both counts once.
fn of_keda(fleet: &Fleet) -> Vec<Alert> {
    const LOOK: &str = "Check the load balancer's pod and the NetworkPolicy buildkitd-lb-metrics-ingress.";
    let meanwhile = if fleet.falls_back() { "keeps its size or scales to its fallback" } else { "keeps its size" };
    let select = FleetSeries::of(fleet);
    let errors = |name: &str| format!("max by (scaledObject) (increase({}[10m])) > 0", select.keda_errors(name));
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
            errors(KEDA_SCALER_ERRORS),
            None,
            "warning",
            "KEDA could not read the load balancer's session count",
            &format!("Until it can, the fleet {meanwhile}. {LOOK}"),
        ),
        alert(
            "BuildkitScaledObjectErrors",
            errors(KEDA_OBJECT_ERRORS),
            None,
            "warning",
            "KEDA reports errors of a ScaledObject",
            &format!("kubectl -n {} describe scaledobject shows which.", fleet.namespace),
        ),
    ];
    // The one sign of a lasting outage that goes on while the fallback is active.
    if fleet.ladder.http_request_metric() {
        let requests = |status: &str| {
            let series = select.keda_requests(&format!(",status_code{status}"));
            format!("max by (scaled_resource) (rate({series}[5m])) > 0")
        };
        alerts.push(alert(
            "BuildkitScalerHttpErrors",
            // A request that fails is tried again, and the next one follows within seconds: one answer is enough.
            format!("{}\nunless\n{}", requests("!=\"200\""), requests("=\"200\"")),
            Some("5m"),
            "critical",
            "The load balancer has answered none of KEDA's requests for 10 min",
            &format!("The fleet {meanwhile}, whatever the demand. {LOOK}"),
        ));
    }
    alerts
}

/// The alerts of this name, each with its place among all alerts of the fleet: one, or one for each pool that has it.
pub fn about(fleet: &Fleet, name: &str) -> Vec<(usize, Alert)> {
    of(fleet).into_iter().enumerate().filter(|(_, alert)| alert.name == name).collect()
}
