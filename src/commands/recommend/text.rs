//! Advice for people.

use crate::commands::scenario::runs_in_words;
use crate::console::table::{Column, Table};
use crate::console::wrap::wrap;
use crate::diagnostics::words::{dollars, number, tenths, thousands};
use crate::fleet::dns::MAX_PODS;
use crate::simulation::choice::Choice;
use crate::simulation::duration::Length;
use crate::simulation::recommend::Advice;

/// Days of a month of 730 hours.
const MONTH_DAYS: f64 = 730.0 / 24.0;

pub(super) fn of(advice: &Advice, cluster: &str, p99_wait: Length, width: usize) -> String {
    let mut text = wrap(
        &format!(
            "{cluster} {}: {} in {}, p99 wait at most {p99_wait}, each choice in {}",
            advice.arch.name(),
            number(advice.builds, "build"),
            number(advice.days, "day"),
            runs_in_words(advice.runs)
        ),
        width,
        "",
    );
    text.push('\n');
    let row = |name: &str, choice: &Choice| row(name, choice, advice);
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
    if advice.days > 1 {
        columns.push(Column::Numbers("days over"));
    }
    columns.push(Column::Words(""));
    text += &Table { columns, rows }.print(width);
    if !advice.karpenter {
        text.push('\n');
        text += &wrap(
            "Nodes are not part of the fleet (`nodes.provisioner: none`): room for every pod is assumed, and choices are compared by the hours of their pods.",
            width,
            "",
        );
    }
    if advice.best.is_some() {
        text.push('\n');
        text += &wrap(
            &format!(
                "The cheapest of {} that were tried; others may be cheaper still.{}",
                number(advice.tried, "choice"),
                if advice.days > 1 {
                    " The p99 is of all days together; on `days over` it is longer than that."
                } else {
                    ""
                }
            ),
            width,
            "",
        );
    }
    if advice.best.is_none() {
        text.push('\n');
        text += &wrap(
            &format!(
                "No number of pods keeps the p99 wait short enough without clients giving up: neither one pod for each build at all times, nor {}, the most that one DNS answer can name. Check the client's budget and how long a build occupies its builder.",
                thousands(MAX_PODS)
            ),
            width,
            "",
        );
    }
    text
}

fn row(name: &str, choice: &Choice, advice: &Advice) -> Vec<String> {
    let usd = |usd: Option<f64>| usd.map_or_else(|| "unknown".to_owned(), dollars);
    let mut row = vec![
        name.to_owned(),
        thousands(choice.min),
        thousands(choice.max),
        choice.p99_ms.map_or_else(|| "never".to_owned(), |wait_ms| Length(wait_ms).to_string()),
        tenths(choice.gave_up),
    ];
    if advice.karpenter {
        row.extend([choice.usd_per_day, choice.usd_per_day.map(|usd| usd * MONTH_DAYS)].map(usd));
    } else {
        row.push(tenths(choice.node_hours_per_day));
    }
    if advice.days > 1 {
        row.push(tenths(choice.days_missed).trim_end_matches(".0").to_owned());
    }
    let mark = if choice.good() {
        ""
    } else if choice.gave_up > 0.0 {
        "builds give up"
    } else {
        "too long"
    };
    row.push(mark.to_owned());
    row
}
