//! What is rendered for each KEDA and Kubernetes, as a table.

use crate::support;

fn scaled_object(keda: &str, kubernetes: &str) -> serde_yaml::Value {
    let versions = |key: &str, version: &str| {
        if version.is_empty() { String::new() } else { format!("    {key}\n").replace('@', version) }
    };
    let source = format!(
        "clusters:\n  here:\n    cluster_name: a\n    region: us-east-1\n{}{}    modules: [karpenter, keda, buildkit]\n    buildkit:\n      architectures: [amd64]\n      autoscaling: {{enabled: true, amd64_min: 2, amd64_max: 360, amd64_fallback: 32}}\n",
        versions("keda: {chart_version: @}", keda),
        versions("eks_version: \"@\"", kubernetes),
    );
    support::object(&support::render(&support::fleet(&source, "here")), "ScaledObject", "buildkitd-amd64")
}

#[test]
fn each_rung_renders_what_its_versions_understand() {
    // KEDA, Kubernetes: fallback, tolerance, targetValue, timeout.
    let table = [
        ("2.16.1", "1.34", false, false, "1", false),
        ("2.16.1", "1.35", false, false, "1", false),
        ("2.17.2", "1.34", true, false, "1", false),
        ("2.17.2", "1.35", true, false, "1", false),
        ("2.18.0", "1.34", true, false, "0.9", false),
        ("2.18.0", "1.35", true, true, "1", false),
        ("2.19.0", "1.34", true, false, "0.9", false),
        ("2.19.0", "1.36", true, true, "1", false),
        ("2.20.2", "1.34", true, false, "0.9", true),
        ("2.20.2", "1.35", true, true, "1", true),
        ("2.31.0", "1.40", true, true, "1", true),
        ("", "1.35", false, false, "1", false),
        ("2.20.2", "", true, false, "0.9", true),
        ("", "", false, false, "1", false),
    ];
    for (keda, kubernetes, fallback, tolerance, target, timeout) in table {
        let spec = &scaled_object(keda, kubernetes)["spec"];
        let trigger = &spec["triggers"][0];
        let row = (
            spec.get("fallback").is_some(),
            spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleUp"].get("tolerance").is_some(),
            trigger["metadata"]["targetValue"].as_str().unwrap_or_default().to_owned(),
            trigger["metadata"].get("timeout").is_some(),
        );
        assert_eq!(row, (fallback, tolerance, target.to_owned(), timeout), "KEDA {keda:?}, Kubernetes {kubernetes:?}");
        assert_eq!(trigger["metricType"], "AverageValue");
        if fallback {
            assert_eq!(spec["fallback"]["behavior"], "currentReplicasIfHigher");
        }
    }
}

#[test]
fn scaling_up_covers_360_pods_in_four_steps() {
    let spec = &scaled_object("2.20.2", "1.35")["spec"];
    let policies = &spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleUp"]["policies"];
    let value = |kind: &str| {
        let found = policies.as_sequence().into_iter().flatten().find(|policy| policy["type"] == kind);
        found.and_then(|policy| policy["value"].as_u64()).unwrap_or_default()
    };
    let mut pods = 2;
    let mut steps = Vec::new();
    while pods < 360 {
        pods = (pods + (pods * value("Percent") / 100).max(value("Pods"))).min(360);
        steps.push(pods);
    }
    assert_eq!(steps, [62, 124, 248, 360]);
}

#[test]
fn versions_are_read_as_they_are_written() {
    // `1.30` without quotes is a float to most parsers, and then 1.3.
    let rules = |eks: &str| {
        let source = support::one_cluster(
            "      autoscaling: {enabled: true, amd64_max: 2, arm64_max: 2, amd64_min: 2, arm64_min: 2}\n",
        );
        support::rules_broken(&source.replace("\"1.35\"", eks))
    };
    assert_eq!(rules("1.30"), ["kubernetes-version-untested"]);
    assert_eq!(rules("1.31"), Vec::<&str>::new());
    assert_eq!(rules("v1.35.2-eks-abc"), Vec::<&str>::new());
}

#[test]
fn an_haproxy_tag_shows_its_version() {
    use buildkit_fleet::fleet::capabilities::haproxy_of;
    use buildkit_fleet::values::image::Image;
    use buildkit_fleet::values::version::Version;
    let version = |image: &str| haproxy_of(&Image::try_from(image).unwrap_or_else(|_| panic!("{image}")));
    assert_eq!(version("haproxy:3.2-alpine"), Some(Version::new(3, 2)));
    assert_eq!(version("registry.example:5000/haproxy:3.10.1"), Some(Version::new(3, 10)));
    assert_eq!(version("haproxy:lts-alpine"), None);
    assert_eq!(version("haproxy"), None);
    assert_eq!(version("haproxy:3.2rc1"), None);
}
