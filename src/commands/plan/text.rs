//! The plan for people: one block per cluster.

use std::fmt::Write as _;

use crate::catalogue::price::{self, Usd};
use crate::commands::plan::capacity::{Capacity, Cost, PoolCapacity, Speed, TypeCapacity};
use crate::commands::plan::images;
use crate::console::table::{Column, Table};
use crate::console::wrap::wrap;
use crate::diagnostics::words::{number, thousands};
use crate::fleet::dns::DNS_PAYLOAD_BYTES;
use crate::fleet::hpa::{SYNC_MS, Step};
use crate::fleet::scaling::POLLING_INTERVAL_S;
use crate::fleet::sizing::CACHE_REQUEST_PERCENT;
use crate::fleet::timing::CONSOLIDATE_AFTER_MINUTES;

/// Of more steps than this, only the first ones and the last are listed.
const MAX_STEPS: usize = 16;

pub(super) fn of(plan: &Capacity, width: usize) -> String {
    let fleet = plan.fleet;
    let mut text = wrap(&fleet.title(), width, "");
    let mut tables = vec![pods(plan)];
    if fleet.has_node_pools() {
        tables.extend([nodes(plan), costs(plan)]);
    }
    for table in tables {
        text += "\n";
        text += &table.print(width);
    }
    for (title, lines) in [("notes", notes(plan)), ("speed", speeds(plan)), ("load balancer", load_balancer(plan))] {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{title}");
        }
        for line in lines {
            text += &wrap(&line, width, "  ");
        }
    }
    text
}

fn pods(plan: &Capacity) -> Table {
    let row = |pool: &PoolCapacity| {
        let size = pool.pool.placement.pod();
        let numbers = [pool.pods_at_min.into(), pool.pods_at_max.into(), size.vcpu, size.gib, pool.nvme_request_gb];
        let scaling = if pool.speed.is_some() { "KEDA" } else { "fixed" };
        let words = [pool.pool.arch.name().to_owned(), scaling.to_owned()];
        words.into_iter().chain(numbers.map(thousands)).collect()
    };
    Table {
        columns: vec![
            Column::Words("arch"),
            Column::Words("pool"),
            Column::Numbers("pods\nat min"),
            Column::Numbers("pods\nat max"),
            Column::Numbers("vCPU\nper pod"),
            Column::Numbers("GiB\nper pod"),
            Column::Numbers("cache GB\nrequested"),
        ],
        rows: plan.pools.iter().map(row).collect(),
    }
}

/// A row for each instance type, with its architecture.
fn by_type<'a>(plan: &'a Capacity, cells: impl Fn(&'a TypeCapacity<'a>) -> Vec<String>) -> Vec<Vec<String>> {
    let types = plan.pools.iter().flat_map(|pool| pool.types.iter().map(move |of| (pool.pool.arch, of)));
    let words = |arch: &str, of: &TypeCapacity| vec![arch.to_owned(), of.planned.instance.name.clone()];
    types.map(|(arch, of)| [words(arch.name(), of), cells(of)].concat()).collect()
}

fn nodes(plan: &Capacity) -> Table {
    Table {
        columns: vec![
            Column::Words("arch"),
            Column::Words("instance type"),
            Column::Numbers("pods\nper node"),
            Column::Numbers("nodes\nat min"),
            Column::Numbers("nodes\nat max"),
            Column::Numbers("node\nlimit"),
            Column::Numbers("vCPU\nat max"),
            Column::Numbers("GiB\nat max"),
            Column::Numbers("cache GB\nper pod"),
        ],
        rows: by_type(plan, |of| {
            let of_nodes = [of.planned.pods_per_node, of.nodes_at_min, of.nodes_at_max, of.node_limit];
            of_nodes.into_iter().chain([of.vcpu_at_max, of.gib_at_max, of.nvme_share_gb]).map(thousands).collect()
        }),
    }
}

