//! What `deploy.sh --retire` does with a fleet: its steps, by their names there.

use crate::manifests::objects::Objects;
use crate::values::delivery::Delivery;

/// The steps that a fleet has, in order. A test holds them against what `deploy.sh --retire --dry-run` lists.
pub(super) fn steps(fleet: &Objects) -> Vec<&'static str> {
    let has = |kinds: &[&str]| kinds.iter().any(|kind| fleet.of_kind(kind).next().is_some());
    let policies = ["NetworkPolicy", "PodDisruptionBudget", "ResourceQuota", "ServiceAccount", "ConfigMap"];
    let steps = [
        ("ScaledObjects", has(&["ScaledObject"])),
        ("builds", true),
        ("builders", true),
        ("load balancer", true),
        ("Services", true),
        ("NodePools", has(&["NodePool"])),
        ("node classes", has(&["EC2NodeClass"])),
        ("policies and configuration", has(&policies)),
        ("monitoring", has(&["ServiceMonitor", "PrometheusRule"])),
        // Saved by deploy.sh, where it applied the fleet.
        ("saved sets", fleet.delivery() == Delivery::Script),
        ("namespace", true),
    ];
    steps.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

/// The command that retires the fleet of a namespace, whatever the set on disk is by then.
pub(super) fn command(namespace: &str) -> String {
    format!("deploy.sh CLUSTER --retire --context CONTEXT --namespace {namespace}")
}
