//! What would have to change for every build to get a builder: the budget at this maximum, or the maximum at this budget.

use anyhow::Result;

use crate::simulate::arrivals::Arrivals;
use crate::simulate::duration::Length;
use crate::simulate::nobody_gives_up;
use crate::simulate::outcome::Summary;
use crate::simulate::scenario::Scenario;

/// Runs of one question: each is asked a dozen times.
const RUNS: u64 = 50;
/// Beyond the largest fleet that one DNS answer can name.
const MOST_PODS: u32 = 2_300;
/// Who waits for longer has no use for the build.
const LONGEST_BUDGET_MIN: u64 = 7 * 24 * 60;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The smallest budget, in whole minutes, with which nobody gives up; none where even a week is not enough.
    pub budget: Option<Length>,
    /// The smallest maximum with which nobody gives up with the budget given; none where no maximum helps: pods come
    /// too late.
    pub max: Option<u32>,
    /// Whether all got a builder as it is.
    pub enough: bool,
    /// Runs that it was found with.
    pub runs: u64,
}

/// Finds both by bisection: more budget or more pods never make it worse, in the runs that are looked at.
pub fn find(scenario: &Scenario, arrivals: &Arrivals, seed: u64, summary: &Summary) -> Result<Verdict> {
    let runs = summary.runs.min(RUNS);
    let (min, max) = scenario.bounds();
    let nobody_gives_up = |scenario: &Scenario| nobody_gives_up(&scenario.model()?, arrivals, seed, runs);
    let with_budget = |minutes: u64| {
        let mut other = scenario.clone();
        other.said.budget = Length::minutes(minutes);
        other
    };
    let budget = if nobody_gives_up(&with_budget(LONGEST_BUDGET_MIN))? {
        let minutes = least(0, LONGEST_BUDGET_MIN, |minutes| nobody_gives_up(&with_budget(minutes)))?;
        Some(Length::minutes(minutes))
    } else {
        None
    };
    let with_max = |pods: u64| {
        let pods = u32::try_from(pods).unwrap_or(MOST_PODS);
        scenario.with_bounds(min.min(pods), pods)
    };
    let most = u64::from(MOST_PODS.max(max));
    let max = if nobody_gives_up(&with_max(most))? {
        Some(u32::try_from(least(0, most, |pods| nobody_gives_up(&with_max(pods)))?).unwrap_or(MOST_PODS))
    } else {
        None
    };
    Ok(Verdict { budget, max, enough: summary.total.gave_up == 0, runs })
}

/// The least number above `low`, which does not hold, up to `high`, which does.
pub fn least(mut low: u64, mut high: u64, holds: impl Fn(u64) -> Result<bool>) -> Result<u64> {
    // Most answers are small: doubling finds them without asking about the largest.
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
