//! Every expression of the dashboard of every fleet, as promtool reads it.

use std::collections::BTreeSet;

use buildkit_fleet::manifests::dashboard;
use buildkit_fleet::values::name::MetricLabelName;
use serde_json::{Value, json};

use crate::fires::sources;
use crate::{promtool, support};

/// Expressions with Grafana's variables filled in, each once.
fn expressions() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for fleet in sources().iter().flat_map(|source| support::fleets(source)) {
        let text = dashboard::json(&fleet).unwrap_or_else(|error| panic!("{error}"));
        let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        let panels = document["panels"].as_array().into_iter().flatten();
        let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
        let filled = |target: &Value| {
            let expression = target["expr"].as_str().unwrap_or_else(|| panic!("{target}"));
            expression.replace("$__rate_interval", "4m").replace("$cluster", "here")
        };
        all.extend(targets.map(filled));
    }
    all
}

/// A recording rule for each: what promtool checks of a query.
fn rules(expressions: &BTreeSet<String>) -> Vec<Value> {
    let rule = |(place, expression)| json!({"record": format!("dashboard:query:{place}"), "expr": expression});
    expressions.iter().enumerate().map(rule).collect()
}

#[test]
fn promtool_finds_no_fault_in_the_expressions_of_any_dashboard() {
    let expressions = expressions();
    assert!(expressions.len() > 100, "{}", expressions.len());
    promtool::check(&rules(&expressions)).unwrap_or_else(|said| panic!("{said}"));
    let broken = expressions.iter().map(|expression| expression.replacen(')', "", 1)).collect();
    assert!(promtool::check(&rules(&broken)).is_err());
}

/// It would stand twice in a selector, or be summed away.
#[test]
fn the_label_of_a_cluster_is_none_that_the_expressions_use() {
    for expression in expressions() {
        for selector in expression.split('{').skip(1) {
            let labels = selector.split('}').next().unwrap_or_default().split(',');
            for label in labels.filter_map(|label| label.split(['=', '!']).next()) {
                let ours = ["cluster", "k8s_cluster"].contains(&label);
                assert_eq!(MetricLabelName::accepts(label), ours, "{label}: {expression}");
            }
        }
    }
}
