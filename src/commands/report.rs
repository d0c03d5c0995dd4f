//! Prints the problems of clusters.yaml.

use anyhow::Result;

use crate::console::output::{color_stderr, message, print};
use crate::diagnostics::report::{ProblemFormat, Report};
use crate::diagnostics::rule::Severity;
use crate::diagnostics::snippet::Printer;
use crate::diagnostics::words::number;

/// Prints the problems in the requested format. JSON is printed by the command, together with its other results.
pub fn print_report(report: &Report) -> Result<()> {
    match report.format {
        ProblemFormat::Text => print_problems(report),
        ProblemFormat::Github => print(&report.github())?,
        ProblemFormat::Json => {}
    }
    if report.refused() {
        let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
        let denied = if report.warnings_refuse() { ", denied by --deny-warnings" } else { "" };
        let (errors, warnings) = (number(errors, "error"), number(warnings, "warning"));
        message(&format!("{} is refused: {errors}, {warnings}{denied}", report.path));
    }
    Ok(())
}

/// If there are too many problems, only errors are printed.
fn print_problems(report: &Report) {
    let printer = Printer { path: &report.path, source: &report.source, color: color_stderr() };
    let problems = &report.problems;
    let crowded = problems.len() > MAX_PROBLEMS && report.count(Severity::Error) > 0;
    let shown =
        problems.iter().filter(|problem| !crowded || problem.rule.severity == Severity::Error).take(MAX_PROBLEMS);
    let mut left = problems.len();
    for problem in shown {
        left -= 1;
        message(&format!("{}\n", printer.print(problem)));
    }
    if left > 0 {
        message(&format!("and {}\n", number(left, "more problem")));
    }
}

/// More than anybody reads; printing each needs a pass over the file.
const MAX_PROBLEMS: usize = 100;
