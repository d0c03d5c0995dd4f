//! The commands `simulate` and `recommend` as their users run them.

use std::path::Path;

use serde_json::Value;

use crate::support;
use crate::support::program::{code, run, stderr, stdout, with_shipped, write};

fn json(dir: &Path, arguments: &[&str]) -> Value {
    let output = run(dir, arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap_or_else(|error| panic!("{error}: {}", stdout(&output)))
}

fn number(of: &Value, key: &str) -> f64 {
    of[key].as_f64().unwrap_or_else(|| panic!("{key} of {of}"))
}

#[test]
fn a_burst_that_was_worked_out_by_hand_comes_out_as_on_paper() {
    let dir = with_shipped();
    // 16 builds of 20 min, 2 to 8 pods, 3 min to a new pod: 2 wait 0, 6 wait 3, 2 wait 20 and 6 wait 23 min.
    let found = json(dir.path(), &["simulate", "arc-staging", "--burst", "16", "--format", "json"]);
    assert!((number(&found, "wait_mean_s") / 60.0 - 12.25).abs() < 1.0, "{}", number(&found, "wait_mean_s"));
    assert!((number(&found, "makespan_s") / 60.0 - 43.0).abs() < 1.0, "{}", number(&found, "makespan_s"));
    assert!(number(&found, "gave_up") == 0.0 && found["verdict"]["enough"] == true);
    assert_eq!((&found["peak_pods"], &found["peak_nodes"]), (&8.into(), &4.into()));
    let short = json(dir.path(), &["simulate", "arc-staging", "--burst", "16", "--budget", "10m", "--format", "json"]);
    assert!((number(&short, "gave_up") - 8.0).abs() < f64::EPSILON, "{short}");
    // What the verdict says is so: with this budget, or this maximum, everybody is served.
    let budget = format!("{}s", short["verdict"]["budget_s"]);
    let with_budget =
        json(dir.path(), &["simulate", "arc-staging", "--burst", "16", "--budget", &budget, "--format", "json"]);
    assert!(number(&with_budget, "gave_up") == 0.0, "{budget}");
    let max = short["verdict"]["max_pods"].to_string();
    write(dir.path(), "clusters.yaml", support::shipped().replacen("amd64_max: 8", &format!("amd64_max: {max}"), 1));
    let with_max =
        json(dir.path(), &["simulate", "arc-staging", "--burst", "16", "--budget", "10m", "--format", "json"]);
    assert!(number(&with_max, "gave_up") == 0.0, "{max}");
    let one_less = max.parse::<u32>().map_or(0, |max| max - 1);
    write(
        dir.path(),
        "clusters.yaml",
        support::shipped().replacen("amd64_max: 8", &format!("amd64_max: {one_less}"), 1),
    );
    let too_few =
        json(dir.path(), &["simulate", "arc-staging", "--burst", "16", "--budget", "10m", "--format", "json"]);
    assert!(number(&too_few, "gave_up") > 0.0, "{one_less}");
}

#[test]
fn a_seed_repeats_every_byte_and_another_does_not() {
    let dir = with_shipped();
    let shown = |seed: &str, format: &str| {
        let arguments =
            ["simulate", "arc-staging", "--rate", "30", "--hours", "3", "--build-time", "exp:15m", "--runs", "20"];
        stdout(&run(dir.path(), &[&arguments[..], &["--seed", seed, "--format", format]].concat()))
    };
    for format in ["text", "json"] {
        assert_eq!(shown("1", format), shown("1", format));
        assert_ne!(shown("1", format), shown("2", format));
    }
}

#[test]
fn compared_with_itself_a_fleet_is_the_same() {
    let dir = with_shipped();
    let found = json(
        dir.path(),
        &[
            "simulate",
            "arc-staging",
            "--rate",
            "40",
            "--hours",
            "2",
            "--build-time",
            "exp:15m",
            "--runs",
            "20",
            "--compare",
            "clusters.yaml",
            "--format",
            "json",
        ],
    );
    assert_eq!(found["here"], found["there"]);
    write(dir.path(), "other.yaml", support::shipped().replacen("amd64_max: 8", "amd64_max: 16", 1));
    let found = json(
        dir.path(),
        &[
            "simulate",
            "arc-staging",
            "--burst",
            "30",
            "--build-time",
            "exp:15m",
            "--runs",
            "20",
            "--compare",
            "other.yaml",
            "--format",
            "json",
        ],
    );
    assert_eq!(found["here"]["builds"], found["there"]["builds"]);
    assert!(number(&found["there"], "gave_up") < number(&found["here"], "gave_up"), "{found}");
}

#[test]
fn the_old_name_of_the_build_time_still_works_and_is_not_shown() {
    let dir = with_shipped();
    let told = |name: &str| {
        let output = run(dir.path(), &["simulate", "arc-staging", "--burst", "9", name, "9m..11m", "--runs", "5"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    assert_eq!(told("--build-minutes"), told("--build-time"));
    let help = stdout(&run(dir.path(), &["simulate", "--help"]));
    assert!(help.contains("--build-time <LENGTH>") && !help.contains("build-minutes"), "{help}");
}

#[test]
fn wrong_uses_tell_what_would_be_right() {
    let dir = with_shipped();
    write(dir.path(), "bad.csv", "start,duration\n1,2\n1,oops\n");
    write(dir.path(), "arm.csv", "1,2,arm64\n");
    write(dir.path(), "mixed.csv", "1764028800,2\n1764028860,2\n60,2\n");
    for (arguments, ended, shown) in [
        (&["simulate", "arc-stagin", "--burst", "1"][..], 2, "did you mean `arc-staging`?"),
        (&["simulate", "platform-tools", "--burst", "1"], 2, "`modules` does not list `buildkit`"),
        (&["simulate", "arc-staging"], 2, "--burst <N>|--arrivals <FILE>|--rate <PER_HOUR>"),
        (&["simulate", "arc-staging", "--rate", "5"], 2, "--hours"),
        (&["simulate", "arc-staging", "--burst", "1", "--rate", "5", "--hours", "1"], 2, "cannot be used with"),
        (&["simulate", "arc-staging", "--burst", "0"], 2, "from 1 to"),
        (&["simulate", "arc-staging", "--rate", "0", "--hours", "1"], 2, "above 0"),
        (&["simulate", "arc-staging", "--rate", "1", "--hours", "8785"], 2, "a year and"),
        (&["simulate", "arc-staging", "--burst", "2", "--hours", "1"], 2, "cannot be used with"),
        (&["simulate", "arc-staging", "--burst", "2", "--lost-after", "0"], 2, "a minute or more"),
        (&["simulate", "arc-staging", "--burst", "5", "--build-time", "soon"], 2, "is not a duration"),
        (&["simulate", "arc-staging", "--burst", "5", "--node-start", "150"], 2, "`150` has no unit: write `150s`"),
        (
            &["simulate", "arc-staging", "--burst", "5", "--ice", "m5d.24xlarge@0..5m"],
            2,
            "expected one of m6id.24xlarge",
        ),
        (&["simulate", "arc-staging", "--burst", "5", "--ice", "m6id.24xlarge"], 2, "TYPE@FROM..TO"),
        (&["simulate", "arc-staging", "--arrivals", "bad.csv"], 3, "bad.csv:3: `oops` is not a duration in seconds"),
        (&["simulate", "arc-staging", "--arrivals", "none.csv"], 3, "cannot read none.csv"),
        (&["simulate", "arc-staging", "--arrivals", "arm.csv"], 3, "arm.csv contains no amd64 builds"),
        (&["simulate", "arc-staging", "--burst", "5", "--svg", "no/such/dir.svg"], 3, "cannot write no/such/dir.svg"),
        (&["simulate", "arc-staging", "--arrivals", "mixed.csv"], 3, "mixed.csv:3: start 60 is 20,417 days before"),
        (&["recommend", "arc-staging", "--arrivals", "mixed.csv"], 3, "mixed.csv:3: start 60 is 20,417 days before"),
        (&["recommend", "arc-staging", "--arrivals", "bad.csv"], 3, "bad.csv:3"),
        (&["recommend", "arc-staging"], 2, "--arrivals"),
    ] {
        let output = run(dir.path(), arguments);
        assert_eq!(code(&output), ended, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(shown), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn the_verdict_never_offers_what_is_there_already_or_less_than_the_minimum() {
    let dir = with_shipped();
    for (burst, budget, minutes) in
        [("27", "30m", "10m..30m"), ("9", "645s", "9m..11m"), ("2", "10s", "5m"), ("1", "30m", "5m")]
    {
        let arguments = [
            "simulate",
            "arc-staging",
            "--burst",
            burst,
            "--budget",
            budget,
            "--build-time",
            minutes,
            "--format",
            "json",
        ];
        let found = json(dir.path(), &arguments);
        let (budget, max) = (number(&found["verdict"], "budget_s"), number(&found["verdict"], "max_pods"));
        assert!(max >= 2.0, "{found}");
        if found["verdict"]["enough"] == false {
            assert!(budget > number(&found, "budget_s") && max > 8.0, "{burst} {budget}: {}", found["verdict"]);
        }
        let shown = stdout(&run(dir.path(), &arguments[..8]));
        assert!(!shown.contains("-0.00"), "{shown}");
    }
}

#[test]
fn one_architecture_is_compared_and_a_type_of_either_file_may_be_short() {
    let dir = with_shipped();
    let arm_only = support::shipped().replace(
        "    buildkit:\n      autoscaling:",
        "    buildkit:\n      architectures: [arm64]\n      autoscaling:",
    );
    assert_ne!(arm_only, support::shipped());
    write(dir.path(), "arm.yaml", arm_only);
    let output = run(dir.path(), &["simulate", "arc-staging", "--burst", "5", "--compare", "arm.yaml"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("arm.yaml: arc-staging has no amd64 builders"), "{}", stderr(&output));
    let two = support::shipped().replacen(
        "    buildkit:\n      autoscaling:",
        "    buildkit:\n      amd64_instance_types: {m6id.24xlarge: 2, m5d.24xlarge: 2}\n      autoscaling:",
        1,
    );
    write(dir.path(), "two.yaml", two);
    let found = json(
        dir.path(),
        &[
            "simulate",
            "arc-staging",
            "--burst",
            "8",
            "--ice",
            "m6id.24xlarge@0..2h",
            "--ice",
            "m5d.24xlarge@3h-4h",
            "--compare",
            "two.yaml",
            "--runs",
            "20",
            "--format",
            "json",
        ],
    );
    assert!(number(&found["here"], "gave_up") > 0.0 && number(&found["there"], "gave_up") == 0.0, "{found}");
}

#[test]
fn a_recorded_day_costs_at_least_what_the_fleet_at_rest_costs() {
    let dir = with_shipped();
    write(dir.path(), "short.csv", "0,300\n");
    let found = json(
        dir.path(),
        &["recommend", "arc-staging", "--arch", "amd64", "--arrivals", "short.csv", "--format", "json"],
    );
    // Two pods at rest on one m6id.24xlarge in us-west-1, for 24 hours.
    let now = number(&found["pools"][0]["now"], "usd_per_day");
    assert!((now - 24.0 * 6.7032).abs() < 0.01, "{found}");
    let week = json(
        dir.path(),
        &["recommend", "arc-staging", "--arch", "amd64", "--arrivals", "short.csv", "--days", "7", "--format", "json"],
    );
    assert!((number(&week["pools"][0]["now"], "usd_per_day") - now).abs() < 0.01, "{week}");
}

#[test]
fn where_no_number_of_pods_is_enough_each_format_says_so_by_itself() {
    let dir = with_shipped();
    // More at once than one DNS answer can name.
    write(dir.path(), "many.csv", "0,600,amd64\n".repeat(2_400));
    let ask = |format: &str| {
        run(
            dir.path(),
            &["recommend", "arc-staging", "--arrivals", "many.csv", "--runs", "1", "--days", "7", "--format", format],
        )
    };
    let (text, json) = (ask("text"), ask("json"));
    let why = "no number of amd64 pods keeps p99 of the wait at 60 s or below with nobody giving up: allow a longer --p99-wait or --budget, or make builds shorter";
    assert_eq!((code(&text), stderr(&text)), (0, format!("{why}\n")));
    assert_eq!((code(&json), stderr(&json)), (0, format!("{why}; `recommended` is null\n")));
    assert!(stdout(&text).contains("No number of pods keeps the p99 wait short enough"), "{}", stdout(&text));
    assert!(stdout(&json).contains("\"recommended\": null"), "{}", stdout(&json));
}

#[test]
fn a_picture_is_written_beside_what_is_told() {
    let dir = with_shipped();
    for more in [&[][..], &["--compare", "clusters.yaml"]] {
        let output =
            run(dir.path(), &[&["simulate", "arc-staging", "--burst", "9", "--svg", "burst.svg"], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let picture = std::fs::read_to_string(dir.path().join("burst.svg")).unwrap_or_else(|error| panic!("{error}"));
        assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
    }
}

#[test]
fn what_is_recommended_keeps_its_promise_and_one_pod_less_does_not() {
    let dir = with_shipped();
    // Eight builds at once every half hour: never more than eight, and no time to start a pod within a minute.
    let mut day = "start,duration\n".to_owned();
    for burst in 0..20 {
        day += &format!("{},600\n", burst * 1800).repeat(8);
    }
    write(dir.path(), "day.csv", day);
    let recommend = |more: &[&str]| {
        json(
            dir.path(),
            &[&["recommend", "arc-staging", "--arrivals", "day.csv", "--arch", "amd64", "--format", "json"], more]
                .concat(),
        )
    };
    let found = recommend(&["--p99-wait", "60s"]);
    let best = &found["pools"][0]["recommended"];
    assert_eq!((&best["min_pods"], &best["max_pods"]), (&8.into(), &8.into()), "{found:#}");
    assert!(number(best, "wait_p99_s") <= 60.0 && number(best, "gave_up") == 0.0);
    // Who can wait for a node and a build needs fewer.
    let patient = recommend(&["--p99-wait", "15m"]);
    let cheaper = &patient["pools"][0]["recommended"];
    assert!(number(cheaper, "usd_per_day") < number(best, "usd_per_day"), "{patient:#}");
    assert!(number(cheaper, "max_pods") < 8.0, "{patient:#}");
    // As many at all times are cheaper here than seven that grow by one for each burst, and have time to shrink again.
    let curve = found["pools"][0]["curve"].as_array().unwrap_or_else(|| panic!("{found}"));
    assert!(
        curve
            .iter()
            .filter(|choice| number(choice, "min_pods") < 7.0)
            .all(|choice| number(choice, "wait_p99_s") > 60.0),
        "{found:#}"
    );
    for choice in curve.iter().filter(|choice| number(choice, "wait_p99_s") <= 60.0) {
        assert!(number(best, "usd_per_day") <= number(choice, "usd_per_day"), "{found:#}");
    }
}
