//! Finds the cheapest bounds with which builds wait no longer than the target.

use std::collections::BTreeSet;
use std::sync::Mutex;

use anyhow::{Result, bail};

use crate::fleet::dns::MAX_PODS;
use crate::parallel;
use crate::simulation::arrivals::{Arrival, Arrivals};
use crate::simulation::choice::{Choice, Search, WaitTarget};
use crate::simulation::model::DAY_MS;
use crate::simulation::runs::fitting;
use crate::simulation::scenario::Scenario;
use crate::simulation::verdict::least;
use crate::values::arch::Arch;

/// Builds that are played to look at one choice, in one run or several.
const BUILDS_TO_SEARCH: u64 = 60_000;
/// Builds that are played to be sure of one choice.
const BUILDS_TO_CONFIRM: u64 = 300_000;
/// Most runs of a choice that is confirmed.
const MOST_RUNS: u64 = 200;

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
    /// Choices that were looked at.
    pub tried: usize,
    /// Runs of each choice that is shown.
    pub runs: u64,
}

/// Finds the cheapest bounds of those that it tries. `played` is told how many builds were played since it was last called.
///
/// # Errors
/// The builds are not recorded ones, they span more days than the record is to stand for, or the pool cannot be simulated.
pub fn advise(
    scenario: &Scenario,
    arrivals: &Arrivals,
    target: WaitTarget,
    played: &(dyn Fn(u64) + Sync),
) -> Result<Advice> {
    let Arrivals::Recorded(builds) = arrivals else { bail!("recorded arrivals are required") };
    // Counted by start times: a build that runs past midnight does not add a day.
    let whole = builds.last().map_or(0, |last| last.at_ms / DAY_MS) + 1;
    let whole = u32::try_from(whole).unwrap_or(u32::MAX);
    let days = target.days.unwrap_or(whole);
    if days < whole {
        bail!("--days {days} is too few: the builds of the record start on {whole} days, counted from its first build");
    }
    let runs = target.runs.unwrap_or_else(|| fitting(arrivals, BUILDS_TO_CONFIRM, 2, MOST_RUNS));
    let quick = fitting(arrivals, BUILDS_TO_SEARCH, 1, 10).min(runs);
    let search = Search { scenario, arrivals, days, target, quick, runs, known: Mutex::default(), played };
    // With as many pods as concurrent builds no client ever waits, so no more than that can help.
    let most = peak(builds);
    let (mut best, mut top) = (None, most);
    if search.is_good(most, most)? {
        // How many are needed at the peak if all of them exist from the start.
        top = narrow(least(0, most.into(), |max| search.is_good(narrow(max), narrow(max)))?);
        best = cheapest(&search, top, most)?;
    }
    let mut curve = Vec::new();
    if !scenario.is_fixed() {
        let max = best.as_ref().map_or(top, |best: &Choice| best.max);
        curve = search.sure(&ladder(max).into_iter().map(|min| (min, max)).collect::<Vec<_>>())?;
        let rows = curve.iter().filter(|choice| choice.good()).cloned();
        best = best.into_iter().chain(rows).min_by_key(Choice::order);
    }
    let (min, max) = scenario.bounds();
    let now = search.sure(&[(min, max)])?.remove(0);
    let karpenter = scenario.pool().placement.karpenter().is_some();
    let tried = search.tried();
    Ok(Advice { arch: scenario.arch, karpenter, builds: builds.len(), days, best, now, curve, tried, runs })
}

/// The cheapest choice that is found, confirmed in all runs. Neither waits nor cost are monotone in the bounds, so the search
/// goes from the cheapest of a coarse grid to cheaper neighbours, at first far and then near ones, and what it finds is
/// confirmed together with what is around it.
fn cheapest(search: &Search, top: u32, most: u32) -> Result<Option<Choice>> {
    // A pool that has to grow is late: it may need a higher maximum than one that always exists.
    let maxima =
        [top, top + top.div_ceil(8), top + top.div_ceil(4), top + top.div_ceil(2), most].map(|max| max.min(most));
    let maxima: Vec<u32> = maxima.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let fixed = search.scenario.is_fixed();
    let grid = parallel::each(&maxima, parallel::processors(), |&max| -> Result<Vec<(u32, u32)>> {
        if fixed {
            return Ok(vec![(max, max)]);
        }
        let min = narrow(least_or(0, max.into(), |min| search.is_good(narrow(min), max))?);
        Ok(vec![(min, max), (max, max)])
    });
    let grid: Vec<(u32, u32)> = grid.into_iter().collect::<Result<Vec<_>>>()?.concat();
    let Some(mut best) = search.cheapest_good(&grid)? else { return Ok(None) };
    let mut step = if fixed { 0 } else { best.max.div_ceil(8).max(1) };
    while step > 0 {
        match search.cheapest_good(&around(&best, step, 1, most))?.filter(|found| found.order() < best.order()) {
            Some(cheaper) => best = cheaper,
            None => step /= 2,
        }
    }
    // From here on with all runs: what was good in a few may not be, and the other way round.
    let mut sure: Option<Choice> = None;
    let mut next = search.good_by_cost();
    for _ in 0..20 {
        let before = sure.as_ref().map(Choice::order);
        for found in next.drain(..) {
            if sure.as_ref().is_some_and(|sure| found.surely_dearer(sure)) {
                break;
            }
            let found = search.sure(&[(found.min, found.max)])?.remove(0);
            if found.good() && sure.as_ref().is_none_or(|sure| found.order() < sure.order()) {
                sure = Some(found);
            }
        }
        let Some(found) = &sure else { break };
        if fixed || before.is_some_and(|before| before <= found.order()) {
            break;
        }
        next = search.quick(&around(found, 1, 2, most))?.into_iter().filter(Choice::nearly_good).collect();
        next.sort_by_key(Choice::order);
    }
    Ok(sure)
}

/// Bounds around a choice, up to `far` steps away in each direction.
fn around(choice: &Choice, step: u32, far: i64, most: u32) -> Vec<(u32, u32)> {
    let moves = || (-far..=far).map(|steps| steps * i64::from(step));
    let at = |number: u32, by: i64| u32::try_from(i64::from(number) + by).ok();
    let all = moves().flat_map(|min| moves().map(move |max| (min, max)));
    all.filter(|moved| *moved != (0, 0))
        .filter_map(|(min, max)| Some((at(choice.min, min)?, at(choice.max, max)?)))
        .filter(|(min, max)| min <= max && (1..=most).contains(max))
        .collect()
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
