//! Every time in the manifests, derived from the longest build and the client's patience.

/// How long a node is empty before it goes: a burst's nodes serve the next one of the same minutes.
pub const CONSOLIDATE_AFTER_MINUTES: u32 = 5;

/// build limit < load balancer's timeouts < drain cap < pod's grace <= load balancer's grace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    max_build_minutes: u32,
    client_connect_s: u32,
    client_retry_pause_s: u32,
}

impl Timing {
    pub fn new(max_build_minutes: u32, client_connect_s: u32, client_retry_pause_s: u32) -> Self {
        Timing { max_build_minutes, client_connect_s, client_retry_pause_s }
    }

    pub fn max_build_minutes(self) -> u32 {
        self.max_build_minutes
    }

    pub fn client_connect_s(self) -> u32 {
        self.client_connect_s
    }

    pub fn client_retry_pause_s(self) -> u32 {
        self.client_retry_pause_s
    }

    /// `timeout client` and `timeout server`: five minutes for what surrounds a build.
    pub fn lb_timeout_minutes(self) -> u32 {
        self.max_build_minutes + 5
    }

    /// `timeout queue`: one whole cycle of a client, wait and pause. Then a client that goes on trying counts exactly
    /// once; measured 10.0 of 10 and 140 of 140.
    pub fn queue_s(self) -> u32 {
        self.client_connect_s + self.client_retry_pause_s
    }

    /// `retries`, one a second: how long a client is held while no pod exists, longer than it waits.
    pub fn hold_retries(self) -> u32 {
        self.client_connect_s + 10
    }

    /// terminationGracePeriodSeconds of builders and load balancer.
    pub fn grace_s(self) -> u32 {
        self.max_build_minutes * 60 + 900
    }

    /// drain.sh gives up before the grace ends: buildkitd then finishes what runs, on SIGTERM, in the two minutes left.
    pub fn drain_cap_s(self) -> u32 {
        self.grace_s() - 120
    }
}
