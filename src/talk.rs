//! Printing: talk to stderr, data to stdout. Nothing else prints.

use std::io::{ErrorKind, IsTerminal, Write};

use anyhow::{Context, Result};

use crate::problem::{Printer, Problem};
use crate::rule::Severity;

/// More than anybody reads; each costs a pass over the file.
const MOST_PROBLEMS: usize = 100;

/// Talk. Whether anybody listens does not change what is done.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Data. A reader that went away is not our trouble; a full disk is.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

/// Tells what is wrong with the input, errors before warnings where there are too many of both.
pub fn tell(problems: &[Problem], path: &str, source: &str) {
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let printer = Printer { path, source, color };
    let count = |severity| problems.iter().filter(|problem| problem.rule.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let crowded = problems.len() > MOST_PROBLEMS && errors > 0;
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
    if errors > 0 {
        let warnings = number(warnings, "warning");
        say(&format!("{path} is refused: {}, {warnings}; nothing was written", number(errors, "error")));
    }
}

/// `1 file`, `2 files`.
pub fn number(count: usize, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}
