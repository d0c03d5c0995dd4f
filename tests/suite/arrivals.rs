//! The command `arrivals`: on the log of a played day whose builds are known, and as its users run it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use buildkit_fleet::simulation::log::builds::{Patience, join};
use buildkit_fleet::simulation::log::censoring;
use buildkit_fleet::simulation::log::lines::Log;
use proptest::prelude::*;

use crate::support;
use crate::support::program::{code, program, run, scratch, stderr, stdout, with_shipped, write};

const CONNECT_MS: i64 = 20_000;
const QUEUE_MS: i64 = 31_000;
const BUDGET_MS: i64 = 1_800_000;
/// What a pod takes to drop a connection whose client had left.
const GHOST_MS: i64 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Connect { build: usize },
    Leaves { connection: usize },
    QueueEnds { connection: usize },
    Freed { connection: usize },
}

#[derive(Clone, Copy, Debug)]
struct Visit {
    build: usize,
    start_ms: i64,
    served_ms: Option<i64>,
    over: bool,
}

/// A day of builds on a fixed number of pods, with clients that wait 20 s, leave, pause and come again, and the log that
/// HAProxy would write of it.
#[derive(Debug, Default)]
struct Day {
    /// Start and duration in ms.
    builds: Vec<(i64, i64)>,
    /// When the first try of each came, if any had a pod.
    served: Vec<bool>,
    visits: Vec<Visit>,
    queue: VecDeque<usize>,
    steps: BinaryHeap<Reverse<(i64, usize, Step)>>,
    planned: usize,
    pods: usize,
    open: usize,
    log: String,
}

impl Day {
    fn play(builds: Vec<(i64, i64)>, pods: usize) -> Self {
        let served = vec![false; builds.len()];
        let mut day = Day { builds, served, pods, ..Day::default() };
        for build in 0..day.builds.len() {
            day.plan(day.builds[build].0, Step::Connect { build });
        }
        while let Some(Reverse((now_ms, _, step))) = day.steps.pop() {
            day.step(now_ms, step);
        }
        day
    }

    fn plan(&mut self, at_ms: i64, step: Step) {
        self.planned += 1;
        self.steps.push(Reverse((at_ms, self.planned, step)));
    }

    fn step(&mut self, now_ms: i64, step: Step) {
        match step {
            Step::Connect { build } => {
                let connection = self.visits.len();
                self.visits.push(Visit { build, start_ms: now_ms, served_ms: None, over: false });
                self.open += 1;
                self.queue.push_back(connection);
                self.plan(now_ms + CONNECT_MS, Step::Leaves { connection });
                self.plan(now_ms + QUEUE_MS, Step::QueueEnds { connection });
                self.serve(now_ms);
            }
            Step::Leaves { connection } => {
                let visit = self.visits[connection];
                let first_ms = self.builds[visit.build].0;
                // 12 to 15 s, another one for each try.
                let pause_ms = 12_000 + i64::try_from(connection).expect("few") * 7_919 % 3_000;
                if visit.served_ms.is_none() && now_ms - first_ms + pause_ms < BUDGET_MS {
                    self.plan(now_ms + pause_ms, Step::Connect { build: visit.build });
                }
            }
            Step::QueueEnds { connection } if self.visits[connection].served_ms.is_none() => {
                self.queue.retain(|queued| *queued != connection);
                self.write(now_ms, connection, "<NOSRV>");
            }
            Step::QueueEnds { .. } => {}
            Step::Freed { connection } => {
                self.pods += 1;
                self.write(now_ms, connection, "amd1");
                self.serve(now_ms);
            }
        }
    }

    fn serve(&mut self, now_ms: i64) {
        while self.pods > 0
            && let Some(connection) = self.queue.pop_front()
        {
            self.pods -= 1;
            let visit = &mut self.visits[connection];
            visit.served_ms = Some(now_ms);
            visit.over = now_ms >= visit.start_ms + CONNECT_MS;
            let (build, over) = (visit.build, visit.over);
            if over {
                // Its client had left, and what that plans to do stays.
                self.plan(now_ms + GHOST_MS, Step::Freed { connection });
            } else {
                self.served[build] = true;
                self.plan(now_ms + self.builds[build].1, Step::Freed { connection });
            }
        }
    }

