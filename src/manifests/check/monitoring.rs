//! Series that KEDA and Prometheus read.

use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{RenderedFleet, items};
use crate::manifests::names::LB_METRICS;

/// Names of the series that HAProxy's exporter provides in the scopes that are scraped (of 2.6.12; a test compares the
/// list with a real page).
const HAPROXY_SERIES: &str = include_str!("../../../data/haproxy-series.txt");

/// Only newer versions of KEDA have it.
const HTTP_REQUESTS: &str = "keda_scaler_http_requests_total";

/// Of KEDA's operator (pkg/metricscollector/prommetrics.go), kube-state-metrics (docs/metrics) and the kubelet's cAdvisor
/// (docs/storage/prometheus.md), and of Prometheus.
const OTHER_SERIES: [&str; 10] = [
    "keda_scaler_detail_errors_total",
    "keda_scaled_object_errors_total",
    "keda_scaler_metrics_value",
    HTTP_REQUESTS,
    "kube_horizontalpodautoscaler_status_condition",
    "kube_deployment_spec_replicas",
    "kube_pod_status_unschedulable",
    "kube_pod_container_status_restarts_total",
    "container_oom_events_total",
    "up",
];

/// Words of `PromQL` that the expressions use.
const PROMQL: [&str; 12] =
    ["sum", "max", "count", "by", "absent", "increase", "rate", "max_over_time", "offset", "and", "or", "unless"];

/// The labels that they sum by.
const KEPT: [&str; 5] = ["namespace", "proxy", "pod", "scaledObject", "scaled_resource"];

/// Scrapes that a window must span: of a rate or an increase, since one scrape may fail and each end of the window is up
/// to one scrape old; of a maximum, since one scrape may meet the moment in which a client counts as none.
const SCRAPES_OF_A_RATE: u64 = 4;
const SCRAPES_OF_A_MAXIMUM: u64 = 2;

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

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(super) fn metrics(set: &RenderedFleet, broken: &mut Findings) {
    for (name, scaled) in set.objects.of_kind("ScaledObject") {
        let what = format!("ScaledObject/{name}");
        for trigger in items(&scaled["spec"]["triggers"]) {
            let url = trigger["metadata"]["url"].as_str().unwrap_or_default();
            let location = trigger["metadata"]["valueLocation"].as_str().unwrap_or_default();
            look(set, &what, location, broken);
            let own = name.strip_prefix("buildkitd-").map(|arch| format!("proxy=\"bk_{arch}\""));
            if own.is_none_or(|own| !location.contains(&own)) {
                broken.at(
                    "ScaledObject",
                    name,
                    "spec.triggers",
                    format!("{what} reads {location}, which is of another architecture"),
                );
            }
            // An average over pods, read at each sync: otherwise the fleet scales by old values, or not at all.
            if trigger["metricType"] != "AverageValue" || trigger["useCachedMetrics"] == true {
                broken.at(
                    "ScaledObject",
                    name,
                    "spec.triggers",
                    format!("{what} does not scale on the current number of builds per pod"),
                );
            }
            if !scraped_by_keda(set, url, location) {
                broken.at(
                    "ScaledObject",
                    name,
                    "spec.triggers",
                    format!("{what} reads {location} from {url}, which does not serve it"),
                );
            }
        }
        if items(&scaled["spec"]["triggers"]).len() != 1 {
            broken.at("ScaledObject", name, "spec.triggers", format!("{what} does not have exactly one trigger"));
        }
    }
}

/// What alerts read. Their thresholds are anybody's choice.
pub(super) fn alerts(set: &RenderedFleet, broken: &mut Findings) {
    for (name, rule) in set.objects.of_kind("PrometheusRule") {
        let groups = items(&rule["spec"]["groups"]).iter();
        for alert in groups.flat_map(|group| items(&group["rules"])) {
            let what = format!("PrometheusRule/{name} {}", alert["alert"].as_str().unwrap_or_default());
            let expression = alert["expr"].as_str().unwrap_or_default();
            look(set, &what, expression, broken);
            let of = alert["labels"]["arch"].as_str();
            let mut others = set.fleet.pools.iter().map(|pool| pool.arch.name()).filter(|arch| Some(*arch) != of);
            if of.is_some() && others.any(|other| names_arch(set, expression, other)) {
                broken.push(format!("{what} is for {} but reads another architecture", of.unwrap_or_default()));
            }
            if alert["labels"]["namespace"] != set.fleet.namespace.as_str() {
                broken.push(format!("{what} has no label `namespace`, by which Alertmanager routes it"));
            }
            central(set, &what, &alert["labels"], expression, broken);
            windows(set, &what, expression, broken);
        }
    }
}

/// Whether a label names this architecture; a namespace or a cluster may have its name by chance.
fn names_arch(set: &RenderedFleet, expression: &str, arch: &str) -> bool {
    let cluster = set.fleet.cluster_label.as_ref().map(|label| label.name.as_str());
    let mut labels = read(expression).0.into_iter().flat_map(|selector| selector.labels);
    labels.any(|(label, _, value)| label != "namespace" && Some(label) != cluster && value.contains(arch))
}

/// Beside the series of other clusters, each selector names this one, and so does the alert: a series of a healthy cluster
/// would silence it.
fn central(set: &RenderedFleet, what: &str, labels: &serde_json::Value, expression: &str, broken: &mut Findings) {
    let Some(label) = &set.fleet.cluster_label else { return };
    let (name, value) = (label.name.as_str(), label.value.as_str());
    for selector in read(expression).0 {
        if !selector.labels.contains(&(name, "=", value)) {
            broken.push(format!("{what} reads `{}` of every cluster", selector.name));
        }
    }
    if labels[name] != value {
        broken.push(format!("{what} does not say which cluster it is about"));
    }
}

/// Windows are long enough for the intervals of the scrapes.
fn windows(set: &RenderedFleet, what: &str, expression: &str, broken: &mut Findings) {
    let monitors = set.objects.of_kind("ServiceMonitor").flat_map(|(_, monitor)| items(&monitor["spec"]["endpoints"]));
    let seconds = |text: &str, unit: char| text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
    let intervals = monitors.map(|endpoint| seconds(endpoint["interval"].as_str().unwrap_or_default(), 's'));
    let Some(interval) = intervals.map(|interval| interval.unwrap_or(u64::MAX)).max() else { return };
    let between = read(expression).1;
    for pair in between.windows(2) {
        let scrapes = match pair[0].trim_end_matches('(').rsplit(|c| !is_word(c)).next() {
            Some("rate" | "increase") => SCRAPES_OF_A_RATE,
            Some("max_over_time") => SCRAPES_OF_A_MAXIMUM,
            _ => continue,
        };
        let window = pair[1].strip_prefix('[').and_then(|rest| rest.split(']').next());
        let window = window.and_then(|window| seconds(window, 'm')).unwrap_or_default() * 60;
        if window < interval.saturating_mul(scrapes) {
            broken.push(format!("{what} looks back {window} s, less than {scrapes} scrapes of {interval} s"));
        }
    }
}

fn look(set: &RenderedFleet, what: &str, expression: &str, broken: &mut Findings) {
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
        // Values that do not name objects of the fleet.
        ("condition" | "status", "=") | ("status_code", "=" | "!=") => true,
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
        for odd in ["a{", "é{é", "a{b=\"é", "{"] {
            assert_eq!(read(odd).0.len(), 1, "{odd}");
        }
        assert!(is_balanced(&["sum(a", ")"]) && !is_balanced(&["a)("]) && !is_balanced(&["(a"]));
    }
}
