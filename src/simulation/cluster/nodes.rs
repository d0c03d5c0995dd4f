//! Nodes: the scheduler that spreads pods over them, and Karpenter, which creates and removes them.

use crate::simulation::cluster::pool::{NodeState, Phase, PoolState};
use crate::simulation::model::{FAILED_LAUNCH_MS, UNAVAILABLE_MS};
use crate::simulation::schedule::{Event, Schedule};

impl PoolState<'_> {
    /// Nodes that exist now; 0 where Karpenter does not make them, and nobody knows.
    pub fn known_nodes(&self) -> u32 {
        if self.model.karpenter { self.alive_nodes } else { 0 }
    }

    /// Plans to check a node without active pods at Karpenter's first look after it has been empty for long enough. A node
    /// that is not ready yet is checked when it is.
    pub(super) fn plan_idle(&self, node: u32, plan: &mut Schedule) {
        let NodeState { active, ready, last_ms, leaving, .. } = self.nodes[node as usize];
        if active == 0 && ready && !leaving {
            // Looks count from the first one on: each run has its own.
            let after_first_ms = (last_ms + self.model.idle_ms).saturating_sub(self.look_ms);
            let at_ms = self.look_ms + after_first_ms.next_multiple_of(self.model.poll_ms.max(1));
            plan.at(at_ms, Event::NodeIdle { node, since_ms: last_ms });
        }
    }

    /// Places pods without a node where there is room, the oldest first; the others wait for Karpenter.
    pub(super) fn fill(&mut self, now_ms: u64, plan: &mut Schedule) {
        while let Some(pod) = self.pending.front() {
            if !self.place(*pod, now_ms, plan) {
                break;
            }
            self.pending.pop_front();
        }
    }

    pub(super) fn find_room(&mut self, now_ms: u64, pod: u32, plan: &mut Schedule) {
        if !self.place(pod, now_ms, plan) {
            self.pending.push_back(pod);
            self.plan_batch(now_ms + self.model.batch_ms, plan);
        }
    }

    pub(super) fn plan_batch(&mut self, at_ms: u64, plan: &mut Schedule) {
        if !self.batch_planned {
            self.batch_planned = true;
            plan.at(at_ms, Event::Batch);
        }
    }

    /// Places a pod on a node with room, if there is one.
    pub(super) fn place(&mut self, pod: u32, now_ms: u64, plan: &mut Schedule) -> bool {
        let Some(node) = self.roomy() else { return false };
        self.attach(pod, node, now_ms);
        self.start(pod, now_ms, plan);
        true
    }

    /// The ready node with most room (the scheduler's `LeastAllocated`). A node that boots does not exist for the scheduler:
    /// Karpenter makes it for some pods, but a pod that finds other room first takes that.
    pub(super) fn roomy(&self) -> Option<u32> {
        self.room.iter().skip(1).rev().find_map(|nodes| nodes.first().copied())
    }

    pub(super) fn attach(&mut self, pod: u32, node: u32, now_ms: u64) {
        self.unlist(node);
        let state = &mut self.nodes[node as usize];
        state.used += 1;
        state.active += 1;
        state.last_ms = now_ms;
        self.list(node);
        let pod = &mut self.pods[pod as usize];
        (pod.node, pod.phase, pod.placed_ms) = (Some(node), Phase::Starting, now_ms);
    }

    pub(super) fn launch(&mut self, kind: usize, now_ms: u64, ready: bool) -> u32 {
        let new = NodeState {
            kind,
            ready,
            leaving: false,
            gone: false,
            used: 0,
            active: 0,
            last_ms: now_ms,
            launched_ms: now_ms,
        };
        if !ready {
            self.booting += self.model.types[kind].pods;
        }
        self.count[kind] += 1;
        self.alive_nodes += 1;
        let node = if let Some(node) = self.vacant_nodes.pop() {
            self.nodes[node as usize] = new;
            node
        } else {
            self.nodes.push(new);
            u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
        };
        self.list(node);
        node
    }

    pub(super) fn terminate(&mut self, now_ms: u64, node: u32, plan: &mut Schedule) {
        let state = &mut self.nodes[node as usize];
        state.gone = true;
        let (kind, lived) = (state.kind, now_ms - state.launched_ms);
        self.count[kind] -= 1;
        self.alive_nodes -= 1;
        self.node_ms[kind] += lived;
        self.vacant_nodes.push(node);
        if !self.pending.is_empty() {
            // Its NodePool may be below its limit again.
            self.plan_batch(now_ms + self.model.batch_ms, plan);
        }
    }

    pub(super) fn list(&mut self, node: u32) {
        let state = &self.nodes[node as usize];
        let free = self.model.types[state.kind].pods - state.used;
        if state.ready && !state.leaving {
            self.room[free as usize].insert(node);
        }
    }

    pub(super) fn unlist(&mut self, node: u32) {
        let state = &self.nodes[node as usize];
        let free = self.model.types[state.kind].pods - state.used;
        self.room[free as usize].remove(&node);
    }

    /// Karpenter creates nodes for pods that neither have one nor fit on those that boot, from the heaviest NodePool that has
    /// capacity and is below its limit. A type without capacity fails, is left out for three minutes, and its pods are
    /// collected again.
    pub fn batch(&mut self, now_ms: u64, plan: &mut Schedule) {
        self.batch_planned = false;
        let pending = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
        let mut without = pending.saturating_sub(self.booting);
        while without > 0 {
            let usable = (0..self.model.types.len()).find(|kind| {
                self.unavailable_until[*kind] <= now_ms && self.count[*kind] < self.model.types[*kind].limit
            });
            let Some(kind) = usable else {
                if let Some(until) = self.unavailable_until.iter().filter(|until| **until > now_ms).min() {
                    self.plan_batch(*until, plan);
                }
                break;
            };
            if self.model.no_capacity.iter().any(|(short, window)| *short == kind && window.has(now_ms)) {
                self.unavailable_until[kind] = now_ms + UNAVAILABLE_MS;
                self.plan_batch(now_ms + FAILED_LAUNCH_MS, plan);
                break;
            }
            let node = self.launch(kind, now_ms, false);
            debug_assert!(self.count[kind] <= self.model.types[kind].limit, "more nodes than the NodePool may have");
            let takes = self.model.node_start.draw(&mut self.node_starts);
            plan.at(now_ms + takes, Event::NodeReady { node });
            without = without.saturating_sub(self.model.types[kind].pods);
        }
    }

    pub fn node_ready(&mut self, now_ms: u64, node: u32, plan: &mut Schedule) {
        let state = &mut self.nodes[node as usize];
        state.ready = true;
        state.last_ms = now_ms;
        self.booting -= self.model.types[state.kind].pods;
        self.list(node);
        self.fill(now_ms, plan);
        self.plan_idle(node, plan);
    }

    /// A node may be empty: terminating pods do not keep it (`IsReschedulable`), but it goes only after the last one.
    pub fn node_idle(&mut self, now_ms: u64, node: u32, since_ms: u64, plan: &mut Schedule) {
        let state = &self.nodes[node as usize];
        if state.gone || state.leaving || state.active > 0 || state.last_ms != since_ms {
            return;
        }
        self.unlist(node);
        self.nodes[node as usize].leaving = true;
        if self.nodes[node as usize].used == 0 {
            self.terminate(now_ms, node, plan);
        }
    }
}
