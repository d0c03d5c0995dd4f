//! How fast a pool grows and shrinks, also from and to zero.

use serde_json::Value;

use crate::fleet::hpa::MAX_POLICY_PERIOD_S;
use crate::fleet::scaling::Scaling;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{RenderedFleet, backend_of, builders_of, items, shown};

/// Longest window that the HPA accepts (Kubernetes pkg/apis/autoscaling/validation).
const MAX_WINDOW_S: u32 = 3600;

pub(super) fn speed(set: &RenderedFleet, broken: &mut Findings) {
    let ladder = set.fleet.ladder;
    for pool in &set.fleet.pools {
        let Scaling::Keda { .. } = pool.scaling else { continue };
        let name = builders_of(pool.arch.name());
        let mut bad = |what: String| broken.at("ScaledObject", &name, "spec", what);
        let spec = &set.object("ScaledObject", &name)["spec"];
        let behavior = &spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
        for direction in ["scaleUp", "scaleDown"] {
            if !is_valid(&behavior[direction]) {
                bad(format!("{name} has an invalid {direction}: {}", behavior[direction]));
            }
        }
        if behavior["scaleUp"].get("tolerance").is_some() != ladder.scale_up_tolerance() {
            bad(format!("{name} has a tolerance that its versions do not support, or lacks one"));
        }
        let trigger = &spec["triggers"][0]["metadata"];
        if trigger.get("timeout").is_some() != ladder.trigger_timeout() {
            bad(format!("{name} has a timeout that its KEDA does not support, or lacks one"));
        }
        // A pool that scales to zero: a client is held and counted until the next poll, even if it gave up. And it scales
        // to zero no sooner than others shrink, also when KEDA has seen no build yet.
        let (looks_s, sleeps_s) = (spec["pollingInterval"].as_u64(), spec["cooldownPeriod"].as_u64());
        let may_sleep = spec["minReplicaCount"] == 0;
        let backend = set.haproxy.section("backend", &backend_of(pool.arch.name()));
        let held_s = backend.and_then(|backend| set.haproxy.setting(backend, &["retries"])?.first()?.parse().ok());
        let wakes = looks_s.is_some_and(|looks_s| looks_s > 0) && looks_s < held_s;
        let idle_s = u64::from(set.fleet.scale_down.idle_minutes) * 60;
        let first_s = spec["initialCooldownPeriod"].as_u64();
        let (sleeps_late, none) = ((sleeps_s, first_s) == (Some(idle_s), Some(idle_s)), (None, None, None));
        if may_sleep && !(wakes && sleeps_late) || !may_sleep && (looks_s, sleeps_s, first_s) != none {
            bad(format!(
                "{name} has a pollingInterval of {} s, a cooldownPeriod of {} s and an initialCooldownPeriod of {} s",
                shown(looks_s),
                shown(sleeps_s),
                shown(first_s)
            ));
        }
        if spec["advanced"]["restoreToOriginalReplicaCount"] == true {
            bad(format!("{name} would scale the pool when it is deleted"));
        }
    }
}

/// Whether the HPA accepts policies and window.
fn is_valid(behavior: &Value) -> bool {
    let policies = items(&behavior["policies"]);
    let policy_is_valid = |policy: &Value| {
        let period_s = policy["periodSeconds"].as_u64();
        policy["value"].as_u64() > Some(0) && period_s > Some(0) && period_s <= Some(MAX_POLICY_PERIOD_S.into())
    };
    let window_s = behavior["stabilizationWindowSeconds"].as_u64();
    !policies.is_empty()
        && policies.iter().all(policy_is_valid)
        && window_s.is_some_and(|window_s| window_s <= MAX_WINDOW_S.into())
}
