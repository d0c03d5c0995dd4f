//! What is asked of a run, which does no more than that.

/// What a run should find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    Outcome,
    /// The outcome, and what happened over time.
    Record,
    /// The outcome, and for each day the builds that waited longer than this.
    Days {
        wait_ms: u64,
    },
    /// Whether the run stays within these limits: it ends as soon as it does not.
    Within(Limits),
}

/// What a run must not exceed: nobody gives up, and no more than `misses` builds wait longer than `wait_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub wait_ms: u64,
    pub misses: u64,
}

impl Limits {
    /// Nobody gives up, however long builds wait.
    pub const NOBODY_GIVES_UP: Limits = Limits { wait_ms: u64::MAX, misses: u64::MAX };
}
