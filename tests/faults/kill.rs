//! A signal that ends the process before any system call that changes the output directory. What a call leaves behind is
//! what the next one finds, so that dying after each call is tried as well.

use std::os::unix::process::ExitStatusExt;

use crate::place::Transition;
use crate::strace::{changing, generate_with};
use crate::tally::Tally;

fn killed_everywhere(transition: &Transition, name: &str, number: i32) {
    let mut tally = Tally::of(format!("{name} before a system call, {}", transition.name));
    for position in changing(transition) {
        let place = transition.place();
        let output =
            generate_with(place.path(), &position.call, &format!("signal={name}"), &position.number.to_string());
        let survived = if output.status.signal() == Some(number) {
            transition.whole(place.path()).and_then(|()| transition.mends(place.path()))
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
