//! Waits of builds as a histogram of seconds, so that memory does not grow with the number of builds.

/// Waits in whole seconds, rounded up. A build that never got a builder waited longer than every other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    seconds: Vec<u64>,
    count: u64,
    never: u64,
    sum_ms: u128,
    max_ms: u64,
}

impl Waits {
    /// A build that got a builder after this time.
    pub fn add(&mut self, ms: u64) {
        let second = usize::try_from(ms.div_ceil(1000)).unwrap_or(usize::MAX);
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, 0);
        }
        self.seconds[second] += 1;
        self.count += 1;
        self.sum_ms += u128::from(ms);
        self.max_ms = self.max_ms.max(ms);
    }

    /// A build that never got a builder.
    pub fn add_never(&mut self) {
        self.never += 1;
    }

    pub(super) fn merge(&mut self, other: &Waits) {
        if self.seconds.len() < other.seconds.len() {
            self.seconds.resize(other.seconds.len(), 0);
        }
        for (mine, theirs) in self.seconds.iter_mut().zip(&other.seconds) {
            *mine += theirs;
        }
        self.count += other.count;
        self.never += other.never;
        self.sum_ms += other.sum_ms;
        self.max_ms = self.max_ms.max(other.max_ms);
    }

    /// Builds that got a builder.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Longest wait of a build that got a builder, in ms.
    pub fn max_ms(&self) -> u64 {
        self.max_ms
    }

    /// Mean wait of the builds that got a builder, in ms.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn mean_ms(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum_ms as f64 / self.count as f64 }
    }

    /// Percentile of the waits of all builds (nearest rank), in ms, rounded up to whole seconds. `None` where that many did
    /// not get a builder, 0 without builds.
    pub fn percentile_ms(&self, percent: u64) -> Option<u64> {
        let builds = self.count + self.never;
        if builds == 0 {
            return Some(0);
        }
        let rank = (builds * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (second, builds) in self.seconds.iter().enumerate() {
            seen += builds;
            if seen >= rank {
                return Some((second as u64 * 1000).min(self.max_ms));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut waits = Waits::default();
        for second in 1..=100 {
            waits.add(second * 1000);
        }
        let at = |waits: &Waits| [50, 90, 99, 100].map(|percent| waits.percentile_ms(percent));
        assert_eq!(at(&waits), [50_000, 90_000, 99_000, 100_000].map(Some));
        assert!((waits.mean_ms() - 50_500.0).abs() < f64::EPSILON);
        let mut one = Waits::default();
        one.add(1_700);
        assert_eq!((one.percentile_ms(50), one.max_ms()), (Some(1_700), 1_700));
        assert_eq!(Waits::default().percentile_ms(99), Some(0));
    }

    #[test]
    fn a_build_that_gave_up_waited_longer_than_every_other() {
        let mut waits = Waits::default();
        for _ in 0..98 {
            waits.add(1_000);
        }
        waits.add_never();
        waits.add(2_000);
        assert_eq!((waits.percentile_ms(98), waits.percentile_ms(99)), (Some(1_000), Some(2_000)));
        assert_eq!((waits.percentile_ms(100), waits.count()), (None, 99));
    }
}
