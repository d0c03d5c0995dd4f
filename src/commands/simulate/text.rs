//! The results of a simulation, for people.

use std::fmt::Write as _;

use crate::commands::scenario::runs_in_words;
use crate::commands::simulate::chart;
use crate::commands::simulate::conclusion::conclusion;
use crate::commands::simulate::figures::{cost_of, peak, percentile, spread, tries};
use crate::commands::simulate::simulated::Simulated;
use crate::console::table::{Column, Table};
use crate::console::wrap::wrap;
use crate::diagnostics::words::{number, tenths, thousands};
use crate::fleet::scaling::Scaling;
use crate::simulation::arrivals::Arrivals;
use crate::simulation::duration::Length;
use crate::simulation::model::{ClientKind, Model};
use crate::simulation::outcome::Summary;
use crate::simulation::scenario::Scenario;

pub(super) fn of(result: &Simulated, arrivals: &Arrivals, width: usize) -> String {
    let mut text = head(&result.scenario, &result.model, arrivals, result.summary.runs, width);
    text.push('\n');
    for (name, value) in rows(result) {
        text += &entry(name, &value, width);
    }
    text.push('\n');
    let chart = chart::of(&result.summary.series, width);
    if !chart.is_empty() {
        text += &wrap(&format!("run 1 of {}:", thousands(result.summary.runs)), width, "");
    }
    text + &chart
}

/// Two configurations on the same builds.
pub(super) fn compared(
    here: &Simulated,
    there: &Simulated,
    names: (&str, &str),
    arrivals: &Arrivals,
    width: usize,
) -> String {
    let mut text = head(&here.scenario, &here.model, arrivals, here.summary.runs, width);
    text += &entry("here", names.0, width);
    let nodes = match (here.model.karpenter, there.model.karpenter) {
        (false, true) => "; its nodes boot",
        (true, false) => "; room for every pod is assumed there",
        _ => "",
    };
    text += &entry("there", &format!("{}: {}{nodes}", names.1, pool(&there.scenario)), width);
    text.push('\n');
    let cells = cells(here).into_iter().zip(cells(there));
    let rows = cells.map(|((name, here), (_, there))| vec![name.to_owned(), here, there]).collect();
    let columns = vec![Column::Words(""), Column::Numbers("here"), Column::Numbers("there")];
    text += &Table { columns, rows }.print(width);
    text.push('\n');
    text += &entry("here", &conclusion(here), width);
    text + &entry("there", &conclusion(there), width)
}

