//! Wrong expressions, each of which the cases notice.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::scene::Scene;
use crate::{cases, promtool, support};

/// An alert, what its expression or its rule says, and what it could say by mistake.
const WRONG: &[(&str, &str, &str)] = &[
    ("BuildkitPinnedAtMax", ">= ", "> "),
    ("BuildkitPinnedAtMax", "max_over_time", "min_over_time"),
    ("BuildkitPinnedAtMax", "sum by (namespace, proxy)", "sum by (namespace)"),
    ("BuildkitClientsWaiting", "> ", ">= "),
    ("BuildkitClientsWaiting", "== 0", ">= 0"),
    ("BuildkitClientsWaiting", "max_over_time", "min_over_time"),
    ("BuildkitClientsWaiting", "or", "and"),
    ("BuildkitBelowMax", "> 0", "> 1"),
    ("BuildkitBelowMax", " < ", " <= "),
    ("BuildkitBelowMax", " <= ", " < "),
    ("BuildkitBelowMax", " <= ", " >= "),
    ("BuildkitBelowMax", "max_over_time", "min_over_time"),
    ("BuildkitNoBuilder", "== 0", "<= 1"),
    ("BuildkitNoBuilder", "> 0", "> 1"),
    ("BuildkitNoBuilder", "> 0", ">= 0"),
    (
        "BuildkitNoBuilder",
        "max_over_time(haproxy_backend_current_sessions",
        "last_over_time(haproxy_backend_current_sessions",
    ),
    ("BuildkitBuildersPending", " offset 10m", ""),
    ("BuildkitBuildersPending", "pod=~\"buildkitd-", "pod=~\"other-"),
    ("BuildkitBuildersPending", "-.*\"", ".*|.*\""),
    ("BuildkitBuildersPending", "count by (namespace)", "count by (pod)"),
    ("BuildkitOutOfMemory", "> 0", "> 2"),
    ("BuildkitOutOfMemory", "[10m]", "[30m]"),
    ("BuildkitOutOfMemory", "increase", "max_over_time"),
    ("BuildkitOutOfMemory", "namespace=", "namespace!="),
    ("BuildkitScalingInactive", "max by (namespace)", "max by (namespace, job)"),
    ("BuildkitScalingInactive", "ScalingActive", "ScalingLimited"),
    ("BuildkitScalingInactive", "== 1", ">= 0"),
    ("BuildkitMetricAbsent", "absent", "count"),
    ("BuildkitMetricAbsent", "absent(", "absent(0 * "),
    ("BuildkitLoadBalancerDown", " == 1", ""),
    ("BuildkitLoadBalancerDown", "absent(", "(0 == "),
    ("BuildkitLoadBalancerRestarts", "increase", "max_over_time"),
    ("BuildkitLoadBalancerRestarts", "buildkitd-lb-.*", "buildkitd-.*"),
    ("BuildkitLoadBalancerRestarts", "[10m]", "[30m]"),
    ("BuildkitScalerErrors", "max by (scaledObject) ", ""),
    ("BuildkitScalerErrors", "buildkitd-.*", ".*"),
    ("BuildkitScalerErrors", "[10m]", "[30m]"),
    ("BuildkitScaledObjectErrors", "max by (scaledObject) ", ""),
    ("BuildkitScaledObjectErrors", "buildkitd-.*", ".*"),
    ("BuildkitScaledObjectErrors", "> 0", "> 2"),
    ("BuildkitScalerHttpErrors", "unless", "and"),
    ("BuildkitScalerHttpErrors", "\nunless\n", "\nor\n"),
    ("BuildkitScalerHttpErrors", "status_code!=\"200\"", "status_code!=\"error\""),
    ("BuildkitScalerHttpErrors", "> 0", ">= 0"),
    ("BuildkitScalerHttpErrors", "max by (scaled_resource) ", ""),
];

/// Whether a case of the alert says that something is wrong.
fn is_noticed(scene: &Scene, alert: &str) -> bool {
    // Each rule is evaluated each minute of each case: those of other alerts would take most of the time.
    let rules: Vec<Value> = scene.rules.iter().filter(|rule| rule["alert"] == alert).cloned().collect();
    let cases = rules.iter().flat_map(|rule| scene.cases(rule).into_iter().map(|case| scene.case(rule, case)));
    promtool::test(&rules, &cases.collect::<Vec<_>>()).is_err()
}

#[test]
fn a_wrong_expression_is_noticed() {
    let fleet = || support::fleet(&support::shipped(), "arc-cbr-production");
    let right = Scene::of(fleet());
    for (alert, old, new) in WRONG {
        let mut scene = Scene::of(fleet());
        for rule in scene.rules.iter_mut().filter(|rule| rule["alert"] == *alert) {
            let expression = rule["expr"].as_str().unwrap_or_default();
            assert!(expression.contains(old), "{alert} has no {old:?}: {expression}");
            rule["expr"] = expression.replace(old, new).into();
        }
        promtool::check(&scene.rules).unwrap_or_else(|said| panic!("{alert}: {old:?} -> {new:?} is no rule: {said}"));
        assert!(is_noticed(&scene, alert), "{alert}: {old:?} -> {new:?} is not noticed");
    }
    let tried: BTreeSet<&str> = WRONG.iter().map(|(alert, ..)| *alert).collect();
    for alert in &tried {
        assert!(!is_noticed(&right, alert), "{alert}: this test could not fail");
    }
    assert_eq!(tried, cases::ALL.iter().map(|case| case.alert).collect());
}

#[test]
fn a_time_that_is_too_short_or_too_long_is_noticed() {
    let right = Scene::of(support::fleet(&support::shipped(), "arc-cbr-production"));
    for at in 0..right.rules.len() {
        let rule = &right.rules[at];
        let (Some(alert), true) = (rule["alert"].as_str(), rule["for"].is_string()) else { continue };
        for hold in ["0m", "80m"] {
            let mut scene = Scene { fleet: right.fleet.clone(), rules: right.rules.clone() };
            scene.rules[at]["for"] = hold.into();
            assert!(is_noticed(&scene, alert), "{alert} for {hold} is not noticed");
        }
    }
}
