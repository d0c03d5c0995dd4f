//! Fields that a key of clusters.yaml sets, and fields that no patch may change.

use crate::manifests::address::Field;
use crate::values::patch::NamePattern;

/// What a field is set by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A key of `buildkit`; `{arch}` stands for the architecture of the object.
    Key(&'static str),
    /// The templates alone, and builds depend on it: what happens otherwise.
    Fixed(&'static str),
}

/// Kind, name, path and owner: of the field and of all in it. Only fields whose key sets them alone, or most of all.
pub const OWNED: &[(&str, &str, &str, Owner)] = &[
    ("ScaledObject", "*", "spec.maxReplicaCount", Owner::Key("autoscaling.{arch}_max")),
    ("ScaledObject", "*", "spec.minReplicaCount", Owner::Key("autoscaling.{arch}_min")),
    ("ScaledObject", "*", "spec.fallback.replicas", Owner::Key("autoscaling.{arch}_fallback")),
    ("ScaledObject", "*", "spec.cooldownPeriod", Owner::Key("scale_down.idle_minutes")),
    (
        "ScaledObject",
        "*",
        "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies[Pods].value",
        Owner::Key("scale_down.pods"),
    ),
    (
        "ScaledObject",
        "*",
        "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies[Percent].value",
        Owner::Key("scale_down.percent"),
    ),
    (
        "ScaledObject",
        "*",
        "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds",
        Owner::Key("scale_down.idle_minutes"),
    ),
    ("Deployment", "buildkitd-*64", "spec.replicas", Owner::Key("{arch}_replicas")),
    ("Deployment", "buildkitd-*64", "spec.template.spec.containers[buildkitd].image", Owner::Key("image")),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.template.spec.containers[buildkitd].resources",
        Owner::Key("{arch}_pods_per_node"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.template.spec.terminationGracePeriodSeconds",
        Owner::Key("max_build_minutes"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.template.spec.containers[buildkitd].env[DRAIN_CAP_S]",
        Owner::Key("max_build_minutes"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.template.spec.containers[buildkitd].securityContext.privileged",
        Owner::Fixed("build steps need to mount file systems and create cgroups"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.strategy.rollingUpdate.maxSurge",
        Owner::Fixed("the HPA mistakes surge pods for demand, and the fleet grows at each rollout"),
    ),
    ("Deployment", "buildkitd-lb", "spec.template.spec.containers[haproxy].image", Owner::Key("haproxy_image")),
    ("Deployment", "buildkitd-lb", "spec.template.spec.tolerations", Owner::Key("lb_tolerations")),
    ("Deployment", "buildkitd-lb", "spec.template.spec.priorityClassName", Owner::Key("load_balancer.priority_class")),
    ("Deployment", "buildkitd-lb", "spec.template.spec.terminationGracePeriodSeconds", Owner::Key("max_build_minutes")),
    (
        "NodePool",
        "buildkit-*64-*",
        "spec.template.spec.requirements[node.kubernetes.io/instance-type]",
        Owner::Key("{arch}_instance_type"),
    ),
    ("NodePool", "*", "spec.disruption.consolidationPolicy", Owner::Fixed("Karpenter may replace nodes under builds")),
    ("EC2NodeClass", "*", "spec.amiSelectorTerms", Owner::Key("ami_alias")),
    ("EC2NodeClass", "*", "spec.role", Owner::Key("nodes.role")),
    (
        "EC2NodeClass",
        "buildkit-*64",
        "spec.instanceStorePolicy",
        Owner::Fixed("the build cache would fill the root disk"),
    ),
    (
        "PodDisruptionBudget",
        "*",
        "spec.maxUnavailable",
        Owner::Fixed("evictions end several builds at once, or nodes can never be drained"),
    ),
    ("NetworkPolicy", "buildkitd-lb-ingress", "spec.ingress", Owner::Key("client_namespaces")),
    (
        "ConfigMap",
        "buildkitd-lb-config",
        "data[haproxy.cfg].defaults.tcp.timeout.client",
        Owner::Key("max_build_minutes"),
    ),
    (
        "ConfigMap",
        "buildkitd-lb-config",
        "data[haproxy.cfg].defaults.tcp.timeout.server",
        Owner::Key("max_build_minutes"),
    ),
    (
        "ConfigMap",
        "buildkitd-lb-config",
        "data[haproxy.cfg].defaults.tcp.timeout.queue",
        Owner::Key("client_connect_seconds"),
    ),
];

/// What the field is set by, with the architecture in the name of the key; none where nothing else sets it. `file` of the
/// field is not looked at.
pub(super) fn owner(field: &Field) -> Option<(Owner, String)> {
    let is_it = |(kind, name, path, _): &&(&str, &str, &str, Owner)| {
        let whole = Field {
            file: field.file.clone(),
            kind: (*kind).to_owned(),
            name: field.name.clone(),
            path: (*path).to_owned(),
        };
        *kind == field.kind
            && NamePattern::try_from(*name).is_ok_and(|pattern| pattern.matches(&field.name))
            && (field.is_within(&whole) || whole.is_within(field))
    };
    let (.., owner) = OWNED.iter().find(is_it)?;
    let arch = if field.name.contains("arm64") { "arm64" } else { "amd64" };
    let name = match owner {
        Owner::Key(key) => key.replace("{arch}", arch),
        Owner::Fixed(why) => (*why).to_owned(),
    };
    Some((*owner, name))
}