fn costs(plan: &Capacity) -> Table {
    let cells = |cost: Cost| [cost.hour_at_min, cost.hour_at_max, cost.month_at_min()].map(money).to_vec();
    let mut rows = by_type(plan, |of| cells(of.cost));
    rows.push([vec!["fleet".to_owned(), "on first types".to_owned()], cells(plan.cost)].concat());
    Table {
        columns: vec![
            Column::Words("arch"),
            Column::Words("instance type"),
            Column::Numbers("USD/hour\nat min"),
            Column::Numbers("USD/hour\nat max"),
            Column::Numbers("USD/month\nat min"),
        ],
        rows,
    }
}

fn money(usd: Option<Usd>) -> String {
    usd.map_or_else(|| "unknown".to_owned(), |usd| usd.to_string())
}

fn notes(plan: &Capacity) -> Vec<String> {
    let mut notes = Vec::new();
    if plan.pools.iter().any(|pool| pool.types.len() > 1) {
        notes.push("A type after the first is shown as if it carried all pods of its architecture.".to_owned());
    }
    if plan.fleet.has_node_pools() {
        notes.push(format!(
            "A pod requests {CACHE_REQUEST_PERCENT} % of its share of the disk for caches, the smallest of all types."
        ));
    } else {
        notes.push("Nodes are not part of the fleet (`nodes.provisioner: none`): how many are needed, and what they cost, is not known.".to_owned());
    }
    for pool in plan.pools.iter().filter(|pool| pool.idle_places_at_min() > 0) {
        notes.push(format!(
            "{}: the nodes at min have room for {}.",
            pool.pool.arch.name(),
            number(pool.idle_places_at_min(), "more pod")
        ));
    }
    let before = notes.len();
    notes.extend(plan.pools.iter().filter_map(left_by_a_burst));
    if notes.len() > before {
        notes.push(format!(
            "The reason: pods that share a node are removed first, and only an empty node is removed, {CONSOLIDATE_AFTER_MINUTES} min after its last pod."
        ));
    }
    notes.extend(images::notes(plan));
    if plan.cost.hour_at_max.is_some() {
        notes.push("Amounts are rounded after they are added up.".to_owned());
    }
    let unpriced: Vec<&str> = plan.unpriced().collect();
    if !unpriced.is_empty() {
        notes.push(format!(
            "The price of {} in {} is unknown. Regions with prices: {}; all but the first have only a few. Give yours: `instance_specs: {{{}: {{usd_per_hour: N}}}}`.",
            unpriced.join(", "),
            plan.fleet.region.as_ref().map_or("an unknown region", |region| region.as_str()),
            price::regions().join(", "),
            unpriced[0]
        ));
    }
    notes
}

/// On how many nodes a burst may leave the pods at min.
fn left_by_a_burst(pool: &PoolCapacity) -> Option<String> {
    let first = pool.first()?;
    if first.nodes_at_min_at_most == first.nodes_at_min {
        return None;
    }
    let cost = match (first.cost.hour_at_min_at_most, first.cost.hour_at_min) {
        (Some(most), Some(fewest)) => format!(", at {most} an hour instead of {fewest}"),
        _ => String::new(),
    };
    Some(format!(
        "{}: nodes at min are counted as full; after a burst the {} pods may remain on {} nodes{cost}.",
        pool.pool.arch.name(),
        thousands(pool.pods_at_min),
        thousands(first.nodes_at_min_at_most),
    ))
}

fn speeds(plan: &Capacity) -> Vec<String> {
    let of_pool = |pool: &PoolCapacity| {
        let arch = pool.pool.arch.name();
        pool.speed.as_ref().map(|speed| [up(speed), down(speed)].map(|text| format!("{arch} {text}")))
    };
    let mut lines: Vec<String> = plan.pools.iter().filter_map(of_pool).flatten().collect();
    if !lines.is_empty() {
        let nodes = if plan.fleet.has_node_pools() {
            "missing nodes boot after that"
        } else {
            "they wait where no node has room"
        };
        lines.push(format!("These are the pods that the HPA requests; {nodes}."));
    }
    lines
}

