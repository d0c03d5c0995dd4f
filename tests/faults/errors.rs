//! A system call within the output directory that fails.

use crate::place::Transition;
use crate::strace::{Position, changing, generate_with, generate_with_path, reading};
use crate::tally::Tally;

/// Calls that this error may come from.
fn fits(error: &str, position: &Position) -> bool {
    let call = position.call.as_str();
    match error {
        "ENOSPC" | "EDQUOT" => !["unlink", "unlinkat", "rmdir", "flock"].contains(&call),
        "EACCES" => !["write", "fsync", "fdatasync", "flock", "read", "getdents64"].contains(&call),
        "EINTR" => ["write", "fsync", "openat"].contains(&call),
        _ => true,
    }
}

fn failing_everywhere(error: &str, transition: &Transition, positions: Vec<Position>, what: &str) {
    let mut tally = Tally::of(format!("{error} from a system call that {what}, {}", transition.name));
    for position in positions {
        if !fits(error, &position) {
            continue;
        }
        let place = transition.place();
        let output =
            generate_with(place.path(), &position.call, &format!("error={error}"), &position.number.to_string());
        let survived = transition
            .is_reported(place.path(), &output)
            .and_then(|()| transition.recovers(place.path()))
            .and_then(|()| {
                let ok = error != "EINTR" || output.status.success();
                if ok { Ok(()) } else { Err("what was interrupted is not tried again".to_owned()) }
            });
        tally.count(&position.line, survived);
    }
    tally.end(if error == "EINTR" { 10 } else { 8 });
}

#[test]
fn eio_from_any_system_call_that_changes() {
    for transition in [Transition::first(), Transition::change(), Transition::removal()] {
        failing_everywhere("EIO", &transition, changing(&transition), "changes");
    }
}

#[test]
fn no_space_for_any_system_call_that_changes() {
    let transition = Transition::change();
    failing_everywhere("ENOSPC", &transition, changing(&transition), "changes");
}

#[test]
fn no_quota_for_any_system_call_that_changes() {
    let transition = Transition::change();
    failing_everywhere("EDQUOT", &transition, changing(&transition), "changes");
}

#[test]
fn no_right_for_any_system_call_that_changes() {
    for transition in [Transition::change(), Transition::removal()] {
        failing_everywhere("EACCES", &transition, changing(&transition), "changes");
    }
}

#[test]
fn an_interrupted_system_call_is_tried_again() {
    let transition = Transition::change();
    failing_everywhere("EINTR", &transition, changing(&transition), "changes");
}

/// The second transition reads what the first one reads, and the directory that goes.
fn reads_of(transition: &Transition) -> Vec<Position> {
    let mut found = reading(transition);
    if transition.old.contains_key("gone") {
        found.retain(|position| !position.line.contains("generated/here"));
    }
    found
}

#[test]
fn eio_from_any_system_call_that_reads() {
    for transition in [Transition::change(), Transition::removal()] {
        failing_everywhere("EIO", &transition, reads_of(&transition), "reads");
    }
}

#[test]
fn no_right_for_any_system_call_that_reads() {
    for transition in [Transition::change(), Transition::removal()] {
        failing_everywhere("EACCES", &transition, reads_of(&transition), "reads");
    }
}

/// By path, whichever thread reads: with several clusters the comparison before publishing has threads of its own.
#[test]
fn eio_from_each_file_of_the_set() {
    let transition = Transition::change();
    let mut tally = Tally::of("EIO from a file when it is first looked at, opened or read");
    let files: Vec<&String> = transition.old["here"].keys().collect();
    for file in files.into_iter().map(String::as_str).chain(["SHA256SUMS", ".lock"]) {
        for call in ["openat", "read", "statx"] {
            if (file, call) == (".lock", "read") {
                continue;
            }
            let place = transition.place();
            let path = format!("generated/here/{file}");
            let output = generate_with_path(place.path(), &path, call, "error=EIO");
            let survived = match output.status.code() {
                Some(0) => Err("exit code 0".to_owned()),
                _ => transition.is_reported(place.path(), &output).and_then(|()| transition.recovers(place.path())),
            };
            tally.count(format!("{call} of {file}"), survived);
        }
    }
    tally.end(20);
}
