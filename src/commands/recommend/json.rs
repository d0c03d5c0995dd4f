//! Recommended bounds for programs.

use serde::Serialize;

use crate::simulation::choice::Choice;
use crate::simulation::recommend::Advice;
use crate::values::arch::Arch;

/// What `recommend --format json` prints: the cheapest bounds with which builds wait no longer than asked for.
#[derive(Debug, Serialize)]
pub(super) struct RecommendJson<'a> {
    /// Name of the cluster in clusters.yaml.
    pub cluster: &'a str,
    /// Longest wait that was asked for, of 99 of 100 builds, in seconds.
    pub p99_wait_s: u64,
    /// Why the record shows less than what was wanted, so that the bounds are the least that may be enough; null where it
    /// does not say so.
    pub censored: Option<&'a str>,
    /// The pools that were looked at and that the record has builds of.
    pub pools: Vec<PoolAdvice>,
}

/// What was found for one architecture.
#[derive(Debug, Serialize)]
pub(super) struct PoolAdvice {
    /// CPU architecture of the builders.
    arch: Arch,
    /// Number of builds in the record.
    builds: usize,
    /// Days that the record stands for.
    days: u32,
    /// The bounds of clusters.yaml.
    now: ChoiceJson,
    /// The cheapest bounds that keep the waits short enough; null where no number of pods is enough.
    recommended: Option<ChoiceJson>,
    /// Bounds that were tried: the cheapest of these is recommended, and others may be cheaper still.
    tried: usize,
    /// Runs of each choice that is shown.
    runs: u64,
    /// Smaller and larger minima with one maximum, to compare waits with cost; empty of a fixed pool.
    curve: Vec<ChoiceJson>,
}

/// One choice of bounds, and what comes of it.
#[derive(Debug, Serialize)]
struct ChoiceJson {
    /// Fewest pods.
    min_pods: u32,
    /// Most pods.
    max_pods: u32,
    /// Whether 99 of 100 builds wait no longer than asked for, and no client gives up.
    good: bool,
    /// Wait that 99 of 100 builds do not exceed, in seconds; null where more than one of 100 gave up.
    wait_p99_s: Option<u64>,
    /// Builds whose client gave up, as a mean of one run.
    gave_up: f64,
    /// Days of the record on which more than one of 100 builds waited longer than asked for, as a mean of one run.
    days_missed: f64,
    /// Hours of nodes a day; null with `nodes.provisioner: none`, where the nodes are not known.
    node_hours_per_day: Option<f64>,
    /// Hours of pods a day, by which choices are compared where the nodes are not known; null where they are.
    pod_hours_per_day: Option<f64>,
    /// Cost of the nodes, in US dollars a day; null where a price is not known.
    usd_per_day: Option<f64>,
}

impl PoolAdvice {
    pub(super) fn of(advice: &Advice) -> Self {
        let choice = |choice: &Choice| ChoiceJson::of(choice, advice.karpenter);
        PoolAdvice {
            arch: advice.arch,
            builds: advice.builds,
            days: advice.days,
            now: choice(&advice.now),
            tried: advice.tried,
            runs: advice.runs,
            recommended: advice.best.as_ref().map(choice),
            curve: advice.curve.iter().map(choice).collect(),
        }
    }
}

impl ChoiceJson {
    fn of(choice: &Choice, karpenter: bool) -> Self {
        ChoiceJson {
            min_pods: choice.min,
            max_pods: choice.max,
            good: choice.good(),
            wait_p99_s: choice.p99_ms.map(|wait_ms| wait_ms / 1000),
            gave_up: choice.gave_up,
            days_missed: choice.days_missed,
            node_hours_per_day: karpenter.then_some(choice.node_hours_per_day),
            pod_hours_per_day: (!karpenter).then_some(choice.node_hours_per_day),
            usd_per_day: choice.usd_per_day,
        }
    }
}
