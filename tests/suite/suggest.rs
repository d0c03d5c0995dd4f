//! Which name is meant by one that does not exist.

use buildkit_fleet::config::Buildkit;
use buildkit_fleet::diagnostics::suggest::did_you_mean;

fn key(found: &str) -> Option<&'static str> {
    did_you_mean(found, Buildkit::KEYS.iter().map(|key| key.name))
}

#[test]
fn a_slip_is_recognised_and_another_thing_is_not_taken_for_one() {
    for (found, meant) in [
        ("replicas_per_arc", "replicas_per_arch"),
        ("replicas_arch", "replicas_per_arch"),
        ("replicas", "replicas_per_arch"),
        ("podspernode", "pods_per_node"),
        ("pods_pernode", "pods_per_node"),
        ("clinet_namespaces", "client_namespaces"),
        ("client_namespace", "client_namespaces"),
        ("kda_namespace", "keda_namespace"),
        ("amd46_replicas", "amd64_replicas"),
        ("amd64-replicas", "amd64_replicas"),
        ("arm_replicas", "arm64_replicas"),
        ("amd64_instance", "amd64_instance_type"),
        ("build_minutes", "max_build_minutes"),
        ("lb_toleration", "lb_tolerations"),
        ("lbtolerations", "lb_tolerations"),
        ("autoscale", "autoscaling"),
        ("imag", "image"),
        ("register_mirrors", "registry_mirrors"),
    ] {
        assert_eq!(key(found), Some(meant), "{found}");
    }
    for other in ["create_namespace", "tolerations", "node_namespace", "types", "labels", "speed", "secret"] {
        assert_eq!(key(other), None, "{other}");
    }
    // Names of other kinds may differ anywhere.
    assert_eq!(did_you_mean("Secret/buildkitd-pods", ["Service/buildkitd-pods"]), Some("Service/buildkitd-pods"));
    let types = ["m6id.24xlarge", "m6idn.24xlarge", "c6id.24xlarge"];
    assert_eq!(did_you_mean("m6di.24xlarge", types), Some("m6id.24xlarge"));
    assert_eq!(did_you_mean("acr-staging", ["arc-staging", "arc-production"]), Some("arc-staging"));
}
