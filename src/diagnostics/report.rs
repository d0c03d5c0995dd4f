//! Reports the problems of clusters.yaml as text, as GitHub annotations or as JSON.

use std::fmt::Write as _;

use crate::diagnostics::json::{ProblemJson, ReportJson};
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule::Severity;
use crate::diagnostics::span::Lines;
use clap::Args;
use clap::ValueEnum;

/// The problems of one file, in the order of the file.
pub struct Report {
    pub path: String,
    pub source: String,
    pub problems: Vec<Problem>,
    pub format: ProblemFormat,
    deny_warnings: bool,
}

impl Report {
    pub fn new(path: String, source: String, problems: Problems, options: &ProblemOptions) -> Self {
        Report {
            path,
            source,
            problems: problems.into_sorted(),
            format: options.format,
            deny_warnings: options.deny_warnings,
        }
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.rule.severity == severity).count()
    }

    /// Whether the file is refused, so that nothing may be written.
    pub fn refused(&self) -> bool {
        self.count(Severity::Error) > 0 || self.warnings_refuse()
    }

    /// Whether the warnings alone refuse the file.
    pub fn warnings_refuse(&self) -> bool {
        self.deny_warnings && self.count(Severity::Warning) > 0
    }

    /// A workflow command for each problem. GitHub shows the first ten errors and the first ten warnings of a step.
    pub fn github(&self) -> String {
        let lines = Lines::of(&self.source);
        self.problems.iter().map(|problem| self.annotation(problem, &lines)).collect()
    }

    fn annotation(&self, problem: &Problem, lines: &Lines) -> String {
        let level = if problem.rule.severity == Severity::Error || self.deny_warnings { "error" } else { "warning" };
        let mut properties = format!("file={}", property(&self.path));
        if let Some(mark) = &problem.primary {
            let (start, end) = lines.ends(mark.span);
            let (line, column) = (start.line, start.column);
            let _ = write!(properties, ",line={line},endLine={},col={column},endColumn={}", end.line, end.column);
        }
        let label = problem.primary.as_ref().map(|mark| mark.label.clone());
        let help = problem.help.as_ref().map(|help| format!("help: {help}"));
        let message: Vec<String> =
            [Some(problem.message.clone()), label, problem.concerns(), help].into_iter().flatten().collect();
        annotation(level, &properties, problem.rule.id, &message.join("\n"))
    }

    /// Everything that was found, for programs.
    pub fn json(&self) -> ReportJson<'_> {
        let lines = Lines::of(&self.source);
        ReportJson {
            file: &self.path,
            refused: self.refused(),
            errors: self.count(Severity::Error),
            warnings: self.count(Severity::Warning),
            problems: self.problems.iter().map(|problem| ProblemJson::of(problem, &lines)).collect(),
        }
    }
}

/// One annotation of a file as a workflow command (GitHub's "Workflow commands for GitHub Actions").
pub fn annotation(level: &str, properties: &str, title: &str, message: &str) -> String {
    format!("::{level} {properties},title={}::{}\n", property(title), escape(message))
}

/// Escapes the value of a property of a workflow command.
pub fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// How problems of clusters.yaml are reported.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct ProblemOptions {
    /// Output format: text for people, github for workflow annotations, json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ProblemFormat,
    /// Treat warnings about clusters.yaml as errors
    #[arg(long)]
    pub deny_warnings: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProblemFormat {
    /// Problems on stderr, with the lines of the file that they refer to
    Text,
    /// Problems on stdout, as GitHub workflow commands: `::error file=...,line=...`
    Github,
    /// One JSON object on stdout
    Json,
}
