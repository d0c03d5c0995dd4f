//! The table of budgets in clients/README.md is what the simulator finds.

use std::fmt::Write as _;

use crate::support;

/// Most pods, minutes of a build, builds at once.
const ROWS: [(u64, u64, u64); 6] =
    [(8, 20, 8), (8, 20, 16), (8, 20, 27), (30, 40, 60), (360, 40, 360), (360, 120, 500)];
const HEAD: &str = "| max | build | burst | budget |\n|---|---|---|---|\n";

/// Minutes that the page says are enough.
fn rule(max: u64, build: u64, burst: u64) -> u64 {
    (burst.div_ceil(max) - 1) * build + 5
}

/// What `simulate` finds for a burst on a fleet that grows from 2 pods, with bk-build around buildctl.
fn simulated(max: u64, build: u64, burst: u64, budget_min: u64) -> serde_json::Value {
    let dir = support::program::scratch();
    let scaling = format!("      autoscaling: {{enabled: true, amd64_min: 2, amd64_max: {max}, arm64_max: 4}}\n");
    support::program::write(dir.path(), "clusters.yaml", support::one_cluster(&scaling));
    let (build, burst, budget) = (format!("{build}m"), burst.to_string(), format!("{budget_min}m"));
    let options = ["--build-minutes", &build, "--burst", &burst, "--budget", &budget];
    let output = support::program::run(
        dir.path(),
        &[&["simulate", "here", "--runs", "50", "--format", "json"], &options[..]].concat(),
    );
    assert_eq!(support::program::code(&output), 0, "{}", support::program::stderr(&output));
    serde_json::from_str(&support::program::stdout(&output)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_table_of_budgets_is_what_the_simulator_finds() {
    let mut table = HEAD.to_owned();
    for (max, build, burst) in ROWS {
        let seconds = simulated(max, build, burst, 1)["verdict"]["budget_s"].as_u64().unwrap_or_default();
        let budget = seconds.div_ceil(60);
        assert!((1..=rule(max, build, burst)).contains(&budget), "{max} {build} {burst}: {budget}, not by the rule");
        let with_it = simulated(max, build, burst, budget);
        assert_eq!((&with_it["gave_up"], &with_it["verdict"]["enough"]), (&0.0.into(), &true.into()), "{with_it}");
        let _ = writeln!(table, "| {max} | {build} min | {burst} | {budget} min |");
    }
    let page = support::read("clients/README.md");
    let (before, rest) = page.split_once(HEAD).unwrap_or_else(|| panic!("no table"));
    let (_, after) = rest.split_once("\n\n").unwrap_or_else(|| panic!("no end of the table"));
    let made = format!("{before}{table}\n{after}");
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::write(support::repository().join("clients/README.md"), &made)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    assert!(made.contains("`(ceil(B / max) - 1) x L + 5` minutes"), "the page states another rule");
    assert_eq!(support::read("clients/README.md"), made, "`just snapshots` writes it anew");
}
