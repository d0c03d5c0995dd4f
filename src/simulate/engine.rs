//! One run: clients come, the balancer gives them builders, KEDA and the HPA follow the balancer's count, and pods and
//! nodes come and go.

use std::iter::Peekable;

use crate::hpa::{Hpa, SYNC_MS};
use crate::simulate::arrivals::{Arrivals, Builds};
use crate::simulate::balancer::{Balancer, DNS_MS, Entry};
use crate::simulate::cluster::{Cluster, Phase};
use crate::simulate::model::{ClientKind, Growth, LOST_MAX, Model, QUIET_MS};
use crate::simulate::outcome::Outcome;
use crate::simulate::random::{Purpose, Random};
use crate::simulate::schedule::{Event, Schedule};
use crate::simulate::series::{Point, Series};

/// A fleet that has not settled by then will not: two weeks after the last build was over.
const PATIENCE_MS: u64 = 14 * 24 * 3_600_000;
/// `buildctl --wait` tries again after 1 s (buildkit client/client.go, `Wait`).
const RECONNECT_MS: u64 = 1_000;
/// buildx connects a second time before it fails (measured on a queue: at 0 and 21 s, fails at 41 s).
const BUILDX_CONNECTIONS: u8 = 2;

/// What a client that waits does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Connect,
    GiveUp,
}

#[derive(Clone, Copy, Debug)]
struct Build {
    /// Counts connections and starts over all builds that had this place: what was planned for an earlier one does not
    /// happen.
    visit: u32,
    came_ms: u64,
    duration_ms: u64,
    started: bool,
    lost: u8,
    /// Connections of one try.
    connections: u8,
    next: Next,
}

/// The state of one run.
struct Run<'a> {
    model: &'a Model,
    now_ms: u64,
    plan: Schedule,
    arrivals: Peekable<Builds<'a>>,
    first_ms: Option<u64>,
    builds: Vec<Build>,
    vacant: Vec<u32>,
    open: u32,
    balancer: Balancer,
    cluster: Cluster<'a>,
    hpa: Option<Hpa>,
    failures: u32,
    active_ms: u64,
    clients: Random,
    outcome: Outcome,
    last_end: Option<(u64, Vec<u64>)>,
    series: Option<Series>,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    Outcome,
    /// The outcome, and what happened over time.
    Record,
    /// Whether anybody gives up: the run ends with the first who does.
    FirstLoss,
}

/// Runs the model on the arrivals of one run.
pub fn run(model: &Model, arrivals: &Arrivals, seed: u64, run: u64, aim: Aim) -> (Outcome, Series) {
    let random = |purpose| Random::new(seed, run, purpose);
    let pods = model.pods_at_rest();
    let mut phases = random(Purpose::Phases);
    let hpa = match model.growth {
        Growth::Fixed(_) => None,
        Growth::Keda { behavior, .. } => Some(Hpa::new(behavior, pods)),
    };
    let mut state = Run {
        model,
        now_ms: 0,
        plan: Schedule::default(),
        arrivals: arrivals.of_run(seed, run).peekable(),
        first_ms: None,
        builds: Vec::new(),
        vacant: Vec::new(),
        open: 0,
        balancer: Balancer::new(model.slots, model.queue_ms, model.hold_ms),
        cluster: Cluster::new(model, random),
        hpa,
        failures: 0,
        active_ms: 0,
        clients: random(Purpose::Clients),
        outcome: Outcome::default(),
        last_end: None,
        series: (aim == Aim::Record).then(Series::default),
    };
    for pod in state.cluster.at_rest(pods, &mut state.plan) {
        state.appear(pod);
    }
    state.outcome.peak_pods = state.cluster.ready;
    state.outcome.peak_nodes = state.cluster.alive_nodes;
    if let Growth::Keda { behavior, .. } = model.growth {
        state.plan.at(phases.below(SYNC_MS), Event::HpaLooks);
        if behavior.bounds.min() == 0 {
            state.plan.at(phases.below(model.polling_ms), Event::KedaPolls);
        }
    }
    if aim == Aim::Record {
        state.plan.at(0, Event::Sample);
    }
    state.go(aim == Aim::FirstLoss);
    (state.outcome, state.series.unwrap_or_default())
}

