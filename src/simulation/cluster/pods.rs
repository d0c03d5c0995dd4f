//! The Deployment that adds and removes pods.

use std::collections::{BTreeSet, VecDeque};

use crate::simulation::cluster::pool::{Phase, Pod, PoolState};
use crate::simulation::model::{DAY_MS, Model, QUIET_MS};
use crate::simulation::random::{Random, Stream};
use crate::simulation::schedule::{Event, Schedule};

impl<'a> PoolState<'a> {
    /// A cluster without pods; `random` returns the stream of numbers for each purpose.
    pub fn new(model: &'a Model, random: impl Fn(Stream) -> Random) -> Self {
        let most = model.types.iter().map(|one| one.pods).max().unwrap_or(1) as usize;
        PoolState {
            model,
            pods: Vec::new(),
            vacant: Vec::new(),
            active: Vec::new(),
            pending: VecDeque::new(),
            nodes: Vec::new(),
            vacant_nodes: Vec::new(),
            room: vec![BTreeSet::new(); most + 1],
            booting: 0,
            look_ms: random(Stream::Looks).below(model.poll_ms.max(1)),
            count: vec![0; model.types.len()],
            unavailable_until: vec![0; model.types.len()],
            batch_planned: false,
            ready: 0,
            ending: 0,
            alive_nodes: 0,
            pod_ms: 0,
            node_ms: vec![0; model.types.len()],
            pod_starts: random(Stream::PodStarts),
            node_starts: random(Stream::NodeStarts),
            losses: random(Stream::Losses),
            uids: random(Stream::Uids),
        }
    }

    /// Adds pods that are ready from the start, and have been for a day, on nodes of the first type. A pool that is at rest
    /// has old pods: a ReplicaSet removes those of a burst before them.
    pub fn at_rest(&mut self, pods: u32, plan: &mut Schedule) -> Vec<u32> {
        let mut ready = Vec::new();
        for _ in 0..pods {
            let pod = self.create();
            let node = self.roomy().unwrap_or_else(|| self.launch(0, 0, true));
            self.attach(pod, node, 0);
            self.becomes_ready(0, pod, plan);
            self.pods[pod as usize].ready_ms = -DAY_MS.cast_signed();
            ready.push(pod);
        }
        ready
    }

    /// Scales the Deployment to this many pods. Pods that are removed start terminating and are returned.
    pub fn scale(&mut self, now_ms: u64, replicas: u32, plan: &mut Schedule) -> Vec<u32> {
        let active = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        if replicas >= active {
            for _ in active..replicas {
                let pod = self.create();
                self.find_room(now_ms, pod, plan);
            }
            return Vec::new();
        }
        let chosen = self.ranked(now_ms, (active - replicas) as usize);
        for pod in &chosen {
            self.end(now_ms, *pod, plan);
        }
        chosen
    }

    pub(super) fn create(&mut self) -> u32 {
        let place = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        let new = Pod {
            life: 0,
            phase: Phase::Pending,
            node: None,
            slot: None,
            build: None,
            builds_in: None,
            ready_ms: 0,
            placed_ms: 0,
            uid: self.uids.bits(),
            place,
        };
        let pod = if let Some(pod) = self.vacant.pop() {
            let life = self.pods[pod as usize].life + 1;
            self.pods[pod as usize] = Pod { life, ..new };
            pod
        } else {
            self.pods.push(new);
            u32::try_from(self.pods.len() - 1).unwrap_or(u32::MAX)
        };
        self.active.push(pod);
        pod
    }

