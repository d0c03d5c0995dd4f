//! Every alert of every fleet.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_fleet::values::name::MetricLabelName;
use serde_json::Value;

use crate::scene::{Scene, unit_test};
use crate::{cases, promtool, support};

/// The shipped clusters and every variant that has alerts, each also as a central store sees it.
fn scenes() -> Vec<Scene> {
    let sources = sources();
    let fleets = sources.iter().flat_map(|source| support::fleets(source)).filter(|fleet| fleet.monitoring);
    let mut scenes: Vec<Scene> = fleets.map(Scene::of).collect();
    assert!(scenes.len() > 10, "{}", scenes.len());
    // Two of the shipped clusters have the same rules.
    let mut seen = BTreeSet::new();
    scenes.retain(|scene| seen.insert(format!("{:?}", scene.rules)));
    scenes
}

pub(crate) fn sources() -> Vec<String> {
    let mut sources = vec![support::shipped(), support::one_cluster("      replicas_per_arch: 2\n")];
    for path in support::walk(&support::repository().join("tests/inputs")) {
        sources.push(support::read(&format!("tests/inputs/{}", path.display())));
    }
    let label = "      monitoring: {cluster_label: {name: cluster, value: here}}\n";
    sources.push(support::one_cluster(label));
    sources
}

#[test]
fn promtool_finds_no_fault_in_the_rules_of_any_fleet() {
    for scene in scenes() {
        promtool::check(&scene.rules).unwrap_or_else(|said| panic!("{}: {said}", scene.fleet.key));
    }
}

#[test]
fn every_alert_fires_on_what_it_is_about_and_stays_silent_on_what_is_near() {
    let mut tried = BTreeSet::new();
    for scene in scenes() {
        let mut tests: BTreeMap<&str, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
        for rule in &scene.rules {
            let cases = scene.cases(rule);
            let firing = cases.iter().filter(|case| case.fires.is_some()).count();
            let name = rule["alert"].as_str().unwrap_or_default();
            assert!(firing > 0, "{}: nothing makes {name} fire", scene.fleet.key);
            assert!(firing < cases.len(), "{}: nothing is near {name} and leaves it silent", scene.fleet.key);
            let (rules, of_alert) = tests.entry(name).or_default();
            rules.push(rule.clone());
            of_alert.extend(cases.iter().map(|case| scene.case(rule, case)));
            tried.insert(name.to_owned());
        }
        // Each rule is evaluated each minute of each case: those of other alerts would take most of the time.
        for (rules, tests) in tests.values() {
            promtool::test(rules, tests).unwrap_or_else(|said| panic!("{}: {said}", scene.fleet.key));
        }
    }
    let listed: BTreeSet<String> = cases::ALL.iter().map(|case| case.alert.to_owned()).collect();
    assert_eq!(tried, listed, "a case is of no alert");
}

#[test]
fn no_alert_fires_on_a_healthy_fleet() {
    for scene in scenes() {
        let names = scene.rules.iter().map(|rule| rule["alert"].as_str().unwrap_or_default());
        let silent: Vec<_> = names.flat_map(|name| [5, 30, 60, 89].map(|at| (at, name, Vec::new()))).collect();
        let series = scene.healthy().into_iter().map(|(name, values)| (scene.labelled(&name), values)).collect();
        let test = unit_test(scene.fleet.key.as_str(), &series, &silent);
        promtool::test(&scene.rules, &[test]).unwrap_or_else(|said| panic!("{}: {said}", scene.fleet.key));
    }
}

#[test]
fn the_page_on_reliability_lists_every_alert() {
    let page = support::read("docs/reliability.md");
    let (_, rows) = page.split_once("| alert | fires when |\n|---|---|\n").unwrap_or_else(|| panic!("no table"));
    let rows = rows.lines().map_while(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<&str> = rows.map(|(name, _)| name).collect();
    assert_eq!(listed, cases::ALL.iter().map(|case| case.alert).collect());
}

#[test]
fn no_label_of_the_alerts_can_be_the_clusters() {
    let mut seen = BTreeSet::new();
    for scene in scenes().iter().filter(|scene| scene.fleet.cluster_label.is_none()) {
        for rule in &scene.rules {
            let expression = rule["expr"].as_str().unwrap_or_default();
            let of_selectors = expression.split(['{', ',']).filter_map(|part| part.split_once(['=', '!']));
            let of_sums = expression.split("by (").skip(1).filter_map(|rest| rest.split_once(')'));
            seen.extend(of_selectors.map(|(label, _)| label.to_owned()));
            seen.extend(of_sums.flat_map(|(labels, _)| labels.split(", ").map(str::to_owned)));
            seen.extend(rule["labels"].as_object().into_iter().flatten().map(|(label, _)| label.clone()));
        }
    }
    seen.retain(|label| label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    assert!(seen.len() > 8, "{seen:?}");
    for label in seen.iter().map(String::as_str).chain(["alertname", "job", "instance", "__name__"]) {
        assert!(!MetricLabelName::accepts(label), "`{label}` is taken for a cluster's label");
    }
}
