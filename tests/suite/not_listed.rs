//! Keys and modules that a list does not name: warnings, and where there is none.

use crate::support::{messages, one_cluster, rules_broken, shipped};

/// The two rules of these tests, of those that an input breaks.
fn found(source: &str) -> Vec<&'static str> {
    let ours = ["architecture-not-listed", "karpenter-not-listed"];
    rules_broken(source).into_iter().filter(|rule| ours.contains(rule)).collect()
}

fn cluster(name: &str, modules: &str, buildkit: &str) -> String {
    format!(
        "  {name}:\n    cluster_name: eks-{name}\n    region: us-east-1\n    modules: {modules}\n    buildkit: {{{buildkit}}}\n"
    )
}

#[test]
fn each_key_of_an_architecture_that_is_not_listed_is_named() {
    for key in [
        "arm64_replicas: 4",
        "arm64_pods_per_node: 2",
        "arm64_instance_type: m7gd.16xlarge",
        "arm64_instance_types: {m7gd.16xlarge: 4}",
        "autoscaling: {enabled: true, amd64_max: 8, arm64_min: 1}",
        "autoscaling: {enabled: true, amd64_max: 8, arm64_max: 8}",
        "autoscaling: {enabled: true, amd64_max: 8, arm64_fallback: 1}",
    ] {
        let own = |architectures: &str| one_cluster(&format!("      architectures: {architectures}\n      {key}\n"));
        assert_eq!(found(&own("[amd64]")), ["architecture-not-listed"], "{key}");
        assert_eq!(found(&own("[amd64, arm64]")), [""; 0], "{key}");
        let arm64 = key.replace("amd64", "?").replace("arm64", "amd64").replace('?', "arm64");
        if !key.contains("instance_type") {
            let source = one_cluster(&format!("      architectures: [arm64]\n      {arm64}\n"));
            assert_eq!(found(&source), ["architecture-not-listed"], "{arm64}");
        }
        let name = key.rsplit("arm64_").next().and_then(|rest| rest.split(':').next()).unwrap_or_default();
        assert!(
            messages(&own("[amd64]"))
                .concat()
                .contains(&format!(": `arm64_{name}` has no effect: `architectures` does not list")),
            "{key}"
        );
    }
}

/// What `defaults` says of an architecture is for the clusters that have it.
#[test]
fn a_key_of_defaults_is_reported_if_no_cluster_lists_its_architecture() {
    let with = |defaults: &str, a: &str, b: &str| {
        let clusters = cluster("a", "[karpenter, buildkit]", a) + &cluster("b", "[karpenter, buildkit]", b);
        format!("defaults:\n  buildkit: {{{defaults}}}\nclusters:\n{clusters}")
    };
    let amd64 = "architectures: [amd64]";
    let key = "arm64_replicas: 4";
    assert_eq!(found(&with(key, amd64, "")), [""; 0]);
    assert_eq!(found(&with(key, amd64, amd64)), ["architecture-not-listed"]);
    let both = format!("{amd64}, {key}");
    assert_eq!(found(&with(&both, "", "")), ["architecture-not-listed"]);
    assert_eq!(found(&with(&both, "", "architectures: [arm64]")), [""; 0]);
    // A cluster's own key under the list of `defaults`.
    let own = with(amd64, key, "");
    assert_eq!(found(&own), ["architecture-not-listed"]);
    assert!(messages(&own).concat().contains("no `arm64` in this list"), "{:?}", messages(&own));
    // No cluster has a fleet: nothing reads the keys, and nothing says that they are wrong.
    assert_eq!(
        found("defaults:\n  buildkit: {architectures: [amd64], arm64_replicas: 4}\nclusters: {a: {modules: [base]}}\n"),
        [""; 0]
    );
}

#[test]
fn karpenter_is_missed_once_in_a_file_with_the_clusters_that_miss_it() {
    let file = |clusters: &[(&str, &str)]| {
        let clusters: String = clusters.iter().map(|(name, modules)| cluster(name, modules, "")).collect();
        format!("clusters:\n{clusters}")
    };
    let all = file(&[("a", "[buildkit]"), ("b", "[karpenter, buildkit]"), ("c", "[keda, buildkit]"), ("d", "[base]")]);
    assert_eq!(found(&all), ["karpenter-not-listed"]);
    let shown = messages(&all).into_iter().find(|message| message.contains("karpenter-not-listed")).unwrap_or_default();
    assert!(shown.contains("affects `a` and `c`\n"), "{shown}");
    let one = file(&[("b", "[karpenter, buildkit]"), ("c", "[keda, buildkit]")]);
    assert_eq!(found(&one), ["karpenter-not-listed"]);
    assert!(!messages(&one).concat().contains("affects `c`"), "the place shows the cluster");
    assert_eq!(found(&file(&[("b", "[buildkit, karpenter]")])), [""; 0]);
    // In `defaults`, for all clusters.
    let shared = "defaults: {modules: [keda, buildkit]}\nclusters:\n  a: {cluster_name: a, region: us-east-1}\n  b: {cluster_name: b, region: us-east-1}\n";
    assert_eq!(found(shared), ["karpenter-not-listed"]);
}

#[test]
fn the_shipped_file_breaks_no_rule() {
    assert_eq!(rules_broken(&shipped()), [""; 0]);
}