    fn write(&mut self, now_ms: i64, connection: usize, server: &str) {
        let Visit { build, start_ms, served_ms, over } = self.visits[connection];
        let client =
            format!("::ffff:10.{}.{}.{}:{}", build >> 16, build >> 8 & 255, build & 255, 30_000 + connection % 30_000);
        let (day, of_day) = (start_ms / 86_400_000, start_ms % 86_400_000);
        // The days of the record.
        let date = match day {
            20_416 => "24/Nov/2025",
            20_417 => "25/Nov/2025",
            other => panic!("day {other}"),
        };
        let (hour, minute, ms) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day % 60_000);
        let total = now_ms - start_ms;
        let (timers, state) = match served_ms {
            Some(served_ms) => {
                let queued = served_ms - start_ms;
                // The three are rounded by themselves.
                (
                    format!("{queued}/0/{}", total - i64::from(over)),
                    if over && connection.is_multiple_of(2) { "--" } else { "CD" },
                )
            }
            None => (format!("{total}/-1/{total}"), "sQ"),
        };
        let _ = writeln!(
            self.log,
            "{client} [{date}:{hour:02}:{minute:02}:{:02}.{:03}] ft_amd64 bk_amd64/{server} {timers} 308 {state} {}/{}/0/0/0 0/0",
            ms / 1000,
            ms % 1000,
            self.open,
            self.open
        );
        self.open -= 1;
    }
}

/// The made-up day of the documentation, in ms.
fn recorded() -> Vec<(i64, i64)> {
    let page = support::read("docs/day.csv");
    let of = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("{text}")) * 1000;
    page.lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap_or_else(|| panic!("{line}")))
        .map(|(a, b)| (of(a), of(b)))
        .collect()
}

/// The rows of a record: start and duration in ms.
fn rows(record: &str) -> Vec<(i64, i64)> {
    let of = |text: &str| text.replace('.', "").parse::<i64>().unwrap_or_else(|_| panic!("{text}"));
    let rows = record.lines().skip_while(|line| line.starts_with('#')).skip(1);
    rows.map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        assert!(fields.len() == 3 && fields[2] == "amd64", "{line}");
        (of(fields[0]), of(fields[1]))
    })
    .collect()
}

