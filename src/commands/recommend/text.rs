//! Advice for people.

use crate::console::table::{Column, Table};
use crate::console::wrap::wrap;
use crate::diagnostics::words::{number, thousands};
use crate::fleet::dns::MAX_PODS;
use crate::simulation::duration::Length;
use crate::simulation::recommend::{Advice, Choice};

/// Days of a month of 730 hours.
const MONTH_DAYS: f64 = 730.0 / 24.0;

pub(super) fn of(advice: &Advice, cluster: &str, p99_wait: Length, width: usize) -> String {
    let mut text = wrap(
        &format!(
            "{cluster} {}: {} in {}, p99 wait at most {p99_wait}",
            advice.arch.name(),
            number(advice.builds, "build"),
            number(advice.days as usize, "day")
        ),
        width,
        "",
    );
    text.push('\n');
    let row = |name: &str, choice: &Choice| row(name, choice, advice.karpenter);
    let mut rows = vec![row("now", &advice.now)];
    rows.extend(advice.best.iter().map(|best| row("recommended", best)));
    rows.extend(advice.curve.iter().map(|choice| row("", choice)));
    let mut columns = vec![
        Column::Words(""),
        Column::Numbers("min"),
        Column::Numbers("max"),
        Column::Numbers("p99 wait"),
        Column::Numbers("gave up"),
    ];
    // What nodes cost that are not part of the fleet is not known: choices are compared by the hours of their pods.
    if advice.karpenter {
        columns.extend([Column::Numbers("USD/day"), Column::Numbers("USD/month")]);
    } else {
        columns.push(Column::Numbers("pod h/day"));
    }
    text += &Table { columns, rows }.print(width);
    if !advice.karpenter {
        text.push('\n');
        text += &wrap(
            "Nodes are not part of the fleet (`nodes.provisioner: none`): room for every pod is assumed, and choices are compared by the hours of their pods.",
            width,
            "",
        );
    }
    if advice.best.is_none() {
        text.push('\n');
        text += &wrap(
            &format!(
                "No number of pods keeps the p99 wait short enough without clients giving up: neither one pod for each build at all times, nor {}, the most that one DNS answer can name. Check the client's budget and how long a build occupies its builder.",
                thousands(MAX_PODS.into())
            ),
            width,
            "",
        );
    }
    text
}

fn row(name: &str, choice: &Choice, karpenter: bool) -> Vec<String> {
    let usd = |usd: Option<f64>| usd.map_or_else(|| "unknown".to_owned(), |usd| format!("${usd:.2}"));
    let mut row = vec![
        name.to_owned(),
        choice.min.to_string(),
        choice.max.to_string(),
        Length(choice.p99_ms).to_string(),
        format!("{:.1}", choice.gave_up),
    ];
    if karpenter {
        row.extend([choice.usd_per_day, choice.usd_per_day.map(|usd| usd * MONTH_DAYS)].map(usd));
    } else {
        row.push(format!("{:.1}", choice.node_hours_per_day));
    }
    row
}
