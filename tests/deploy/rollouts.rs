//! Waiting for rollouts: what one architecture's trouble does to the other, and what is said of it.

use serde_json::json;

use super::{Lab, SCALED};

#[test]
fn an_architecture_without_nodes_does_not_keep_the_other_from_being_scaled() {
    let lab = Lab::new(SCALED);
    lab.set("pods-pending", "buildkitd-amd64");
    let run = lab.deploy(&["--timeout", "1s"]);
    assert_eq!(run.code, 5, "{}", run.said);
    for name in ["buildkitd-amd64", "buildkitd-arm64"] {
        assert!(lab.object("ScaledObject", name).is_some(), "{name}: {}", run.said);
    }
    assert!(lab.object("PrometheusRule", "buildkitd").is_some(), "{}", run.said);
    assert!(run.said.contains("buildkitd-arm64: 1/1 ready"), "{}", run.said);
    assert!(run.said.contains("buildkitd-amd64 is not ready after 1 s: 0/1 ready"), "{}", run.said);
    // Nothing is left to apply, and the builders are still not there.
    lab.forget_changes();
    let run = lab.deploy(&["--timeout", "1s"]);
    assert_eq!((run.code, lab.changes().len()), (5, 0), "{}", run.said);
}

#[test]
fn a_run_that_leaves_the_builders_alone_does_not_end_well_while_they_are_unready() {
    let lab = Lab::new(SCALED);
    lab.set("pods-pending", "buildkitd-arm64");
    assert_eq!(lab.deploy(&["--timeout", "1s"]).code, 5);
    lab.forget_changes();
    lab.generate(&SCALED.replace("arm64_max: 30", "arm64_max: 28"));
    let run = lab.deploy(&["--timeout", "1s"]);
    assert_eq!(run.code, 5, "{}", run.said);
    assert!(lab.changes().iter().any(|line| line.contains("ScaledObject/buildkitd-amd64")), "{:?}", lab.changes());
    assert!(!lab.changes().iter().any(|line| line.contains("Deployment/")), "{:?}", lab.changes());
}

#[test]
fn a_deployment_that_cannot_create_pods_says_why() {
    let lab = Lab::new(SCALED);
    lab.set("quota", "1");
    let run = lab.deploy(&["--timeout", "3s"]);
    assert_eq!(run.code, 5, "{}", run.said);
    for words in [
        "buildkitd-lb is not ready after 3 s: 0/1 ready",
        "ReplicaFailure True: FailedCreate: pods \"x\" is forbidden: exceeded quota: pods",
        "Available False: MinimumReplicasUnavailable",
    ] {
        assert!(run.said.contains(words), "{words}: {}", run.said);
    }
    assert!(!run.said.contains("NewReplicaSetCreated"), "{}", run.said);
}

#[test]
fn a_configuration_that_a_pod_still_mounts_is_not_pruned() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    for name in ["buildkitd-config", "buildkitd-old"] {
        lab.put(&json!({"kind": "ConfigMap", "metadata": {"name": name, "namespace": "buildkit",
            "labels": {"app.kubernetes.io/managed-by": "buildkit-fleet"}}}));
    }
    lab.put(&json!({"kind": "Pod", "metadata": {"name": "buildkitd-1", "namespace": "buildkit", "labels": {"app": "buildkitd"}},
        "spec": {"volumes": [{"name": "cache", "emptyDir": {}}, {"name": "config", "configMap": {"name": "buildkitd-config"}}]}}));
    lab.forget_changes();
    let run = lab.deploy(&["--prune"]);
    assert_eq!((run.code, lab.changes()), (0, vec!["delete ConfigMap/buildkitd-old".to_owned()]), "{}", run.said);
    assert!(run.said.contains("kept ConfigMap/buildkitd-config: 1 pods mount it"), "{}", run.said);
}
