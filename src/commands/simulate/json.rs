//! What a simulation found, for programs.

use serde_json::{Value, json};

use crate::commands::simulate::simulated::Simulated;
use crate::simulation::duration::Length;

/// Sums are means of one run unless the name says otherwise; seconds are `_s`. `usd` and `idle_usd` are null where the
/// price of a type that ran is not known, which `unknown_prices` names. `settled_s` is null where a run (`runs_unsettled`) was ended before the pool was as
/// small as before; waits are of builds that got a builder. Of `verdict`: `enough`, `budget_s` (null where no
/// budget helps) and `max_pods` (null where no maximum helps). `series` is the first run over time.
pub(super) fn of(found: &Simulated) -> Value {
    let Simulated { scenario, model, summary, verdict, .. } = found;
    let total = &summary.total;
    let waits = &total.waits;
    let seconds = |ms: u64| ms / 1000;
    let (min, max) = scenario.bounds();
    let unknown = summary.usd(model, &total.node_ms).err().unwrap_or_default();
    let points: Vec<Value> = summary
        .series
        .points
        .iter()
        .map(|point| {
            json!({
                "at_s": seconds(point.at_ms), "demand": point.demand, "pods_ready": point.ready,
                "pods_draining": point.draining, "queued": point.queued, "nodes": point.nodes,
            })
        })
        .collect();
    json!({
        "cluster": scenario.fleet.key.as_str(),
        "arch": scenario.arch.name(),
        "min_pods": min,
        "max_pods": max,
        "budget_s": seconds(scenario.said.budget.0),
        "runs": summary.runs,
        "builds": summary.mean(total.arrived),
        "finished": summary.mean(total.finished),
        "gave_up": summary.mean(total.gave_up),
        "failed": summary.mean(total.failed),
        "cut": summary.mean(total.cut),
        "runs_with_losses": summary.runs_with_losses,
        "wait_mean_s": waits.mean_ms() / 1000.0,
        "wait_p50_s": seconds(waits.percentile_ms(50)),
        "wait_p90_s": seconds(waits.percentile_ms(90)),
        "wait_p99_s": seconds(waits.percentile_ms(99)),
        "wait_max_s": seconds(waits.max_ms()),
        "makespan_s": summary.mean(total.makespan_ms) / 1000.0,
        "makespan_max_s": seconds(summary.longest_makespan_ms),
        "settled_s": if total.unsettled == 0 { json!(summary.mean(total.settled_ms) / 1000.0) } else { Value::Null },
        "runs_unsettled": total.unsettled,
        "nodes_before": summary.mean(total.nodes_before.iter().sum()),
        "nodes_after": summary.mean(total.nodes_after.iter().sum()),
        "peak_pods": total.peak_pods,
        "peak_nodes": total.peak_nodes,
        "node_hours": summary.node_hours(&total.node_ms),
        "idle_node_hours": summary.node_hours(&total.idle_node_ms),
        "usd": summary.usd(model, &total.node_ms).ok(),
        "idle_usd": summary.usd(model, &total.idle_node_ms).ok(),
        "unknown_prices": unknown,
        "verdict": {
            "enough": verdict.enough,
            "budget_s": verdict.budget.map(|Length(ms)| seconds(ms)),
            "max_pods": verdict.max,
        },
        "series": points,
    })
}
