//! The problems of one file for programs: what `validate --format json` prints, and `generate` beside its clusters.

use serde::Serialize;

use crate::diagnostics::problem::{Mark, Problem};
use crate::diagnostics::span::Lines;

/// What `validate --format json` prints: what was found in clusters.yaml.
#[derive(Debug, Serialize)]
pub struct ReportJson<'a> {
    /// Path of the file, as it was given.
    pub file: &'a str,
    /// Whether the file is refused: for an error, or for a warning with `--deny-warnings`.
    pub refused: bool,
    /// Number of problems that are errors.
    pub errors: usize,
    /// Number of problems that are warnings.
    pub warnings: usize,
    /// Every problem of the file once, in the order of the file.
    pub problems: Vec<ProblemJson<'a>>,
}

/// One problem. Its place is null where the file as a whole is meant.
#[derive(Debug, Serialize)]
pub struct ProblemJson<'a> {
    /// Stable id of the rule; `buildkit-fleet explain RULE` describes it.
    rule: &'static str,
    /// `error` refuses the file, `warning` does not.
    severity: &'static str,
    /// What is wrong, in one sentence.
    message: &'a str,
    /// Line of the first character, from 1.
    line: Option<usize>,
    /// Column of the first character, in characters from 1.
    column: Option<usize>,
    /// Line of the end, which is `line`: a place of several lines is cut at the end of the first.
    end_line: Option<usize>,
    /// Column behind the last character, in characters from 1.
    end_column: Option<usize>,
    /// What is to be said of the place.
    label: Option<&'a str>,
    /// What to do about it; null where the message says it all.
    help: Option<&'a str>,
    /// Clusters that the problem was found for; empty where the file as a whole is meant, or a block of `defaults` alone.
    clusters: &'a [String],
    /// Other places that the problem is about.
    related: Vec<RelatedPlace<'a>>,
}

/// Another place of the file that a problem is about.
#[derive(Debug, Serialize)]
struct RelatedPlace<'a> {
    /// Line of the first character, from 1.
    line: usize,
    /// Column of the first character, in characters from 1.
    column: usize,
    /// Line of the end, which is `line`: a place of several lines is cut at the end of the first.
    end_line: usize,
    /// Column behind the last character, in characters from 1.
    end_column: usize,
    /// What is to be said of the place.
    label: &'a str,
}

impl<'a> ProblemJson<'a> {
    pub(super) fn of(problem: &'a Problem, lines: &Lines) -> Self {
        let primary = problem.primary.as_ref().map(|mark| RelatedPlace::of(mark, lines));
        let primary = primary.as_ref();
        ProblemJson {
            rule: problem.rule.id,
            severity: problem.rule.severity.name(),
            message: &problem.message,
            line: primary.map(|place| place.line),
            column: primary.map(|place| place.column),
            end_line: primary.map(|place| place.end_line),
            end_column: primary.map(|place| place.end_column),
            label: primary.map(|place| place.label),
            help: problem.help.as_deref(),
            clusters: &problem.clusters,
            related: problem.context.iter().map(|mark| RelatedPlace::of(mark, lines)).collect(),
        }
    }
}

impl<'a> RelatedPlace<'a> {
    fn of(mark: &'a Mark, lines: &Lines) -> Self {
        let (start, end) = lines.ends(mark.span);
        RelatedPlace {
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            label: &mark.label,
        }
    }
}
