//! Expressions of `PromQL`: which series they read, and whether these are the fleet's.

use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{RenderedFleet, container};
use crate::manifests::names::LB;

/// Names of the series that HAProxy's exporter provides in the scopes that are scraped (of 2.6.12; a test compares the
/// list with a real page).
const HAPROXY_SERIES: &str = include_str!("../../../data/haproxy-series.txt");

/// Only newer versions of KEDA have it.
const HTTP_REQUESTS: &str = "keda_scaler_http_requests_total";

/// Of KEDA's operator (pkg/metricscollector/prommetrics.go), kube-state-metrics (docs/metrics), the kubelet's cAdvisor
/// (docs/storage/prometheus.md), node-exporter, Karpenter (reference/metrics), and of Prometheus.
const OTHER_SERIES: [&str; 20] = [
    "keda_scaler_detail_errors_total",
    "keda_scaled_object_errors_total",
    "keda_scaler_metrics_value",
    HTTP_REQUESTS,
    "kube_horizontalpodautoscaler_status_condition",
    "kube_deployment_spec_replicas",
    "kube_deployment_status_replicas_ready",
    "kube_pod_status_unschedulable",
    "kube_pod_container_status_restarts_total",
    "kube_pod_deletion_timestamp",
    "kube_pod_container_resource_limits",
    "kube_pod_info",
    "kube_node_status_condition",
    "container_oom_events_total",
    "container_memory_working_set_bytes",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "karpenter_nodepools_usage",
    "up",
    "ALERTS",
];

/// Words of `PromQL` that the expressions use.
const PROMQL: [&str; 16] = [
    "sum",
    "max",
    "min",
    "count",
    "by",
    "absent",
    "increase",
    "rate",
    "max_over_time",
    "offset",
    "and",
    "or",
    "unless",
    "on",
    "group_left",
    // Grafana's own: four scrapes or more.
    "__rate_interval",
];

/// The labels that they sum by.
const KEPT: [&str; 11] = [
    "namespace",
    "proxy",
    "pod",
    "scaledObject",
    "scaled_resource",
    "deployment",
    "node",
    "nodepool",
    "status_code",
    "alertname",
    "arch",
];

/// One `name{label="value",...}` of an expression.
#[derive(Debug, PartialEq)]
pub(super) struct Selector<'a> {
    pub(super) name: &'a str,
    /// Label, operator, value.
    pub(super) labels: Vec<(&'a str, &'a str, &'a str)>,
}

/// The series that an expression reads, and the text between them. In these expressions each series has labels.
pub(super) fn read(expression: &str) -> (Vec<Selector<'_>>, Vec<&str>) {
    let (mut found, mut between) = (Vec::new(), Vec::new());
    let mut rest = expression;
    while let Some(open) = rest.find('{') {
        let before = rest[..open].char_indices().rev().find(|(_, c)| !is_word(*c));
        let start = before.map_or(0, |(at, c)| at + c.len_utf8());
        let close = rest[open..].find('}').map_or(rest.len(), |at| open + at);
        let labels = rest[open + 1..close].split(',').filter_map(|pair| {
            let at = pair.find(|c: char| !is_word(c))?;
            let (label, value) = pair.split_at(at);
            // Without quotes it is not a label.
            let value_at = value.find('"').unwrap_or_default();
            Some((label, &value[..value_at], value[value_at..].trim_matches('"')))
        });
        between.push(&rest[..start]);
        found.push(Selector { name: &rest[start..open], labels: labels.collect() });
        rest = rest.get(close + 1..).unwrap_or_default();
    }
    between.push(rest);
    (found, between)
}

/// Every bracket is closed, and no more than were opened.
fn is_balanced(between: &[&str]) -> bool {
    let depth = between.iter().flat_map(|text| text.bytes()).try_fold(0_u32, |depth, byte| match byte {
        b'(' => Some(depth + 1),
        b')' => depth.checked_sub(1),
        _ => Some(depth),
    });
    depth == Some(0)
}

pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(super) fn look(set: &RenderedFleet, what: &str, expression: &str, broken: &mut Findings) {
    let (selectors, between) = read(expression);
    if selectors.is_empty() || !is_balanced(&between) {
        broken.push(format!("{what} reads no series, or is not a valid expression: {expression}"));
    }
    // A series without labels covers every fleet of the cluster.
    let words = between.iter().flat_map(|text| text.split(|c: char| !is_word(c)));
    let names = words.filter(|word| word.starts_with(|c: char| !c.is_ascii_digit()));
    for word in names.filter(|word| !PROMQL.contains(word) && !KEPT.contains(word)) {
        broken.push(format!("{what} reads `{word}` without labels, or is not a valid expression"));
    }
    for Selector { name, labels } in selectors {
        let known = HAPROXY_SERIES.lines().any(|series| series == name) || OTHER_SERIES.contains(&name);
        let since = name != HTTP_REQUESTS || set.fleet.ladder.http_request_metric();
        if !known || !since {
            broken.push(format!("{what} reads `{name}`, which no exporter provides"));
        }
        for (label, operator, value) in labels {
            if !label_is_known(set, label, operator, value) {
                broken.push(format!("{what} reads {label}{operator}{value:?}, which names nothing in the manifests"));
            }
        }
    }
}

fn label_is_known(set: &RenderedFleet, label: &str, operator: &str, value: &str) -> bool {
    let there = |kind: &str, name: &str| !set.object(kind, name).is_null();
    if let Some(cluster) = set.fleet.cluster_label.as_ref().filter(|cluster| cluster.name.as_str() == label) {
        return operator == "=" && cluster.value.as_str() == value;
    }
    match (label, operator) {
        ("proxy", "=") => set.haproxy.section("backend", value).is_some(),
        ("namespace", "=") => value == set.fleet.namespace.as_str(),
        ("service", "=") => there("Service", value),
        ("deployment", "=") => there("Deployment", value),
        ("scaledObject", "=") => there("ScaledObject", value),
        ("horizontalpodautoscaler", "=") => {
            value.strip_prefix("keda-hpa-").is_some_and(|name| there("ScaledObject", name))
        }
        ("scaledObject" | "scaled_resource", "=~") => value
            .strip_suffix(".*")
            .is_some_and(|prefix| set.objects.of_kind("ScaledObject").all(|(name, _)| name.starts_with(prefix))),
        // The pods of a Deployment.
        ("pod", "=~") => value.strip_suffix("-.*").is_some_and(|name| there("Deployment", name)),
        ("nodepool", "=") => there("NodePool", value),
        ("container", "=") => container(set.object("Deployment", LB))["name"] == value,
        // Values that do not name objects of the fleet.
        (
            "condition" | "status" | "resource" | "resource_type" | "created_by_kind" | "mountpoint" | "alertstate",
            "=",
        )
        | ("status_code", "=" | "!=")
        | ("alertname", "=~") => true,
        _ => false,
    }
}

pub(super) fn every_selector_names_the_cluster(
    set: &RenderedFleet,
    what: &str,
    expression: &str,
    broken: &mut Findings,
) {
    let Some(label) = &set.fleet.cluster_label else { return };
    for selector in read(expression).0 {
        if !selector.labels.contains(&(label.name.as_str(), "=", label.value.as_str())) {
            broken.push(format!("{what} reads `{}` of every cluster", selector.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_read_with_their_labels() {
        let expression = "sum by (proxy) (a_b{namespace=\"n\",proxy=\"bk_x\"}) > 20\nor absent(up{s=~\"c-.*\"} == 1)";
        assert_eq!(
            read(expression).0,
            [
                Selector { name: "a_b", labels: vec![("namespace", "=", "n"), ("proxy", "=", "bk_x")] },
                Selector { name: "up", labels: vec![("s", "=~", "c-.*")] },
            ]
        );
        assert_eq!(read("vector(1)"), (Vec::new(), vec!["vector(1)"]));
        for odd in ["a{", "é{é", "a{b=\"é", "{"] {
            assert_eq!(read(odd).0.len(), 1, "{odd}");
        }
        assert!(is_balanced(&["sum(a", ")"]) && !is_balanced(&["a)("]) && !is_balanced(&["(a"]));
    }
}
