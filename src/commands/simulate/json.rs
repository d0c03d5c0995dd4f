//! What a simulation found, for programs.

use serde::Serialize;

use crate::commands::simulate::simulated::Simulated;
use crate::simulation::duration::Length;
use crate::simulation::series::Point;
use crate::values::arch::Arch;

/// What `simulate --format json` prints with `--compare`: the same builds on both configurations.
#[derive(Debug, Serialize)]
pub(super) struct ComparisonJson {
    /// The pool of clusters.yaml, or of `--config`.
    pub here: SimulationJson,
    /// The pool of `--compare`.
    pub there: SimulationJson,
}

/// What `simulate --format json` prints: what became of the builds on one pool. Counts, lengths and costs are means of one
/// run unless said otherwise.
#[derive(Debug, Serialize)]
pub(super) struct SimulationJson {
    /// Name of the cluster in clusters.yaml.
    cluster: String,
    /// CPU architecture of the builders.
    arch: Arch,
    /// Fewest pods.
    min_pods: u32,
    /// Most pods.
    max_pods: u32,
    /// How long a client tries before it gives up, in seconds.
    budget_s: u64,
    /// Number of runs, each with other random numbers.
    runs: u64,
    /// Builds that came.
    builds: f64,
    /// Builds that finished.
    finished: f64,
    /// Builds whose client gave up: its budget was spent.
    gave_up: f64,
    /// Builds that were lost with their builder and not begun again, or too often.
    failed: f64,
    /// Builds that were cut by the loss of a builder, whether they were begun again or not.
    cut: f64,
    /// Number of runs in which some build did not finish.
    runs_with_losses: u64,
    /// Mean wait of the builds that got a builder, in seconds.
    wait_mean_s: f64,
    /// Wait that 50 of 100 builds of all runs did not exceed, in seconds. This and the next are null where more builds gave up.
    wait_p50_s: Option<u64>,
    /// Wait that 90 of 100 builds of all runs did not exceed, in seconds.
    wait_p90_s: Option<u64>,
    /// Wait that 95 of 100 builds of all runs did not exceed, in seconds.
    wait_p95_s: Option<u64>,
    /// Wait that 99 of 100 builds of all runs did not exceed, in seconds.
    wait_p99_s: Option<u64>,
    /// Longest wait of a build that got a builder, of all runs, in seconds.
    wait_max_s: u64,
    /// Tries of the clients.
    tries: f64,
    /// From the first arrival to the end of the last build, in seconds.
    makespan_s: f64,
    /// The longest such time of all runs, in seconds.
    makespan_max_s: u64,
    /// From the first arrival until the pool is as small as before, in seconds; null where a run was ended before.
    settled_s: Option<f64>,
    /// Number of runs that were ended before the pool was as small as before.
    runs_unsettled: u64,
    /// Nodes before the first arrival. This and all that follows about nodes and cost is null with `nodes.provisioner: none`:
    /// nodes are then not part of the fleet, and there is room for every pod.
    nodes_before: Option<f64>,
    /// Nodes when the pool is at rest again.
    nodes_after: Option<f64>,
    /// Most pods at once, draining ones included, of all runs.
    peak_pods: u32,
    /// The same of the run in the middle.
    peak_pods_median: u32,
    /// Most nodes at once, of all runs.
    peak_nodes: Option<u32>,
    /// Most nodes at once in the run in the middle.
    peak_nodes_median: Option<u32>,
    /// Hours of pods on nodes until the pool is at rest again.
    pod_hours: f64,
    /// Hours of nodes until the pool is at rest again.
    node_hours: Option<f64>,
    /// Of these, hours after the last build ended.
    idle_node_hours: Option<f64>,
    /// Cost of `node_hours`, in US dollars; null where the price of a type that ran is not known.
    usd: Option<f64>,
    /// What that cost stayed below in one of 20 runs.
    usd_p5: Option<f64>,
    /// What that cost exceeded in one of 20 runs.
    usd_p95: Option<f64>,
    /// Cost of `idle_node_hours`, in US dollars; null where the price of a type that ran is not known.
    idle_usd: Option<f64>,
    /// Instance types that ran and whose price is not known.
    unknown_prices: Vec<String>,
    /// Whether every build gets a builder, and what would have to change for it.
    verdict: VerdictJson,
    /// The first run over time, at equal distances and at its end.
    series: Vec<PointJson>,
}

