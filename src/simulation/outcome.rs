//! The results of a simulation.

use crate::simulation::duration::Length;
use crate::simulation::model::Model;
use crate::simulation::series::Series;
use crate::simulation::waits::Waits;

/// The builds that arrived on one day, counted from the first arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    pub builds: u64,
    /// Those that waited too long, or gave up.
    pub missed: u64,
}

impl Day {
    /// Whether more than one in a hundred missed.
    pub fn misses(self) -> bool {
        self.missed > self.builds / 100
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
    /// Tries of all clients, those that got a builder included.
    pub tries: u64,
    /// Builds that exceeded the wait of the limits, if the aim has some.
    pub missed: u64,
    /// Of each day on which builds arrived, how they fared; empty unless the aim is to judge days.
    pub days: Vec<Day>,
    /// From the first arrival to the end of the last build.
    pub makespan_ms: u64,
    /// From the first arrival until the fleet was back at rest.
    pub settled_ms: u64,
    pub peak_pods: u32,
    pub peak_nodes: u32,
    /// Milliseconds that pods existed on nodes, until the fleet was back at rest.
    pub pod_ms: u64,
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
        self.tries += other.tries;
        self.missed += other.missed;
        self.pod_ms += other.pod_ms;
        self.days.resize(self.days.len().max(other.days.len()), Day::default());
        for (sum, one) in self.days.iter_mut().zip(&other.days) {
            sum.builds += one.builds;
            sum.missed += one.missed;
        }
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

/// What varies between runs and is shown with its spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub node_ms: Vec<u64>,
    pub peak_pods: u32,
    pub peak_nodes: u32,
}

/// Results of many runs: sums, and maxima of peaks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub runs: u64,
    pub total: RunResult,
    pub longest_makespan_ms: u64,
    /// Runs in which some build did not finish.
    pub runs_with_losses: u64,
    /// Of each run, in no order.
    pub figures: Vec<Figures>,
    /// The first run, over time.
    pub series: Series,
}

impl Summary {
    pub fn add(&mut self, run: &RunResult) {
        self.runs += 1;
        self.longest_makespan_ms = self.longest_makespan_ms.max(run.makespan_ms);
        self.runs_with_losses += u64::from(run.gave_up + run.failed > 0);
        self.figures.push(Figures {
            node_ms: run.node_ms.clone(),
            peak_pods: run.peak_pods,
            peak_nodes: run.peak_nodes,
        });
        self.total.merge(run);
    }

    /// Adds the runs of another summary.
    pub fn merge(&mut self, other: Summary) {
        self.runs += other.runs;
        self.longest_makespan_ms = self.longest_makespan_ms.max(other.longest_makespan_ms);
        self.runs_with_losses += other.runs_with_losses;
        self.figures.extend(other.figures);
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

    /// Of the runs' costs in US dollars, what one in twenty stays below and one in twenty exceeds; `None` if a price is unknown.
    pub fn usd_spread(&self, model: &Model) -> Option<(f64, f64)> {
        let cost = |run: &Figures| {
            let parts = model.types.iter().zip(&run.node_ms).filter(|(_, ms)| **ms > 0);
            parts.map(|(one, ms)| Some(one.hourly?.as_f64() * Length(*ms).hours())).sum::<Option<f64>>()
        };
        let mut costs: Vec<f64> = self.figures.iter().map(cost).collect::<Option<_>>()?;
        costs.sort_by(f64::total_cmp);
        Some((*costs.get(costs.len() / 20)?, *costs.get(costs.len() - 1 - costs.len() / 20)?))
    }

    /// What the run in the middle has, by this figure.
    pub fn median(&self, figure: impl Fn(&Figures) -> u32) -> u32 {
        let mut all: Vec<u32> = self.figures.iter().map(figure).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or(0)
    }

    /// Average pod hours per run.
    pub fn pod_hours(&self) -> f64 {
        self.mean(self.total.pod_ms) / 3_600_000.0
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
