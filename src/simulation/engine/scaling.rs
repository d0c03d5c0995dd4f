//! How KEDA and the HPA react to the load balancer's count.

use crate::fleet::hpa::SYNC_MS;
use crate::simulation::engine::run::Run;
use crate::simulation::model::Growth;
use crate::simulation::schedule::Event;

impl Run<'_> {
    pub(super) fn hpa_looks(&mut self) {
        self.plan.at(self.now_ms + SYNC_MS, Event::HpaLooks);
        let Growth::Keda { behavior, fallback, .. } = self.model.growth else { return };
        let out = self.model.metric_out.iter().any(|window| window.has(self.now_ms));
        let sessions = self.balancer.sessions(self.now_ms);
        let Some(hpa) = &mut self.hpa else { return };
        let milli = if out {
            self.failures += 1;
            match fallback {
                // `currentReplicasIfHigher`, as if there were demand for this many pods (KEDA pkg/fallback/fallback.go).
                Some(pods) if self.failures > self.model.failure_threshold => {
                    u64::from(pods.max(hpa.replicas())) * u64::from(behavior.target_milli)
                }
                // Without a metric the HPA does nothing.
                _ => return,
            }
        } else {
            self.failures = 0;
            u64::from(sessions) * 1000
        };
        let before = hpa.replicas();
        let after = hpa.look_milli(self.now_ms, milli);
        if after != before {
            self.scale(after);
        }
    }

    /// KEDA's own loop, for a pool that scales to zero: it starts the first pod, and removes all of them after
    /// `cooldownPeriod` without demand.
    pub(super) fn keda_polls(&mut self) {
        self.plan.at(self.now_ms + self.model.polling_ms, Event::KedaPolls);
        let Growth::Keda { cooldown_ms, .. } = self.model.growth else { return };
        if self.model.metric_out.iter().any(|window| window.has(self.now_ms)) {
            return;
        }
        let demand = self.balancer.sessions(self.now_ms) > 0;
        if demand {
            self.active_ms = self.now_ms;
        }
        let Some(hpa) = &mut self.hpa else { return };
        let asleep = hpa.replicas() == 0;
        let wanted = match (asleep, demand) {
            (true, true) => 1,
            (false, false) if self.now_ms - self.active_ms >= cooldown_ms => 0,
            _ => return,
        };
        hpa.set_replicas(wanted);
        self.scale(wanted);
    }

    pub(super) fn scale(&mut self, replicas: u32) {
        self.cluster.scale(self.now_ms, replicas, &mut self.plan);
        debug_assert_eq!(self.cluster.active(), replicas, "the Deployment has as many pods as requested");
    }
}
