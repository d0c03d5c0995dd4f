//! A signal that ends the process before any system call that changes the output directory. What a call leaves behind is
//! what the next one finds, so that dying after each call is tried as well.

use std::os::unix::process::ExitStatusExt;

use crate::place::{Transition, scaled, two_clusters};
use crate::strace::{changing, generate_with};
use crate::support::program::write;
use crate::tally::Tally;

fn killed_everywhere(transition: &Transition, name: &str, number: i32) {
    let mut tally = Tally::of(format!("{name} before a system call, {}", transition.name));
    for position in changing(transition) {
        let place = transition.place();
        let output =
            generate_with(place.path(), &position.call, &format!("signal={name}"), &position.number.to_string());
        let survived = if output.status.signal() == Some(number) {
            transition.whole(place.path()).and_then(|()| transition.recovers(place.path()))
        } else {
            Err(format!("was not killed: {}", output.status))
        };
        tally.count(&position.line, survived);
    }
    tally.end(20);
}

#[test]
fn killed_before_any_system_call_of_a_first_publication() {
    killed_everywhere(&Transition::first(), "KILL", 9);
}

#[test]
fn killed_before_any_system_call_of_a_change() {
    killed_everywhere(&Transition::change(), "KILL", 9);
}

#[test]
fn killed_before_any_system_call_of_a_growth() {
    killed_everywhere(&Transition::growth(), "KILL", 9);
}

#[test]
fn killed_before_any_system_call_of_a_removal() {
    killed_everywhere(&Transition::removal(), "KILL", 9);
}

#[test]
fn ended_before_any_system_call_of_a_change() {
    killed_everywhere(&Transition::change(), "TERM", 15);
}

#[test]
fn interrupted_before_any_system_call_of_a_change() {
    killed_everywhere(&Transition::change(), "INT", 2);
}

/// Killed on the way to one set; the next run wants another, of which less is known on disk.
fn killed_and_then_changed(name: &str, killed: &Transition, within: &str, next: &Transition, input: &str) {
    let mut tally = Tally::of(format!("KILL before a system call, and then another clusters.yaml, {name}"));
    for position in changing(killed).iter().filter(|position| position.line.contains(within)) {
        let place = killed.place();
        generate_with(place.path(), &position.call, "signal=KILL", &position.number.to_string());
        let whole = killed.whole(place.path());
        write(place.path(), "clusters.yaml", input);
        tally.count(&position.line, whole.and_then(|()| next.recovers(place.path())));
    }
    tally.end(20);
}

#[test]
fn killed_in_a_change_that_is_taken_back() {
    killed_and_then_changed("taken back", &Transition::change(), "generated", &Transition::growth(), &scaled());
}

#[test]
fn killed_in_a_first_publication_of_a_cluster_that_then_leaves_the_file() {
    let both = Transition::new("first publication of two", None, &two_clusters());
    let one = Transition::first();
    killed_and_then_changed("a cluster less", &both, "generated/gone", &one, &crate::place::fixed());
}
