//! How fast a pool grows and shrinks, also from and to zero.

use serde_json::{Value, json};

use crate::fleet::hpa::{MAX_POLICY_PERIOD_S, ScalingRules};
use crate::fleet::scaling::Scaling;
use crate::manifests::check::set::{RenderedFleet, backend_of, builders_of, shown};

/// Longest window that the HPA accepts (Kubernetes pkg/apis/autoscaling/validation).
const MAX_WINDOW_S: u32 = 3600;

pub(super) fn speed(set: &RenderedFleet, broken: &mut Vec<String>) {
    let ladder = set.fleet.ladder;
    for pool in &set.fleet.pools {
        let Scaling::Keda { bounds, .. } = pool.scaling else { continue };
        let name = builders_of(pool);
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
        if behavior["scaleUp"].get("tolerance").is_some() != ladder.scale_up_tolerance() {
            broken.push(format!("{name} has a tolerance that its versions do not support, or lacks one"));
        }
        let trigger = &spec["triggers"][0]["metadata"];
        if trigger["targetValue"] != ladder.target_value() {
            broken.push(format!("{name} targets {} builds per pod", trigger["targetValue"]));
        }
        if trigger.get("timeout").is_some() != ladder.trigger_timeout() {
            broken.push(format!("{name} has a timeout that its KEDA does not support, or lacks one"));
        }
        // A pool that scales to zero: a client is held and counted until the next poll, even if it gave up. And it scales
        // to zero no sooner than others shrink, also when KEDA has seen no build yet.
        let (looks_s, sleeps_s) = (spec["pollingInterval"].as_u64(), spec["cooldownPeriod"].as_u64());
        let may_sleep = spec["minReplicaCount"] == 0;
        let backend = set.haproxy.section("backend", &backend_of(pool));
        let held_s = backend.and_then(|backend| set.haproxy.setting(backend, &["retries"])?.first()?.parse().ok());
        let wakes = looks_s.is_some_and(|looks_s| looks_s > 0) && looks_s < held_s;
        let idle_s = u64::from(set.fleet.scale_down.idle_minutes) * 60;
        let first_s = spec["initialCooldownPeriod"].as_u64();
        let (sleeps_late, none) = ((sleeps_s, first_s) == (Some(idle_s), Some(idle_s)), (None, None, None));
        if may_sleep && !(wakes && sleeps_late) || !may_sleep && (looks_s, sleeps_s, first_s) != none {
            broken.push(format!(
                "{name} has a pollingInterval of {} s, a cooldownPeriod of {} s and an initialCooldownPeriod of {} s",
                shown(looks_s),
                shown(sleeps_s),
                shown(first_s)
            ));
        }
        if spec["advanced"]["restoreToOriginalReplicaCount"] == true {
            broken.push(format!("{name} would scale the pool when it is deleted"));
        }
    }
}

/// Whether both policies and the window follow the rules, and are valid for the HPA.
fn follows(behavior: &Value, rules: ScalingRules) -> bool {
    let policy = |kind: &str, value: u32| json!({"type": kind, "value": value, "periodSeconds": rules.period_s});
    let policies = [policy("Percent", rules.percent), policy("Pods", rules.pods)];
    let there = behavior["policies"].as_array();
    there.is_some_and(|there| there.len() == policies.len() && policies.iter().all(|policy| there.contains(policy)))
        && behavior["stabilizationWindowSeconds"] == rules.stabilization_s
        && (1..=MAX_POLICY_PERIOD_S).contains(&rules.period_s)
        && rules.stabilization_s <= MAX_WINDOW_S
        && rules.pods > 0
        && rules.percent > 0
}
