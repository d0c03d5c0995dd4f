//! Every query gives data, and none would if one of its series had another name.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_fleet::manifests::dashboard;
use buildkit_fleet::values::arch::Arch;
use serde_json::Value;

use crate::client::Client;
use crate::dns::eventually;
use crate::expected::{ALL, Expected};
use crate::haproxy::Lab;
use crate::pages;
use crate::pods::address;
use crate::prometheus::Prometheus;

/// Clients wait for as long as the test runs. Two types of nodes for amd64, so that costs add up.
const KEYS: &str = "      autoscaling: {enabled: true, amd64_min: 0, amd64_max: 8, arm64_min: 0, arm64_max: 6}
      amd64_instance_types: {m6id.24xlarge: 2, m6id.12xlarge: 1}
      client_connect_seconds: 600
      client_retry_pause_seconds: 600
";

struct PanelQuery {
    panel: u64,
    id: String,
    /// As Grafana sends it.
    expression: String,
    expected: Expected,
}

/// The queries of a fleet's dashboard, with the variables of Grafana filled in: the cluster, and a window of ten scrapes.
fn queries(lab: &Lab) -> Vec<PanelQuery> {
    let text = dashboard::json(&lab.fleet).expect("JSON");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let cluster = lab.fleet.cluster_label.as_ref().map_or("", |label| label.value.as_str());
    let mut all = Vec::new();
    for panel in document["panels"].as_array().into_iter().flatten() {
        let number = panel["id"].as_u64().expect("an id");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let id = target["refId"].as_str().expect("an id").to_owned();
            let (.., expected) = *ALL
                .iter()
                .find(|(panel, query, _)| (*panel, *query) == (number, id.as_str()))
                .unwrap_or_else(|| panic!("what is expected of query {id} of panel {number}, {}?", panel["title"]));
            let expression = target["expr"].as_str().expect("an expression").replace("$__rate_interval", "10s");
            let expression = expression.replace("$cluster", cluster);
            assert!(!expression.contains('$'), "{expression}");
            all.push(PanelQuery { panel: number, id, expression, expected });
        }
    }
    assert_eq!(all.len(), ALL.len(), "a query is expected that is not there");
    all
}

/// Names of series in an expression: what stands before a brace.
fn series(expression: &str) -> BTreeSet<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let parts: Vec<&str> = expression.split('{').collect();
    let names = parts[..parts.len() - 1].iter().map(|part| part.rsplit(|c| !word(c)).next().unwrap_or_default());
    names.collect()
}

fn every_query_gives_data(monitoring: &str) {
    let lab = Lab::start(&format!("{KEYS}{monitoring}"));
    lab.with_pods(Arch::Amd64, [address(0)]);
    let busy = Client::build(lab.ports.amd64);
    assert!(busy.is_served());
    let (_queued, _held) = (Client::build(lab.ports.amd64), Client::build(lab.ports.arm64));
    let prometheus = Prometheus::start(&lab, pages::serve());
    let queries = queries(&lab);
    for PanelQuery { panel, id, expression, expected } in &queries {
        let met = eventually(|| expected.is_met(&prometheus.values(expression)));
        let values = prometheus.values(expression);
        assert!(met, "panel {panel} query {id} gives {values:?}, not {expected:?}: {expression}\n{}", prometheus.log());
    }
    // All have data: what has none now would never have. A part of an expression may matter for one architecture only.
    let mut unnoticed = BTreeMap::new();
    for PanelQuery { expression, expected, .. } in &queries {
        for name in series(expression) {
            let other = expression.replace(&format!("{name}{{"), &format!("{name}_renamed{{"));
            let any = ["amd64", "arm64"].iter().fold(expression.clone(), |text, arch| text.replace(arch, "*"));
            *unnoticed.entry((any, name)).or_insert(true) &= expected.is_met(&prometheus.values(&other));
        }
    }
    let noticed = unnoticed.len();
    unnoticed.retain(|_, unnoticed| *unnoticed);
    assert!(unnoticed.is_empty(), "nothing needs {unnoticed:#?}");
    assert!(noticed > 30, "{noticed}");
}

#[test]
fn every_query_gives_data_in_the_clusters_own_prometheus() {
    every_query_gives_data("");
}

#[test]
fn every_query_gives_the_data_of_its_cluster_in_a_store_of_several() {
    every_query_gives_data("      monitoring: {cluster_label: {name: k8s_cluster, value: here}}\n");
}
