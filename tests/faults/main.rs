//! Faults: whatever happens while a set is published, what verifies is one whole set, no file of a user is lost, trouble
//! ends with exit code 3 and a message that names the path, and the next run mends it. docs/reliability.md has the table;
//! `cargo test --test faults -- --nocapture` prints it.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the suite uses all that is shared")]
mod support;

mod crowd;
mod errors;
mod full;
mod kill;
mod limits;
mod links;
mod obstacles;
mod place;
mod rights;
mod strace;
mod tally;
