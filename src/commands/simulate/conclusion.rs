//! The verdict of a simulation, in a sentence.

use crate::commands::simulate::simulated::Simulated;
use crate::diagnostics::words::{number, thousands};
use crate::fleet::dns::MAX_PODS;

pub(super) fn conclusion(result: &Simulated) -> String {
    let Simulated { scenario, summary, verdict, .. } = result;
    if summary.total.arrived == 0 {
        return "no builds arrived in any run".to_owned();
    }
    let (_, max) = scenario.bounds();
    let budget = verdict.budget.map(|budget| format!("a budget of {budget}"));
    let pods = verdict.max.map(|max| format!("a maximum of {}", number(max as usize, "pod")));
    if verdict.enough {
        // Only a smaller budget or maximum than the current one saves anything.
        let less = [
            budget.filter(|_| verdict.budget.is_some_and(|budget| budget < scenario.assumptions.budget)),
            pods.filter(|_| verdict.max.is_some_and(|pods| pods < max)),
        ];
        let less: Vec<String> = less.into_iter().flatten().collect();
        return match less.as_slice() {
            [] => "every build gets a builder".to_owned(),
            less => format!("every build gets a builder; {} would be enough", less.join(" or ")),
        };
    }
    if summary.total.gave_up == 0 {
        return "no client gives up; builds are lost together with their builders, which no budget and no maximum can change"
            .to_owned();
    }
    let most = thousands(MAX_PODS.into());
    match (budget, pods) {
        (Some(budget), Some(pods)) => format!("not every build gets a builder: that needs {budget}, or {pods}"),
        (Some(budget), None) => format!(
            "not every build gets a builder: that needs {budget}; no maximum up to {most} pods is enough with this budget"
        ),
        (None, Some(pods)) => {
            format!(
                "not every build gets a builder: that needs {pods}; no budget up to a week is enough with this maximum"
            )
        }
        (None, None) => {
            format!("not every build gets a builder: neither a budget of a week nor {most} pods would be enough")
        }
    }
}
