//! Numbers of a simulation as people read them.

use crate::diagnostics::words::{dollars, thousands};
use crate::simulation::duration::Length;
use crate::simulation::model::Model;
use crate::simulation::outcome::{RunResult, Summary};
use crate::simulation::waits::Waits;

pub(super) fn cost_of(model: &Model, summary: &Summary, node_ms: &[u64]) -> String {
    match summary.usd(model, node_ms) {
        Ok(usd) => dollars(usd),
        Err(types) => format!("price of {} unknown", types.join(", ")),
    }
}

pub(super) fn spread((low, high): (f64, f64)) -> String {
    format!("{} to {}", dollars(low), dollars(high))
}

/// Of the run in the middle, and of all runs where one had more.
pub(super) fn peak(median: u32, most: u32) -> String {
    let median_text = thousands(median);
    if most == median { median_text } else { format!("{median_text} (at most {})", thousands(most)) }
}

pub(super) fn percentile(waits: &Waits, percent: u64) -> String {
    waits.percentile_ms(percent).map_or_else(|| "never".to_owned(), |ms| Length(ms).to_string())
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn tries(total: &RunResult) -> f64 {
    total.tries as f64 / (total.arrived as f64).max(1.0)
}
