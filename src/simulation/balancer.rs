//! Simulates HAProxy as configured in haproxy.cfg: one queue per backend, one build per server, slots that get and lose
//! addresses. Measured with HAProxy 2.6 to 3.4; measured numbers are noted where they apply.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Time until DNS and HAProxy notice that a pod is ready or terminating: 0.3 to 1.0 s with `timeout resolve 1s`.
pub const DNS_MS: u64 = 1_000;

/// One connection of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedClient {
    pub build: u32,
    /// Which of the build's connections: the client may have left and reconnected.
    pub visit: u32,
    /// When the client leaves. It counts in the queue until the balancer closes its connection, because `option
    /// abortonclose` is not set.
    pub leaves_ms: u64,
    /// When the balancer closes the connection.
    closes_ms: u64,
}

/// One server of the backend.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The pod whose address the slot has.
    pod: Option<u32>,
    /// A build runs on it, possibly on the pod that had the slot before.
    busy: bool,
    /// It is in `idle`.
    listed: bool,
}

/// One backend.
#[derive(Debug)]
pub struct Balancer {
    /// `timeout queue`.
    queue_ms: u64,
    /// `retries`, one per second, while no server is UP.
    hold_ms: u64,
    queue: VecDeque<QueuedClient>,
    held: VecDeque<QueuedClient>,
    slots: Vec<Slot>,
    /// Slots without an address: the lowest is used first, even while an old build still runs on it.
    free: BinaryHeap<Reverse<u32>>,
    /// Servers without a build, the longest idle first (`balance leastconn` rotates). May contain slots that are no longer
    /// idle.
    idle: VecDeque<u32>,
    up: u32,
    running: u32,
}

impl Balancer {
    pub fn new(slots: u32, queue_ms: u64, hold_ms: u64) -> Self {
        Balancer {
            queue_ms,
            hold_ms,
            queue: VecDeque::new(),
            held: VecDeque::new(),
            slots: vec![Slot::default(); slots as usize],
            free: (0..slots).map(Reverse).collect(),
            idle: VecDeque::new(),
            up: 0,
            running: 0,
        }
    }

    /// `haproxy_backend_current_sessions`: running builds, also on terminating pods, and waiting connections, also of
    /// clients that left.
    pub fn sessions(&mut self, now_ms: u64) -> u32 {
        self.forget(now_ms);
        self.running + self.waiting()
    }

    /// Connections that are waiting now.
    pub fn waiting_at(&mut self, now_ms: u64) -> u32 {
        self.forget(now_ms);
        self.waiting()
    }

    /// Waiting connections, some of which may have expired.
    #[expect(clippy::cast_possible_truncation, reason = "builds are numbered in 32 bits")]
    fn waiting(&self) -> u32 {
        (self.queue.len() + self.held.len()) as u32
    }

    /// Removes expired connections. They are all in front, because each queue has one timeout.
    fn forget(&mut self, now_ms: u64) {
        for list in [&mut self.queue, &mut self.held] {
            while list.front().is_some_and(|entry| entry.closes_ms <= now_ms) {
                list.pop_front();
            }
        }
    }

    /// A client connects. Returns the slot that serves it at once; otherwise it waits.
    pub fn connect(&mut self, now_ms: u64, build: u32, visit: u32, leaves_ms: u64) -> Option<u32> {
        while let Some(slot) = self.idle.pop_front() {
            let server = &mut self.slots[slot as usize];
            server.listed = false;
            if server.pod.is_some() && !server.busy {
                server.busy = true;
                self.running += 1;
                return Some(slot);
            }
        }
        let (list, patience) =
            if self.up == 0 { (&mut self.held, self.hold_ms) } else { (&mut self.queue, self.queue_ms) };
        list.push_back(QueuedClient { build, visit, leaves_ms, closes_ms: now_ms.saturating_add(patience) });
        None
    }

    /// The next client for a slot, if it is free and one waits; `stays` returns whether the build still uses this connection.
    /// A connection whose client left is also passed to the pod, which drops it in 16 to 127 ms: ignored here.
    pub fn serve(&mut self, now_ms: u64, slot: u32, stays: impl Fn(&QueuedClient) -> bool) -> Option<QueuedClient> {
        let server = self.slots[slot as usize];
        if server.pod.is_none() || server.busy {
            return None;
        }
        self.forget(now_ms);
        while let Some(entry) = self.queue.pop_front() {
            if entry.leaves_ms > now_ms && stays(&entry) {
                self.slots[slot as usize].busy = true;
                self.running += 1;
                return Some(entry);
            }
        }
        if !server.listed {
            self.slots[slot as usize].listed = true;
            self.idle.push_back(slot);
        }
        None
    }

    /// The pod's address appears. Returns its slot. Clients that were held because there was no server are queued from now
    /// on. Without a slot the pod gets no build; there are twice as many slots as pods.
    pub fn appear(&mut self, now_ms: u64, pod: u32) -> Option<u32> {
        let Reverse(slot) = self.free.pop()?;
        self.slots[slot as usize].pod = Some(pod);
        self.up += 1;
        if self.up == 1 {
            self.forget(now_ms);
            let closes_ms = now_ms.saturating_add(self.queue_ms);
            self.queue.extend(self.held.drain(..).map(|entry| QueuedClient { closes_ms, ..entry }));
        }
        Some(slot)
    }

    /// The pod's address disappears; a build on it continues.
    pub fn vanish(&mut self, now_ms: u64, slot: u32) {
        self.close(now_ms, slot);
        self.free.push(Reverse(slot));
    }