    /// The pods that a ReplicaSet removes first: without a node, not ready, with the most pods of the same kind on their
    /// node, ready for the shortest time in powers of two of a nanosecond, and among these by UID, which is random (k8s
    /// `pkg/controller/controller_utils.go`, `ActivePodsWithRanks`). Ranks are counted once, before the first is removed
    /// (`replica_set.go`, `getPodsRankedByRelatedPodsOnSameNode`). Whether a pod runs a build does not matter.
    pub(super) fn ranked(&self, now_ms: u64, count: usize) -> Vec<u32> {
        let mut keyed: Vec<_> = self
            .active
            .iter()
            .map(|number| {
                let pod = &self.pods[*number as usize];
                let stage = match pod.phase {
                    Phase::Pending => 0,
                    Phase::Starting => 1,
                    _ => 2,
                };
                let beside = pod.node.map_or(0, |node| self.nodes[node as usize].active);
                let age = ((now_ms.cast_signed() - pod.ready_ms).unsigned_abs() * 1_000_000).max(1).ilog2();
                ((stage, std::cmp::Reverse(beside), age, pod.uid), *number)
            })
            .collect();
        if count < keyed.len() {
            keyed.select_nth_unstable(count);
            keyed.truncate(count);
        }
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, pod)| pod).collect()
    }

    /// A pod starts terminating. Without a build it exits after drain.sh has seen it idle; for a pod with a build, the
    /// caller plans what happens.
    pub(super) fn end(&mut self, now_ms: u64, pod: u32, plan: &mut Schedule) {
        let was = self.pods[pod as usize].phase;
        self.withdraw(now_ms, pod, plan);
        if was != Phase::Ready {
            // It is not running yet.
            self.pending.retain(|other| *other != pod);
            self.remove(now_ms, pod, plan);
            return;
        }
        let Pod { life, slot, build, .. } = self.pods[pod as usize];
        self.pods[pod as usize].phase = Phase::Ending;
        self.ending += 1;
        if slot.is_some() {
            // A guard refuses at once, and the client is sent on within milliseconds.
            let notice_ms = if self.model.guarded { 0 } else { crate::simulation::balancer::DNS_MS };
            plan.at(now_ms + notice_ms, Event::PodVanishes { pod, life });
        }
        if build.is_none() {
            plan.at(now_ms + QUIET_MS, Event::PodExits { pod, life });
        }
        // Also if it is idle: a client may connect before the balancer notices.
        plan.at(now_ms + self.model.grace_ms, Event::PodKilled { pod, life });
    }

    /// The pod no longer counts for the Deployment, and no longer keeps its node.
    pub(super) fn withdraw(&mut self, now_ms: u64, pod: u32, plan: &mut Schedule) {
        let Pod { place, node, phase, .. } = self.pods[pod as usize];
        self.active.swap_remove(place as usize);
        if let Some(moved) = self.active.get(place as usize) {
            self.pods[*moved as usize].place = place;
        }
        if phase == Phase::Ready {
            self.ready -= 1;
        }
        if let Some(node) = node {
            let state = &mut self.nodes[node as usize];
            state.active -= 1;
            state.last_ms = now_ms;
            self.plan_idle(node, plan);
        }
    }

    /// The pod leaves its node, which has room again.
    pub fn remove(&mut self, now_ms: u64, pod: u32, plan: &mut Schedule) {
        if self.pods[pod as usize].phase == Phase::Ending {
            self.ending -= 1;
        }
        self.pods[pod as usize].phase = Phase::Gone;
        self.vacant.push(pod);
        let Some(node) = self.pods[pod as usize].node.take() else { return };
        self.pod_ms += now_ms - self.pods[pod as usize].placed_ms;
        self.unlist(node);
        let state = &mut self.nodes[node as usize];
        state.used -= 1;
        state.last_ms = now_ms;
        if state.leaving && state.used == 0 {
            self.terminate(now_ms, node, plan);
        } else {
            self.list(node);
            self.fill(now_ms, plan);
            self.plan_idle(node, plan);
        }
    }

    /// A pod disappears without notice; the Deployment creates another one.
    pub fn lose(&mut self, now_ms: u64, pod: u32, plan: &mut Schedule) {
        let replaced = self.pods[pod as usize].phase != Phase::Ending;
        if replaced {
            self.withdraw(now_ms, pod, plan);
        }
        self.remove(now_ms, pod, plan);
        if replaced {
            let new = self.create();
            self.find_room(now_ms, new, plan);
        }
    }

    pub(super) fn start(&mut self, pod: u32, now_ms: u64, plan: &mut Schedule) {
        let takes = self.model.pod_start.draw(&mut self.pod_starts);
        let life = self.pods[pod as usize].life;
        plan.at(now_ms + takes, Event::PodReady { pod, life });
    }

    /// The pod is ready from now on.
    pub fn becomes_ready(&mut self, now_ms: u64, pod: u32, plan: &mut Schedule) {
        let state = &mut self.pods[pod as usize];
        state.phase = Phase::Ready;
        state.ready_ms = now_ms.cast_signed();
        let life = state.life;
        self.ready += 1;
        if let Some(mean) = self.model.lost_after {
            let mean = std::time::Duration::from_millis(mean.0).as_secs_f64();
            let after = std::time::Duration::from_secs_f64(self.losses.exponential(mean));
            plan.at(now_ms + u64::try_from(after.as_millis()).unwrap_or(u64::MAX / 2), Event::PodLost { pod, life });
        }
    }

    /// Whether the cluster is stable: no pod starts or terminates, and every node has an active pod.
    pub fn settled(&self) -> bool {
        self.ending == 0
            && self.ready as usize == self.active.len()
            && self.nodes.iter().all(|node| node.gone || (node.active > 0 && node.ready))
    }

    /// Number of pods that are not terminating.
    pub fn active(&self) -> u32 {
        u32::try_from(self.active.len()).unwrap_or(u32::MAX)
    }

    /// Places in memory for pods and nodes, including those that are gone.
    pub fn places(&self) -> usize {
        self.pods.len() + self.nodes.len()
    }

    /// Nodes of each type that exist.
    pub fn nodes_by_type(&self) -> Vec<u64> {
        self.count.iter().map(|count| u64::from(*count)).collect()
    }

    /// Milliseconds that pods have existed on nodes until now.
    pub fn pod_ms(&self, now_ms: u64) -> u64 {
        let placed = self.pods.iter().filter(|pod| pod.node.is_some());
        self.pod_ms + placed.map(|pod| now_ms - pod.placed_ms).sum::<u64>()
    }

    /// Milliseconds that nodes of each type have existed until now.
    pub fn node_ms(&self, now_ms: u64) -> Vec<u64> {
        let mut total = self.node_ms.clone();
        for node in self.nodes.iter().filter(|node| !node.gone) {
            total[node.kind] += now_ms - node.launched_ms;
        }
        total
    }
}
