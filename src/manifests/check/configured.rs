//! That the templates write what clusters.yaml asks for. A patch may write something else.

use serde_json::{Value, json};

use crate::fleet::capabilities::Fallback;
use crate::fleet::hpa::ScalingRules;
use crate::fleet::model::Pool;
use crate::fleet::placement::Placement;
use crate::fleet::scaling::Scaling;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::placement::lb_tolerations;
use crate::manifests::check::set::{RenderedFleet, builders_of, items, pod, shown};
use crate::manifests::names::LB;
use crate::values::toleration::Toleration;

pub(super) fn as_configured(set: &RenderedFleet, broken: &mut Findings) {
    for (pool, deployment) in set.builders() {
        bounds(set, pool, deployment, broken);
        speed(set, pool, broken);
        nodes(pool, pod(deployment), broken);
    }
    tolerations_of_lb(set, broken);
}

fn bounds(set: &RenderedFleet, pool: &Pool, deployment: &Value, broken: &mut Findings) {
    let name = builders_of(pool.arch.name());
    let (replicas, scaled) = (deployment["spec"]["replicas"].as_u64(), set.object("ScaledObject", &name));
    let (min, max) = (scaled["spec"]["minReplicaCount"].as_u64(), scaled["spec"]["maxReplicaCount"].as_u64());
    let fallback = &scaled["spec"]["fallback"];
    let as_asked = match pool.scaling {
        Scaling::Fixed { replicas: asked } => replicas == Some(asked.into()) && scaled.is_null(),
        Scaling::Keda { bounds, fallback: asked } => {
            // The fallback of an early KEDA cannot be used, even if one is configured.
            let falls_back = match set.fleet.ladder.fallback() {
                Fallback::Unusable => fallback.is_null(),
                Fallback::Early | Fallback::Sound => fallback["replicas"].as_u64() == asked.map(u64::from),
            };
            let bounded = min == Some(bounds.min().into()) && max == Some(bounds.max().into());
            replicas.is_none() && bounded && falls_back
        }
    };
    if !as_asked {
        broken.push(format!(
            "{name} has {} replicas, min {}, max {}, fallback {}",
            shown(replicas),
            shown(min),
            shown(max),
            fallback["replicas"]
        ));
    }
}

fn speed(set: &RenderedFleet, pool: &Pool, broken: &mut Findings) {
    let Scaling::Keda { bounds, .. } = pool.scaling else { return };
    let name = builders_of(pool.arch.name());
    let spec = &set.object("ScaledObject", &name)["spec"];
    let behavior = &spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
    for (direction, rules) in [
        ("scaleUp", ScalingRules::up(set.fleet, bounds.max())),
        ("scaleDown", ScalingRules::down(set.fleet.scale_down)),
    ] {
        if !follows(&behavior[direction], rules) {
            broken.push(format!("{name} has an unexpected {direction}: {}", behavior[direction]));
        }
    }
    let trigger = &spec["triggers"][0]["metadata"];
    if trigger["targetValue"] != set.fleet.ladder.target_value() {
        broken.push(format!("{name} targets {} builds per pod", trigger["targetValue"]));
    }
}

/// Whether both policies and the window follow the rules.
fn follows(behavior: &Value, rules: ScalingRules) -> bool {
    let policy = |kind: &str, value: u32| json!({"type": kind, "value": value, "periodSeconds": rules.period_s});
    let policies = [policy("Percent", rules.percent), policy("Pods", rules.pods)];
    let there = behavior["policies"].as_array();
    there.is_some_and(|there| there.len() == policies.len() && policies.iter().all(|policy| there.contains(policy)))
        && behavior["stabilizationWindowSeconds"] == rules.stabilization_s
}

/// Builders run on nodes made for them, or on those that clusters.yaml selects, and on no others.
fn nodes(pool: &Pool, pod: &Value, broken: &mut Findings) {
    let arch = pool.arch.name();
    let there = items(&pod["tolerations"]);
    let as_asked = match &pool.placement {
        // Any other toleration would allow builders on nodes of other workloads.
        Placement::Karpenter(_) => there.len() == 1,
        Placement::Given(nodes) => {
            let mut selected = json!({"kubernetes.io/arch": arch});
            for (key, value) in &nodes.selector {
                selected[key] = Value::from(value.as_str());
            }
            pod["nodeSelector"] == selected && there.iter().cloned().eq(nodes.tolerations.iter().map(written))
        }
    };
    if !as_asked {
        broken.push(format!("builders of {arch} select or tolerate other nodes than their own"));
    }
}

/// A toleration as the manifests have it.
fn written(toleration: &Toleration) -> Value {
    let fields = [
        ("operator", Some(toleration.operator)),
        ("key", toleration.key.as_deref()),
        ("value", toleration.value.as_deref()),
        ("effect", toleration.effect),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn tolerations_of_lb(set: &RenderedFleet, broken: &mut Findings) {
    let mut expected = lb_tolerations(set);
    expected.extend(set.fleet.lb.tolerations.iter().map(written));
    if items(&pod(set.object("Deployment", LB))["tolerations"]) != expected {
        broken.push("the load balancer tolerates other nodes than it was asked to".to_owned());
    }
}
