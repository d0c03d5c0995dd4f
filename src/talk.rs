//! Printing: talk to stderr, data to stdout. Nothing else prints.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use anyhow::{Context, Result};

use crate::cli::{ColorWhen, ProblemFormat};
use crate::problem::Printer;
use crate::report::Report;
use crate::rule::Severity;

/// More than anybody reads; each costs a pass over the file.
const MOST_PROBLEMS: usize = 100;

/// Wider lines are hard to read.
pub const WIDEST: usize = 100;

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

/// Whether to color data.
pub fn color_stdout() -> bool {
    color_for(&std::io::stdout())
}

/// Columns of the terminal that data goes to. Where it goes elsewhere, those that `COLUMNS` asks for; none without it:
/// the window in which somebody fills a file does not count.
pub fn columns() -> Option<usize> {
    let terminal = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0.into());
    terminal.or_else(|| std::env::var("COLUMNS").ok()?.parse().ok()).filter(|columns| *columns > 0)
}

/// Columns of a line of data for people.
pub fn width() -> usize {
    columns().unwrap_or(WIDEST).min(WIDEST)
}

/// Talk. Whether anybody listens does not change what is done.
pub fn say(text: &str) {
    // One call: lines of several processes do not mix, and nothing else is paid for.
    let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Data. A reader that went away is not our trouble; a full disk is.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

/// Data for programs, indented, with a line end.
pub fn print_json(value: &serde_json::Value) -> Result<()> {
    print(&format!("{value:#}\n"))
}

/// Tells what is wrong with the input, in the format asked for. json is told by the command, with what else it found.
pub fn tell(report: &Report) -> Result<()> {
    match report.format {
        ProblemFormat::Text => tell_people(report),
        ProblemFormat::Github => print(&report.github())?,
        ProblemFormat::Json => {}
    }
    if report.refused() {
        let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
        let denied = match warnings {
            _ if !report.warnings_refuse() => "",
            1 => ", which is denied",
            _ => ", which are denied",
        };
        let (errors, warnings) = (number(errors, "error"), number(warnings, "warning"));
        say(&format!("{} is refused: {errors}, {warnings}{denied}", report.path));
    }
    Ok(())
}

/// Errors before warnings where there are too many of both.
fn tell_people(report: &Report) {
    let printer = Printer { path: &report.path, source: &report.source, color: color_for(&std::io::stderr()) };
    let problems = &report.problems;
    let crowded = problems.len() > MOST_PROBLEMS && report.count(Severity::Error) > 0;
    let told =
        problems.iter().filter(|problem| !crowded || problem.rule.severity == Severity::Error).take(MOST_PROBLEMS);
    let mut left = problems.len();
    for problem in told {
        left -= 1;
        say(&format!("{}\n", printer.print(problem)));
    }
    if left > 0 {
        say(&format!("and {} more\n", number(left, "problem")));
    }
}

/// The text on lines of this width, each with the indent. A longer word keeps a line of its own.
pub fn wrap(text: &str, width: usize, indent: &str) -> String {
    let options = textwrap::Options::new(width.max(20))
        .initial_indent(indent)
        .subsequent_indent(indent)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(text, options) + "\n"
}

/// `1 file`, `2 files`.
pub fn number(count: usize, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

/// With thousands marks: `1,025`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