    /// The pod refuses connections and keeps its address, as those do that have a guard and drain. A build on it continues.
    pub fn close(&mut self, now_ms: u64, slot: u32) {
        if self.slots[slot as usize].pod.take().is_none() {
            return;
        }
        self.up -= 1;
        if self.up == 0 {
            self.forget(now_ms);
            let closes_ms = now_ms.saturating_add(self.hold_ms);
            self.held.extend(self.queue.drain(..).map(|entry| QueuedClient { closes_ms, ..entry }));
        }
    }

    /// The build on a slot ends.
    pub fn end(&mut self, slot: u32) {
        self.slots[slot as usize].busy = false;
        self.running -= 1;
    }

    /// The pod whose address a slot has.
    pub fn pod_of(&self, slot: u32) -> Option<u32> {
        self.slots[slot as usize].pod
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAYS: fn(&QueuedClient) -> bool = |_| true;

    /// A backend with these pods, served.
    fn balancer(pods: u32) -> Balancer {
        let mut balancer = Balancer::new(64, 35_000, 30_000);
        for pod in 0..pods {
            let slot = balancer.appear(0, pod).unwrap_or_else(|| panic!("no slot"));
            assert_eq!(balancer.serve(0, slot, STAYS), None);
        }
        balancer
    }

    #[test]
    fn first_come_first_served_and_never_two_on_a_server() {
        let mut lb = balancer(1);
        assert_eq!(lb.connect(0, 1, 0, 20_000), Some(0));
        assert_eq!(lb.connect(0, 2, 0, 20_000), None);
        assert_eq!(lb.connect(1, 3, 0, 20_000), None);
        assert_eq!(lb.sessions(1), 3);
        assert_eq!(lb.serve(5_000, 0, STAYS), None, "busy");
        lb.end(0);
        assert_eq!(lb.serve(5_000, 0, STAYS).map(|entry| entry.build), Some(2));
        assert_eq!(lb.sessions(5_000), 2);
    }

    #[test]
    fn a_client_that_left_counts_until_its_time_is_over_and_takes_no_server() {
        let mut lb = balancer(1);
        lb.connect(0, 1, 0, 20_000);
        lb.connect(0, 2, 0, 20_000);
        assert_eq!(lb.sessions(34_999), 2);
        assert_eq!(lb.sessions(35_000), 1);
        lb.connect(40_000, 2, 1, 60_000);
        lb.connect(41_000, 3, 0, 61_000);
        lb.end(0);
        assert_eq!(lb.serve(60_500, 0, STAYS).map(|entry| entry.build), Some(3), "2 left at 60 s");
    }

    #[test]
    fn without_a_server_clients_are_held_counted_and_served_when_one_appears() {
        let mut lb = balancer(0);
        assert_eq!(lb.connect(0, 1, 0, 20_000), None);
        assert_eq!(lb.sessions(29_999), 1);
        assert_eq!(lb.sessions(30_000), 0);
        lb.connect(31_000, 1, 1, 51_000);
        let slot = lb.appear(40_000, 7).unwrap_or_else(|| panic!("no slot"));
        assert_eq!(lb.serve(40_000, slot, STAYS).map(|entry| entry.visit), Some(1));
    }

    #[test]
    fn a_connection_whose_time_is_over_does_not_come_back_when_the_last_server_goes() {
        let mut lb = balancer(1);
        lb.connect(0, 1, 0, 20_000);
        lb.connect(0, 2, 0, 20_000);
        lb.connect(10_000, 3, 0, 30_000);
        lb.vanish(40_000, 0);
        assert_eq!(lb.sessions(40_000), 2, "1 builds, 3 is held");
    }

    #[test]
    fn a_new_pod_takes_the_lowest_free_slot_and_waits_for_the_old_build_on_it() {
        let mut lb = balancer(2);
        assert_eq!(lb.connect(0, 1, 0, 20_000), Some(0));
        lb.vanish(1_000, 0);
        let slot = lb.appear(2_000, 9).unwrap_or_else(|| panic!("no slot"));
        assert_eq!(slot, 0);
        assert_eq!(lb.serve(2_000, slot, STAYS), None);
        assert_eq!(lb.connect(3_000, 2, 0, 23_000), Some(1), "the other pod");
        assert_eq!(lb.connect(3_000, 3, 0, 23_000), None, "the new pod is not used");
        lb.end(0);
        assert_eq!(lb.serve(4_000, 0, STAYS).map(|entry| entry.build), Some(3));
    }

    #[test]
    fn a_guarded_pod_that_drains_keeps_its_slot_and_a_new_pod_serves_at_once() {
        let mut lb = balancer(2);
        assert_eq!(lb.connect(0, 1, 0, 20_000), Some(0));
        assert_eq!(lb.connect(0, 2, 0, 20_000), Some(1));
        lb.close(1_000, 0);
        assert_eq!(lb.connect(1_000, 3, 0, 21_000), None);
        let slot = lb.appear(2_000, 9).unwrap_or_else(|| panic!("no slot"));
        assert_eq!(slot, 2, "its own");
        assert_eq!(lb.serve(2_000, slot, STAYS).map(|entry| entry.build), Some(3));
        // The old build ends: the pod takes no other, and its slot is free when it is gone.
        lb.end(0);
        assert_eq!(lb.serve(3_000, 0, STAYS), None);
        lb.vanish(4_000, 0);
        assert_eq!((lb.appear(5_000, 10), lb.up), (Some(0), 3));
    }
}
