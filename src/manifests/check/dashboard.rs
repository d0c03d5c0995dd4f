//! What the dashboard shows.

use std::collections::HashSet;

use serde_json::Value;

use crate::manifests::check::expression::{every_selector_names_the_cluster, look};
use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{RenderedFleet, items};
use crate::manifests::names::DASHBOARD;
use crate::manifests::series::CHOSEN_CLUSTER;
use crate::values::delivery::substituted;

pub(super) fn dashboard(set: &RenderedFleet, broken: &mut Findings) {
    let map = set.object("ConfigMap", DASHBOARD);
    let Some(asked) = &set.fleet.dashboard else {
        if !map.is_null() {
            broken.push(format!("there is a ConfigMap/{DASHBOARD}, which nobody asked for"));
        }
        return;
    };
    let mut bad = |what: &str| broken.at("ConfigMap", DASHBOARD, "data", format!("ConfigMap/{DASHBOARD} {what}"));
    if map["metadata"]["labels"][asked.label.as_str()] != "1" {
        bad("does not have the label by which Grafana finds it");
    }
    let folder = asked.folder.as_ref().map_or(Value::Null, |folder| folder.as_str().into());
    if map["metadata"]["annotations"]["grafana_folder"] != folder {
        bad("is in another folder than clusters.yaml says");
    }
    let files: Vec<(&String, &Value)> = map["data"].as_object().into_iter().flatten().collect();
    let &[(name, Value::String(text))] = files.as_slice() else {
        bad("does not have exactly one file");
        return;
    };
    if name.strip_suffix(".json").is_none_or(str::is_empty) {
        bad("has a file that Grafana does not read");
    }
    if substituted(text).is_some() {
        bad("has a variable in braces, which Flux would replace");
    }
    let Ok(document) = serde_json::from_str::<Value>(text) else {
        bad("is not JSON");
        return;
    };
    let uid = document["uid"].as_str().unwrap_or_default();
    if uid.is_empty() || uid.len() > 40 || uid.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)) {
        bad("has a uid that Grafana refuses");
    }
    for changing in ["id", "version", "iteration"] {
        if document.get(changing).is_some() {
            bad(&format!("has `{changing}`, which Grafana sets"));
        }
    }
    let variables: Vec<&str> =
        items(&document["templating"]["list"]).iter().filter_map(|variable| variable["name"].as_str()).collect();
    if variables.contains(&"cluster") != set.fleet.cluster_label.is_some() || !variables.contains(&"datasource") {
        bad("does not let choose what its expressions need");
    }
    panels(set, &document, broken);
}

fn panels(set: &RenderedFleet, document: &Value, broken: &mut Findings) {
    let mut ids = HashSet::new();
    let mut queries = 0;
    for panel in items(&document["panels"]) {
        let what = format!("ConfigMap/{DASHBOARD} panel {}", panel["id"]);
        if !panel["id"].is_u64() || !ids.insert(panel["id"].as_u64()) {
            broken.push(format!("{what}: another panel has the same id, or it has none"));
        }
        if panel["type"] == "row" {
            continue;
        }
        if panel["description"].as_str().is_none_or(str::is_empty) || items(&panel["targets"]).is_empty() {
            broken.push(format!("{what} has no description, or shows nothing"));
        }
        for query in items(&panel["targets"]) {
            queries += 1;
            expression(set, &what, query["expr"].as_str().unwrap_or_default(), broken);
            if query["datasource"]["uid"] != "$datasource" || query["interval"] != "1m" {
                broken.push(format!("{what} reads another data source, or more often than it is scraped"));
            }
        }
    }
    if queries == 0 {
        broken.push(format!("ConfigMap/{DASHBOARD} has no panel"));
    }
}

/// Like those of alerts, but that the cluster is chosen on the dashboard.
fn expression(set: &RenderedFleet, what: &str, expression: &str, broken: &mut Findings) {
    // A bound of clusters.yaml.
    if expression
        .strip_prefix("vector(")
        .and_then(|rest| rest.strip_suffix(')'))
        .is_some_and(|n| n.parse::<u32>().is_ok())
    {
        return;
    }
    let own = set.fleet.cluster_label.as_ref().map_or("", |label| label.value.as_str());
    let chosen = |value: &str| format!("=\"{value}\"");
    let expression =
        if own.is_empty() { expression.to_owned() } else { expression.replace(&chosen(CHOSEN_CLUSTER), &chosen(own)) };
    look(set, what, &expression, broken);
    every_selector_names_the_cluster(set, what, &expression, broken);
}
