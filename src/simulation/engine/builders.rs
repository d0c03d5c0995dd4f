//! Events of builders: the load balancer notices them, builds start and end on them, and some are lost.

use crate::simulation::balancer::QueuedClient;
use crate::simulation::cluster::pool::Phase;
use crate::simulation::engine::run::{Next, Run};
use crate::simulation::model::{ClientKind, LOST_MAX, QUIET_MS};
use crate::simulation::schedule::Event;

impl Run<'_> {
    pub(super) fn appear(&mut self, pod: u32) {
        let slot = self.balancer.appear(self.now_ms, pod);
        self.cluster.pods[pod as usize].slot = slot;
        if let Some(slot) = slot {
            self.serve(slot);
        }
    }

    pub(super) fn serve(&mut self, slot: u32) {
        let builds = &self.builds;
        let stays = |entry: &QueuedClient| builds[entry.build as usize].visit == entry.visit;
        if let Some(entry) = self.balancer.serve(self.now_ms, slot, stays) {
            self.begin(entry.build, slot);
        }
    }

    /// The build starts on the pod that has the slot.
    pub(super) fn begin(&mut self, build: u32, slot: u32) {
        let Some(pod) = self.balancer.pod_of(slot) else { return };
        let state = &mut self.builds[build as usize];
        state.visit = state.visit.wrapping_add(1);
        if !state.started {
            state.started = true;
            let (came_ms, waited_ms) = (state.came_ms, self.now_ms - state.came_ms);
            self.outcome.waits.add(waited_ms);
            self.judge(came_ms, waited_ms);
        }
        let ends_ms = self.now_ms + self.builds[build as usize].duration_ms;
        let place = &mut self.cluster.pods[pod as usize];
        debug_assert!(place.build.is_none(), "two builds on a pod");
        debug_assert!(matches!(place.phase, Phase::Ready | Phase::Ending), "a build on a pod that is not ready");
        place.build = Some(build);
        place.builds_in = Some(slot);
        let life = place.life;
        self.plan.at(ends_ms, Event::BuildEnds { pod, life });
    }

    pub(super) fn build_ends(&mut self, pod: u32) {
        let place = &mut self.cluster.pods[pod as usize];
        let Some(build) = place.build.take() else { return };
        let (slot, phase, life) = (place.builds_in.take(), place.phase, place.life);
        self.outcome.finished += 1;
        self.close(build);
        if phase == Phase::Ending {
            self.plan.at(self.now_ms + QUIET_MS, Event::PodExits { pod, life });
        }
        if let Some(slot) = slot {
            self.balancer.end(slot);
            self.serve(slot);
        }
    }

    /// A builder is lost with its build, whose client retries or fails.
    pub(super) fn lose(&mut self, pod: u32) {
        let place = &mut self.cluster.pods[pod as usize];
        let (build, used, slot) = (place.build.take(), place.builds_in.take(), place.slot.take());
        self.cluster.lose(self.now_ms, pod, &mut self.plan);
        // The next client whose connection fails marks it down immediately (`observe layer4`).
        if let Some(slot) = slot {
            self.balancer.vanish(self.now_ms, slot);
        }
        if let Some(slot) = used {
            self.balancer.end(slot);
            self.serve(slot);
        }
        let Some(build) = build else { return };
        self.outcome.cut += 1;
        let state = &mut self.builds[build as usize];
        state.lost += 1;
        if self.model.client.kind == ClientKind::BuildctlWait || state.lost > LOST_MAX {
            self.outcome.failed += 1;
            self.close(build);
            return;
        }
        state.visit = state.visit.wrapping_add(1);
        (state.next, state.connections) = (Next::Connect, 0);
        let visit = state.visit;
        let at_ms = self.now_ms + self.pause();
        self.plan.at(at_ms, Event::Client { build, visit });
    }
}
