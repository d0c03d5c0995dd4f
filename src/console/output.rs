//! Printing: messages to stderr, data to stdout. Nothing else in the program prints.

use std::io::{ErrorKind, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;

/// Sets the color of all output, from the command line.
pub fn set_color(when: ColorWhen) {
    let choice = match when {
        ColorWhen::Auto => ColorChoice::Auto,
        ColorWhen::Always => ColorChoice::Always,
        ColorWhen::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// Whether to color messages.
pub fn color_stderr() -> bool {
    AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}

/// Whether to color data.
pub fn color_stdout() -> bool {
    AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
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
    print(&(pretty(value)? + "\n"))
}

/// Data for programs, indented.
pub fn pretty(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).context("JSON that cannot be written: please report it")
}

/// `auto` colors what goes to a terminal that can show it, unless `NO_COLOR` is set and not empty (<https://no-color.org>).
/// `CLICOLOR_FORCE` colors everywhere (<https://bixense.com/clicolors>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}
