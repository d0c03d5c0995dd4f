//! Prints what is wrong with clusters.yaml.

use anyhow::Result;

use crate::console::output::{color_stderr, print, say};
use crate::diagnostics::report::{ProblemFormat, Report};
use crate::diagnostics::rule::Severity;
use crate::diagnostics::snippet::Printer;
use crate::diagnostics::words::number;

/// Tells what is wrong with the input, in the format asked for. json is told by the command, with what else it found.
pub fn tell(report: &Report) -> Result<()> {
    match report.format {
        ProblemFormat::Text => tell_people(report),
        ProblemFormat::Github => print(&report.github())?,
        ProblemFormat::Json => {}
    }
    if report.refused() {
        let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
        let denied = if report.warnings_refuse() { ", denied by --deny-warnings" } else { "" };
        let (errors, warnings) = (number(errors, "error"), number(warnings, "warning"));
        say(&format!("{} is refused: {errors}, {warnings}{denied}", report.path));
    }
    Ok(())
}

/// Errors before warnings where there are too many of both.
fn tell_people(report: &Report) {
    let printer = Printer { path: &report.path, source: &report.source, color: color_stderr() };
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
        say(&format!("and {}\n", number(left, "more problem")));
    }
}

/// More than anybody reads; each costs a pass over the file.
const MOST_PROBLEMS: usize = 100;
