//! Series on which each alert fires, and the nearest ones on which it does not.

use buildkit_fleet::fleet::model::{Fleet, Pool};
use buildkit_fleet::fleet::scaling::Scaling;

pub(crate) struct Case {
    pub alert: &'static str,
    pub says: &'static str,
    /// Beside or in place of the healthy series, for 90 minutes. `{ns}`, `{arch}`, `{peak}`, `{under}` (one less), `{few}` and
    /// `{many}` (clients that may wait, and one more) are the fleet's own.
    pub series: &'static [(&'static str, &'static str)],
    /// The minute at which it is asked whether the alert fires.
    pub at: u32,
    /// Labels of the alert that fires, beside those that its rule gives it; none where it stays silent.
    pub fires: Option<&'static [(&'static str, &'static str)]>,
    /// The pools that can be in this case.
    pub of: fn(&Fleet, &Pool) -> bool,
}

fn any(_: &Fleet, _: &Pool) -> bool {
    true
}

fn sleeps(_: &Fleet, pool: &Pool) -> bool {
    matches!(pool.scaling, Scaling::Keda { bounds, .. } if bounds.min() == 0)
}

fn is_awake(fleet: &Fleet, pool: &Pool) -> bool {
    !sleeps(fleet, pool)
}

fn guards(fleet: &Fleet, _: &Pool) -> bool {
    fleet.builder.one_build_guard.is_required()
}

fn has_no_guard(fleet: &Fleet, pool: &Pool) -> bool {
    !guards(fleet, pool)
}

const SESSIONS: &str = r#"haproxy_backend_current_sessions{namespace="{ns}",service="buildkitd-lb-metrics",pod="buildkitd-lb-0",proxy="bk_{arch}"}"#;
const QUEUE: &str = r#"haproxy_backend_current_queue{namespace="{ns}",service="buildkitd-lb-metrics",pod="buildkitd-lb-0",proxy="bk_{arch}"}"#;
const SERVERS: &str = r#"haproxy_backend_active_servers{namespace="{ns}",service="buildkitd-lb-metrics",pod="buildkitd-lb-0",proxy="bk_{arch}"}"#;
const UP: &str =
    r#"up{namespace="{ns}",job="buildkitd-lb-metrics",service="buildkitd-lb-metrics",pod="buildkitd-lb-0"}"#;
const NEXT_UP: &str =
    r#"up{namespace="{ns}",job="buildkitd-lb-metrics",service="buildkitd-lb-metrics",pod="buildkitd-lb-1"}"#;
const PENDING: &str =
    r#"kube_pod_status_unschedulable{namespace="{ns}",job="kube-state-metrics",pod="buildkitd-{arch}-a",uid="1"}"#;
const PENDING_NEXT: &str =
    r#"kube_pod_status_unschedulable{namespace="{ns}",job="kube-state-metrics",pod="buildkitd-{arch}-b",uid="2"}"#;
const PENDING_LAST: &str =
    r#"kube_pod_status_unschedulable{namespace="{ns}",job="kube-state-metrics",pod="buildkitd-{arch}-c",uid="3"}"#;
const PENDING_OTHER: &str =
    r#"kube_pod_status_unschedulable{namespace="{ns}",job="kube-state-metrics",pod="buildkitd-lb-0",uid="4"}"#;
const LB_RESTARTS: &str = r#"kube_pod_container_status_restarts_total{namespace="{ns}",job="kube-state-metrics",pod="buildkitd-lb-0",container="haproxy",uid="4"}"#;
const BUILDER_RESTARTS: &str = r#"kube_pod_container_status_restarts_total{namespace="{ns}",job="kube-state-metrics",pod="buildkitd-{arch}-a",container="buildkitd",uid="1"}"#;
const OOM: &str = r#"container_oom_events_total{namespace="{ns}",job="kubelet",pod="buildkitd-{arch}-a",container="buildkitd",id="/kubepods/a"}"#;
const OTHER_OOM: &str = r#"container_oom_events_total{namespace="other",job="kubelet",pod="buildkitd-{arch}-a",container="buildkitd",id="/kubepods/b"}"#;
const INACTIVE: &str = r#"kube_horizontalpodautoscaler_status_condition{namespace="{ns}",job="kube-state-metrics",horizontalpodautoscaler="keda-hpa-buildkitd-{arch}",condition="ScalingActive",status="false"}"#;
const INACTIVE_TWICE: &str = r#"kube_horizontalpodautoscaler_status_condition{namespace="{ns}",job="second-scrape",horizontalpodautoscaler="keda-hpa-buildkitd-{arch}",condition="ScalingActive",status="false"}"#;
const LIMITED: &str = r#"kube_horizontalpodautoscaler_status_condition{namespace="{ns}",job="kube-state-metrics",horizontalpodautoscaler="keda-hpa-buildkitd-{arch}",condition="ScalingLimited",status="false"}"#;
const REPLICAS: &str =
    r#"kube_deployment_spec_replicas{namespace="{ns}",job="kube-state-metrics",deployment="buildkitd-{arch}"}"#;
