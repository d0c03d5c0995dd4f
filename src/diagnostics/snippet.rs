//! Prints a problem like rustc: the lines of the file with labels.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::diagnostics::problem::Problem;
use crate::diagnostics::rule::Severity;
use crate::diagnostics::span::first_line;

/// Prints problems the way rustc does.
pub struct Printer<'a> {
    pub path: &'a str,
    pub source: &'a str,
    pub color: bool,
}

impl Printer<'_> {
    pub fn print(&self, problem: &Problem) -> String {
        let level = match problem.rule.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(problem.message.as_str()).id(problem.rule.id);
        let mut group = if let Some(primary) = &problem.primary {
            let mut snippet = Snippet::source(self.source).path(self.path).annotation(
                AnnotationKind::Primary.span(first_line(self.source, primary.span)).label(primary.label.as_str()),
            );
            for mark in &problem.context {
                snippet = snippet.annotation(
                    AnnotationKind::Context.span(first_line(self.source, mark.span)).label(mark.label.as_str()),
                );
            }
            title.element(snippet)
        } else {
            title.element(Level::NOTE.message(format!("in {}", self.path)))
        };
        if let Some(concerns) = problem.concerns() {
            group = group.element(Level::NOTE.message(concerns));
        }
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if self.color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}
