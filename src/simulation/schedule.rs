//! Planned events, in order of time; events of the same time in the order in which they were planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An event. `life` counts the pods that have had a place, so that an event planned for an earlier pod does not happen to
/// the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A waiting client takes its next step.
    Client {
        build: u32,
        visit: u32,
    },
    BuildEnds {
        pod: u32,
        life: u32,
    },
    PodReady {
        pod: u32,
        life: u32,
    },
    /// The balancer notices the pod.
    PodAppears {
        pod: u32,
        life: u32,
    },
    /// The balancer notices that the pod is terminating.
    PodVanishes {
        pod: u32,
        life: u32,
    },
    PodExits {
        pod: u32,
        life: u32,
    },
    /// Its grace period is over.
    PodKilled {
        pod: u32,
        life: u32,
    },
    /// Its node or process disappears without notice.
    PodLost {
        pod: u32,
        life: u32,
    },
    NodeReady {
        node: u32,
    },
    NodeIdle {
        node: u32,
        since_ms: u64,
    },
    /// Karpenter handles the pods that have no node.
    Batch,
    HpaLooks,
    KedaPolls,
    Sample,
}

#[derive(Debug, Default)]
pub struct Schedule {
    heap: BinaryHeap<Reverse<(u64, u64, Event)>>,
    planned: u64,
}

impl Schedule {
    pub fn at(&mut self, at_ms: u64, event: Event) {
        self.heap.push(Reverse((at_ms, self.planned, event)));
        self.planned += 1;
    }

    pub fn capacity(&self) -> usize {
        self.heap.capacity()
    }

    /// Moves events that repeat on to their first time from `until_ms` on, by whole periods; `period` is `Some(0)` of one that
    /// stays where it is, and `None` of one that does not repeat: then nothing moves.
    pub fn skip(&mut self, until_ms: u64, period: impl Fn(Event) -> Option<u64>) {
        if self.heap.iter().any(|Reverse((.., event))| period(*event).is_none()) {
            return;
        }
        let moved = self.heap.drain().map(|Reverse((at_ms, place, event))| {
            let period_ms = period(event).unwrap_or(0);
            let periods = until_ms.saturating_sub(at_ms).div_ceil(period_ms.max(1));
            Reverse((at_ms + periods * period_ms, place, event))
        });
        self.heap = moved.collect();
    }

    pub fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at_ms, ..))| *at_ms)
    }

    pub fn pop(&mut self) -> Option<(u64, Event)> {
        self.heap.pop().map(|Reverse((at_ms, _, event))| (at_ms, event))
    }
}