const READY: &str =
    r#"kube_deployment_status_replicas_ready{namespace="{ns}",job="kube-state-metrics",deployment="buildkitd-{arch}"}"#;
const METRIC: &str = r#"keda_scaler_metrics_value{namespace="{ns}",job="keda-operator",scaledObject="buildkitd-{arch}",triggerIndex="0"}"#;
const ERRORS: &str = r#"keda_scaler_detail_errors_total{namespace="{ns}",job="keda-operator",scaledObject="buildkitd-{arch}",triggerIndex="0"}"#;
/// As a ServiceMonitor without `honorLabels` has it.
const ERRORS_TWICE: &str = r#"keda_scaler_detail_errors_total{namespace="keda",exported_namespace="{ns}",job="keda-operator",scaledObject="buildkitd-{arch}",triggerIndex="0"}"#;
const OTHER_ERRORS: &str =
    r#"keda_scaler_detail_errors_total{namespace="web",job="keda-operator",scaledObject="web",triggerIndex="0"}"#;
const OBJECT_ERRORS: &str =
    r#"keda_scaled_object_errors_total{namespace="{ns}",job="keda-operator",scaledObject="buildkitd-{arch}"}"#;
const OBJECT_ERRORS_TWICE: &str = r#"keda_scaled_object_errors_total{namespace="keda",exported_namespace="{ns}",job="keda-operator",scaledObject="buildkitd-{arch}"}"#;
const OTHER_OBJECT_ERRORS: &str =
    r#"keda_scaled_object_errors_total{namespace="web",job="keda-operator",scaledObject="web"}"#;
const ANSWERED: &str = r#"keda_scaler_http_requests_total{namespace="{ns}",job="keda-operator",scaled_resource="buildkitd-{arch}",status_code="200"}"#;
const FAILED: &str = r#"keda_scaler_http_requests_total{namespace="{ns}",job="keda-operator",scaled_resource="buildkitd-{arch}",status_code="error"}"#;
const FAILED_TWICE: &str = r#"keda_scaler_http_requests_total{namespace="keda",exported_namespace="{ns}",job="keda-operator",scaled_resource="buildkitd-{arch}",status_code="error"}"#;

/// A pool with one build on one of its two builders. The counters stand where earlier troubles left them.
pub(crate) const HEALTHY: &[(&str, &str)] = &[
    (SESSIONS, "1x90"),
    (QUEUE, "0x90"),
    (SERVERS, "2x90"),
    (UP, "1x90"),
    (LB_RESTARTS, "3x90"),
    (BUILDER_RESTARTS, "0x90"),
    (OOM, "5x90"),
];

/// The same of a pool that KEDA scales; a new pod found its node within minutes.
pub(crate) const HEALTHY_SCALED: &[(&str, &str)] = &[
    (PENDING, "_x20 1x4 stale"),
    (INACTIVE, "0x90"),
    (LIMITED, "1x90"),
    (REPLICAS, "2x90"),
    (METRIC, "1x90"),
    (ERRORS, "7x90"),
    (OTHER_ERRORS, "0+1x90"),
    (OBJECT_ERRORS, "7x90"),
    (ANSWERED, "0+6x90"),
    (FAILED, "2x90"),
];

type Labels = &'static [(&'static str, &'static str)];
const BACKEND: Option<Labels> = Some(&[("proxy", "bk_{arch}")]);
const OBJECT: Option<Labels> = Some(&[("scaledObject", "buildkitd-{arch}")]);
const RESOURCE: Option<Labels> = Some(&[("scaled_resource", "buildkitd-{arch}")]);
const BARE: Option<Labels> = Some(&[]);

