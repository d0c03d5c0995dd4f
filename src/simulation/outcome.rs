//! The results of a simulation. Waits are a histogram of seconds, so that memory does not grow with the number of builds.

use crate::simulation::model::Model;
use crate::simulation::series::Series;

/// Waits of builds that got a builder, in whole seconds, rounded up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    seconds: Vec<u64>,
    count: u64,
    sum_ms: u128,
    max_ms: u64,
}

impl Waits {
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

    fn merge(&mut self, other: &Waits) {
        if self.seconds.len() < other.seconds.len() {
            self.seconds.resize(other.seconds.len(), 0);
        }
        for (mine, theirs) in self.seconds.iter_mut().zip(&other.seconds) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum_ms += other.sum_ms;
        self.max_ms = self.max_ms.max(other.max_ms);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn max_ms(&self) -> u64 {
        self.max_ms
    }

    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn mean_ms(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum_ms as f64 / self.count as f64 }
    }

    /// Percentile of the waits (nearest rank), in ms, rounded up to whole seconds.
    pub fn percentile_ms(&self, percent: u64) -> u64 {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (second, builds) in self.seconds.iter().enumerate() {
            seen += builds;
            if seen >= rank {
                return (second as u64 * 1000).min(self.max_ms);
            }
        }
        self.max_ms
    }
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunResult {
    pub waits: Waits,
    pub arrived: u64,
    pub finished: u64,
    /// Builds whose budget was used up.
    pub gave_up: u64,
    /// Builds whose builder was lost and that did not retry, or lost too many builders.
    pub failed: u64,
    /// Builds that were interrupted by the loss of a builder, whether they retried or not.
    pub cut: u64,
    /// From the first arrival to the end of the last build.
    pub makespan_ms: u64,
    /// From the first arrival until the fleet was back at rest.
    pub settled_ms: u64,
    pub peak_pods: u32,
    pub peak_nodes: u32,
    /// Places in memory for builds, pods, nodes and planned events. They are reused, so this is how many were needed at once.
    pub places: usize,
    /// Milliseconds that nodes of each type existed, until the fleet was back at rest.
    pub node_ms: Vec<u64>,
    /// Of these, the time after the end of the last build.
    pub idle_node_ms: Vec<u64>,
    /// Nodes of each type when the fleet was at rest: before the builds and after them.
    pub nodes_before: Vec<u64>,
    pub nodes_after: Vec<u64>,
    /// Runs that were stopped before the fleet was at rest again.
    pub unsettled: u64,
}

impl RunResult {
    fn merge(&mut self, other: &RunResult) {
        self.waits.merge(&other.waits);
        self.arrived += other.arrived;
        self.finished += other.finished;
        self.gave_up += other.gave_up;
        self.failed += other.failed;
        self.cut += other.cut;
        self.makespan_ms += other.makespan_ms;
        self.settled_ms += other.settled_ms;
        self.peak_pods = self.peak_pods.max(other.peak_pods);
        self.peak_nodes = self.peak_nodes.max(other.peak_nodes);
        self.places = self.places.max(other.places);
        self.unsettled += other.unsettled;
        for (sum, one) in [
            (&mut self.node_ms, &other.node_ms),
            (&mut self.idle_node_ms, &other.idle_node_ms),
            (&mut self.nodes_before, &other.nodes_before),
            (&mut self.nodes_after, &other.nodes_after),
        ] {
            sum.resize(one.len().max(sum.len()), 0);
            sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
        }
    }
}

/// Results of many runs: sums, and maxima of peaks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub runs: u64,
    pub total: RunResult,
    pub longest_makespan_ms: u64,
    /// Runs in which some build did not finish.
    pub runs_with_losses: u64,
    /// The first run, over time.
    pub series: Series,
}

impl Summary {
    pub fn add(&mut self, run: &RunResult) {
        self.runs += 1;
        self.longest_makespan_ms = self.longest_makespan_ms.max(run.makespan_ms);
        self.runs_with_losses += u64::from(run.gave_up + run.failed > 0);
        self.total.merge(run);
    }

    /// Adds the runs of another summary.
    pub fn merge(&mut self, other: Summary) {
        self.runs += other.runs;
        self.longest_makespan_ms = self.longest_makespan_ms.max(other.longest_makespan_ms);
        self.runs_with_losses += other.runs_with_losses;
        self.total.merge(&other.total);
        if self.series.points.is_empty() {
            self.series = other.series;
        }
    }

    /// Average per run.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn mean(&self, sum: u64) -> f64 {
        if self.runs == 0 { 0.0 } else { sum as f64 / self.runs as f64 }
    }

    /// Average node hours per run.
    pub fn node_hours(&self, node_ms: &[u64]) -> f64 {
        self.mean(node_ms.iter().sum()) / 3_600_000.0
    }

    /// Average cost of nodes per run, in US dollars; the error lists types that ran and whose price is unknown.
    pub fn usd(&self, model: &Model, node_ms: &[u64]) -> Result<f64, Vec<String>> {
        let ran = || model.types.iter().zip(node_ms).filter(|(_, ms)| **ms > 0);
        let unknown: Vec<String> =
            ran().filter(|(one, _)| one.hourly.is_none()).map(|(one, _)| one.name.clone()).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        Ok(ran()
            .filter_map(|(one, ms)| Some(one.hourly?.as_f64() * self.mean(*ms) / 3_600_000.0))
            .fold(0.0, |sum, usd| sum + usd))
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
        assert_eq!([50, 90, 99, 100].map(|percent| waits.percentile_ms(percent)), [50_000, 90_000, 99_000, 100_000]);
        assert!((waits.mean_ms() - 50_500.0).abs() < f64::EPSILON);
        let mut one = Waits::default();
        one.add(1_700);
        assert_eq!((one.percentile_ms(50), one.max_ms()), (1_700, 1_700));
        assert_eq!(Waits::default().percentile_ms(99), 0);
    }
}
