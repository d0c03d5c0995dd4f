//! Series that KEDA and Prometheus read.

use crate::manifests::check::expression::{every_selector_names_the_cluster, is_word, look, read};
use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{RenderedFleet, items};
use crate::manifests::names::LB_METRICS;

/// Scrapes that a window must span: of a rate or an increase, since one scrape may fail and each end of the window is up
/// to one scrape old; of a maximum, since one scrape may meet the moment in which a client counts as none.
const SCRAPES_OF_A_RATE: u64 = 4;
const SCRAPES_OF_A_MAXIMUM: u64 = 2;

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
    every_selector_names_the_cluster(set, what, expression, broken);
    let Some(label) = &set.fleet.cluster_label else { return };
    if labels[label.name.as_str()] != label.value.as_str() {
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
