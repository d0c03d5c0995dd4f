//! Printing: messages to stderr, data to stdout. Nothing else in the program prints.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use anyhow::{Context, Result};

use clap::ValueEnum;
use serde::Serialize;

/// Set once, from the command line.
static COLOR: OnceLock<ColorWhen> = OnceLock::new();

pub fn set_color(when: ColorWhen) {
    let _ = COLOR.set(when);
}

/// Whether to color what goes to this stream (<https://no-color.org>).
fn color_for(stream: &impl IsTerminal) -> bool {
    match COLOR.get().copied().unwrap_or(ColorWhen::Auto) {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// Whether to color messages.
pub fn color_stderr() -> bool {
    color_for(&std::io::stderr())
}

/// Whether to color data.
pub fn color_stdout() -> bool {
    color_for(&std::io::stdout())
}

/// Prints a message to stderr. Errors are ignored: whether anybody reads it does not change what is done.
pub fn message(text: &str) {
    // A single call, so that lines of several processes do not mix.
    let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Prints data to stdout. A closed pipe is not an error; a full disk is.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

/// Data for programs, indented, with a line end.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).context("JSON that cannot be written: please report it")?;
    print(&(text + "\n"))
}

/// `auto` colors what goes to a terminal, unless the environment variable NO_COLOR is set and not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}
