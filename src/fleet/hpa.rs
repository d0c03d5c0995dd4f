//! Simulates the HPA that KEDA creates from a ScaledObject. Follows kubernetes pkg/controller/podautoscaler
//! (horizontal.go, `replica_calculator.go`) of 1.31 to 1.36; the names are those of its API.

use std::collections::VecDeque;

use crate::fleet::model::{Fleet, ScaleDown};
use crate::fleet::scaling::Bounds;

/// Sync period: time between two evaluations of the metric (config/v1alpha1/defaults.go). Each is queued when the one
/// before it is done, so real ones are 15.05 to 15.3 s apart.
pub const SYNC_MS: u64 = 15_000;
/// Share of the demand that the HPA ignores by default (config/v1alpha1/defaults.go).
const TOLERANCE: f64 = 0.1;
/// Longest period of a scaling policy (pkg/apis/autoscaling/validation).
pub const MAX_POLICY_PERIOD_S: u32 = 1800;

/// Scaling in one direction: of two policies, the one that changes more applies (`selectPolicy: Max`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScalingRules {
    pub stabilization_s: u32,
    pub pods: u32,
    pub percent: u32,
    pub period_s: u32,
    /// Share of the demand, as a fraction.
    pub tolerance: f64,
}

impl ScalingRules {
    /// Double, or a sixth of the maximum but at least 4: 2 to 360 pods in 46 s instead of 92.
    pub fn up(fleet: &Fleet, max: u32) -> Self {
        let tolerance = if fleet.ladder.scale_up_tolerance() { 0.0 } else { TOLERANCE };
        ScalingRules { stabilization_s: 0, pods: max.div_ceil(6).max(4), percent: 100, period_s: 15, tolerance }
    }

    pub fn down(scale_down: ScaleDown) -> Self {
        let idle_s = scale_down.idle_minutes * 60;
        ScalingRules {
            stabilization_s: idle_s,
            pods: scale_down.pods,
            percent: scale_down.percent,
            period_s: idle_s.min(MAX_POLICY_PERIOD_S),
            tolerance: TOLERANCE,
        }
    }
}

/// The configuration of one pool's HPA.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Behavior {
    pub bounds: Bounds,
    /// Target in thousandths of a build per pod.
    pub target_milli: u32,
    pub up: ScalingRules,
    pub down: ScalingRules,
    /// Whether a demand that is off by exactly the tolerance is ignored.
    pub inclusive: bool,
}

impl Behavior {
    pub fn of(fleet: &Fleet, bounds: Bounds) -> Self {
        Behavior {
            bounds,
            target_milli: fleet.ladder.target_milli(),
            up: ScalingRules::up(fleet, bounds.max()),
            down: ScalingRules::down(fleet.scale_down),
            inclusive: fleet.ladder.tolerance_is_inclusive(),
        }
    }

    /// The HPA's own minimum of pods; only KEDA scales to zero (KEDA `GetHPAMinReplicas`).
    pub fn least(self) -> u32 {
        self.bounds.min().max(1)
    }

    /// Pods for this many builds, running and queued, if there are `current` pods: `AverageValue` of an external metric
    /// (`replica_calculator.go`, `GetExternalPerPodMetricReplicas`), in the HPA's own floating-point arithmetic.
    pub fn desired(self, builds: u32, current: u32) -> u32 {
        self.desired_milli(u64::from(builds) * 1000, current)
    }

    /// Like `desired`, in thousandths of builds.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn desired_milli(self, builds_milli: u64, current: u32) -> u32 {
        let ratio = builds_milli as f64 / (f64::from(self.target_milli) * f64::from(current));
        let near = if self.inclusive {
            1.0 - self.down.tolerance <= ratio && ratio <= 1.0 + self.up.tolerance
        } else {
            // Before 1.33 there is one tolerance for both directions. In floating point, 1.1 is off by more than 0.1.
            (1.0 - ratio).abs() <= TOLERANCE
        };
        if near {
            return current;
        }
        let pods = builds_milli.div_ceil(self.target_milli.into());
        u32::try_from(pods).unwrap_or(u32::MAX)
    }
}

/// One pool's HPA with its state.
#[derive(Clone, Debug)]
pub struct Hpa {
    behavior: Behavior,
    replicas: u32,
    /// Recommendations from the demand alone, each with its time in ms.
    recommendations: VecDeque<(u64, u32)>,
    /// Pods added or removed, each with its time in ms.
    changes: VecDeque<(u64, i64)>,
}

impl Hpa {
    pub fn new(behavior: Behavior, replicas: u32) -> Self {
        Hpa { behavior, replicas, recommendations: VecDeque::new(), changes: VecDeque::new() }
    }

    pub fn replicas(&self) -> u32 {
        self.replicas
    }

    /// Sets a number of pods that KEDA changed, from or to zero.
    pub fn set_replicas(&mut self, replicas: u32) {
        self.replicas = replicas;
    }

    /// One sync: evaluates the metric and returns the new number of pods. Times must not decrease. Requested pods count as
    /// existing (`status.replicas` counts them before they are ready). At 0 the HPA is off.
    pub fn look(&mut self, now_ms: u64, builds: u32) -> u32 {
        self.look_milli(now_ms, u64::from(builds) * 1000)
    }

