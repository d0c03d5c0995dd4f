//! Running the program as its users do, in a directory of its own.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{HANGS, outputs};

pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
}

/// The program, to run in a way of the test's own. JSON is for `run`, which holds it against its schema.
pub(crate) fn program(dir: &Path, args: &[&str]) -> Command {
    assert!(!outputs::asks_for_json(args), "{args:?}: JSON is for `run`");
    command(dir, args)
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = plain(env!("CARGO_BIN_EXE_buildkit-fleet"));
    command.current_dir(dir).args(args);
    command
}

/// A command without the variables that choose colour and width: what this machine or its CI sets must not decide.
pub(crate) fn plain(program: &str) -> Command {
    let mut command = Command::new(program);
    for name in ["CI", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLUMNS", "NO_COLOR", "TERM"] {
        command.env_remove(name);
    }
    command
}

/// The same, killed where it hangs, which is exit code 137.
pub(crate) fn unless_it_hangs(dir: &Path, args: &[&str]) -> Output {
    let mut command = plain("timeout");
    command.args(["-s", "KILL", &HANGS.as_secs().to_string(), env!("CARGO_BIN_EXE_buildkit-fleet")]);
    command.args(args).current_dir(dir).output().unwrap_or_else(|error| panic!("timeout: {error}"))
}

pub(crate) fn run(dir: &Path, args: &[&str]) -> Output {
    let output = command(dir, args).output().unwrap_or_else(|error| panic!("{error}"));
    outputs::hold_printed(args, &output.stdout);
    output
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("killed: {}", stderr(output)))
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn write(dir: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = dir.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).unwrap_or_else(|error| panic!("{error}"));
    }
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{error}"));
}

pub(crate) fn with_shipped() -> TempDir {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", super::shipped());
    dir
}