/// The numbers of a result, for a column.
fn cells(result: &Simulated) -> Vec<(&'static str, String)> {
    let Simulated { model, summary, .. } = result;
    let total = &summary.total;
    let waits = &total.waits;
    let length = |ms: u64| Length(ms).to_string();
    let mut cells = vec![
        ("average wait", length(round(waits.mean_ms()))),
        ("p50", percentile(waits, 50)),
        ("p90", percentile(waits, 90)),
        ("p95", percentile(waits, 95)),
        ("p99", percentile(waits, 99)),
        ("longest", length(waits.max_ms())),
        ("tries, per build", tenths(tries(total))),
        ("lost, per 100 builds", share(total.gave_up + total.failed, total.arrived)),
        ("makespan", length(round(summary.mean(total.makespan_ms)))),
        ("peak pods", peak(summary.median(|run| run.peak_pods), total.peak_pods)),
        ("pod hours", tenths(summary.pod_hours())),
    ];
    if model.karpenter {
        cells.extend([
            ("peak nodes", peak(summary.median(|run| run.peak_nodes), total.peak_nodes)),
            ("node hours", tenths(summary.node_hours(&total.node_ms))),
            ("cost", cost_of(model, summary, &total.node_ms)),
            ("in 90 % of runs", summary.usd_spread(model).map(spread).unwrap_or_default()),
            ("cost after last build", cost_of(model, summary, &total.idle_node_ms)),
        ]);
    }
    cells
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn share(part: u64, of: u64) -> String {
    format!("{:.1}", part as f64 * 100.0 / (of as f64).max(1.0))
}

/// A name and its value, on aligned lines.
fn entry(name: &str, value: &str, width: usize) -> String {
    const INDENT: &str = "           ";
    let wrapped = wrap(value, width, INDENT);
    format!("{name:<11}{}", wrapped.trim_start())
}

fn head(scenario: &Scenario, model: &Model, arrivals: &Arrivals, runs: u64, width: usize) -> String {
    let assumptions = &scenario.assumptions;
    let mut text = entry("builds", &arrivals.to_string(), width);
    let client = match assumptions.client {
        ClientKind::BuildctlWait => "buildctl --wait",
        ClientKind::BuildctlRetry => "buildctl, retried",
        ClientKind::BuildxRetry => "docker buildx, retried",
    };
    let pauses = Length(model.client.pause_ms);
    let patience = Length(model.client.connect_ms);
    let tries = match assumptions.client {
        ClientKind::BuildctlWait => format!("reconnects after {patience}"),
        _ => format!("waits {patience}, pauses up to {pauses}"),
    };
    text += &entry("client", &format!("{client}: {tries}, gives up after {}", assumptions.budget), width);
    text += &entry("fleet", &format!("{} {}", scenario.fleet.key, pool(scenario)), width);
    let mut starts = if model.karpenter {
        format!("a node is ready after {}, a pod on it after {}", assumptions.node_start, assumptions.pod_start)
    } else {
        format!(
            "a pod is ready after {}; nodes are not part of the fleet, room for every pod is assumed",
            assumptions.pod_start
        )
    };
    for (name, window) in &assumptions.no_capacity {
        let _ = write!(starts, "; no capacity for {name} from {} to {}", Length(window.from_ms), Length(window.to_ms));
    }
    for window in &assumptions.metric_out {
        let _ = write!(starts, "; no metric from {} to {}", Length(window.from_ms), Length(window.to_ms));
    }
    if let Some(after) = assumptions.lost_after {
        let _ = write!(starts, "; a builder is lost after {after} on average");
    }
    text += &entry("starts", &starts, width);
    text + &entry("runs", &format!("{}, each with different random numbers", runs_in_words(runs)), width)
}

/// `amd64: 2 to 8 pods, m6id.24xlarge x2`.
pub(super) fn pool(scenario: &Scenario) -> String {
    let pool = scenario.pool();
    let pods = match pool.scaling {
        Scaling::Fixed { replicas } => format!("{}, fixed", number(replicas, "pod")),
        Scaling::Keda { bounds, .. } => format!("{} to {} pods", thousands(bounds.min()), thousands(bounds.max())),
    };
    format!("{}: {pods}, {}", pool.arch.name(), pool.placement.in_words())
}

/// Name and text of each result.
fn rows(result: &Simulated) -> Vec<(&'static str, String)> {
    let Simulated { model, summary, .. } = result;
    let total = &summary.total;
    let waits = &total.waits;
    let length = |ms: u64| Length(ms).to_string();
    let mut rows = vec![
        (
            "wait",
            if total.arrived == 0 {
                "no builds arrived".to_owned()
            } else if waits.count() == 0 {
                "no build got a builder".to_owned()
            } else {
                format!("{} on average, for builds that got a builder", length(round(waits.mean_ms())))
            },
        ),
        (
            "",
            format!(
                "of all builds p50 {}, p90 {}, p95 {}, p99 {}, longest {}; {} tries a build",
                percentile(waits, 50),
                percentile(waits, 90),
                percentile(waits, 95),
                percentile(waits, 99),
                length(waits.max_ms()),
                tenths(tries(total))
            ),
        ),
        ("gave up", lost(summary)),
        (
            "makespan",
            format!(
                "{} from the first build to the end of the last, at most {}",
                length(round(summary.mean(total.makespan_ms))),
                length(summary.longest_makespan_ms)
            ),
        ),
        (
            "peak",
            format!(
                "{} pods, including draining ones{}",
                peak(summary.median(|run| run.peak_pods), total.peak_pods),
                on_nodes(result)
            ),
        ),
        ("cost", cost(result)),
        ("", idle(model, summary)),
        ("verdict", conclusion(result)),
    ];
    rows.retain(|(_, text)| !text.is_empty());
    rows
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times of a simulation")]
fn round(ms: f64) -> u64 {
    ms.round() as u64
}

fn lost(summary: &Summary) -> String {
    let total = &summary.total;
    if total.gave_up + total.failed + total.cut == 0 {
        return "none".to_owned();
    }
    let mean = |sum: u64| match summary.mean(sum) {
        mean if sum > 0 && mean < 0.05 => "fewer than 0.1".to_owned(),
        mean if (mean - mean.round()).abs() < 0.05 => thousands(format_args!("{mean:.0}")),
        mean => tenths(mean),
    };
    let mut text = format!("{} of {} builds per run", mean(total.gave_up), mean(total.arrived));
    if total.cut > 0 {
        let _ = write!(text, "; {} lost their builder, {} of them permanently", mean(total.cut), mean(total.failed));
    }
    let _ = write!(text, "; builds were lost in {} of {}", summary.runs_with_losses, runs_in_words(summary.runs));
    text
}

fn on_nodes(result: &Simulated) -> String {
    if result.model.karpenter {
        let Summary { total, .. } = &result.summary;
        let nodes = peak(result.summary.median(|run| run.peak_nodes), total.peak_nodes);
        format!(", on {nodes} {}", if nodes == "1" { "node" } else { "nodes" })
    } else {
        String::new()
    }
}

fn cost(result: &Simulated) -> String {
    let Simulated { scenario, model, summary, .. } = result;
    if !model.karpenter {
        let hours = tenths(summary.pod_hours());
        return format!("not known, with nodes that are not part of the fleet; {hours} pod hours");
    }
    let node_ms = &summary.total.node_ms;
    let text = format!(
        "{}{} for {} node hours and {} pod hours in {}",
        cost_of(model, summary, node_ms),
        summary.usd_spread(model).map(|costs| format!(", {} in 90 % of runs,", spread(costs))).unwrap_or_default(),
        tenths(summary.node_hours(node_ms)),
        tenths(summary.pod_hours()),
        Length(round(summary.mean(summary.total.settled_ms)))
    );
    if scenario.is_fixed() {
        return format!("{text}, until the end of the last build");
    }
    let nodes = |count: &[u64]| tenths(summary.mean(count.iter().sum())).trim_end_matches(".0").to_owned();
    let (before, after) = (nodes(&summary.total.nodes_before), nodes(&summary.total.nodes_after));
    let after = if after == "1" { "1 node".to_owned() } else { format!("{after} nodes") };
    let pods = number(scenario.bounds().0, "pod");
    let mut text = format!("{text}, until {pods} are left, on {after} ({before} before)");
    if summary.total.unsettled > 0 {
        let runs = runs_in_words(summary.total.unsettled);
        let _ = write!(text, "; {runs} stopped before that, two weeks after the last build");
    }
    text
}

fn idle(model: &Model, summary: &Summary) -> String {
    if !model.karpenter {
        return String::new();
    }
    let node_ms = &summary.total.idle_node_ms;
    format!(
        "{} of it after the last build, {} node hours",
        cost_of(model, summary, node_ms),
        tenths(summary.node_hours(node_ms))
    )
}
