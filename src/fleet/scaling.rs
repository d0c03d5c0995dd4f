//! How many pods an architecture has.

/// How often KEDA polls the metric of a pool at zero: clients are held for half a minute.
pub const POLLING_INTERVAL_S: u32 = 10;

/// Failed reads of the metric that KEDA tolerates: the next one activates the fallback.
pub const FALLBACK_THRESHOLD: u32 = 3;

/// Pods of one architecture: a fixed number, or scaled by KEDA between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    Fixed { replicas: u32 },
    Keda { bounds: Bounds, fallback: Option<u32> },
}

/// 0 <= min <= max, 1 <= max.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    min: u32,
    max: u32,
}

impl Bounds {
    /// The maximum is at least 1, and the minimum is at most the maximum.
    pub fn new(min: u32, max: u32) -> Self {
        let max = max.max(1);
        Bounds { min: min.min(max), max }
    }

    pub fn min(self) -> u32 {
        self.min
    }

    pub fn max(self) -> u32 {
        self.max
    }
}

impl Scaling {
    pub fn peak(self) -> u32 {
        match self {
            Scaling::Fixed { replicas } => replicas,
            Scaling::Keda { bounds, .. } => bounds.max,
        }
    }

    /// Fewest pods.
    pub fn least(self) -> u32 {
        match self {
            Scaling::Fixed { replicas } => replicas,
            Scaling::Keda { bounds, .. } => bounds.min,
        }
    }
}
