//! Advice for programs.

use serde_json::{Value, json};

use crate::simulation::recommend::{Advice, Choice};

/// Of a pool: `arch`, `builds`, `days` that the record stands for, `now`, `recommended` (null where no number of pods is enough) and
/// `curve`; each of these has `min_pods`, `max_pods`, `wait_p99_s`, `gave_up`, `node_hours_per_day` and `usd_per_day` (null where unknown).
pub(super) fn of(advice: &Advice) -> Value {
    let choice = |choice: &Choice| {
        json!({
            "min_pods": choice.min,
            "max_pods": choice.max,
            "wait_p99_s": choice.p99_ms / 1000,
            "gave_up": choice.gave_up,
            "node_hours_per_day": choice.node_hours_per_day,
            "usd_per_day": choice.usd_per_day,
        })
    };
    json!({
        "arch": advice.arch.name(),
        "builds": advice.builds,
        "days": advice.days,
        "now": choice(&advice.now),
        "recommended": advice.best.as_ref().map(choice),
        "curve": advice.curve.iter().map(choice).collect::<Vec<_>>(),
    })
}
