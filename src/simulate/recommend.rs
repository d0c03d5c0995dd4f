//! The command `recommend`: the cheapest bounds with which builds wait no longer than asked for, and what they cost.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::Exit;
use crate::cli::{PlanFormat, Recommend};
use crate::fleet::arch::Arch;
use crate::simulate::all;
use crate::simulate::arrivals::{Arrival, Arrivals};
use crate::simulate::duration::Length;
use crate::simulate::model::Model;
use crate::simulate::outcome::Summary;
use crate::simulate::scenario::{Scenario, arch_of, fleet_of};
use crate::simulate::verdict::{MOST_PODS, least};
use crate::table::{Column, Table};
use crate::talk::{number, print, print_json, say, width, wrap};

const DAY_MS: u64 = 86_400_000;
/// Days of a month of 730 hours.
const MONTH_DAYS: f64 = 730.0 / 24.0;

/// One choice of bounds.
#[derive(Clone, Debug)]
struct Choice {
    min: u32,
    max: u32,
    p99_ms: u64,
    gave_up: f64,
    node_hours_per_day: f64,
    /// For a day like the recorded ones; none where a price is not known.
    usd_per_day: Option<f64>,
}

impl Choice {
    /// What to compare by: money, or node hours where a price is not known.
    fn cost(&self) -> f64 {
        self.usd_per_day.unwrap_or(self.node_hours_per_day)
    }
}

/// What was found for one architecture.
struct Advice {
    arch: Arch,
    builds: usize,
    /// What the record stands for.
    days: u32,
    /// None where no number of pods is enough.
    best: Option<Choice>,
    now: Choice,
    curve: Vec<Choice>,
}

pub fn run(command: &Recommend) -> Result<Exit> {
    let fleet = match fleet_of(&command.input.config, &command.cluster)? {
        Ok(fleet) => fleet,
        Err(exit) => return Ok(exit),
    };
    let arches: Vec<Arch> = match command.arch {
        Some(arch) => match arch_of(&fleet, Some(arch), &command.input.config) {
            Some(arch) => vec![arch],
            None => return Ok(Exit::Usage),
        },
        None => fleet.pools.iter().map(|pool| pool.arch).collect(),
    };
    let mut advice = Vec::new();
    for arch in arches {
        let Some(arrivals) = Arrivals::recorded_of(&command.arrivals, arch)? else { continue };
        let scenario = Scenario { fleet: fleet.clone(), arch, said: command.circumstances.said() };
        advice.push(advise(&scenario, &arrivals, command)?);
    }
    if advice.is_empty() {
        bail!("{} has no build of an architecture of {}", command.arrivals.display(), fleet.key);
    }
    match command.format {
        PlanFormat::Json => {
            let pools: Vec<Value> = advice.iter().map(to_json).collect();
            print_json(
                &json!({"cluster": fleet.key.as_str(), "p99_wait_s": command.p99_wait.0 / 1000, "pools": pools}),
            )?;
        }
        PlanFormat::Text => {
            let width = width();
            let blocks: Vec<String> =
                advice.iter().map(|advice| to_text(advice, fleet.key.as_str(), command.p99_wait, width)).collect();
            print(&blocks.join("\n"))?;
        }
    }
    if advice.iter().any(|advice| advice.best.is_none()) {
        say("no number of pods keeps every wait so short: see the notes");
    }
    Ok(Exit::Done)
}

fn advise(scenario: &Scenario, arrivals: &Arrivals, command: &Recommend) -> Result<Advice> {
    let Arrivals::Recorded(builds) = arrivals else { bail!("a record of arrivals is needed") };
    // By the starts: a build that runs over midnight makes no second day.
    let whole = builds.last().map_or(0, |last| last.at_ms / DAY_MS) + 1;
    let days = command.days.unwrap_or(u32::try_from(whole).unwrap_or(u32::MAX));
    // The searches below ask for the same bounds again and again.
    let known: RefCell<HashMap<(u32, u32), Choice>> = RefCell::default();
    let choose = |min: u32, max: u32| -> Result<Choice> {
        if let Some(choice) = known.borrow().get(&(min, max)) {
            return Ok(choice.clone());
        }
        let model = scenario.with_bounds(min, max).model()?;
        let choice = choice(min, max, days, &model, &all(&model, arrivals, command.seed, command.runs)?);
        known.borrow_mut().insert((min, max), choice.clone());
        Ok(choice)
    };
    let good = |choice: &Choice| choice.p99_ms <= command.p99_wait.0 && choice.gave_up == 0.0;
    // With as many pods as builds at once nobody ever waits; that many at all times is the most that can help.
    let most = peak(builds);
    let mut tried = Vec::new();
    let mut top = most;
    if good(&choose(most, most)?) {
        // How many it takes at the peak, were they all there.
        top = narrow(least(0, most.into(), |max| Ok(good(&choose(narrow(max), narrow(max))?)))?);
        // A pool that grows is late: it may need a higher peak than one that is always there.
        let higher = [top, top + top.div_ceil(8), top + top.div_ceil(4), top + top.div_ceil(2), most];
        for max in higher.into_iter().map(|max| max.min(most)).collect::<BTreeSet<_>>() {
            tried.push(choose(max, max)?);
            if !scenario.is_fixed() {
                let min = least_or(0, max.into(), |min| Ok(good(&choose(narrow(min), max)?)))?;
                tried.push(choose(narrow(min), max)?);
            }
        }
    }
    let mut best = cheapest(tried.into_iter().filter(&good));
    let mut curve = Vec::new();
    if !scenario.is_fixed() {
        let max = best.as_ref().map_or(top, |best: &Choice| best.max);
        for min in ladder(max) {
            curve.push(choose(min, max)?);
        }
        best = cheapest(best.into_iter().chain(curve.iter().filter(|choice| good(choice)).cloned()));
    }
    let (min, max) = scenario.bounds();
    Ok(Advice { arch: scenario.arch, builds: builds.len(), days, best, now: choose(min, max)?, curve })
}

