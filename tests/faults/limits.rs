//! Closed and full streams, and small limits of the process.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::place::{PROGRAM, Transition, two_clusters};
use crate::support::not_tried;
use crate::support::program::{run, stderr};
use crate::tally::Tally;

/// The program, `$0`, in a script.
fn shell(dir: &Path, script: &str) -> Output {
    Command::new("bash")
        .args(["-c", script, PROGRAM])
        .current_dir(dir)
        .output()
        .unwrap_or_else(|error| panic!("bash: {error}"))
}

#[test]
fn a_stream_that_is_closed_or_full_changes_no_set() {
    let mut tally = Tally::of("stdout or stderr closed, full, or without a reader");
    let change = Transition::change();
    for (script, code) in [
        ("$0 generate >&-", 0),
        ("$0 generate 2>&-", 0),
        ("$0 generate <&- >&- 2>&-", 0),
        ("$0 generate | head -n 1; exit ${PIPESTATUS[0]}", 0),
        ("$0 generate 2>&1 | head -c 1; exit ${PIPESTATUS[0]}", 0),
        ("$0 generate 2>&1 | true; exit ${PIPESTATUS[0]}", 0),
        ("$0 generate --format json | true; exit ${PIPESTATUS[0]}", 0),
        ("$0 generate --format json >&-", 0),
        ("$0 generate >/dev/full", 0),
        ("$0 generate 2>/dev/full", 0),
        ("$0 generate --format json >/dev/full", 3),
        ("$0 generate --check >/dev/full", 3),
        ("$0 generate --check | true; exit ${PIPESTATUS[0]}", 1),
        ("$0 generate --check >&-", 1),
    ] {
        let place = change.place();
        let output = shell(place.path(), script);
        let survived = match output.status.code() {
            Some(0) if code == 0 => change.done(place.path()),
            Some(other) if other == code => change.whole(place.path()),
            _ => Err(format!("ended with {} where {code} is right: {}", output.status, stderr(&output))),
        };
        tally.count(script, survived.and_then(|()| change.recovers(place.path())));
    }
    tally.end(14);
}

#[test]
fn few_descriptors_end_a_run_without_harm() {
    let mut tally = Tally::of("few file descriptors (ulimit -n)");
    for transition in [Transition::first(), Transition::change()] {
        // Below four not even the C library can be opened.
        for most in 4..=12 {
            let place = transition.place();
            let output = shell(place.path(), &format!("ulimit -n {most}; exec $0 generate"));
            let message = stderr(&output);
            let survived = match output.status.code() {
                Some(3) if message.contains("clusters.yaml") => transition.whole(place.path()),
                _ => transition.is_reported(place.path(), &output),
            };
            tally.count(most, survived.and_then(|()| transition.recovers(place.path())));
        }
    }
    tally.end(18);
}

/// Without a handler, the kernel ends a process that writes beyond the limit: the same as a kill.
#[test]
fn small_files_end_a_run_without_harm() {
    let mut tally = Tally::of("small largest file (ulimit -f): ended by SIGXFSZ, or exit code 3 where that is ignored");
    for transition in [Transition::first(), Transition::change()] {
        for blocks in [0, 1, 2, 4, 6, 8, 10, 12] {
            for ignore in ["", "trap '' XFSZ; "] {
                let place = transition.place();
                let output = shell(place.path(), &format!("{ignore}ulimit -f {blocks}; exec $0 generate"));
                let survived = match output.status.signal() {
                    Some(25) if ignore.is_empty() => transition.whole(place.path()),
                    _ => transition.is_reported(place.path(), &output),
                };
                tally.count(format!("{ignore}{blocks}"), survived.and_then(|()| transition.recovers(place.path())));
            }
        }
    }
    tally.end(32);
}

/// A run that can start no thread; none where it never tried to, because this machine has one processor.
fn without_threads(place: &Path, command: &[&str]) -> Option<Output> {
    // The C library takes the one or the other.
    ["clone3", "clone"].into_iter().find_map(|call| {
        let (output, asked) = crate::strace::always_with(place, command, call, "error=EAGAIN");
        asked.then_some(output)
    })
}

#[test]
fn no_thread_more_ends_a_run_without_harm() {
    const CASE: &str = "no thread can be started";
    let mut tally = Tally::of(CASE);
    // One set alone is no work for threads.
    let first = Transition::new("two clusters", None, &two_clusters().replace("gone", "there"));
    let place = first.place();
    let Some(output) = without_threads(place.path(), &["generate"]) else {
        return not_tried(CASE, "one processor: the program asks for no thread");
    };
    let survived = match output.status.code() {
        Some(0) => first.done(place.path()),
        _ => Err(format!("{}: {}", output.status, stderr(&output))),
    };
    tally.count("generate", survived);
    let simulate = ["simulate", "here", "--burst", "9", "--runs", "20"];
    let right = run(place.path(), &simulate);
    let survived = match without_threads(place.path(), &simulate) {
        None => Err("it asked for no thread".to_owned()),
        Some(output) if output.status.success() && output.stdout == right.stdout => Ok(()),
        Some(output) => Err(format!("{}: {}", output.status, stderr(&output))),
    };
    tally.count("simulate", survived);
    tally.end(2);
}