macro_rules! cases {
    ($($alert:literal: $($fires:ident $at:literal $says:literal [$($series:ident $values:literal),*] $of:ident;)*)*) => {
        pub(crate) const ALL: &[Case] = &[$($(Case {
            alert: $alert, says: $says, series: &[$(($series, $values)),*], at: $at, fires: $fires, of: $of,
        }),*),*];
    };
}

const SILENT: Option<Labels> = None;

cases! {
    "BuildkitPinnedAtMax":
        BACKEND 30 "as many builds as pods can be" [SESSIONS "{peak}x90"] any;
        BACKEND 30 "every third scrape meets the pause of clients" [SESSIONS "[{peak} {peak} 0]*30"] any;
        SILENT 30 "one pod is free" [SESSIONS "{under}x90"] any;
        SILENT 14 "for less than a quarter of an hour" [SESSIONS "{peak}x90"] any;
        SILENT 30 "a burst of ten minutes" [SESSIONS "1x10 {peak}x10 1x70"] any;
    "BuildkitClientsWaiting":
        BACKEND 30 "more than a quarter of the pool waits" [QUEUE "{many}x90"] any;
        BACKEND 30 "every third scrape meets their pause" [QUEUE "[{many} {many} 0]*30"] any;
        BACKEND 30 "they are held because no pod is UP" [SESSIONS "{many}x90", SERVERS "0x90"] any;
        SILENT 30 "a few wait" [QUEUE "{few}x90"] any;
        SILENT 30 "a few are held" [SESSIONS "{few}x90", SERVERS "0x90"] any;
        SILENT 30 "as many build" [SESSIONS "{many}x90", SERVERS "{many}x90"] any;
        SILENT 14 "for less than a quarter of an hour" [QUEUE "{many}x90"] any;
    "BuildkitBelowMax":
        BACKEND 40 "one client waits and one pod serves" [QUEUE "1x90", SERVERS "1x90"] any;
        BACKEND 40 "a client that pauses" [QUEUE "[1 1 0]*30", SERVERS "1x90"] any;
        BACKEND 60 "one pod of all is missing" [QUEUE "1x90", SERVERS "{peak}x5 {under}x85"] any;
        SILENT 40 "nobody waits" [SERVERS "1x90"] any;
        SILENT 40 "the pool is complete" [QUEUE "{many}x90", SERVERS "{peak}x90"] any;
        SILENT 40 "the pool grows, and each new client waits for a node" [QUEUE "1x90", SERVERS "1+0.02x90"] any;
        SILENT 28 "the pool stopped growing less than 30 minutes ago" [QUEUE "1x90", SERVERS "1x90"] any;
    "BuildkitNoBuilder":
        BACKEND 20 "one client is held" [SESSIONS "1x90", SERVERS "0x90"] any;
        BACKEND 20 "one client that pauses when a scrape comes" [SESSIONS "[1 0 1 1 0]*18", SERVERS "0x90"] any;
        SILENT 20 "nobody builds" [SESSIONS "0x90", SERVERS "0x90"] any;
        SILENT 20 "one pod is UP" [SESSIONS "{peak}x90", SERVERS "1x90"] any;
        SILENT 19 "a minute without a pod" [SERVERS "2x17 0x1 2x70"] any;
        BACKEND 6 "four minutes without a pod" [SERVERS "0x90"] is_awake;
        SILENT 9 "a sleeping pool wakes" [SERVERS "0x90"] sleeps;
        SILENT 20 "every pod has a build of the load balancer before" [SERVERS "0x90", READY "2x90"] guards;
        BACKEND 20 "no pod is ready" [SERVERS "0x90", READY "0x90"] guards;
        BACKEND 20 "ready pods that the load balancer does not find" [SERVERS "0x90", READY "2x90"] has_no_guard;
    "BuildkitBuildersPending":
        BARE 30 "one pod finds no node" [PENDING "1x90"] any;
        BARE 30 "two pods find no node" [PENDING "1x90", PENDING_NEXT "1x90"] any;
        SILENT 30 "pods one after another, each for nine minutes"
            [PENDING "1x8 stale", PENDING_NEXT "_x9 1x8 stale", PENDING_LAST "_x18 1x60"] any;
        SILENT 14 "for less than a quarter of an hour" [PENDING "1x90"] any;
        SILENT 30 "the load balancer finds no node" [PENDING_OTHER "1x90"] any;
    "BuildkitOutOfMemory":
        BARE 15 "one step" [OOM "5x10 6x80"] any;
        SILENT 25 "it was more than ten minutes ago" [OOM "5x10 6x80"] any;
        SILENT 15 "a step of somebody else" [OTHER_OOM "5x10 6x80"] any;
    "BuildkitScalingInactive":
        BARE 30 "the HPA says so" [INACTIVE "1x90"] any;
        BARE 30 "and is read twice" [INACTIVE "1x90", INACTIVE_TWICE "1x90"] any;
        BARE 30 "with no pod, which is no rest" [INACTIVE "1x90", REPLICAS "0x90"] is_awake;
        SILENT 30 "a sleeping pool sleeps" [INACTIVE "1x90", REPLICAS "0x90"] sleeps;
        SILENT 30 "it is limited, not inactive" [LIMITED "1x90"] any;
        SILENT 9 "for less than ten minutes" [INACTIVE "1x90"] any;
    "BuildkitMetricAbsent":
        OBJECT 20 "there is no metric" [METRIC ""] any;
        SILENT 9 "for less than ten minutes" [METRIC ""] any;
        SILENT 25 "KEDA's operator restarts" [METRIC "1x10 _x4 0x70"] any;
    "BuildkitLoadBalancerDown":
        BARE 10 "its scrape fails" [UP "0x90"] any;
        BARE 10 "there is no pod" [UP ""] any;
        SILENT 21 "one scrape fails" [UP "1x20 0 1x60"] any;
        SILENT 20 "the next one starts" [NEXT_UP "0x90"] any;
    "BuildkitLoadBalancerRestarts":
        BARE 15 "once" [LB_RESTARTS "3x10 4x80"] any;
        SILENT 25 "it was more than ten minutes ago" [LB_RESTARTS "3x10 4x80"] any;
        SILENT 15 "a builder restarts" [BUILDER_RESTARTS "0x10 1x80"] any;
    "BuildkitScalerErrors":
        OBJECT 15 "three reads fail" [ERRORS "7x10 10x80"] any;
        OBJECT 15 "and the operator is scraped twice" [ERRORS "7x10 10x80", ERRORS_TWICE "7x10 10x80"] any;
        SILENT 25 "they failed more than ten minutes ago" [ERRORS "7x10 10x80"] any;
        SILENT 15 "reads of other ScaledObjects fail" [OTHER_ERRORS "0+9x90"] any;
    "BuildkitScaledObjectErrors":
        OBJECT 15 "one error" [OBJECT_ERRORS "7x10 8x80"] any;
        OBJECT 15 "and the operator is scraped twice" [OBJECT_ERRORS "7x10 8x80", OBJECT_ERRORS_TWICE "7x10 8x80"] any;
        SILENT 25 "it was more than ten minutes ago" [OBJECT_ERRORS "7x10 8x80"] any;
        SILENT 15 "errors of another ScaledObject" [OTHER_OBJECT_ERRORS "0+9x90"] any;
    "BuildkitScalerHttpErrors":
        RESOURCE 30 "nothing is answered" [ANSWERED "0+6x9 60x80", FAILED "2x10 2+6x80"] any;
        RESOURCE 30 "nothing was ever answered" [ANSWERED "", FAILED "0+6x90"] any;
        RESOURCE 30 "and the operator is scraped twice"
            [ANSWERED "0+6x9 60x80", FAILED "2x10 2+6x80", FAILED_TWICE "2x10 2+6x80"] any;
        SILENT 30 "one of 24 fails" [FAILED "0+0.25x90"] any;
        SILENT 30 "every second one fails" [ANSWERED "0+3x90", FAILED "0+3x90"] any;
        SILENT 30 "nothing is tried" [ANSWERED "60x90", FAILED "60x90"] any;
        SILENT 18 "for less than ten minutes" [ANSWERED "0+6x9 60x80", FAILED "2x10 2+6x80"] any;
}
