//! Finds the cheapest bounds with which builds wait no longer than the target.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, bail};

use crate::fleet::dns::MAX_PODS;
use crate::simulation::arrivals::{Arrival, Arrivals};
use crate::simulation::duration::Length;
use crate::simulation::model::Model;
use crate::simulation::outcome::Summary;
use crate::simulation::runs::all;
use crate::simulation::scenario::Scenario;
use crate::simulation::verdict::least;
use crate::values::arch::Arch;

const DAY_MS: u64 = 86_400_000;

/// One choice of bounds.
#[derive(Clone, Debug)]
pub struct Choice {
    pub min: u32,
    pub max: u32,
    pub p99_ms: u64,
    pub gave_up: f64,
    /// Of pods, where the nodes are not known.
    pub node_hours_per_day: f64,
    /// Cost of a day like the recorded ones; `None` if a price is unknown.
    pub usd_per_day: Option<f64>,
}

impl Choice {
    /// The value to compare by: cost, or hours of nodes or pods if a price is unknown.
    fn cost(&self) -> f64 {
        self.usd_per_day.unwrap_or(self.node_hours_per_day)
    }
}

/// The recommendation for one architecture.
pub struct Advice {
    pub arch: Arch,
    /// Whether the nodes are Karpenter's. If not, hours are of pods, and cost is not known.
    pub karpenter: bool,
    pub builds: usize,
    /// Days that the record stands for.
    pub days: u32,
    /// `None` if no number of pods is enough.
    pub best: Option<Choice>,
    pub now: Choice,
    pub curve: Vec<Choice>,
}

/// The target, and how to simulate.
#[derive(Clone, Copy, Debug)]
pub struct WaitTarget {
    pub p99_wait: Length,
    /// Days that the record stands for; its length by default.
    pub days: Option<u32>,
    pub seed: u64,
    pub runs: u64,
}

/// Finds the cheapest bounds. An error if the builds are not recorded ones, or the pool cannot be simulated.
pub fn advise(scenario: &Scenario, arrivals: &Arrivals, target: WaitTarget) -> Result<Advice> {
    let Arrivals::Recorded(builds) = arrivals else { bail!("recorded arrivals are required") };
    // Counted by start times: a build that runs past midnight does not add a day.
    let whole = builds.last().map_or(0, |last| last.at_ms / DAY_MS) + 1;
    let days = target.days.unwrap_or(u32::try_from(whole).unwrap_or(u32::MAX));
    // The searches below try the same bounds repeatedly.
    let known: RefCell<HashMap<(u32, u32), Choice>> = RefCell::default();
    let choose = |min: u32, max: u32| -> Result<Choice> {
        if let Some(choice) = known.borrow().get(&(min, max)) {
            return Ok(choice.clone());
        }
        let model = scenario.with_bounds(min, max).model()?;
        let choice = choice(min, max, days, &model, &all(&model, arrivals, target.seed, target.runs));
        known.borrow_mut().insert((min, max), choice.clone());
        Ok(choice)
    };
    let good = |choice: &Choice| choice.p99_ms <= target.p99_wait.0 && choice.gave_up == 0.0;
    // With as many pods as concurrent builds no client ever waits, so no more than that can help.
    let most = peak(builds);
    let mut tried = Vec::new();
    let mut top = most;
    if good(&choose(most, most)?) {
        // How many are needed at the peak if all of them exist from the start.
        top = narrow(least(0, most.into(), |max| Ok(good(&choose(narrow(max), narrow(max))?)))?);
        // A pool that has to grow is late: it may need a higher maximum than one that always exists.
        let higher = [top, top + top.div_ceil(8), top + top.div_ceil(4), top + top.div_ceil(2), most];
        for max in higher.into_iter().map(|max| max.min(most)).collect::<BTreeSet<_>>() {
            tried.push(choose(max, max)?);
            if !scenario.is_fixed() {
                let min = least_or(0, max.into(), |min| Ok(good(&choose(narrow(min), max)?)))?;
                tried.push(choose(narrow(min), max)?);
            }
        }
    }
    let mut best = cheapest(tried.into_iter().filter(&good));
    let mut curve = Vec::new();
    if !scenario.is_fixed() {
        let max = best.as_ref().map_or(top, |best: &Choice| best.max);
        for min in ladder(max) {
            curve.push(choose(min, max)?);
        }
        best = cheapest(best.into_iter().chain(curve.iter().filter(|choice| good(choice)).cloned()));
    }
    let (min, max) = scenario.bounds();
    let karpenter = scenario.pool().placement.karpenter().is_some();
    Ok(Advice { arch: scenario.arch, karpenter, builds: builds.len(), days, best, now: choose(min, max)?, curve })
}

/// The cheapest, to the cent; of several the one with the shortest waits, then the smallest.
fn cheapest(choices: impl Iterator<Item = Choice>) -> Option<Choice> {
    #[expect(clippy::cast_possible_truncation, reason = "money of a day")]
    let key = |choice: &Choice| ((choice.cost() * 100.0).round() as i64, choice.p99_ms, choice.max, choice.min);
    choices.min_by_key(key)
}

/// Nodes and cost of a day, if the record stands for this many days: those until the pool is at rest again, and the nodes
/// at rest for the remaining time.
fn choice(min: u32, max: u32, days: u32, model: &Model, summary: &Summary) -> Choice {
    let total = &summary.total;
    let days_ms = u64::from(days) * DAY_MS * summary.runs;
    let rest_ms = days_ms.saturating_sub(total.settled_ms) / summary.runs.max(1);
    let node_ms: Vec<u64> =
        total.node_ms.iter().zip(&total.nodes_after).map(|(busy, nodes)| busy + nodes * rest_ms).collect();
    let days = f64::from(days);
    Choice {
        min,
        max,
        p99_ms: total.waits.percentile_ms(99),
        gave_up: summary.mean(total.gave_up),
        node_hours_per_day: summary.node_hours(&node_ms) / days,
        usd_per_day: summary.usd(model, &node_ms).ok().map(|usd| usd / days),
    }
}

/// Concurrent builds if each had a builder at once.
fn peak(builds: &[Arrival]) -> u32 {
    let mut changes: Vec<(u64, i32)> =
        builds.iter().flat_map(|build| [(build.at_ms, 1), (build.at_ms + build.duration_ms, -1)]).collect();
    changes.sort_unstable();
    let mut now = 0;
    let mut most = 0;
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    u32::try_from(most).unwrap_or(1).clamp(1, MAX_PODS)
}

/// The smallest number from `low` to `high` for which the condition holds; it must hold for `high`.
fn least_or(low: u64, high: u64, holds: impl Fn(u64) -> Result<bool>) -> Result<u64> {
    if holds(low)? { Ok(low) } else { least(low, high, holds) }
}

/// 0, 1, 2, 4 and so on up to the maximum.
fn ladder(max: u32) -> Vec<u32> {
    let mut steps = vec![0];
    let mut step = 1;
    while step < max {
        steps.push(step);
        step *= 2;
    }
    steps.push(max);
    steps
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
