//! The verdict of a simulation, in a sentence.

use crate::commands::scenario::runs_in_words;
use crate::commands::simulate::simulated::Simulated;
use crate::diagnostics::words::{number, thousands};
use crate::fleet::dns::MAX_PODS;

/// What the runs showed, and what they leave open: where nobody gave up in n runs, fewer than 3 / n of all runs lose a build,
/// with a confidence of 95 % (1 - 0.05^(1/n) is about 3 / n).
pub(super) fn conclusion(result: &Simulated) -> String {
    let Simulated { scenario, summary, verdict, .. } = result;
    if summary.total.arrived == 0 {
        return "no builds arrived in any run".to_owned();
    }
    let (_, max) = scenario.bounds();
    let of_budget = if verdict.budget_is_least { "" } else { ", perhaps less" };
    let budget = verdict.budget.map(|budget| format!("a budget of {budget}{of_budget}"));
    let pods = verdict.max.map(|max| format!("a maximum of {}", number(max, "pod")));
    let in_runs = runs_in_words(verdict.runs);
    if verdict.enough {
        // Only a smaller budget or maximum than the current one is news.
        let less = [
            budget.filter(|_| verdict.budget.is_some_and(|budget| budget < scenario.assumptions.budget)),
            pods.filter(|_| verdict.max.is_some_and(|pods| pods < max)),
        ];
        let less: Vec<String> = less.into_iter().flatten().collect();
        let every = format!(
            "every build got a builder in {}, which leaves up to {} of runs that lose one, with 95 % confidence",
            runs_in_words(summary.runs),
            percent(summary.runs)
        );
        return match less.as_slice() {
            [] => every,
            less => format!(
                "{every}; the least with which nobody gave up in {in_runs}, without any reserve: {}",
                less.join(" or ")
            ),
        };
    }
    if summary.total.gave_up == 0 {
        return "no client gives up; builds are lost together with their builders, which no budget and no maximum can change"
            .to_owned();
    }
    let most = thousands(MAX_PODS);
    let not_every = "not every build gets a builder";
    match (budget, pods) {
        (Some(budget), Some(pods)) => {
            format!("{not_every}: the least with which nobody gave up in {in_runs} is {budget}, or {pods}")
        }
        (Some(budget), None) => format!(
            "{not_every}: the least with which nobody gave up in {in_runs} is {budget}; no maximum up to {most} pods is enough with this budget"
        ),
        (None, Some(pods)) => format!(
            "{not_every}: the least with which nobody gave up in {in_runs} is {pods}; no budget up to a week is enough with this maximum"
        ),
        (None, None) => format!("{not_every}: neither a budget of a week nor {most} pods would be enough"),
    }
}

/// 3 / n, rounded up to tenths of a percent below 10 %.
fn percent(runs: u64) -> String {
    match 3_000_u64.div_ceil(runs.max(1)) {
        tenths if tenths < 100 => format!("{}.{} %", tenths / 10, tenths % 10).replace(".0 %", " %"),
        // The estimate is for many runs; the exact value is not above it.
        tenths => format!("{} %", tenths.div_ceil(10).min(100)),
    }
}
