//! Series that KEDA and Prometheus read.

use crate::manifests::check::set::{RenderedFleet, items};
use crate::manifests::names::LB_METRICS;

/// Names of the series that HAProxy's exporter provides in the scopes that are scraped (of 2.6.12; a test compares the
/// list with a real page).
const HAPROXY_SERIES: &str = include_str!("../../../data/haproxy-series.txt");

/// Only newer versions of KEDA have it.
const HTTP_REQUESTS: &str = "keda_scaler_http_requests_total";

/// Of KEDA's operator (pkg/metricscollector/prommetrics.go) and kube-state-metrics (docs/metrics), and of Prometheus.
const OTHER_SERIES: [&str; 7] = [
    "keda_scaler_detail_errors_total",
    "keda_scaled_object_errors_total",
    "keda_scaler_metrics_value",
    HTTP_REQUESTS,
    "kube_horizontalpodautoscaler_status_condition",
    "kube_deployment_spec_replicas",
    "up",
];

/// Words of `PromQL` that the expressions use, and the labels that they sum by.
const PROMQL: [&str; 10] = ["sum", "by", "absent", "increase", "rate", "and", "or", "on", "proxy", "scaled_resource"];

/// One `name{label="value",...}` of an expression.
#[derive(Debug, PartialEq)]
struct Selector<'a> {
    name: &'a str,
    /// Label, operator, value.
    labels: Vec<(&'a str, &'a str, &'a str)>,
}

/// The series that an expression reads, and the text between them. In these expressions each series has labels.
fn read(expression: &str) -> (Vec<Selector<'_>>, Vec<&str>) {
    let (mut found, mut between) = (Vec::new(), Vec::new());
    let mut rest = expression;
    while let Some(open) = rest.find('{') {
        let start = rest[..open].rfind(|c: char| !is_word(c)).map_or(0, |at| at + 1);
        let close = open + rest[open..].find('}').unwrap_or(rest.len() - open - 1);
        let labels = rest[open + 1..close].split(',').filter_map(|pair| {
            let at = pair.find(|c: char| !is_word(c))?;
            let (label, value) = pair.split_at(at);
            // Without quotes it is not a label.
            let value_at = value.find('"').unwrap_or_default();
            Some((label, &value[..value_at], value[value_at..].trim_matches('"')))
        });
        between.push(&rest[..start]);
        found.push(Selector { name: &rest[start..open], labels: labels.collect() });
        rest = &rest[close + 1..];
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

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(super) fn metrics(set: &RenderedFleet, broken: &mut Vec<String>) {
    for (name, scaled) in set.objects.of_kind("ScaledObject") {
        let what = format!("ScaledObject/{name}");
        for trigger in items(&scaled["spec"]["triggers"]) {
            let url = trigger["metadata"]["url"].as_str().unwrap_or_default();
            let location = trigger["metadata"]["valueLocation"].as_str().unwrap_or_default();
            look(set, &what, location, broken);
            let own = name.strip_prefix("buildkitd-").map(|arch| format!("proxy=\"bk_{arch}\""));
            if own.is_none_or(|own| !location.contains(&own)) {
                broken.push(format!("{what} reads {location}, which is of another architecture"));
            }
            // An average over pods, read at each sync: otherwise the fleet scales by old values, or not at all.
            if trigger["metricType"] != "AverageValue" || trigger["useCachedMetrics"] == true {
                broken.push(format!("{what} does not scale on the current number of builds per pod"));
            }
            if !scraped_by_keda(set, url, location) {
                broken.push(format!("{what} reads {location} from {url}, which does not serve it"));
            }
        }
        if items(&scaled["spec"]["triggers"]).len() != 1 {
            broken.push(format!("{what} does not have exactly one trigger"));
        }
    }
    for (name, rule) in set.objects.of_kind("PrometheusRule") {
        let groups = items(&rule["spec"]["groups"]).iter();
        for alert in groups.flat_map(|group| items(&group["rules"])) {
            let what = format!("PrometheusRule/{name} {}", alert["alert"].as_str().unwrap_or_default());
            let expression = alert["expr"].as_str().unwrap_or_default();
            look(set, &what, expression, broken);
            let of = alert["labels"]["arch"].as_str();
            let mut others = set.fleet.pools.iter().map(|pool| pool.arch.name()).filter(|arch| Some(*arch) != of);
            if of.is_some() && others.any(|other| expression.contains(other)) {
                broken.push(format!("{what} is for {} but reads another architecture", of.unwrap_or_default()));
            }
        }
    }
}

fn look(set: &RenderedFleet, what: &str, expression: &str, broken: &mut Vec<String>) {
    let (selectors, between) = read(expression);
    if selectors.is_empty() || !is_balanced(&between) {
        broken.push(format!("{what} reads no series, or is not a valid expression: {expression}"));
    }
    // A series without labels covers every fleet of the cluster.
    let words = between.iter().flat_map(|text| text.split(|c: char| !is_word(c)));
    for word in words.filter(|word| word.starts_with(|c: char| !c.is_ascii_digit()) && !PROMQL.contains(word)) {
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
        // Values that do not name objects of the fleet.
        ("condition" | "status", "=") | ("status_code", "!=") => true,
        _ => false,
    }
}

/// Whether the URL is the load balancer's Service for metrics, with its port and a query that includes this series.
fn scraped_by_keda(set: &RenderedFleet, url: &str, location: &str) -> bool {
    let series = location.split('{').next().unwrap_or_default();
    let port =
        items(&set.object("Service", LB_METRICS)["spec"]["ports"]).first().and_then(|port| port["port"].as_u64());
    let Some(port) = port else { return false };
    let expected = format!(
        "http://{LB_METRICS}.{}.svc.cluster.local:{port}/metrics?scope=backend&metrics={series}",
        set.fleet.namespace
    );
    url == expected
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
        assert!(is_balanced(&["sum(a", ")"]) && !is_balanced(&["a)("]) && !is_balanced(&["(a"]));
    }
}
