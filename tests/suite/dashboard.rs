//! The dashboard: the command and the ConfigMap have the same document, with what the fleet has and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::manifests::dashboard;
use serde_json::Value;

use crate::substitution::{inputs, substituted};
use crate::support::program::{code, run, scratch, stderr, stdout, write};
use crate::support::{self, one_cluster};

const SCALED: &str = "      autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}\n";

fn text(fleet: &Fleet) -> String {
    dashboard::json(fleet).unwrap_or_else(|error| panic!("{error}"))
}

fn document(keys: &str) -> Value {
    of_fleet(&support::fleet(&one_cluster(keys), "here"))
}

fn of_fleet(fleet: &Fleet) -> Value {
    serde_json::from_str(&text(fleet)).unwrap_or_else(|error| panic!("{error}"))
}

fn panels(document: &Value) -> &[Value] {
    document["panels"].as_array().map_or(&[], Vec::as_slice)
}

/// Titles of panels and rows by their ids.
fn titles(document: &Value) -> BTreeMap<u64, String> {
    let entry = |panel: &Value| {
        (panel["id"].as_u64().unwrap_or_default(), panel["title"].as_str().unwrap_or_default().to_owned())
    };
    panels(document).iter().map(entry).collect()
}

fn rows(document: &Value) -> Vec<u64> {
    let rows = panels(document).iter().filter(|panel| panel["type"] == "row");
    rows.filter_map(|row| row["id"].as_u64()).collect()
}

#[test]
fn the_command_prints_what_the_configmap_carries() {
    let dir = scratch();
    let enabled = one_cluster("      monitoring: {dashboard: {enabled: true}}\n");
    write(dir.path(), "clusters.yaml", &enabled);
    let printed = run(dir.path(), &["dashboard", "here"]);
    assert_eq!((code(&printed), stderr(&printed).as_str()), (0, ""));
    let files = support::render(&support::fleet(&enabled, "here"));
    let map = support::object(&files, "ConfigMap", "buildkitd-dashboard");
    assert_eq!(map["data"]["buildkit-fleet-here.json"].as_str(), Some(stdout(&printed).as_str()));
    // Also where the set does not have it, to import by hand.
    write(dir.path(), "clusters.yaml", one_cluster(""));
    let without = run(dir.path(), &["dashboard", "here"]);
    assert_eq!((code(&without), stdout(&without)), (0, stdout(&printed)));
}

#[test]
fn a_cluster_without_a_fleet_has_no_dashboard() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", one_cluster("") + "  tools: {modules: [monitoring]}\n");
    for (arguments, exit, words) in [
        (&["dashboard", "her"][..], 2, "cluster `her` not found: did you mean `here`?"),
        (&["dashboard", "tools"], 2, "tools has no fleet: `modules` does not list `buildkit`"),
        (&["dashboard"], 2, "<CLUSTER>"),
        (&["dashboard", "here", "--config", "missing.yaml"], 3, "cannot read missing.yaml"),
    ] {
        let output = run(dir.path(), arguments);
        assert_eq!((code(&output), stdout(&output).as_str()), (exit, ""), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    write(dir.path(), "clusters.yaml", one_cluster("      namespace: A\n"));
    assert_eq!(code(&run(dir.path(), &["dashboard", "here"])), 1);
}

#[test]
fn rows_and_panels_are_those_that_the_fleet_can_fill() {
    let all = document(SCALED);
    assert_eq!(rows(&all), [100, 200, 300, 400, 500, 600, 700, 800]);
    assert_eq!(rows(&document("")), [100, 200, 300, 400, 500, 700, 800], "nothing is scaled");
    let silent = document(&format!("{SCALED}      monitoring: {{enabled: false}}\n"));
    assert_eq!(rows(&silent), [100, 200, 300, 400, 500, 600, 700], "there are no alerts");
    let given = of_fleet(&support::fleet(&support::read("tests/inputs/own-nodes.yaml"), "own-nodes"));
    assert_eq!(rows(&given), [100, 200, 300, 500, 600, 700, 800], "nodes are not known");
    let given = titles(&given);
    assert!(given.contains_key(&502) && !given.contains_key(&501), "{given:?}");
    // KEDA counts its requests from 2.20 on.
    let older = one_cluster(SCALED).replace("2.20.2", "2.19.0");
    let older = titles(&of_fleet(&support::fleet(&older, "here")));
    assert!(titles(&all).contains_key(&604) && !older.contains_key(&604), "{older:?}");
}

#[test]
fn ids_of_panels_do_not_depend_on_what_else_there_is() {
    let all = titles(&document(SCALED));
    for keys in
        ["", "      architectures: [amd64]\n", "      architectures: [arm64]\n", "      monitoring: {enabled: false}\n"]
    {
        for (id, title) in titles(&document(keys)) {
            assert_eq!(all.get(&id), Some(&title), "{keys}");
        }
    }
    let arm64 = document("      architectures: [arm64]\n").to_string();
    assert!(arm64.contains("bk_arm64") && !arm64.contains("amd64"), "{arm64}");
}

#[test]
fn panels_do_not_overlap_and_fill_their_rows() {
    for (_, source) in inputs() {
        for fleet in support::fleets(&source) {
            let mut taken = BTreeSet::new();
            for panel in panels(&of_fleet(&fleet)) {
                let at = |field: &str| panel["gridPos"][field].as_u64().unwrap_or_else(|| panic!("{panel}"));
                assert!(at("x") + at("w") <= 24, "{panel}");
                for cell in (at("y")..at("y") + at("h")).flat_map(|y| (at("x")..at("x") + at("w")).map(move |x| (x, y)))
                {
                    assert!(taken.insert(cell), "{}: {cell:?} is taken twice", fleet.key);
                }
            }
        }
    }
}

#[test]
fn nothing_in_a_dashboard_is_a_variable_to_flux() {
    for (path, source) in inputs() {
        for fleet in support::fleets(&source) {
            let text = text(&fleet);
            assert_eq!(substituted(&text).as_deref(), Some(text.as_str()), "{path}, {}", fleet.key);
        }
    }
}

#[test]
fn the_cluster_is_chosen_only_where_series_carry_its_label() {
    let names = |document: &Value| -> Vec<String> {
        let list = document["templating"]["list"].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|variable| variable["name"].as_str().map(str::to_owned)).collect()
    };
    let own = document(SCALED);
    assert_eq!(names(&own), ["datasource"]);
    assert!(!own.to_string().contains("$cluster"));
    let central = document(&format!("{SCALED}      monitoring: {{cluster_label: {{name: k8s, value: here}}}}\n"));
    assert_eq!(names(&central), ["datasource", "cluster"]);
    let variable = &central["templating"]["list"][1];
    assert_eq!(variable["query"], "label_values(haproxy_backend_current_sessions{namespace=\"buildkit\"}, k8s)");
    assert_eq!(variable["current"]["value"], "here");
}

