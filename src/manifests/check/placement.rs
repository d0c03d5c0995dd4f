//! Invariants of where pods run.

use serde_json::{Value, json};

use crate::manifests::check::findings::Findings;
use crate::manifests::check::nodes::{Nodes, nodes_of};
use crate::manifests::check::set::{Manifests, RenderedFleet, builders_of, items, pod};
use crate::manifests::names::{LB, LB_NODES};

/// Read by the cluster autoscaler, which otherwise ends the pods of a node that it removes after 10 min.
const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";

pub(super) fn placement(set: &RenderedFleet, broken: &mut Findings) {
    for (pool, deployment) in set.builders() {
        let arch = pool.arch.name();
        let pod = pod(deployment);
        if pool.placement.given().is_some() {
            stays_on_given_nodes(set, arch, deployment, broken);
        }
        for Nodes { name, object, .. } in nodes_of(set, pool, broken) {
            let template = &object["spec"]["template"];
            let of_arch = items(&template["spec"]["requirements"]).iter().any(|requirement| {
                requirement["key"] == "kubernetes.io/arch" && items(&requirement["values"]) == [Value::from(arch)]
            });
            let selected = pod["nodeSelector"].as_object().is_some_and(|wanted| {
                let of_ours = ["kubernetes.io/arch", "workload-type"].iter().all(|key| wanted.contains_key(*key));
                of_ours
                    && wanted.iter().all(|(key, value)| match key.as_str() {
                        "kubernetes.io/arch" => of_arch && value == arch,
                        _ => template["metadata"]["labels"][key] == *value,
                    })
            });
            if !selected {
                broken.of_nodes(name, format!("NodePool/{name} creates nodes that builders of {arch} do not select"));
            }
            let taints = items(&template["spec"]["taints"]);
            let tolerated = |taint: &Value| {
                items(&pod["tolerations"]).iter().any(|toleration| {
                    ["key", "value", "effect"].iter().all(|field| toleration[*field] == taint[*field])
                })
            };
            if taints.is_empty() || !taints.iter().all(tolerated) {
                broken.of_nodes(
                    name,
                    format!("NodePool/{name} has no taint, or one that builders of {arch} do not tolerate"),
                );
            }
            let class = template["spec"]["nodeClassRef"]["name"].as_str().unwrap_or_default();
            if set.object("EC2NodeClass", class).is_null() {
                broken.of_nodes(name, format!("NodePool/{name} uses EC2NodeClass {class:?}, which does not exist"));
            }
        }
    }
    lb_placement(set, broken);
    for (name, nodes) in set.objects.of_kind("NodePool").filter(|(name, _)| *name != LB_NODES) {
        let arch = nodes["spec"]["template"]["metadata"]["labels"]["arch"].as_str();
        if !set.fleet.pools.iter().any(|pool| Some(pool.arch.name()) == arch) {
            broken.of_nodes(name, format!("NodePool/{name} is of no architecture of the fleet"));
        }
    }
}

/// What pods show by themselves where no NodePool makes their nodes: those of NodePools select a `workload-type`.
pub(super) fn on_given_nodes(set: &Manifests, broken: &mut Findings) {
    if set.objects.of_kind("NodePool").next().is_some() {
        return;
    }
    for (arch, deployment) in set.builders_by_arch() {
        if pod(deployment)["nodeSelector"].get("workload-type").is_none() {
            stays_on_given_nodes(set, arch, deployment, broken);
        }
    }
}

fn stays_on_given_nodes(set: &Manifests, arch: &str, deployment: &Value, broken: &mut Findings) {
    let builders = builders_of(arch);
    if pod(deployment)["nodeSelector"]["kubernetes.io/arch"] != arch {
        let what = format!("builders of {arch} may run on nodes of another architecture");
        broken.at("Deployment", &builders, "spec.template.spec.nodeSelector", what);
    }
    if !stays(deployment) || !stays(set.object("Deployment", LB)) {
        let what = format!(
            "the cluster autoscaler may end builders of {arch}, or the load balancer, before their builds: {SAFE_TO_EVICT} is not \"false\""
        );
        broken.at("Deployment", &builders, "spec.template.metadata.annotations", what);
    }
}

/// Whether the cluster autoscaler leaves the pod's node alone.
fn stays(deployment: &Value) -> bool {
    let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
    annotations[SAFE_TO_EVICT] == "false" && annotations["karpenter.sh/do-not-disrupt"] == "true"
}

/// What the load balancer tolerates, whatever it was asked to: the loss of its node for two minutes, and its own node
/// where it has one.
pub(super) fn lb_tolerations(set: &RenderedFleet) -> Vec<Value> {
    let mut expected: Vec<Value> = ["not-ready", "unreachable"]
        .iter()
        .map(|what| {
            json!({"key": format!("node.kubernetes.io/{what}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 120})
        })
        .collect();
    if set.fleet.lb.node.is_some() {
        expected
            .push(json!({"key": "workload/buildkit-lb", "operator": "Equal", "value": "true", "effect": "NoSchedule"}));
    }
    expected
}

/// Nobody else runs on the load balancer's own node.
fn lb_placement(set: &RenderedFleet, broken: &mut Findings) {
    let own = set.object("NodePool", LB_NODES);
    let pod = pod(set.object("Deployment", LB));
    let tolerates = |wanted: &Value| items(&pod["tolerations"]).contains(wanted);
    if !lb_tolerations(set).iter().all(tolerates) {
        broken.of_lb(
            "spec.template.spec.tolerations",
            "the load balancer does not tolerate its own node, or the loss of its node for two minutes".to_owned(),
        );
    }
    let Some(node) = &set.fleet.lb.node else {
        if !own.is_null() {
            broken.of_nodes(LB_NODES, format!("NodePool/{LB_NODES} was not asked for"));
        }
        return;
    };
    let template = &own["spec"]["template"];
    let types = items(&template["spec"]["requirements"])
        .iter()
        .find(|requirement| requirement["key"] == "node.kubernetes.io/instance-type");
    let own_node = types.is_some_and(|types| items(&types["values"]) == [node.instance_type.as_str()])
        && pod["nodeSelector"]["workload-type"] == template["metadata"]["labels"]["workload-type"]
        && template["metadata"]["labels"]["workload-type"] == "buildkit-lb"
        && items(&template["spec"]["taints"]).len() == 1
        && template["spec"]["taints"][0]["key"] == "workload/buildkit-lb"
        && template["spec"]["taints"][0]["effect"] == "NoSchedule"
        && own["spec"]["limits"]["nodes"].as_u64() >= Some(2)
        && template["spec"]["nodeClassRef"]["name"] == LB_NODES
        && !set.object("EC2NodeClass", LB_NODES).is_null();
    if !own_node {
        broken.of_nodes(
            LB_NODES,
            format!("NodePool/{LB_NODES} is not the load balancer's own node, or it does not select it"),
        );
    }
}
