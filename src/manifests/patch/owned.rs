//! Fields that a key of clusters.yaml sets, and fields that no patch may change.

use serde_json::Value;

use crate::manifests::address::{Field, steps};
use crate::manifests::patch::documents::text_at;
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
        "spec.template.spec.containers[buildkitd].lifecycle",
        Owner::Fixed("the pod stops before its build has ended"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.template.spec.containers[buildkitd].env[DRAIN_QUIET_POLLS]",
        Owner::Fixed("drain.sh takes a short silence for the end of a build"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.template.spec.containers[buildkitd].env[DRAIN_PORT_HEX]",
        Owner::Fixed("drain.sh does not see the build"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.template.spec.containers[buildkitd].env[DRAIN_NET]",
        Owner::Fixed("drain.sh does not see the build"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.template.spec.containers[buildkitd].ports",
        Owner::Fixed("builders are reached past the load balancer, on the addresses of nodes"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.strategy.type",
        Owner::Fixed("all builders drain at once, and none takes builds meanwhile"),
    ),
    ("Deployment", "buildkitd-*", "spec.paused", Owner::Fixed("no change of the pods takes effect")),
    (
        "Deployment",
        "buildkitd-lb",
        "spec.template.spec.containers[haproxy].lifecycle",
        Owner::Fixed("builds are cut when the pod's time is up, or clients meet a closed port"),
    ),
    (
        "Deployment",
        "buildkitd-lb",
        "spec.template.spec.containers[haproxy].ports",
        Owner::Fixed("clients cannot connect, or more of them can, on the node's address"),
    ),
    (
        "Deployment",
        "buildkitd-lb",
        "spec.template.spec.dnsPolicy",
        Owner::Fixed("the names of builders do not resolve"),
    ),
    (
        "ScaledObject",
        "*",
        "spec.triggers[sessions].metadata.targetValue",
        Owner::Fixed("the pool grows by another number than there are builds"),
    ),
    (
        "ScaledObject",
        "*",
        "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.selectPolicy",
        Owner::Fixed("the pool may never grow"),
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
    ("ConfigMap", "buildkitd-drain", "data[drain.sh]", Owner::Fixed("builds die with their pod")),
    ("ConfigMap", "buildkitd-drain", "data[guard.sh]", Owner::Fixed("pods take a second build, or none")),
    ("Deployment", "buildkitd-*64", "spec.template.spec.initContainers[one-build-guard]", Owner::Fixed("shared pods")),
    ("ConfigMap", "buildkitd-lb-config", "data[start.sh]", Owner::Fixed("the load balancer may stop under builds")),
    (
        "NodePool",
        "*",
        "spec.template.spec.requirements[karpenter.sh/capacity-type]",
        Owner::Fixed("nodes may end under builds within two minutes"),
    ),
    (
        "Deployment",
        "buildkitd-*64",
        "spec.template.spec.containers[buildkitd].livenessProbe",
        Owner::Fixed("a busy daemon is killed with its build"),
    ),
    ("Deployment", "buildkitd-lb", "spec.strategy", Owner::Fixed("there is no load balancer while it is replaced")),
    (
        "EC2NodeClass",
        "buildkit-*64",
        "spec.userData",
        Owner::Fixed("the kubelet loses settings that builders depend on"),
    ),
    (
        "Deployment",
        "buildkitd-*",
        "spec.template.spec.resources",
        Owner::Fixed("the pod is scheduled and limited by other sizes than its containers"),
    ),
    (
        "Deployment",
        "buildkitd-*",
        "spec.template.spec.hostNetwork",
        Owner::Fixed("NetworkPolicies do not apply, and ports of the node are taken"),
    ),
    (
        "Deployment",
        "buildkitd-*",
        "spec.template.spec.activeDeadlineSeconds",
        Owner::Fixed("the pod ends after that time, with its builds"),
    ),
    (
        "ScaledObject",
        "*",
        "metadata.annotations[autoscaling.keda.sh/paused-replicas]",
        Owner::Fixed("the pool no longer follows builds"),
    ),
    (
        "ScaledObject",
        "*",
        "metadata.annotations[autoscaling.keda.sh/paused]",
        Owner::Fixed("the pool no longer follows builds"),
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

/// The owners of what differs between two states of an object, each with its path and with the name of its key for this
/// object, or with what happens otherwise. `changed` are the fields that differ.
pub(super) fn owners(old: &Value, new: &Value, changed: &[Field]) -> Vec<(Owner, String, &'static str)> {
    let (kind, object) = (text_at(new, "/kind"), text_at(new, "/metadata/name"));
    let arch = if object.contains("arm64") { "arm64" } else { "amd64" };
    let differing = rows(kind, object).filter(|(_, _, path, _)| {
        // Parts of a configuration are fields of its text.
        if path.contains("[haproxy.cfg]") {
            let whole =
                Field { file: String::new(), kind: kind.to_owned(), name: object.to_owned(), path: (*path).to_owned() };
            return changed.iter().any(|field| field.is_within(&whole));
        }
        let steps = steps(path).unwrap_or_default();
        select(old, &steps) != select(new, &steps)
    });
    let owner = |(_, _, path, owner): &(&str, &str, &'static str, Owner)| {
        let name = match owner {
            Owner::Key(key) => key.replace("{arch}", arch),
            Owner::Fixed(why) => (*why).to_owned(),
        };
        (*owner, name, *path)
    };
    differing.map(owner).collect()
}

/// The fixed fields that differ between an object as it should be and as it is, each with what happens otherwise. The name
/// is without the hash of the content.
pub fn fixed(kind: &str, name: &str, expected: &Value, found: &Value) -> Vec<(&'static str, &'static str)> {
    let differs = |path: &str| {
        let steps = steps(path).unwrap_or_default();
        select(expected, &steps) != select(found, &steps)
    };
    let fixed = rows(kind, name).filter_map(|(.., path, owner)| match owner {
        Owner::Fixed(why) => Some((*path, *why)),
        Owner::Key(_) => None,
    });
    fixed.filter(|(path, _)| differs(path)).collect()
}

fn rows<'a>(
    kind: &'a str,
    name: &'a str,
) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str, Owner)> + use<'a> {
    let named = move |pattern: &str| NamePattern::try_from(pattern).is_ok_and(|pattern| pattern.matches(name));
    OWNED.iter().filter(move |(of, pattern, ..)| *of == kind && named(pattern))
}

/// Everything at a path; an item of a list by its name, key or type, and all items that have it.
fn select<'v>(value: &'v Value, steps: &[String]) -> Vec<&'v Value> {
    let Some((step, rest)) = steps.split_first() else { return vec![value] };
    match value {
        Value::Object(map) => map.get(step).map_or_else(Vec::new, |value| select(value, rest)),
        Value::Array(items) => {
            let is_it = |item: &&Value| ["name", "key", "type"].iter().any(|key| item[*key] == step.as_str());
            items.iter().filter(is_it).flat_map(|item| select(item, rest)).collect()
        }
        _ => Vec::new(),
    }
}
