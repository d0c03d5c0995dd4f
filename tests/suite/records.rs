//! Records of builds as `simulate` and `recommend` take them: from stdin, from other programs, and what is odd about them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::program::{code, program, run, stderr, stdout, with_shipped, write};

const PLAIN: &str = "start,duration,arch\n1764028800,600,amd64\n1764028860,660,amd64\n1764030000,60,arm64\n";

fn piped(dir: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = program(dir, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
    child.wait_with_output().expect("the program ends")
}

#[test]
fn a_record_may_come_from_stdin_and_from_other_programs() {
    let dir = with_shipped();
    write(dir.path(), "plain.csv", PLAIN);
    write(
        dir.path(),
        "other.csv",
        "repo;platform;seconds;started at\na;linux/amd64;600;2025-11-25T00:00:00Z\n\"b;c\";linux/amd64;660;2025-11-25T00:01:00Z\nd;linux/arm64;60;2025-11-25T00:20:00Z\n",
    );
    for command in [&["simulate", "arc-staging", "--runs", "3"][..], &["recommend", "arc-staging", "--runs", "1"]] {
        let of = |file: &str| run(dir.path(), &[command, &["--arrivals", file]].concat());
        let plain = of("plain.csv");
        assert_eq!((code(&plain), stderr(&plain)), (0, String::new()));
        assert_eq!(stdout(&of("other.csv")), stdout(&plain));
        let stdin = piped(dir.path(), &[command, &["--arrivals", "-"]].concat(), PLAIN);
        assert_eq!((code(&stdin), stdout(&stdin)), (0, stdout(&plain)), "{}", stderr(&stdin));
        let wrong = piped(dir.path(), &[command, &["--arrivals", "-"]].concat(), "1,2\n1,oops\n");
        assert!(
            code(&wrong) == 3 && stderr(&wrong).contains("stdin:2: `oops` is not a duration"),
            "{}",
            stderr(&wrong)
        );
    }
}

#[test]
fn what_is_odd_about_a_record_is_shown_with_its_line() {
    let dir = with_shipped();
    // arc-staging allows 120 min. Without an architecture they count for both, and are named once.
    write(dir.path(), "long.csv", "start,duration\n0,60\n60,7201\n120,60\n");
    write(dir.path(), "longer.csv", "0,9000\n60,60\n120,9000\n180,9000\n240,9000\n300,9000\n");
    write(dir.path(), "ms.csv", "start,duration\n0,200000\n60,400000\n");
    write(dir.path(), "header.csv", "id,started\n0,60\n");
    let advice =
        "longer than `max_build_minutes` of arc-staging, 120 min: raise it, or check that durations are in seconds\n";
    for (file, ended, shown) in [
        ("long.csv", 0, format!("warning: long.csv:3: this build takes {advice}")),
        ("longer.csv", 0, format!("warning: longer.csv:1: 5 builds (lines 1, 3, 4, ..) take {advice}")),
        ("ms.csv", 3, "error: ms.csv:2: a duration of 200000 s, as more than half of the builds have: these look like milliseconds, divide them by 1000\n".to_owned()),
        ("header.csv", 3, "error: header.csv:1: the header has no column of durations: expected `start,duration,arch`, or for durations also `duration_s`, `seconds` or `length`; found `id` and `started`\n".to_owned()),
    ] {
        let simulated = run(dir.path(), &["simulate", "arc-staging", "--runs", "1", "--arrivals", file]);
        assert_eq!((code(&simulated), stderr(&simulated)), (ended, shown.clone()));
        let recommended =
            run(dir.path(), &["recommend", "arc-staging", "--runs", "1", "--p99-wait", "10h", "--budget", "20h", "--arrivals", file]);
        assert_eq!((code(&recommended), stderr(&recommended)), (ended, shown));
    }
}

#[test]
fn a_censored_record_is_recommended_from_only_where_that_is_allowed() {
    let dir = with_shipped();
    write(dir.path(), "plain.csv", PLAIN);
    // What a file says is shown so that it moves no cursor.
    write(dir.path(), "busy.csv", format!("# censored: 385 of 753 builds gave up\u{1b}[2J\n{PLAIN}"));
    let recommend = |file: &str, more: &[&str]| {
        let arguments = ["recommend", "arc-staging", "--runs", "1", "--arrivals", file];
        run(dir.path(), &[&arguments[..], more].concat())
    };
    let refused = recommend("busy.csv", &[]);
    assert_eq!((code(&refused), stdout(&refused)), (3, String::new()));
    let why = "385 of 753 builds gave up\\u{1b}[2J\n";
    assert!(
        stderr(&refused).starts_with(&format!("error: busy.csv is a censored record: {why}")),
        "{}",
        stderr(&refused)
    );
    assert!(stderr(&refused).contains("is a lower bound: accept that with --censored-ok"), "{}", stderr(&refused));
    let allowed = recommend("busy.csv", &["--censored-ok"]);
    assert_eq!(
        (code(&allowed), stderr(&allowed)),
        (0, format!("warning: busy.csv is a censored record, what is recommended is a lower bound: {why}"))
    );
    assert_eq!(stdout(&allowed), stdout(&recommend("plain.csv", &["--censored-ok"])));
    let simulated = run(dir.path(), &["simulate", "arc-staging", "--runs", "1", "--arrivals", "busy.csv"]);
    assert_eq!(
        (code(&simulated), stderr(&simulated)),
        (
            0,
            format!(
                "warning: busy.csv is a censored record, it shows what a fleet could take and not what was wanted: {why}"
            )
        )
    );
}
