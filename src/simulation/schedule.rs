//! What happens when: events in the order of time, those of one time in the order that they were planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens. Pods carry the number of their life, so that what was planned for one that is gone does not happen to
/// the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A client that waits comes to its next step.
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
    /// The balancer knows the pod.
    PodAppears {
        pod: u32,
        life: u32,
    },
    /// The balancer knows that the pod ends.
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
    /// Its node or process is gone without a word.
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
    /// Karpenter looks at the pods that have no node.
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

    pub fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at_ms, ..))| *at_ms)
    }

    pub fn pop(&mut self) -> Option<(u64, Event)> {
        self.heap.pop().map(|Reverse((at_ms, _, event))| (at_ms, event))
    }
}
