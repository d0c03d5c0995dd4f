//! Choices of bounds, and what comes of each on recorded builds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use crate::parallel;
use crate::simulation::aim::{Aim, Limits};
use crate::simulation::arrivals::Arrivals;
use crate::simulation::duration::Length;
use crate::simulation::engine;
use crate::simulation::model::{DAY_MS, Model};
use crate::simulation::outcome::{RunResult, Summary};
use crate::simulation::scenario::Scenario;

/// The target, and how to simulate.
#[derive(Clone, Copy, Debug)]
pub struct WaitTarget {
    pub p99_wait: Length,
    /// Days that the record stands for; its length by default.
    pub days: Option<u32>,
    pub seed: u64,
    /// Runs of each choice that is shown; as many as the record allows in seconds by default.
    pub runs: Option<u64>,
}

/// One choice of bounds.
#[derive(Clone, Debug)]
pub struct Choice {
    pub min: u32,
    pub max: u32,
    /// 99th percentile of the waits of all days; `None` where that many builds gave up.
    pub p99_ms: Option<u64>,
    pub gave_up: f64,
    /// Days of the record on which more than one of a hundred builds waited longer than the target, as a mean of one run. Of a
    /// choice after all runs: a few runs do not count them.
    pub days_missed: f64,
    /// Of pods, where the nodes are not known.
    pub node_hours_per_day: f64,
    /// Cost of a day like the recorded ones; `None` if a price is unknown.
    pub usd_per_day: Option<f64>,
    target_ms: u64,
}

impl Choice {
    /// Whether builds wait no longer than the target and nobody gives up.
    pub fn good(&self) -> bool {
        self.gave_up == 0.0 && self.p99_ms.is_some_and(|wait_ms| wait_ms <= self.target_ms)
    }

    /// Whether more runs may find it good.
    pub fn nearly_good(&self) -> bool {
        self.gave_up < 1.0 && self.p99_ms.is_some_and(|wait_ms| wait_ms <= self.target_ms + self.target_ms / 5)
    }

    /// The value to compare by: cost, or hours of nodes or pods if a price is unknown.
    fn cost(&self) -> f64 {
        self.usd_per_day.unwrap_or(self.node_hours_per_day)
    }

    /// Whether more runs will not make it the cheaper one of the two.
    pub fn surely_dearer(&self, other: &Choice) -> bool {
        self.cost() > other.cost() * 1.03
    }

    /// The cheapest first, to the cent; of several the one with the shortest waits, then the smallest.
    #[expect(clippy::cast_possible_truncation, reason = "money of a day")]
    pub fn order(&self) -> (i64, u64, u32, u32) {
        ((self.cost() * 100.0).round() as i64, self.p99_ms.unwrap_or(u64::MAX), self.max, self.min)
    }
}

/// What is known by now.
#[derive(Debug, Default)]
pub struct Known {
    /// By whether all runs were played, and the bounds.
    choices: HashMap<(bool, u32, u32), Choice>,
    /// By bounds, whether they looked good in a few runs.
    good: BTreeMap<(u32, u32), bool>,
}

/// What was asked for, and what was found.
pub struct Search<'a> {
    pub scenario: &'a Scenario,
    pub arrivals: &'a Arrivals,
    pub days: u32,
    pub target: WaitTarget,
    /// Runs to look at a choice, and to be sure of it.
    pub quick: u64,
    pub runs: u64,
    pub known: Mutex<Known>,
    pub played: &'a (dyn Fn(u64) + Sync),
}

