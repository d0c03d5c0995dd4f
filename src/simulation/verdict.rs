//! What must change so that every build gets a builder: the budget with this maximum, or the maximum with this budget.

use anyhow::Result;

use crate::fleet::dns::MAX_PODS;
use crate::simulation::arrivals::Arrivals;
use crate::simulation::duration::Length;
use crate::simulation::outcome::Summary;
use crate::simulation::runs::{all, nobody_gives_up};
use crate::simulation::scenario::Scenario;

/// Maximum of runs per try: the bisection needs about a dozen tries.
const RUNS: u64 = 50;
/// Nobody waits longer for a build.
const LONGEST_BUDGET_MIN: u64 = 7 * 24 * 60;
/// Connections that are simulated for one verdict, in all tries: about two seconds.
const MAX_CONNECTIONS: f64 = 2e7;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether every build got a builder without a change.
    pub enough: bool,
    /// The smallest budget, in whole minutes, with which no client gives up; `None` if even a week is not enough.
    pub budget: Option<Length>,
    /// The smallest maximum, not below the minimum, with which no client gives up with the given budget; `None` if no
    /// maximum helps.
    pub max: Option<u32>,
}

/// Finds both by bisection. This assumes that a larger budget or a larger maximum is never worse than a smaller one.
pub fn find(scenario: &Scenario, arrivals: &Arrivals, seed: u64, summary: &Summary) -> Result<Verdict> {
    let enough = summary.total.gave_up + summary.total.failed == 0;
    let nobody_lost = summary.total.gave_up == 0;
    Ok(Verdict {
        enough,
        budget: least_budget(scenario, arrivals, seed, summary, nobody_lost)?,
        max: least_max(scenario, arrivals, seed, summary, nobody_lost)?,
    })
}

fn least_budget(
    scenario: &Scenario,
    arrivals: &Arrivals,
    seed: u64,
    summary: &Summary,
    enough: bool,
) -> Result<Option<Length>> {
    let given_min = scenario.assumptions.budget.0.div_ceil(60_000).max(1);
    // Clients that keep their place in the queue are cheap to simulate, and their longest wait is a good estimate.
    let mut patient = scenario.model()?;
    (patient.client.connect_ms, patient.client.budget_ms) = (LONGEST_BUDGET_MIN * 60_000, LONGEST_BUDGET_MIN * 60_000);
    (patient.queue_ms, patient.hold_ms) = (LONGEST_BUDGET_MIN * 60_000, LONGEST_BUDGET_MIN * 60_000);
    let wait = all(&patient, arrivals, seed, summary.runs.min(RUNS)).total;
    if wait.gave_up > 0 {
        return Ok(None);
    }
    let near_min = wait.waits.max_ms().div_ceil(60_000).max(1);
    let with = |minutes: u64| {
        let mut other = scenario.clone();
        other.assumptions.budget = Length::minutes(minutes);
        Ok(nobody_gives_up(&other.model()?, arrivals, seed, runs(summary, near_min * 60)))
    };
    let (low, mut high) = if enough { (0, given_min) } else { (given_min - 1, (near_min + 2).max(given_min + 1)) };
    while !enough && !with(high)? {
        high *= 2;
        if high > LONGEST_BUDGET_MIN {
            return Ok(None);
        }
    }
    Ok(Some(Length::minutes(least(low, high, with)?)))
}

fn least_max(
    scenario: &Scenario,
    arrivals: &Arrivals,
    seed: u64,
    summary: &Summary,
    enough: bool,
) -> Result<Option<u32>> {
    let (min, max) = scenario.bounds();
    let fixed = scenario.is_fixed();
    let runs = runs(summary, scenario.assumptions.budget.0 / 1000);
    let with = |pods: u64| {
        let pods = u32::try_from(pods).unwrap_or(MAX_PODS);
        Ok(nobody_gives_up(&scenario.with_bounds(min.min(pods), pods).model()?, arrivals, seed, runs))
    };
    let lowest = if fixed { 0 } else { u64::from(min.max(1)) - 1 };
    let (low, high) =
        if enough { (lowest, u64::from(max)) } else { (u64::from(max), u64::from(MAX_PODS.max(max + 1))) };
    if !enough && !with(high)? {
        return Ok(None);
    }
    Ok(Some(u32::try_from(least(low, high, with)?).unwrap_or(MAX_PODS)))
}

/// As many runs as time allows, if every build may wait this long and retry every half minute.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an estimate")]
fn runs(summary: &Summary, wait_s: u64) -> u64 {
    let connections = summary.mean(summary.total.arrived) * (wait_s as f64 / 30.0 + 1.0) * 12.0;
    ((MAX_CONNECTIONS / connections.max(1.0)) as u64).clamp(1, summary.runs.clamp(1, RUNS))
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