#[test]
fn every_section_that_a_panel_names_is_in_the_runbook() {
    let page = support::read("docs/runbook.md");
    let url = "      monitoring: {runbook_url: \"https://wiki.example/runbook\"}\n";
    let with = document(&format!("{SCALED}{url}"));
    let mut seen = 0;
    for panel in panels(&with) {
        let description = panel["description"].as_str().unwrap_or_default();
        let named = description.split_once("Runbook: ").map(|(_, named)| named.trim_end_matches('.').split(", "));
        let headings: Vec<&str> = named.into_iter().flatten().collect();
        let links = panel["links"].as_array().cloned().unwrap_or_default();
        assert_eq!(links.len(), headings.len(), "{panel}");
        for (heading, link) in headings.iter().zip(links) {
            assert!(page.contains(&format!("\n## {heading}\n")), "the runbook has no section {heading}");
            let section = heading.to_lowercase().replace(' ', "-");
            assert_eq!(link["url"], format!("https://wiki.example/runbook#{section}"));
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
    assert!(panels(&document(SCALED)).iter().all(|panel| panel.get("links").is_none()), "there is no page to lead to");
}

#[test]
fn cost_is_that_of_plan_and_says_what_it_leaves_out() {
    let cost =
        |keys: &str| -> Option<Value> { panels(&document(keys)).iter().find(|panel| panel["id"] == 402).cloned() };
    let known = cost("      amd64_instance_type: m6id.24xlarge\n      architectures: [amd64]\n").unwrap_or_default();
    let expression = known["targets"][0]["expr"].as_str().unwrap_or_default();
    assert!(expression.ends_with(" * 5.6952"), "{expression}");
    let own = "      instance_specs: {x1.builder: {arch: amd64, vcpu: 96, memory_mib: 393216, local_nvme_gb: 4000, eni_max_pods: 234, numa_nodes: 1}}\n";
    let some = cost(&format!(
        "{own}      architectures: [amd64]\n      amd64_instance_types: {{m6id.24xlarge: 2, x1.builder: 2}}\n"
    ));
    let some = some.unwrap_or_default();
    assert_eq!(some["targets"].as_array().map(Vec::len), Some(1), "{some}");
    let description = some["description"].as_str().unwrap_or_default();
    assert!(description.contains("Without x1.builder, whose price is not known."), "{description}");
    let none = cost(&format!("{own}      architectures: [amd64]\n      amd64_instance_type: x1.builder\n"));
    assert_eq!(none, None, "no price is known");
}

#[test]
fn diff_says_that_a_dashboard_restarts_nothing() {
    let dir = scratch();
    let source = |keys: &str| one_cluster(&format!("      delivery: flux\n      replicas_per_arch: {keys}\n"));
    let (without, with) = ("2", "2\n      monitoring: {dashboard: {enabled: true}}");
    for (before, after, said) in [
        (without, with, &["creates ConfigMap/buildkitd-dashboard"][..]),
        (
            with,
            "3\n      monitoring: {dashboard: {enabled: true}}",
            &["in-place ConfigMap/buildkitd-dashboard Grafana shows the new dashboard within a minute or two"],
        ),
        (
            with,
            without,
            &[
                "deletes ConfigMap/buildkitd-dashboard",
                "Grafana no longer shows the dashboard",
                "Flux deletes it at the next sync",
            ],
        ),
    ] {
        write(dir.path(), "clusters.yaml", source(before));
        assert_eq!(code(&run(dir.path(), &["generate"])), 0);
        write(dir.path(), "clusters.yaml", source(after));
        let output = run(dir.path(), &["diff"]);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        let shown = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        for words in said {
            assert!(shown.contains(words), "no {words:?} in {shown}");
        }
        assert!(!shown.contains("rolls-"), "{shown}");
    }
}
