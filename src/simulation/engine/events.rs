//! Processes events in order until none are left.

use crate::fleet::hpa::SYNC_MS;
use crate::simulation::aim::Aim;
use crate::simulation::balancer::DNS_MS;
use crate::simulation::cluster::pool::Phase;
use crate::simulation::engine::run::Run;
use crate::simulation::model::Growth;
use crate::simulation::schedule::Event;
use crate::simulation::series::Point;

impl Run<'_> {
    pub(super) fn go(&mut self) {
        // Without builds there is no result, and periodic events never end.
        while self.arrivals.peek().is_some() || self.first_ms.is_some() {
            let arrival_ms = self.arrivals.peek().map(|arrival| arrival.at_ms);
            let event_ms = self.plan.next_at();
            // At equal times, arrivals come first: a builder that becomes free at that moment may serve them.
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
            if let Aim::Within(limits) = self.aim
                && (self.outcome.gave_up > 0 || self.outcome.missed > limits.misses)
            {
                break;
            }
            if quiet && self.open == 0 && self.at_rest() {
                match arrival_ms {
                    None => break,
                    Some(at_ms) => self.skip_idle_time(at_ms),
                }
            }
        }
        self.conclude();
    }

    /// Between two bursts that are far apart nothing happens: KEDA and the HPA look and change nothing. They start again early
    /// enough to have forgotten nothing that they would know, which is an hour at most (`stabilizationWindowSeconds`).
    fn skip_idle_time(&mut self, next_ms: u64) {
        let until_ms = next_ms.saturating_sub(2 * HOUR_MS);
        let outages_are_over = self.model.metric_out.iter().all(|window| window.to_ms <= self.now_ms);
        if until_ms > self.now_ms + HOUR_MS && outages_are_over {
            let polling_ms = self.model.polling_ms;
            self.plan.skip(until_ms, |event| match event {
                Event::HpaLooks => Some(SYNC_MS),
                Event::KedaPolls => Some(polling_ms),
                Event::Sample => Some(0),
                _ => None,
            });
        }
    }

    /// Whether there are as few pods as at the start, and the cluster is stable. They may be on more nodes.
    fn at_rest(&self) -> bool {
        match self.model.growth {
            // A fixed pool never grows.
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
        self.outcome.pod_ms = self.cluster.pod_ms(self.now_ms);
        self.outcome.nodes_after = self.cluster.nodes_by_type();
        self.outcome.unsettled = u64::from(!self.at_rest());
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
                let place = &mut self.cluster.pods[pod as usize];
                match place.slot {
                    Some(slot) if self.model.guarded => self.balancer.close(self.now_ms, slot),
                    Some(slot) => {
                        place.slot = None;
                        self.balancer.vanish(self.now_ms, slot);
                    }
                    None => {}
                }
            }
            Event::PodExits { pod, life }
                if self.lives(pod, life) && self.cluster.pods[pod as usize].build.is_none() =>
            {
                if let Some(slot) = self.cluster.pods[pod as usize].slot.take() {
                    self.balancer.vanish(self.now_ms, slot);
                }
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
                self.outcome.peak_nodes = self.outcome.peak_nodes.max(self.cluster.known_nodes());
            }
            Event::HpaLooks => self.hpa_looks(),
            Event::KedaPolls => self.keda_polls(),
            Event::Sample => self.sample(),
            // An event of a pod that no longer exists.
            _ => {}
        }
    }

    fn lives(&self, pod: u32, life: u32) -> bool {
        let pod = &self.cluster.pods[pod as usize];
        pod.life == life && pod.phase != Phase::Gone
    }

    pub(super) fn sample(&mut self) {
        let point = Point {
            at_ms: self.now_ms,
            demand: self.open,
            ready: self.cluster.ready,
            draining: self.cluster.ending,
            queued: self.balancer.waiting_at(self.now_ms),
            nodes: self.cluster.known_nodes(),
        };
        if let Some(series) = &mut self.series {
            let every_ms = series.add(point);
            self.plan.at(self.now_ms + every_ms, Event::Sample);
        }
    }
}

const HOUR_MS: u64 = 3_600_000;
/// A fleet that has not settled two weeks after the end of the last build never will.
const PATIENCE_MS: u64 = 14 * 24 * 3_600_000;