/// The cheapest, to the cent; of several the one with the shortest waits, then the smallest.
fn cheapest(choices: impl Iterator<Item = Choice>) -> Option<Choice> {
    #[expect(clippy::cast_possible_truncation, reason = "money of a day")]
    let key = |choice: &Choice| ((choice.cost() * 100.0).round() as i64, choice.p99_ms, choice.max, choice.min);
    choices.min_by_key(key)
}

/// Nodes and money of a day, where the record stands for so many: what it takes until the pool is at rest again, and the
/// nodes at rest for the time that is left.
fn choice(min: u32, max: u32, days: u32, model: &Model, summary: &Summary) -> Choice {
    let total = &summary.total;
    let days_ms = u64::from(days) * DAY_MS * summary.runs;
    let rest_ms = days_ms.saturating_sub(total.settled_ms) / summary.runs.max(1);
    let node_ms: Vec<u64> =
        total.node_ms.iter().zip(&total.nodes_after).map(|(busy, nodes)| busy + nodes * rest_ms).collect();
    let days = f64::from(days);
    Choice {
        min,
        max,
        p99_ms: total.waits.percentile_ms(99),
        gave_up: summary.mean(total.gave_up),
        node_hours_per_day: summary.node_hours(&node_ms) / days,
        usd_per_day: summary.usd(model, &node_ms).ok().map(|usd| usd / days),
    }
}

/// Builds at the same time, were there a builder for each.
fn peak(builds: &[Arrival]) -> u32 {
    let mut changes: Vec<(u64, i32)> =
        builds.iter().flat_map(|build| [(build.at_ms, 1), (build.at_ms + build.duration_ms, -1)]).collect();
    changes.sort_unstable();
    let mut now = 0;
    let mut most = 0;
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    u32::try_from(most).unwrap_or(1).clamp(1, MOST_PODS)
}

/// The least number from `low` on that holds, up to `high`, which does.
fn least_or(low: u64, high: u64, holds: impl Fn(u64) -> Result<bool>) -> Result<u64> {
    if holds(low)? { Ok(low) } else { least(low, high, holds) }
}

/// 0, 1, 2, 4 and so on up to the maximum.
fn ladder(max: u32) -> Vec<u32> {
    let mut steps = vec![0];
    let mut step = 1;
    while step < max {
        steps.push(step);
        step *= 2;
    }
    steps.push(max);
    steps
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn to_text(advice: &Advice, cluster: &str, p99_wait: Length, width: usize) -> String {
    let mut text = wrap(
        &format!(
            "{cluster} {}: {} in {}, p99 of the wait at most {p99_wait}",
            advice.arch.name(),
            number(advice.builds, "build"),
            number(advice.days as usize, "day")
        ),
        width,
        "",
    );
    text.push('\n');
    let mut rows = vec![row("now", &advice.now)];
    rows.extend(advice.best.iter().map(|best| row("recommended", best)));
    rows.extend(advice.curve.iter().map(|choice| row("", choice)));
    let columns = vec![
        Column::Words(""),
        Column::Numbers("min"),
        Column::Numbers("max"),
        Column::Numbers("p99 wait"),
        Column::Numbers("gave up"),
        Column::Numbers("USD/day"),
        Column::Numbers("USD/month"),
    ];
    text += &Table { columns, rows }.print(width);
    if advice.best.is_none() {
        text.push('\n');
        text += &wrap(
            "No number of pods keeps p99 so short with nobody giving up: not one for each build at all times, and not 2,300, the most that one DNS answer can name. Look at the client's budget and at how long a build holds its builder.",
            width,
            "",
        );
    }
    text
}

fn row(name: &str, choice: &Choice) -> Vec<String> {
    let usd = |usd: Option<f64>| usd.map_or_else(|| "unknown".to_owned(), |usd| format!("${usd:.2}"));
    vec![
        name.to_owned(),
        choice.min.to_string(),
        choice.max.to_string(),
        Length(choice.p99_ms).to_string(),
        format!("{:.1}", choice.gave_up),
        usd(choice.usd_per_day),
        usd(choice.usd_per_day.map(|usd| usd * MONTH_DAYS)),
    ]
}

/// Of a pool: `arch`, `builds`, `days` that the record stands for, `now`, `recommended` (null where no number of pods is enough) and
/// `curve`; each of these has `min_pods`, `max_pods`, `wait_p99_s`, `gave_up`, `node_hours_per_day` and `usd_per_day` (null where unknown).
fn to_json(advice: &Advice) -> Value {
    let of = |choice: &Choice| {
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
        "now": of(&advice.now),
        "recommended": advice.best.as_ref().map(of),
        "curve": advice.curve.iter().map(of).collect::<Vec<_>>(),
    })
}
