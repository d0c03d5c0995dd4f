//! A set without NodePools, on a cluster without Karpenter and outside of EKS.

use buildkit_fleet::publish::exchange::publish;

use super::{Lab, SCALED, support};

/// KEDA and the Prometheus operator, but not Karpenter.
const CRDS: &str = "scaledobjects.keda.sh servicemonitors.monitoring.coreos.com prometheusrules.monitoring.coreos.com";

/// A set that has no NodePools, and whose cluster has no region.
fn publish_without_nodepools(lab: &Lab) {
    let keys =
        format!("{SCALED}      nodes: {{provisioner: none}}\n      builder: {{cpu: 4, memory: 16Gi, cache: 50Gi}}\n");
    let source = support::one_cluster(&keys).replace("    region: us-east-1\n", "");
    let files = support::render(&support::fleet(&source, "here"));
    assert!(files.iter().all(|file| file.path != "10-nodepools.yaml" && !file.text.contains("buildkit-fleet/region")));
    publish(&lab.path("generated/here"), &files, &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
}

fn lab() -> Lab {
    let lab = Lab::empty();
    publish_without_nodepools(&lab);
    lab.set("sessions", "0");
    lab.set("crds", CRDS);
    lab
}

#[test]
fn a_set_without_nodepools_needs_no_karpenter() {
    let lab = lab();
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(lab.object("Deployment", "buildkitd-amd64").is_some(), "{}", run.said);
    lab.forget_changes();
    for arguments in [&[][..], &["--dry-run"], &["--prune"]] {
        let run = lab.deploy(arguments);
        assert_eq!((run.code, lab.changes().len()), (0, 0), "{arguments:?}: {}", run.said);
        assert!(!run.said.contains("resource type"), "{arguments:?}: {}", run.said);
    }
}

#[test]
fn the_nodepools_of_an_earlier_set_are_left_over() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    // The same cluster, as its Namespace says; Karpenter is still installed.
    publish_without_nodepools(&lab);
    lab.forget_changes();
    let entry = "arn:aws:eks:us-east-1:1:cluster/eks-here";
    let arguments = ["--prune", "--context", "here", "--accept-cluster", entry];
    // The load balancer keeps its node by another annotation, and rolls first.
    assert_eq!(lab.deploy(&arguments).code, 6);
    let run = lab.deploy(&arguments);
    assert_eq!(run.code, 0, "{}", run.said);
    let deleted: Vec<_> = lab.changes().into_iter().filter(|change| change.starts_with("delete")).collect();
    assert!(deleted.iter().any(|change| change.starts_with("delete NodePool/")), "{deleted:?}");
    assert!(deleted.iter().any(|change| change.starts_with("delete EC2NodeClass/")), "{deleted:?}");
}

#[test]
fn a_cluster_without_a_region_is_known_by_its_name() {
    let lab = lab();
    for context in ["kind", "k3d", "gke", "plain", "here"] {
        let run = lab.deploy(&["--dry-run", "--context", context]);
        assert_eq!(run.code, 0, "{context}: {}", run.said);
    }
    let run = lab.deploy(&["--dry-run", "--context", "there"]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("but these manifests are for eks-here: use --context"), "{}", run.said);
}

#[test]
fn a_fleet_of_a_region_is_not_taken_for_one_without() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    publish_without_nodepools(&lab);
    let run = lab.deploy(&["--dry-run"]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(
        run.said.contains("holds the fleet of eks-here in us-east-1, but these manifests are for eks-here: use"),
        "{}",
        run.said
    );
}

#[test]
fn a_set_with_nodepools_and_no_region_is_refused() {
    let lab = Lab::empty();
    let mut files = support::render(&support::fleet(&support::one_cluster(SCALED), "here"));
    for file in &mut files {
        file.text = file.text.replace("buildkit-fleet/region", "buildkit-fleet/other");
    }
    publish(&lab.path("generated/here"), &files, &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    let run = lab.deploy(&[]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
    assert!(run.said.contains("does not name the EKS cluster and its region"), "{}", run.said);
}
