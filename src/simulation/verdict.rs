//! What must change so that every build gets a builder: the budget with this maximum, or the maximum with this budget.

use anyhow::Result;

use crate::fleet::dns::MAX_PODS;
use crate::simulation::duration::Length;
use crate::simulation::outcome::Summary;
use crate::simulation::runs::Runs;
use crate::simulation::scenario::Scenario;

/// Nobody waits longer for a build.
const LONGEST_BUDGET_MIN: u64 = 7 * 24 * 60;
/// Connections that are simulated for one try of a budget or a maximum: about a second.
const MAX_CONNECTIONS: f64 = 1e7;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether every build got a builder without a change.
    pub enough: bool,
    /// The smallest budget, in whole minutes, with which no client gives up; `None` if even a week is not enough.
    pub budget: Option<Length>,
    /// Whether smaller budgets were tried, too: for many builds that wait long it takes too long, and `budget` is enough but
    /// may not be the smallest.
    pub budget_is_least: bool,
    /// The smallest maximum, not below the minimum, with which no client gives up with the given budget; `None` if no
    /// maximum helps.
    pub max: Option<u32>,
    /// Runs in which the budget and the maximum were tried: those of the summary, or the first of them where each takes long.
    pub runs: u64,
}

/// Finds both by bisection. This assumes that a larger budget or a larger maximum is never worse than a smaller one. Neither
/// contradicts the summary, whose runs it plays again: a budget below its longest wait is not enough.
pub fn find(scenario: &Scenario, summary: &Summary, trials: &Runs) -> Result<Verdict> {
    let patient_min = patient_wait(scenario, summary, trials)?;
    let longest_s = patient_min.unwrap_or(0).saturating_mul(60).max(scenario.assumptions.budget.0 / 1000);
    let most = MAX_CONNECTIONS / connections(summary, longest_s).max(1.0);
    let runs = fewer(most, summary.runs);
    let trials = trials.with_runs(runs);
    let budget_is_least = most >= 1.0;
    let budget = |minutes| least_budget(scenario, summary, minutes, budget_is_least, &trials);
    Ok(Verdict {
        enough: summary.total.gave_up + summary.total.failed == 0,
        budget: patient_min.map_or(Ok(None), budget)?,
        budget_is_least,
        max: least_max(scenario, summary, &trials)?,
        runs,
    })
}

/// The longest wait in minutes of clients that wait for as long as it takes; `None` if a week is not enough.
fn patient_wait(scenario: &Scenario, summary: &Summary, trials: &Runs) -> Result<Option<u64>> {
    if summary.total.gave_up == 0 {
        return Ok(Some(summary.total.waits.max_ms().div_ceil(60_000).max(1)));
    }
    // Clients that keep their place in the queue are cheap to simulate, and their longest wait is a good estimate.
    let mut patient = scenario.model()?;
    (patient.client.connect_ms, patient.client.budget_ms) = (LONGEST_BUDGET_MIN * 60_000, LONGEST_BUDGET_MIN * 60_000);
    (patient.queue_ms, patient.hold_ms) = (LONGEST_BUDGET_MIN * 60_000, LONGEST_BUDGET_MIN * 60_000);
    let wait = trials.with_runs(trials.runs.min(50)).all(&patient).total;
    Ok((wait.gave_up == 0).then(|| wait.waits.max_ms().div_ceil(60_000).max(1)))
}

fn least_budget(
    scenario: &Scenario,
    summary: &Summary,
    wait_min: u64,
    least_wanted: bool,
    trials: &Runs,
) -> Result<Option<Length>> {
    let given_ms = scenario.assumptions.budget.0;
    let with = |minutes: u64| {
        let mut other = scenario.clone();
        other.assumptions.budget = Length::minutes(minutes);
        Ok(trials.nobody_gives_up(&other.model()?))
    };
    if summary.total.gave_up == 0 {
        // Until a client has its builder a smaller budget changes nothing, so it must be as long as the longest wait.
        return Ok(Some(Length::minutes(least(wait_min - 1, given_ms.div_ceil(60_000).max(wait_min), with)?)));
    }
    let low = given_ms / 60_000;
    let mut high = (wait_min + 2).max(low + 1);
    while !with(high)? {
        high *= 2;
        if high > LONGEST_BUDGET_MIN {
            return Ok(None);
        }
    }
    Ok(Some(Length::minutes(if least_wanted { least(low, high, with)? } else { high })))
}

fn least_max(scenario: &Scenario, summary: &Summary, trials: &Runs) -> Result<Option<u32>> {
    let (min, max) = scenario.bounds();
    let with = |pods: u64| {
        let pods = u32::try_from(pods).unwrap_or(MAX_PODS);
        Ok(trials.nobody_gives_up(&scenario.with_bounds(min.min(pods), pods).model()?))
    };
    let enough = summary.total.gave_up == 0;
    let lowest = if scenario.is_fixed() { 0 } else { u64::from(min.max(1)) - 1 };
    let (low, high) =
        if enough { (lowest, u64::from(max)) } else { (u64::from(max), u64::from(MAX_PODS.max(max + 1))) };
    if !enough && !with(high)? {
        return Ok(None);
    }
    Ok(Some(u32::try_from(least(low, high, with)?).unwrap_or(MAX_PODS)))
}

/// Connections of one run, if every build may wait this long and comes again every half minute.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn connections(summary: &Summary, wait_s: u64) -> f64 {
    summary.mean(summary.total.arrived) * (wait_s as f64 / 30.0 + 1.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate")]
fn fewer(most: f64, runs: u64) -> u64 {
    (most as u64).clamp(1, runs.max(1))
}

/// The smallest number above `low` and up to `high` for which the condition holds; it must hold for `high`.
pub fn least(mut low: u64, mut high: u64, holds: impl Fn(u64) -> Result<bool>) -> Result<u64> {
    // Most results are near the low end: doubling finds them without trying the largest numbers.
    let mut step = 1;
    while low + step < high {
        if holds(low + step)? {
            high = low + step;
            break;
        }
        low += step;
        step *= 2;
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? { high = middle } else { low = middle }
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bisection_finds_the_least_number_that_holds() {
        for wanted in 1..=200 {
            let found = least(0, 200, |number| Ok(number >= wanted));
            assert_eq!(found.ok(), Some(wanted));
        }
    }
}