fn piped(dir: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = program(dir, arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("written");
    output
}

#[test]
fn a_played_day_becomes_exactly_the_builds_that_had_a_pod() {
    let dir = scratch();
    // The fewer pods, the more tries, ghosts and builds that give up.
    for (pods, most_lost) in [(40, 0), (12, 400), (8, 600)] {
        let day = Day::play(recorded(), pods);
        let mut expected: Vec<(i64, i64)> =
            day.builds.iter().zip(&day.served).filter(|(_, served)| **served).map(|(build, _)| *build).collect();
        expected.sort_unstable();
        let lost = day.builds.len() - expected.len();
        write(dir.path(), "day.log", &day.log);
        let output = run(dir.path(), &["arrivals", "day.log"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let record = stdout(&output);
        let mut found = rows(&record);
        found.sort_unstable();
        assert!(found == expected, "{pods} pods: {} builds, expected {}", found.len(), expected.len());
        let said = stderr(&output);
        assert!(lost <= most_lost && (lost > 0) == (most_lost > 0), "{pods} pods: {lost} lost");
        if lost == 0 {
            assert!(record.starts_with("start,duration,arch\n") && !said.contains("gave up"), "{said}");
            continue;
        }
        let why = format!("{lost} of 753 builds gave up");
        assert!(record.starts_with(&format!("# censored: {why}; ")), "{}", record.lines().next().unwrap_or_default());
        assert!(
            said.contains(&format!("{lost} builds gave up without a builder"))
                && said.contains("after the client had left"),
            "{said}"
        );
        // From stdin, with what kubectl writes before each line, and in the JSON of docker, whose `<` is escaped.
        let prefixed: String = day
            .log
            .lines()
            .flat_map(|line| ["[pod/buildkitd-lb-0/haproxy] 2025-11-25T01:52:13.5Z ", line, "\n"])
            .collect();
        let docker = day.log.lines().fold(String::new(), |mut text, line| {
            let log = serde_json::Value::from(format!("{line}\n")).to_string();
            let log = log.replace('<', "\\u003c").replace('>', "\\u003e");
            let _ = writeln!(text, "{{\"log\":{log},\"stream\":\"stdout\",\"time\":\"2025-11-25T01:52:13.5Z\"}}");
            text
        });
        for wrapped in [&prefixed, &docker] {
            assert_eq!(stdout(&piped(dir.path(), &["arrivals", "-"], wrapped)), record);
        }
    }
}

#[test]
fn a_fleet_that_was_too_small_is_not_sized_by_its_own_log_unasked() {
    let dir = with_shipped();
    write(dir.path(), "day.log", Day::play(recorded(), 12).log);
    write(dir.path(), "day.csv", run(dir.path(), &["arrivals", "day.log", "--cluster", "arc-staging"]).stdout);
    let output = run(dir.path(), &["recommend", "arc-staging", "--arrivals", "day.csv", "--p99-wait", "60s"]);
    assert_eq!((code(&output), stdout(&output)), (3, String::new()));
    for part in ["day.csv is a censored record: ", " of 753 builds gave up; ", "a lower bound", "--censored-ok"] {
        assert!(stderr(&output).contains(part), "{part}: {}", stderr(&output));
    }
    // A program that reads the answer to a record that was accepted has to see it as well.
    let accepted = ["recommend", "arc-staging", "--arrivals", "day.csv", "--p99-wait", "60s", "--runs", "1"];
    let output = run(dir.path(), &[&accepted[..], &["--censored-ok", "--format", "json"]].concat());
    let advice: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap_or_else(|error| panic!("{error}"));
    assert!(advice["censored"].as_str().is_some_and(|why| why.contains("gave up")), "{advice:#}");
}

#[test]
fn a_played_day_behind_one_address_is_said_to_be_so() {
    let dir = scratch();
    let day = Day::play(recorded(), 12);
    let log = day.log.lines().fold(String::new(), |mut text, line| {
        let (client, rest) = line.split_once(' ').expect("a client");
        let port = client.rsplit(':').next().unwrap_or_default();
        let _ = writeln!(text, "::ffff:192.0.2.1:{port} {rest}");
        text
    });
    write(dir.path(), "day.log", log);
    let output = run(dir.path(), &["arrivals", "day.log"]);
    assert_eq!(rows(&stdout(&output)).len(), day.served.iter().filter(|served| **served).count());
    let said = stderr(&output);
    assert!(said.contains("several at once") && said.contains("tries not joined to builds"), "{said}");
    assert!(!said.contains("gave up"), "{said}");
    assert!(
        stdout(&output)
            .lines()
            .next()
            .is_some_and(|line| line.starts_with("# censored: ") && line.contains("with several at once"))
    );
}

#[test]
fn the_fleet_of_the_log_says_how_clients_try_and_what_its_maximum_is() {
    let dir = with_shipped();
    // The second try comes 55 s after the first; one pod of two is busy for all of the time.
    write(
        dir.path(),
        "lb.log",
        "10.0.0.1:1 [25/Nov/2026:01:00:00.000] ft_amd64 bk_amd64/<NOSRV> 31000/-1/31000 0 sQ 1/1/0/0/0 0/0\n\
         10.0.0.1:2 [25/Nov/2026:01:00:55.000] ft_amd64 bk_amd64/amd1 100/0/600100 9 -- 1/1/0/0/0 0/0\n",
    );
    let starts = |more: &[&str]| {
        let output = run(dir.path(), &[&["arrivals", "lb.log"], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let record = stdout(&output);
        (rows(&record)[0].0 - 1_795_568_400_000, record.lines().next().unwrap_or_default().to_owned())
    };
    assert_eq!(starts(&[]).0, 55_000);
    assert_eq!(starts(&["--pause", "55s"]).0, 0);
    assert_eq!(starts(&["--pause", "54s"]).0, 55_000);
    let patient =
        support::shipped().replacen("    buildkit:\n", "    buildkit:\n      client_retry_pause_seconds: 30\n", 1);
    write(dir.path(), "patient.yaml", patient);
    assert_eq!(starts(&["--cluster", "arc-staging"]).0, 55_000);
    let (start, censored) = starts(&["--cluster", "arc-staging", "--config", "patient.yaml"]);
    assert!(start == 0 && !censored.contains("busy"), "{start} {censored}");
    assert!(starts(&["--max", "1"]).1.contains("the only amd64 pod was busy for 91 % of the time"));
    assert!(!starts(&["--max", "2"]).1.contains("busy"));
}

#[test]
fn what_is_no_log_is_refused_with_what_would_be_one() {
    let dir = with_shipped();
    write(dir.path(), "other.log", "[NOTICE] (1) : New worker\nstart,duration\n\u{1b}[2Jx\n");
    for (arguments, ended, shown) in [
        (&["arrivals", "none.log"][..], 3, "cannot read none.log"),
        (
            &["arrivals", "other.log"],
            3,
            "other.log has no connection to builders: expected lines of the load balancer's log, as `kubectl",
        ),
        (&["arrivals", "other.log", "--cluster", "arc-stagin"], 2, "did you mean `arc-staging`?"),
        (&["arrivals", "other.log", "--max", "0"], 2, "--max"),
        (&["arrivals"], 2, "<FILE|->"),
    ] {
        let output = run(dir.path(), arguments);
        assert_eq!(code(&output), ended, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(shown), "{arguments:?}: {}", stderr(&output));
        assert!(stdout(&output).is_empty() && !stderr(&output).contains('\u{1b}'));
    }
    let output = piped(dir.path(), &["arrivals", "-"], "");
    assert!(code(&output) == 3 && stderr(&output).contains("stdin has no connection"), "{}", stderr(&output));
}

/// Parts of lines, good and bad ones.
fn some_line() -> impl Strategy<Value = String> {
    let client = prop_oneof![
        Just("::ffff:10.0.0.1:5"),
        Just("10.0.0.2:6"),
        Just("[fd00::1]:7"),
        Just(":"),
        Just("\u{1b}[2J:8"),
        Just("é")
    ];
    let date = prop_oneof![
        (0..60_u32, 0..60_u32).prop_map(|(minute, second)| format!("[25/Nov/2026:01:{minute:02}:{second:02}.000]")),
        Just("[31/Dec/9999:23:59:60.999]".to_owned()),
        Just("[01/Jan/0001:00:00:00.000]".to_owned()),
        "\\[[0-9/A-Za-zé:.]{0,24}\\]",
    ];
    let frontend = prop_oneof![Just("ft_amd64"), Just("ft_arm64"), Just("ft_all"), Just("ft_")];
    let server = prop_oneof![
        Just("bk_amd64/amd1"),
        Just("bk_arm64/arm2"),
        Just("bk_amd64/<NOSRV>"),
        Just("bk_amd64/hold"),
        Just("bk_/")
    ];
    let timers = (-1..40_000_i64, -1..3_000_i64, prop_oneof![-1..90_000_i64, Just(999_999_999)])
        .prop_map(|(queued, connected, total)| format!("{queued}/{connected}/{total}"));
    let state = prop_oneof![Just("--"), Just("sQ"), Just("SC"), Just("CD")];
    let whole = (client, date, frontend, server, timers, state, 0..4_u32).prop_map(
        |(client, date, frontend, server, timers, state, open)| {
            format!("{client} {date} {frontend} {server} {timers} 0 {state} {open}/{open}/0/0/0 0/0")
        },
    );
    prop_oneof![8 => whole.clone(), 1 => whole.prop_map(|line| serde_json::json!({ "log": line }).to_string()), 1 => "\\PC{0,40}"]
}

proptest! {
    #[test]
    fn whatever_a_log_contains_every_connection_is_counted_once(
        lines in proptest::collection::vec(some_line(), 0..60),
        again_ms in prop_oneof![Just(40_000_i64), Just(0), Just(31_622_400_000)],
        max in proptest::option::of(1..4_u32),
    ) {
        let log = Log::read(lines.join("\n").as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        prop_assert!(log.connections.len() as u64 + log.other_lines <= lines.len() as u64);
        let joined = join(&log, Patience { connect_ms: 20_000, again_ms, longest_ms: 7_200_000 });
        let builds = joined.builds.len() as u64;
        prop_assert_eq!(builds + joined.joined_tries + joined.shared_tries, log.connections.len() as u64);
        prop_assert!(joined.gave_up + joined.open <= joined.joined_tries);
        prop_assert!(joined.shared_tries <= joined.shared);
        prop_assert!(joined.builds.is_sorted());
        let reason = censoring::reason(&log, &joined, |_| max).unwrap_or_default();
        prop_assert!(!reason.contains(char::is_control), "{}", reason);
    }
}