impl Search<'_> {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of bounds that were looked at.
    pub fn tried(&self) -> usize {
        let known = self.known();
        let mut bounds: Vec<(u32, u32)> = known.choices.keys().map(|(_, min, max)| (*min, *max)).collect();
        bounds.extend(known.good.keys());
        bounds.sort_unstable();
        bounds.dedup();
        bounds.len()
    }

    /// Whether builds wait no longer than the target, in a few runs: each ends as soon as they do. What is good has been played
    /// to its end, so `quick` knows it from then on.
    pub fn is_good(&self, min: u32, max: u32) -> Result<bool> {
        if let Some(good) = self.known().good.get(&(min, max)) {
            return Ok(*good);
        }
        let model = self.scenario.with_bounds(min, max).model()?;
        let mut misses = self.arrivals.expected() * self.quick / 100;
        let mut summary = Summary::default();
        let good = (0..self.quick).all(|run| {
            let outcome = self.play(&model, run, Aim::Within(Limits { wait_ms: self.target.p99_wait.0, misses }));
            let good = outcome.gave_up == 0 && outcome.missed <= misses;
            misses = misses.saturating_sub(outcome.missed);
            summary.add(&outcome);
            good
        });
        let mut known = self.known();
        known.good.insert((min, max), good);
        if good {
            known.choices.insert((false, min, max), self.judged(min, max, &model, &summary, 0));
        }
        Ok(good)
    }

    /// These choices after a few runs, side by side.
    pub fn quick(&self, bounds: &[(u32, u32)]) -> Result<Vec<Choice>> {
        self.choices(bounds, false)
    }

    /// These choices after all runs, side by side.
    pub fn sure(&self, bounds: &[(u32, u32)]) -> Result<Vec<Choice>> {
        self.choices(bounds, true)
    }

    /// The cheapest of these with which builds wait no longer than the target, in a few runs.
    pub fn cheapest_good(&self, bounds: &[(u32, u32)]) -> Result<Option<Choice>> {
        let good =
            parallel::each(bounds, parallel::processors(), |&(min, max)| Ok(((min, max), self.is_good(min, max)?)));
        let good = good.into_iter().collect::<Result<Vec<_>>>()?;
        let good: Vec<(u32, u32)> = good.into_iter().filter(|(_, good)| *good).map(|(bounds, _)| bounds).collect();
        Ok(self.quick(&good)?.into_iter().min_by_key(Choice::order))
    }

    /// All that was good in a few runs, the cheapest first.
    pub fn good_by_cost(&self) -> Vec<Choice> {
        let known = self.known();
        let mut good: Vec<Choice> = known
            .choices
            .iter()
            .filter(|((sure, ..), choice)| !sure && choice.good())
            .map(|(_, choice)| choice.clone())
            .collect();
        good.sort_by_key(Choice::order);
        good
    }

    fn choices(&self, bounds: &[(u32, u32)], sure: bool) -> Result<Vec<Choice>> {
        let threads = parallel::processors();
        // Few choices share their runs out among the processors, many are shared out themselves.
        if bounds.len() < threads {
            return bounds.iter().map(|&(min, max)| self.choice(min, max, sure, threads)).collect();
        }
        parallel::each(bounds, threads, |&(min, max)| self.choice(min, max, sure, 1)).into_iter().collect()
    }

    fn choice(&self, min: u32, max: u32, sure: bool, threads: usize) -> Result<Choice> {
        if let Some(known) = self.known().choices.get(&(sure, min, max)) {
            return Ok(known.clone());
        }
        let model = self.scenario.with_bounds(min, max).model()?;
        let runs: Vec<u64> = (0..if sure { self.runs } else { self.quick }).collect();
        let aim = Aim::Days { wait_ms: self.target.p99_wait.0 };
        let outcomes = parallel::each(&runs, threads, |run| self.play(&model, *run, aim));
        let mut summary = Summary::default();
        let mut days_missed = 0;
        for outcome in &outcomes {
            days_missed += outcome.days.iter().filter(|day| day.misses()).count();
            summary.add(outcome);
        }
        let choice = self.judged(min, max, &model, &summary, days_missed);
        self.known().choices.insert((sure, min, max), choice.clone());
        Ok(choice)
    }

    fn play(&self, model: &Model, run: u64, aim: Aim) -> RunResult {
        let outcome = engine::run(model, self.arrivals, self.target.seed, run, aim).0;
        (self.played)(outcome.arrived);
        outcome
    }

    /// Nodes and cost of a day, if the record stands for this many days: those until the pool is at rest again, and the nodes
    /// at rest for the remaining time.
    fn judged(&self, min: u32, max: u32, model: &Model, summary: &Summary, days_missed: usize) -> Choice {
        let total = &summary.total;
        let days_ms = u64::from(self.days) * DAY_MS * summary.runs;
        let rest_ms = days_ms.saturating_sub(total.settled_ms) / summary.runs.max(1);
        let node_ms: Vec<u64> =
            total.node_ms.iter().zip(&total.nodes_after).map(|(busy, nodes)| busy + nodes * rest_ms).collect();
        let days = f64::from(self.days);
        Choice {
            min,
            max,
            p99_ms: total.waits.percentile_ms(99),
            gave_up: summary.mean(total.gave_up),
            days_missed: summary.mean(days_missed as u64),
            node_hours_per_day: summary.node_hours(&node_ms) / days,
            usd_per_day: summary.usd(model, &node_ms).ok().map(|usd| usd / days),
            target_ms: self.target.p99_wait.0,
        }
    }
}
