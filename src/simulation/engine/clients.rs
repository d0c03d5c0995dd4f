//! What clients do: they arrive, wait, leave, retry, and give up.

use crate::simulation::aim::Aim;
use crate::simulation::engine::run::{Build, Next, Run};
use crate::simulation::model::{ClientKind, DAY_MS};
use crate::simulation::outcome::Day;
use crate::simulation::schedule::Event;

/// `buildctl --wait` retries after 1 s (buildkit client/client.go, `Wait`).
const RECONNECT_MS: u64 = 1_000;
/// buildx connects a second time before it fails (measured on a queue: at 0 and 21 s, fails at 41 s).
const BUILDX_CONNECTIONS: u8 = 2;

impl Run<'_> {
    pub(super) fn arrive(&mut self) {
        let Some(arrival) = self.arrivals.next() else { return };
        self.first_ms.get_or_insert(arrival.at_ms);
        self.outcome.arrived += 1;
        self.outcome.tries += u64::from(self.model.client.kind == ClientKind::BuildctlWait);
        self.open += 1;
        let new = Build {
            visit: 0,
            came_ms: self.now_ms,
            duration_ms: arrival.duration_ms,
            started: false,
            lost: 0,
            connections: 0,
            next: Next::Connect,
        };
        let build = if let Some(build) = self.vacant.pop() {
            let visit = self.builds[build as usize].visit;
            self.builds[build as usize] = Build { visit, ..new };
            build
        } else {
            self.builds.push(new);
            u32::try_from(self.builds.len() - 1).unwrap_or(u32::MAX)
        };
        self.connect(build);
    }

    /// A client connects: it builds, or waits and plans what to do if no builder becomes free.
    pub(super) fn connect(&mut self, build: u32) {
        let client = self.model.client;
        let state = &mut self.builds[build as usize];
        state.visit = state.visit.wrapping_add(1);
        state.connections += 1;
        let (visit, connections) = (state.visit, state.connections);
        // A client that waits in one call tries once, however often that connects.
        let another = match client.kind {
            ClientKind::BuildctlWait => false,
            ClientKind::BuildctlRetry => true,
            ClientKind::BuildxRetry => connections == 1,
        };
        self.outcome.tries += u64::from(another);
        let spent_ms = state.came_ms.saturating_add(client.budget_ms);
        let silent_ms = self.now_ms.saturating_add(client.connect_ms);
        if let Some(slot) = self.balancer.connect(self.now_ms, build, visit, silent_ms) {
            self.begin(build, slot);
            return;
        }
        let (at_ms, next) = match client.kind {
            ClientKind::BuildctlWait if silent_ms + RECONNECT_MS >= spent_ms => {
                (spent_ms.max(self.now_ms), Next::GiveUp)
            }
            ClientKind::BuildctlWait => (silent_ms + RECONNECT_MS, Next::Connect),
            ClientKind::BuildxRetry if connections < BUILDX_CONNECTIONS => (silent_ms + RECONNECT_MS, Next::Connect),
            // bk-build stops if the pause would exceed the budget, and shortens the pause by up to a fifth.
            ClientKind::BuildctlRetry | ClientKind::BuildxRetry
                if silent_ms.saturating_add(client.pause_ms) >= spent_ms =>
            {
                (silent_ms, Next::GiveUp)
            }
            ClientKind::BuildctlRetry | ClientKind::BuildxRetry => (silent_ms + self.pause(), Next::Connect),
        };
        let state = &mut self.builds[build as usize];
        state.next = next;
        if connections >= BUILDX_CONNECTIONS {
            state.connections = 0;
        }
        self.plan.at(at_ms, Event::Client { build, visit });
    }

    pub(super) fn pause(&mut self) -> u64 {
        let pause_ms = self.model.client.pause_ms;
        pause_ms * 4 / 5 + self.clients.below(pause_ms / 5 + 1)
    }

    pub(super) fn client(&mut self, build: u32, visit: u32) {
        let state = self.builds[build as usize];
        if state.visit != visit {
            return;
        }
        match state.next {
            Next::Connect => self.connect(build),
            Next::GiveUp => {
                self.outcome.gave_up += 1;
                if !state.started {
                    self.outcome.waits.add_never();
                    self.judge(state.came_ms, u64::MAX);
                }
                self.close(build);
            }
        }
    }

    /// Counts a build that has waited this long among those of its day, and among those that waited too long. Waits count in
    /// whole seconds, as in the percentiles.
    pub(super) fn judge(&mut self, came_ms: u64, waited_ms: u64) {
        let too_long = |wait_ms| waited_ms.div_ceil(1000) > wait_ms / 1000;
        match self.aim {
            Aim::Outcome | Aim::Record => {}
            Aim::Within(limits) => self.outcome.missed += u64::from(too_long(limits.wait_ms)),
            Aim::Days { wait_ms } => {
                let day = usize::try_from((came_ms - self.first_ms.unwrap_or(0)) / DAY_MS).unwrap_or(usize::MAX);
                if self.outcome.days.len() <= day {
                    self.outcome.days.resize(day + 1, Day::default());
                }
                self.outcome.days[day].builds += 1;
                self.outcome.days[day].missed += u64::from(too_long(wait_ms));
            }
        }
    }

    /// The build has ended, successfully or not.
    pub(super) fn close(&mut self, build: u32) {
        let state = &mut self.builds[build as usize];
        state.visit = state.visit.wrapping_add(1);
        self.vacant.push(build);
        self.open -= 1;
        if self.open == 0 {
            self.last_end = Some((self.now_ms, self.cluster.node_ms(self.now_ms)));
        }
    }
}