/// Whether every build gets a builder, and what would have to change for it.
#[derive(Debug, Serialize)]
struct VerdictJson {
    /// Whether every build gets a builder as it is.
    enough: bool,
    /// Smallest budget with which no client gives up, in seconds; null where even a week is not enough.
    budget_s: Option<u64>,
    /// Whether that is the smallest: of very many builds that wait long, smaller ones are not tried.
    budget_is_least: bool,
    /// Smallest maximum of pods with which no client gives up; null where no maximum helps.
    max_pods: Option<u32>,
    /// Number of runs in which `budget_s` and `max_pods` were tried.
    runs: u64,
}

/// One moment of the first run.
#[derive(Debug, Serialize)]
struct PointJson {
    /// Time since the first arrival, in seconds.
    at_s: u64,
    /// Builds that came and neither ended nor gave up.
    demand: u32,
    /// Pods that take builds.
    pods_ready: u32,
    /// Pods that are terminating.
    pods_draining: u32,
    /// Connections that wait in the load balancer, also those of clients that left.
    queued: u32,
    /// Nodes, from their launch to their termination; null with `nodes.provisioner: none`.
    nodes: Option<u32>,
}

impl SimulationJson {
    pub(super) fn of(found: &Simulated) -> Self {
        let Simulated { scenario, model, summary, verdict, .. } = found;
        let total = &summary.total;
        let waits = &total.waits;
        let (min_pods, max_pods) = scenario.bounds();
        let spread = summary.usd_spread(model);
        let of_nodes = |number: f64| model.karpenter.then_some(number);
        SimulationJson {
            cluster: scenario.fleet.key.to_string(),
            arch: scenario.arch,
            min_pods,
            max_pods,
            budget_s: seconds(scenario.assumptions.budget.0),
            runs: summary.runs,
            builds: summary.mean(total.arrived),
            finished: summary.mean(total.finished),
            gave_up: summary.mean(total.gave_up),
            failed: summary.mean(total.failed),
            cut: summary.mean(total.cut),
            runs_with_losses: summary.runs_with_losses,
            wait_mean_s: waits.mean_ms() / 1000.0,
            wait_p50_s: waits.percentile_ms(50).map(seconds),
            wait_p90_s: waits.percentile_ms(90).map(seconds),
            wait_p95_s: waits.percentile_ms(95).map(seconds),
            wait_p99_s: waits.percentile_ms(99).map(seconds),
            wait_max_s: seconds(waits.max_ms()),
            tries: summary.mean(total.tries),
            makespan_s: summary.mean(total.makespan_ms) / 1000.0,
            makespan_max_s: seconds(summary.longest_makespan_ms),
            settled_s: (total.unsettled == 0).then(|| summary.mean(total.settled_ms) / 1000.0),
            runs_unsettled: total.unsettled,
            nodes_before: of_nodes(summary.mean(total.nodes_before.iter().sum())),
            nodes_after: of_nodes(summary.mean(total.nodes_after.iter().sum())),
            peak_pods: total.peak_pods,
            peak_pods_median: summary.median(|run| run.peak_pods),
            peak_nodes: model.karpenter.then_some(total.peak_nodes),
            peak_nodes_median: model.karpenter.then(|| summary.median(|run| run.peak_nodes)),
            pod_hours: summary.pod_hours(),
            node_hours: of_nodes(summary.node_hours(&total.node_ms)),
            idle_node_hours: of_nodes(summary.node_hours(&total.idle_node_ms)),
            usd: summary.usd(model, &total.node_ms).ok(),
            usd_p5: spread.map(|(low, _)| low),
            usd_p95: spread.map(|(_, high)| high),
            idle_usd: summary.usd(model, &total.idle_node_ms).ok(),
            unknown_prices: summary.usd(model, &total.node_ms).err().filter(|_| model.karpenter).unwrap_or_default(),
            verdict: VerdictJson {
                enough: verdict.enough,
                budget_s: verdict.budget.map(|Length(ms)| seconds(ms)),
                budget_is_least: verdict.budget_is_least,
                max_pods: verdict.max,
                runs: verdict.runs,
            },
            series: summary.series.points.iter().map(|point| PointJson::of(point, model.karpenter)).collect(),
        }
    }
}

impl PointJson {
    fn of(point: &Point, nodes_known: bool) -> Self {
        PointJson {
            at_s: seconds(point.at_ms),
            demand: point.demand,
            pods_ready: point.ready,
            pods_draining: point.draining,
            queued: point.queued,
            nodes: nodes_known.then_some(point.nodes),
        }
    }
}

fn seconds(ms: u64) -> u64 {
    ms / 1000
}