fn up(speed: &Speed) -> String {
    let bounds = speed.behavior.bounds;
    let (from, wakes) = match bounds.min() {
        0 => (1, format!("starts with 1 pod, created by KEDA within {POLLING_INTERVAL_S} s; ")),
        min => (min, String::new()),
    };
    let builds = thousands(bounds.max());
    let sync_s = SYNC_MS / 1000;
    let first_s = speed.first_look_s();
    let look = format!("the HPA's first sync with {builds} builds, within {first_s} s");
    let grows = match speed.up.as_slice() {
        [] => format!("stays at {from} while there are {builds} builds"),
        [only] => format!("grows {from}, {}: 1 step, at {look}", only.pods),
        steps @ [.., last] => format!(
            "grows {from}, {}: {} steps, the first at {look}, then one every {sync_s} s: {} s in all",
            list(steps),
            steps.len(),
            first_s + last.at_ms / 1000
        ),
    };
    let stops = if speed.reached() < bounds.max() {
        format!("; it stops there because the HPA ignores the last 10 % of {builds} builds with these versions")
    } else {
        String::new()
    };
    format!("{wakes}{grows}{stops}")
}

fn down(speed: &Speed) -> String {
    let (bounds, rules) = (speed.behavior.bounds, speed.behavior.down);
    let (window, period) = (rules.stabilization_s / 60, rules.period_s / 60);
    let first = format!("{window} min after the last build ended");
    let late_s = SYNC_MS / 1000;
    let shrinks = format!("shrinks {}, {}", bounds.max(), list(&speed.down));
    match speed.down.as_slice() {
        _ if bounds.min() == 0 => format!("drops to 0 at once, by KEDA, {first}, plus or minus {POLLING_INTERVAL_S} s"),
        [] => "does not shrink: min equals max".to_owned(),
        [_] => format!("{shrinks}: 1 step, {first}; it may be {late_s} s late"),
        steps @ [.., last] => format!(
            "{shrinks}: {} steps, the first {first}, then one every {period} min, {} in all; each may be {late_s} s late",
            steps.len(),
            hours(last.at_ms / 60_000)
        ),
    }
}

/// `45 min`, `23 h`, `23 h 15 min`.
fn hours(minutes: u64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

fn list(steps: &[Step]) -> String {
    let pods: Vec<String> = steps.iter().map(|step| step.pods.to_string()).collect();
    match pods.as_slice() {
        [first @ .., last] if pods.len() > MAX_STEPS => format!("{}, ..., {last}", first[..MAX_STEPS / 2].join(", ")),
        _ => pods.join(", "),
    }
}

fn load_balancer(plan: &Capacity) -> Vec<String> {
    let mut lines =
        vec![format!("{} server slots, {} MiB of memory", thousands(plan.lb_slots), thousands(plan.lb_memory_mib))];
    for pool in &plan.pools {
        lines.push(format!(
            "DNS answer for {} at max: {} of {} bytes; {} pods would fit",
            pool.pool.arch.name(),
            thousands(pool.dns_answer_bytes_at_max),
            thousands(DNS_PAYLOAD_BYTES),
            thousands(pool.dns_pods_that_fit),
        ));
    }
    if let Some(bytes) = plan.keda_scrape_bytes {
        lines.push(format!("KEDA reads {bytes} bytes of metrics per scrape"));
    }
    if let Some(bytes) = plan.prometheus_scrape_bytes_about {
        lines.push(format!(
            "Prometheus reads about {} kB per scrape; with the series of every slot it would be about {} kB",
            thousands((bytes + 500) / 1000),
            thousands((plan.whole_page_bytes_about + 500) / 1000),
        ));
    }
    lines
}