    /// Like `look`, in thousandths of builds: KEDA's fallback may report a fraction.
    pub fn look_milli(&mut self, now_ms: u64, builds_milli: u64) -> u32 {
        let (current, bounds) = (self.replicas, self.behavior.bounds);
        if current == 0 {
            return 0;
        }
        if self.recommendations.is_empty() {
            self.recommendations.push_back((now_ms, current));
        }
        let next = if current > bounds.max() {
            bounds.max()
        } else if current < self.behavior.least() {
            self.behavior.least()
        } else {
            let wanted = self.stabilized(now_ms, self.behavior.desired_milli(builds_milli, current));
            self.limited(now_ms, wanted)
        };
        if next != current {
            self.changes.push_back((now_ms, i64::from(next) - i64::from(current)));
        }
        self.replicas = next;
        next
    }

    /// Scales down only to the largest recommendation within the window (`stabilizeRecommendationWithBehaviors`). Scaling
    /// up has no window.
    fn stabilized(&mut self, now_ms: u64, desired: u32) -> u32 {
        let window_ms = u64::from(self.behavior.down.stabilization_s) * 1000;
        while self.recommendations.front().is_some_and(|(at, _)| at + window_ms <= now_ms) {
            self.recommendations.pop_front();
        }
        // A recommendation that is older and smaller than another can never be the largest again: the list decreases from
        // front to back.
        while self.recommendations.back().is_some_and(|(_, pods)| *pods <= desired) {
            self.recommendations.pop_back();
        }
        self.recommendations.push_back((now_ms, desired));
        let most = self.recommendations.front().map_or(desired, |(_, pods)| *pods);
        self.replicas.max(desired).min(most)
    }

    /// Limits a change by policies and bounds (`convertDesiredReplicasWithBehaviorRate`).
    fn limited(&mut self, now_ms: u64, wanted: u32) -> u32 {
        let Behavior { bounds, up, down, .. } = self.behavior;
        let memory_ms = u64::from(up.period_s.max(down.period_s)) * 1000;
        while self.changes.front().is_some_and(|(at, _)| at + memory_ms <= now_ms) {
            self.changes.pop_front();
        }
        let current = self.replicas;
        if wanted > current {
            let start = self.at_start_of(up.period_s, now_ms);
            let by_percent = (start * u64::from(100 + up.percent)).div_ceil(100);
            let limit = clamp(by_percent.max(start + u64::from(up.pods))).max(current);
            wanted.min(limit).min(bounds.max())
        } else {
            let start = self.at_start_of(down.period_s, now_ms);
            let limit = after_percent(start, down.percent).min(clamp(start.saturating_sub(down.pods.into())));
            wanted.max(limit.min(current)).max(self.behavior.least()).min(current)
        }
    }

    /// Pods at the start of the period that ends now.
    fn at_start_of(&self, period_s: u32, now_ms: u64) -> u64 {
        let length_ms = u64::from(period_s) * 1000;
        let within = self.changes.iter().filter(|(at, _)| at + length_ms > now_ms);
        let changed: i64 = within.map(|(_, by)| by).sum();
        u64::try_from(i64::from(self.replicas) - changed).unwrap_or(0)
    }
}

fn clamp(pods: u64) -> u32 {
    u32::try_from(pods).unwrap_or(u32::MAX)
}

/// Pods that remain after a step of this many percent: `int32(float64(start) * (1 - float64(percent)/100))`, truncated
/// and not rounded (horizontal.go, `calculateScaleDownLimitWithBehaviors`).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and start")]
fn after_percent(start: u64, percent: u32) -> u32 {
    (f64::from(clamp(start)) * (1.0 - f64::from(percent) / 100.0)) as u32
}

/// A change of the number of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub at_ms: u64,
    pub pods: u32,
}

/// The steps up from min after the number of builds jumps to max, starting with the first sync that sees them. Before
/// that, KEDA has started a pool at zero with one pod. If the HPA ignores the rest of the demand, the last step ends
/// below max.
pub fn climb(behavior: Behavior, sync_ms: u64) -> Vec<Step> {
    let mut hpa = Hpa::new(behavior, behavior.least());
    let mut steps = Vec::new();
    for look in 0.. {
        let (at_ms, before) = (look * sync_ms, hpa.replicas());
        let pods = hpa.look(at_ms, behavior.bounds.max());
        if pods == before {
            break;
        }
        steps.push(Step { at_ms, pods });
    }
    steps
}

/// The steps down from max to min after the last sync that saw max builds; after it there are none. A pool with a
/// minimum of 0 is removed at once: KEDA's `cooldownPeriod` is as long as the HPA's window, also counts from the end of
/// the demand, and then removes every pod regardless of policies (KEDA `pkg/scaling/executor/scale_scaledobjects.go`,
/// `scaleToZeroOrIdle`).
pub fn descend(behavior: Behavior, sync_ms: u64) -> Vec<Step> {
    if behavior.bounds.min() == 0 {
        return vec![Step { at_ms: u64::from(behavior.down.stabilization_s) * 1000, pods: 0 }];
    }
    let mut hpa = Hpa::new(behavior, behavior.bounds.max());
    hpa.look(0, behavior.bounds.max());
    let mut steps = Vec::new();
    let mut at_ms = 0;
    while hpa.replicas() > behavior.least() {
        at_ms += sync_ms;
        let before = hpa.replicas();
        let pods = hpa.look(at_ms, 0);
        if pods != before {
            steps.push(Step { at_ms, pods });
        }
    }
    steps
}