impl Run<'_> {
    fn go(&mut self, until_loss: bool) {
        // Without builds there is nothing to tell, and events go on for ever.
        while self.arrivals.peek().is_some() || self.first_ms.is_some() {
            let arrival_ms = self.arrivals.peek().map(|arrival| arrival.at_ms);
            let event_ms = self.plan.next_at();
            // Of one time, who comes is first: a builder that falls free at that moment may be theirs.
            if let Some(at_ms) = arrival_ms.filter(|at_ms| event_ms.is_none_or(|event_ms| *at_ms <= event_ms)) {
                self.now_ms = at_ms;
                self.arrive();
                continue;
            }
            let Some((at_ms, event)) = self.plan.pop() else { break };
            let over_ms = self.last_end.as_ref().map_or(0, |(at_ms, _)| *at_ms);
            if self.open == 0 && arrival_ms.is_none() && at_ms > over_ms + PATIENCE_MS {
                break;
            }
            self.now_ms = at_ms;
            self.happen(event);
            let quiet = matches!(
                event,
                Event::HpaLooks
                    | Event::KedaPolls
                    | Event::PodExits { .. }
                    | Event::NodeIdle { .. }
                    | Event::BuildEnds { .. }
                    | Event::Client { .. }
            );
            if until_loss && self.outcome.gave_up > 0 {
                break;
            }
            if quiet && self.open == 0 && arrival_ms.is_none() && self.at_rest() {
                break;
            }
        }
        self.conclude();
    }

    /// Whether the fleet is as small as it was before, and nothing moves.
    fn at_rest(&self) -> bool {
        match self.model.growth {
            // It was never larger.
            Growth::Fixed(_) => true,
            Growth::Keda { behavior, .. } => self.cluster.active() == behavior.bounds.min() && self.cluster.settled(),
        }
    }

    fn conclude(&mut self) {
        let first_ms = self.first_ms.unwrap_or(0);
        let node_ms = self.cluster.node_ms(self.now_ms);
        let (end_ms, until_end) = self.last_end.take().unwrap_or((first_ms, vec![0; node_ms.len()]));
        self.outcome.makespan_ms = end_ms - first_ms;
        self.outcome.settled_ms = self.now_ms - first_ms;
        self.outcome.places = self.builds.len() + self.cluster.places() + self.plan.capacity();
        self.outcome.idle_node_ms = node_ms.iter().zip(&until_end).map(|(all, before)| all - before).collect();
        self.outcome.node_ms = node_ms;
        if self.series.is_some() {
            self.sample();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Client { build, visit } => self.client(build, visit),
            Event::BuildEnds { pod, life } if self.lives(pod, life) => self.build_ends(pod),
            Event::PodReady { pod, life }
                if self.lives(pod, life) && self.cluster.pods[pod as usize].phase == Phase::Starting =>
            {
                self.cluster.becomes_ready(self.now_ms, pod, &mut self.plan);
                self.outcome.peak_pods = self.outcome.peak_pods.max(self.cluster.ready + self.cluster.ending);
                self.plan.at(self.now_ms + DNS_MS, Event::PodAppears { pod, life });
            }
            Event::PodAppears { pod, life }
                if self.lives(pod, life) && self.cluster.pods[pod as usize].phase == Phase::Ready =>
            {
                self.appear(pod);
            }
            Event::PodVanishes { pod, life } if self.lives(pod, life) => {
                if let Some(slot) = self.cluster.pods[pod as usize].slot.take() {
                    self.balancer.vanish(self.now_ms, slot);
                }
            }
            Event::PodExits { pod, life }
                if self.lives(pod, life) && self.cluster.pods[pod as usize].build.is_none() =>
            {
                self.cluster.remove(self.now_ms, pod, &mut self.plan);
            }
            Event::PodKilled { pod, life } | Event::PodLost { pod, life } if self.lives(pod, life) => self.lose(pod),
            Event::NodeReady { node } => {
                self.cluster.node_ready(self.now_ms, node, &mut self.plan);
            }
            Event::NodeIdle { node, since_ms } => {
                self.cluster.node_idle(self.now_ms, node, since_ms, &mut self.plan);
            }
            Event::Batch => {
                self.cluster.batch(self.now_ms, &mut self.plan);
                self.outcome.peak_nodes = self.outcome.peak_nodes.max(self.cluster.alive_nodes);
            }
            Event::HpaLooks => self.hpa_looks(),
            Event::KedaPolls => self.keda_polls(),
            Event::Sample => self.sample(),
            // Of a pod that is gone.
            _ => {}
        }
    }

    fn lives(&self, pod: u32, life: u32) -> bool {
        let pod = &self.cluster.pods[pod as usize];
        pod.life == life && pod.phase != Phase::Gone
    }

    // ---- clients

    fn arrive(&mut self) {
        let Some(arrival) = self.arrivals.next() else { return };
        self.first_ms.get_or_insert(arrival.at_ms);
        self.outcome.arrived += 1;
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

    /// A client connects: it builds, or waits and plans what it does when it has waited for nothing.
    fn connect(&mut self, build: u32) {
        let client = self.model.client;
        let state = &mut self.builds[build as usize];
        state.visit = state.visit.wrapping_add(1);
        state.connections += 1;
        let (visit, connections) = (state.visit, state.connections);
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
            // bk-build stops where the pause would outlast the budget, and shortens it by up to a fifth.
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

    fn pause(&mut self) -> u64 {
        let pause_ms = self.model.client.pause_ms;
        pause_ms * 4 / 5 + self.clients.below(pause_ms / 5 + 1)
    }

    fn client(&mut self, build: u32, visit: u32) {
        let state = self.builds[build as usize];
        if state.visit != visit {
            return;
        }
        match state.next {
            Next::Connect => self.connect(build),
            Next::GiveUp => {
                self.outcome.gave_up += 1;
                self.close(build);
            }
        }
    }

    /// The build is over, one way or the other.
    fn close(&mut self, build: u32) {
        let state = &mut self.builds[build as usize];
        state.visit = state.visit.wrapping_add(1);
        self.vacant.push(build);
        self.open -= 1;
        if self.open == 0 {
            self.last_end = Some((self.now_ms, self.cluster.node_ms(self.now_ms)));
        }
    }

    // ---- builders

    fn appear(&mut self, pod: u32) {
        let slot = self.balancer.appear(self.now_ms, pod);
        self.cluster.pods[pod as usize].slot = slot;
        if let Some(slot) = slot {
            self.serve(slot);
        }
    }

    fn serve(&mut self, slot: u32) {
        let builds = &self.builds;
        let stays = |entry: &Entry| builds[entry.build as usize].visit == entry.visit;
        if let Some(entry) = self.balancer.serve(self.now_ms, slot, stays) {
            self.begin(entry.build, slot);
        }
    }

    /// The build begins on the pod that has the slot.
    fn begin(&mut self, build: u32, slot: u32) {
        let Some(pod) = self.balancer.pod_of(slot) else { return };
        let state = &mut self.builds[build as usize];
        state.visit = state.visit.wrapping_add(1);
        if !state.started {
            state.started = true;
            self.outcome.waits.add(self.now_ms - state.came_ms);
        }
        let ends_ms = self.now_ms + state.duration_ms;
        let place = &mut self.cluster.pods[pod as usize];
        debug_assert!(place.build.is_none(), "two builds on a pod");
        debug_assert!(matches!(place.phase, Phase::Ready | Phase::Ending), "a build on a pod that is not ready");
        place.build = Some(build);
        place.builds_in = Some(slot);
        let life = place.life;
        self.plan.at(ends_ms, Event::BuildEnds { pod, life });
    }

    fn build_ends(&mut self, pod: u32) {
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

    /// A builder is gone with its build, whose client comes again or fails.
    fn lose(&mut self, pod: u32) {
        let place = &mut self.cluster.pods[pod as usize];
        let (build, used, slot) = (place.build.take(), place.builds_in.take(), place.slot.take());
        self.cluster.lose(self.now_ms, pod, &mut self.plan);
        // The next client that it fails marks it down, at once (`observe layer4`).
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

    // ---- scaling

    fn hpa_looks(&mut self) {
        self.plan.at(self.now_ms + SYNC_MS, Event::HpaLooks);
        let Growth::Keda { behavior, fallback, .. } = self.model.growth else { return };
        let out = self.model.metric_out.iter().any(|window| window.has(self.now_ms));
        let sessions = self.balancer.sessions(self.now_ms);
        let Some(hpa) = &mut self.hpa else { return };
        let milli = if out {
            self.failures += 1;
            match fallback {
                // `currentReplicasIfHigher`, as if the demand were that of so many pods (KEDA pkg/fallback/fallback.go).
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

    /// KEDA's own loop, for a pool that sleeps: it wakes the first pod, and takes all after `cooldownPeriod` without demand.
    fn keda_polls(&mut self) {
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

    fn scale(&mut self, replicas: u32) {
        self.cluster.scale(self.now_ms, replicas, &mut self.plan);
        debug_assert_eq!(self.cluster.active(), replicas, "the Deployment has as many pods as it was told");
    }

    fn sample(&mut self) {
        let point = Point {
            at_ms: self.now_ms,
            demand: self.open,
            ready: self.cluster.ready,
            draining: self.cluster.ending,
            queued: { self.balancer.sessions(self.now_ms) - self.balancer.running() },
            nodes: self.cluster.alive_nodes,
        };
        if let Some(series) = &mut self.series {
            let every_ms = series.add(point);
            self.plan.at(self.now_ms + every_ms, Event::Sample);
        }
    }
}
