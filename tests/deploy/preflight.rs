//! What deploy.sh finds out about a cluster before it changes anything, and what it says of a change beforehand.

use serde_json::json;

use super::{FIXED, Lab, SCALED};

/// A pool that may sleep. Its ScaledObject is deployed at two pods before.
const SLEEPING: &str = "      autoscaling: {enabled: true, amd64_min: 0, amd64_max: 8, arm64_min: 1, arm64_max: 8}\n";

#[test]
fn a_field_that_keda_does_not_have_is_found_before_anything_is_applied() {
    let lab = Lab::new(SCALED);
    // KEDA 2.16 and 2.17 on Kubernetes 1.35.
    for (fields, words) in [
        ("behavior", "KEDA on this cluster does not support `scaleUp.tolerance`"),
        ("tolerance", "`fallback.behavior`"),
    ] {
        lab.set("keda-crd", fields);
        let run = lab.deploy(&[]);
        assert_eq!((run.code, lab.changes().len()), (3, 0), "{fields}: {}", run.said);
        assert!(run.said.contains(words), "{fields}: {}", run.said);
    }
}

#[test]
fn network_policies_that_nothing_enforces_are_reported() {
    let inert = "NetworkPolicies have no effect on this cluster";
    let aws_node = |argument: &str| {
        json!({"kind": "DaemonSet", "metadata": {"name": "aws-node", "namespace": "kube-system"}, "spec": {"template": {"spec": {
            "containers": [{"name": "aws-node"}, {"name": "aws-eks-nodeagent", "args": ["--enable-ipv6=false", argument]}]}}}})
    };
    let lab = Lab::new(SCALED);
    assert!(!lab.deploy(&["--dry-run"]).said.contains(inert), "another network plugin");
    lab.put(&aws_node("--enable-network-policy=true"));
    assert!(!lab.deploy(&["--dry-run"]).said.contains(inert));
    lab.put(&aws_node("--enable-network-policy=false"));
    let run = lab.deploy(&["--dry-run"]);
    assert!(run.said.contains(inert) && run.code == 0, "{}", run.said);
    lab.put(&json!({"kind": "DaemonSet", "metadata": {"name": "calico-node", "namespace": "calico-system"}}));
    assert!(!lab.deploy(&["--dry-run"]).said.contains(inert), "Calico enforces them");
}

#[test]
fn only_what_replaces_nodes_is_said_to_replace_them() {
    let replaced = "replaces nodes";
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.generate(&SCALED.replace("arm64_max: 30", "arm64_max: 40"));
    let run = lab.deploy(&["--dry-run"]);
    assert!(run.said.contains("to apply: 10-nodepools.yaml") && !run.said.contains(replaced), "{}", run.said);
    lab.generate(&format!("{SCALED}      mtls_secret: certificates\n"));
    assert!(!lab.deploy(&["--dry-run"]).said.contains(replaced));
    let other_image = Lab::new(SCALED);
    assert_eq!(other_image.deploy(&[]).code, 0);
    let mut class = other_image.object("EC2NodeClass", "buildkit-arm64").unwrap_or_default();
    class["spec"]["amiSelectorTerms"] = json!([{"alias": "al2023@v20240101"}]);
    other_image.put(&class);
    let run = other_image.deploy(&["--dry-run"]);
    assert!(run.said.contains("builders drain first: EC2NodeClass/buildkit-arm64\n"), "{}", run.said);
}

#[test]
fn a_pool_that_goes_to_sleep_at_once_is_reported() {
    let warning = "buildkitd-amd64 goes from";
    // From a fixed pool: the ScaledObject is new.
    let lab = Lab::new(FIXED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.generate(SLEEPING);
    let said = lab.deploy(&["--dry-run"]).said;
    let has_cooldown = lab.path("generated/here/50-scaledobjects.yaml");
    let has_cooldown = std::fs::read_to_string(has_cooldown).is_ok_and(|text| text.contains("initialCooldownPeriod"));
    assert_eq!(said.contains(warning), !has_cooldown, "{said}");

    // From two pods: it depends on when KEDA saw a build.
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.scaled_to("buildkitd-amd64", 8);
    lab.generate(SLEEPING);
    let ago = |time: &str| {
        let output = std::process::Command::new("date")
            .args(["-u", "-d", &format!("{time} ago"), "+%Y-%m-%dT%H:%M:%SZ"])
            .output()
            .unwrap_or_else(|error| panic!("date: {error}"));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    for (last, warns) in [(Some(ago("5 minutes")), false), (Some(ago("90 minutes")), true), (None, true)] {
        let mut scaled = lab.object("ScaledObject", "buildkitd-amd64").unwrap_or_default();
        scaled["status"] = last.as_ref().map_or(json!({}), |last| json!({"lastActiveTime": last}));
        lab.put(&scaled);
        let said = lab.deploy(&["--dry-run"]).said;
        assert_eq!(said.contains("buildkitd-amd64 goes from 8 pods to 0 at once"), warns, "{last:?}: {said}");
        assert!(!said.contains("buildkitd-arm64 goes from"), "{said}");
    }
}

#[test]
fn registries_of_the_generator_before_are_not_lost_without_notice() {
    let toml = "[worker.oci]\n  enabled = true\n\n# Harbor.\n[registry.\"harbor.example\"]\n  http = true\n  insecure = true\n\
                [registry.\"docker.io\"]\n  mirrors = [\"harbor.example/dockerhub-cache\", 'mirror.example']\n\
                [registry.\"ghcr.io\"]\n  mirrors = [\n    \"harbor.example/ghcr-cache\",\n  ]\n[grpc]\n  http = true\n";
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.put(&json!({"kind": "ConfigMap", "metadata": {"name": "buildkitd-config", "namespace": "buildkit"}, "data": {"buildkitd.toml": toml}}));
    let run = lab.deploy(&["--dry-run"]);
    let keys = "  registry_mirrors:\n    docker.io: [harbor.example/dockerhub-cache, mirror.example]\n    ghcr.io: [harbor.example/ghcr-cache]\n  http_registries: [harbor.example]\n";
    assert!(run.said.contains(keys), "{}", run.said);
    assert!(
        run.said.contains("  builder:\n    toml:\n      registry:\n        harbor.example: {insecure: true}\n"),
        "{}",
        run.said
    );
    // What it says is what keeps them.
    lab.generate(&format!("{SCALED}    {}", keys.trim_end().replace('\n', "\n    ") + "\n"));
    let run = lab.deploy(&["--dry-run"]);
    assert!(!run.said.contains("registry_mirrors:") && !run.said.contains("http_registries:"), "{}", run.said);
}

#[test]
fn going_to_keda_again_at_the_same_number_gives_the_replicas_up() {
    let lab = Lab::new(FIXED);
    for set in [FIXED, SCALED, FIXED, SCALED] {
        lab.generate(set);
        let run = lab.deploy(&[]);
        assert_eq!(run.code, 0, "{}", run.said);
    }
    let object = lab.object("Deployment", "buildkitd-amd64").unwrap_or_default();
    let ours = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let ours: Vec<_> = ours.filter(|entry| entry["manager"] == "buildkit-fleet").collect();
    assert!(ours.len() == 1 && ours[0].pointer("/fieldsV1/f:spec/f:replicas").is_none(), "{ours:?}");
    assert_eq!(lab.replicas("buildkitd-amd64"), 6);
}
