//! Several clusters in one store, as a Mimir or Thanos ruler sees them.

use crate::scene::{Scene, Series, expanded, fired, unit_test, with_label};
use crate::{promtool, support};

/// A fleet of two pools, with the label of cluster `one` or without any.
fn scene(labelled: bool) -> Scene {
    let scaling = "      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 8, arm64_min: 2, arm64_max: 8}\n";
    let label = "      monitoring: {cluster_label: {name: cluster, value: one}}\n";
    let source = support::one_cluster(&format!("{scaling}{}", if labelled { label } else { "" }));
    Scene::of(support::fleet(&source, "here"))
}

/// The series of cluster `one`, where some differ, beside those of cluster `two`.
fn store(scene: &Scene, one: &[(&str, &str)], two: &[(&str, &str)]) -> Series {
    let mut store = Series::new();
    for (cluster, differ) in [("one", one), ("two", two)] {
        for (series, mut values) in scene.healthy() {
            if let Some((_, other)) = differ.iter().find(|(start, _)| series.starts_with(start)) {
                values = expanded(other);
            }
            store.insert(with_label(&series, "cluster", cluster), values);
        }
    }
    store
}

/// Whether the amd64 pool's alert, or the fleet's, fires at minute 40, and none of another pool.
fn fires(scene: &Scene, series: &Series, alert: &str, labels: &[(&'static str, &str)]) -> bool {
    let of = |rule: &&serde_json::Value| rule["alert"] == alert && rule["labels"]["arch"] != "arm64";
    let rule = scene.rules.iter().find(of).unwrap_or_else(|| panic!("no {alert}"));
    let expected = fired(rule, labels.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let [firing, silent] = [vec![expected], Vec::new()]
        .map(|expected| promtool::test(&scene.rules, &[unit_test(alert, series, &[(40, alert, expected)])]));
    match (firing, silent) {
        (Ok(()), Err(_)) => true,
        (Err(_), Ok(())) => false,
        (firing, silent) => panic!("{alert}: neither alone, nor silent: {firing:?} {silent:?}"),
    }
}

/// A trouble of cluster `one`, and the labels of the alert.
type Trouble = (&'static str, &'static [(&'static str, &'static str)], &'static [(&'static str, &'static str)]);

const TROUBLES: &[Trouble] = &[
    (
        "BuildkitNoBuilder",
        &[(
            "haproxy_backend_active_servers{namespace=\"buildkit\",service=\"buildkitd-lb-metrics\",pod=\"buildkitd-lb-0\",proxy=\"bk_amd64\"",
            "0x90",
        )],
        &[("proxy", "bk_amd64")],
    ),
    (
        "BuildkitClientsWaiting",
        &[
            (
                "haproxy_backend_active_servers{namespace=\"buildkit\",service=\"buildkitd-lb-metrics\",pod=\"buildkitd-lb-0\",proxy=\"bk_amd64\"",
                "0x90",
            ),
            (
                "haproxy_backend_current_sessions{namespace=\"buildkit\",service=\"buildkitd-lb-metrics\",pod=\"buildkitd-lb-0\",proxy=\"bk_amd64\"",
                "5x90",
            ),
        ],
        &[("proxy", "bk_amd64")],
    ),
    ("BuildkitLoadBalancerDown", &[("up{", "0x90")], &[]),
    (
        "BuildkitMetricAbsent",
        &[(
            "keda_scaler_metrics_value{namespace=\"buildkit\",job=\"keda-operator\",scaledObject=\"buildkitd-amd64\"",
            "",
        )],
        &[("scaledObject", "buildkitd-amd64")],
    ),
];

#[test]
fn a_healthy_cluster_silences_the_alerts_of_another_unless_each_selector_names_its_own() {
    let (with, without) = (scene(true), scene(false));
    for (alert, trouble, labels) in TROUBLES {
        let series = store(&with, trouble, &[]);
        assert!(fires(&with, &series, alert, labels), "{alert}: cluster `one` is broken");
        assert!(!fires(&without, &series, alert, labels), "{alert}: this test could not fail");
        let elsewhere = store(&with, &[], trouble);
        assert!(!fires(&with, &elsewhere, alert, labels), "{alert}: cluster `two` is broken");
    }
}

#[test]
fn the_builds_of_two_clusters_are_added_up_unless_each_selector_names_its_own() {
    let half = &[(
        "haproxy_backend_current_sessions{namespace=\"buildkit\",service=\"buildkitd-lb-metrics\",pod=\"buildkitd-lb-0\",proxy=\"bk_amd64\"",
        "4x90",
    )];
    let (with, without) = (scene(true), scene(false));
    let series = store(&with, half, half);
    let labels = &[("proxy", "bk_amd64")];
    assert!(fires(&without, &series, "BuildkitPinnedAtMax", labels), "this test could not fail");
    assert!(!fires(&with, &series, "BuildkitPinnedAtMax", labels));
}

/// Why the label is off by default: external labels are added to what leaves Prometheus, not to what it holds.
#[test]
fn in_the_clusters_own_prometheus_no_alert_with_the_label_is_true() {
    let with = scene(true);
    let own = |trouble: &[(&str, &str)]| -> Series {
        let unlabelled = |(name, values): (String, String)| (name.replace(",cluster=\"one\"", ""), values);
        store(&with, trouble, &[]).into_iter().filter(|(name, _)| name.contains("\"one\"")).map(unlabelled).collect()
    };
    let (alert, trouble, labels) = TROUBLES[0];
    assert!(!fires(&with, &own(trouble), alert, labels), "it is dead");
    assert!(fires(&scene(false), &own(trouble), alert, labels), "this test could not fail");
    assert!(fires(&with, &own(&[]), "BuildkitLoadBalancerDown", &[]), "what is absent is absent for ever");
}
