//! Every time in the manifests, derived from the longest build and the client's patience.

/// How long a node is empty before it is removed: another burst within minutes can use the same nodes.
pub const CONSOLIDATE_AFTER_MINUTES: u32 = 5;

/// build limit < load balancer timeouts < drain cap < pod's grace period <= load balancer's grace period.
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

    /// `timeout client` and `timeout server`: the build limit plus five minutes for setup and cleanup.
    pub fn lb_timeout_minutes(self) -> u32 {
        self.max_build_minutes + 5
    }

    /// The shortest pause of bk-build, whose jitter leaves at least 0.8 of it, in whole seconds.
    pub fn least_pause_s(self) -> u32 {
        self.client_retry_pause_s * 4 / 5
    }

    /// `timeout queue`: a second less than a client's shortest cycle of wait and pause, and more than its wait. A client
    /// that keeps trying then counts once: 50 clients in a burst on 2 busy pods were 50 sessions at most with 30 to 32 s,
    /// 96 with the whole cycle of 35 s.
    pub fn queue_s(self) -> u32 {
        (self.client_connect_s + 1).max((self.client_connect_s + self.least_pause_s()).saturating_sub(1))
    }

    /// `retries`, one per second: how long a client is held while there is no pod, as long as in the queue.
    pub fn hold_retries(self) -> u32 {
        self.queue_s()
    }

    /// terminationGracePeriodSeconds of builders and load balancer.
    pub fn grace_s(self) -> u32 {
        self.max_build_minutes * 60 + 900
    }

    /// drain.sh gives up two minutes before the grace period ends: on SIGTERM, buildkitd then finishes what is running.
    pub fn drain_cap_s(self) -> u32 {
        self.grace_s() - 120
    }
}
