//! Faults at a chosen system call of the real program.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::place::{PROGRAM, Transition};

/// What may change a file system. `?`: not every architecture has it.
const CHANGING: &str = "?open,openat,?creat,?mkdir,mkdirat,write,pwrite64,writev,fsync,fdatasync,?rename,?renameat,renameat2,?link,linkat,?symlink,symlinkat,?unlink,unlinkat,?rmdir,?chmod,fchmod,fchmodat,flock,?truncate,ftruncate";
const READING: &str = "?open,openat,read,statx,?newfstatat,getdents64";

/// One system call within the output directory.
pub(crate) struct Position {
    pub(crate) call: String,
    /// Which one of its name in the thread that publishes: so does strace count.
    pub(crate) number: usize,
    pub(crate) line: String,
}

impl Position {
    pub(crate) fn creates(&self) -> bool {
        !self.call.starts_with("open") || self.line.contains("O_CREAT")
    }
}

/// The calls that change something, or that read.
pub(crate) fn changing(transition: &Transition) -> Vec<Position> {
    let mut found = positions(transition, CHANGING);
    found.retain(Position::creates);
    found
}

pub(crate) fn reading(transition: &Transition) -> Vec<Position> {
    let mut found = positions(transition, READING);
    found.retain(|position| !position.call.starts_with("open") || !position.line.contains("O_CREAT"));
    found
}

fn positions(transition: &Transition, calls: &str) -> Vec<Position> {
    let place = transition.place();
    let log = place.path().join("trace");
    let output = strace(place.path(), &["-y", "-o", &log.display().to_string(), "-e", &format!("trace={calls}")]);
    assert!(output.status.success(), "strace: {}", String::from_utf8_lossy(&output.stderr));
    let log = fs::read_to_string(log).unwrap_or_else(|error| panic!("{error}"));
    // `1234 rename("a", "b") = 0`; where threads overlap, `1234 <... rename resumed>` follows.
    let calls: Vec<(&str, &str, &str)> = log
        .lines()
        .filter_map(|line| {
            let (thread, rest) = line.split_once(' ')?;
            let (call, _) = rest.trim_start().split_once('(')?;
            call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some((thread, call, rest.trim_start()))
        })
        .collect();
    // The thread that publishes opens the lock to write.
    let publisher = calls
        .iter()
        .find(|(_, call, line)| call.starts_with("open") && line.contains("/.lock\"") && line.contains("O_RDWR"))
        .map_or_else(|| panic!("no thread publishes:\n{log}"), |(thread, ..)| *thread);
    let mut found = Vec::new();
    for (place, (thread, call, line)) in calls.iter().enumerate() {
        if *thread != publisher || !line.contains("generated") {
            continue;
        }
        let number = calls[..=place].iter().filter(|(other, name, _)| other == thread && name == call).count();
        found.push(Position { call: (*call).to_owned(), number, line: (*line).to_owned() });
    }
    found
}

/// A run of `generate` with a fault, in strace's words: `signal=KILL`, `error=EIO`. A signal comes before the call has
/// any effect.
pub(crate) fn generate_with(place: &Path, call: &str, fault: &str, when: &str) -> Output {
    let inject = format!("inject={call}:{fault}:when={when}");
    strace(place, &["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject])
}

/// The same for calls on one path alone, in any thread.
pub(crate) fn generate_with_path(place: &Path, path: &str, call: &str, fault: &str) -> Output {
    let inject = format!("inject={call}:{fault}:when=1");
    strace(place, &["-o", "/dev/null", "-P", path, "-e", &format!("trace={call}"), "-e", &inject])
}

/// The same of any command, in every thread of it and as often as it asks; whether it ever asked.
pub(crate) fn always_with(place: &Path, command: &[&str], call: &str, fault: &str) -> (Output, bool) {
    let log = place.join("trace");
    let inject = format!("inject={call}:{fault}");
    let output =
        strace_of(place, &["-o", &log.display().to_string(), "-e", &format!("trace={call}"), "-e", &inject], command);
    let log = fs::read_to_string(log).unwrap_or_else(|error| panic!("{error}"));
    (output, log.contains("(INJECTED)"))
}

fn strace(place: &Path, options: &[&str]) -> Output {
    strace_of(place, options, &["generate"])
}

fn strace_of(place: &Path, options: &[&str], command: &[&str]) -> Output {
    // A job in the background of a script inherits INT as ignored.
    Command::new("env")
        .args(["--default-signal=INT,TERM", "strace", "-f", "-qq"])
        .args(options)
        .arg(PROGRAM)
        .args(command)
        .current_dir(place)
        .output()
        .unwrap_or_else(|error| panic!("strace: {error}; tests/run installs it"))
}
