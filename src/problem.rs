//! What is wrong with the input: one `Problem` each, with its place, and how it prints.

use std::collections::HashSet;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::place::first_line;
use crate::rule::{Rule, Severity};

/// A range of bytes in clusters.yaml.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.start..span.end
    }
}

/// A value with the place that it was written at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// A place in the file and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub span: Span,
    pub label: String,
}

/// One thing that is wrong, or worth a warning.
#[derive(Clone, Debug)]
pub struct Problem {
    pub rule: &'static Rule,
    pub message: String,
    /// The place to look at first; none only when the file as a whole is meant.
    pub primary: Option<Mark>,
    pub context: Vec<Mark>,
    pub help: Option<String>,
    /// Clusters that the problem was found for.
    pub clusters: Vec<String>,
    /// Whether it stands outside of their own blocks, in `defaults`.
    pub inherited: bool,
}

impl Problem {
    pub fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Problem {
            rule,
            message: visible(message.into()),
            primary: None,
            context: Vec::new(),
            help: None,
            clusters: Vec::new(),
            inherited: false,
        }
    }

    #[must_use]
    pub fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.primary = Some(Mark { span, label: visible(label.into()) });
        self
    }

    #[must_use]
    pub fn see(mut self, span: Span, label: impl Into<String>) -> Self {
        self.context.push(Mark { span, label: visible(label.into()) });
        self
    }

    /// Whom a problem of `defaults` is about, in words; of any other the place tells.
    pub fn concerns(&self) -> Option<String> {
        (self.inherited && !self.clusters.is_empty()).then(|| format!("concerns {}", names(&self.clusters)))
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(visible(help.into()));
        self
    }
}

/// All problems of one run, in the order that they were found.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        self.found.push(problem);
    }

    /// Takes in what the rules found for one cluster. A problem that is written in `defaults` (outside the
    /// cluster's own block) is told once, with the names of the clusters that it concerns.
    pub fn absorb(&mut self, cluster: &str, own: Span, other: Problems) {
        for mut problem in other.found {
            problem.inherited =
                problem.primary.as_ref().is_some_and(|mark| !(own.start..own.end).contains(&mark.span.start));
            problem.clusters.push(cluster.to_owned());
            self.push(problem);
        }
    }

    /// These rules' problems alone.
    #[must_use]
    pub fn only(mut self, rules: &[&Rule]) -> Self {
        self.found.retain(|problem| rules.iter().any(|rule| rule.id == problem.rule.id));
        self
    }

    /// How many were found so far.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|problem| problem.rule.severity == Severity::Error)
    }

    /// Each problem once, in the order of the file.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut sorted: Vec<Problem> = Vec::with_capacity(self.found.len());
        let mut seen = std::collections::HashMap::new();
        for problem in self.found {
            let key = (problem.rule.id, problem.primary.as_ref().map(|mark| mark.span), problem.message.clone());
            if let Some(&at) = seen.get(&key) {
                let first: &mut Problem = &mut sorted[at];
                first.clusters.extend(problem.clusters);
            } else {
                seen.insert(key, sorted.len());
                sorted.push(problem);
            }
        }
        for problem in &mut sorted {
            let mut named = HashSet::new();
            problem.clusters.retain(|cluster| named.insert(cluster.clone()));
        }
        sorted.sort_by_key(|problem| (problem.primary.as_ref().map(|mark| mark.span), problem.rule.id));
        sorted
    }
}

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

/// Text from the file as a terminal may show it: what would move the cursor, color or reorder the rest is written out.
pub fn visible(text: String) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(hidden) {
        return text;
    }
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if hidden(c) {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
        shown
    })
}

/// `a`, `a and b`, `a, b and 3 more`, each name in backticks.
pub fn names(names: &[String]) -> String {
    let tick = |name: &String| format!("`{}`", visible(name.clone()));
    match names {
        [] => String::new(),
        [one] => tick(one),
        [one, two] => format!("{} and {}", tick(one), tick(two)),
        [one, two, three] => format!("{}, {} and {}", tick(one), tick(two), tick(three)),
        [one, two, rest @ ..] => format!("{}, {} and {} more", tick(one), tick(two), rest.len()),
    }
}

/// A hint at what was meant by a name that does not exist: the nearest of those that do, or all of them.
pub fn did_you_mean_of(found: &str, known: &[&str]) -> String {
    let hint = did_you_mean(found, known.iter().copied())
        .map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    visible(hint)
}

/// The nearest of the candidates, or nothing when none is near: a few slips away, or a longer form of the same word.
pub fn did_you_mean<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances to absurdly long input cost quadratic time and are never near.
    if !(2..=100).contains(&found.len()) {
        return None;
    }
    // Two slips in a short word make another word; one in three letters is a typing error.
    let limit = (found.chars().count().clamp(3, 24) / 3).max(1);
    let distance = |candidate: &str| {
        let slips = strsim::damerau_levenshtein(found, candidate);
        if candidate.starts_with(found) { slips.min(limit) } else { slips }
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(slips, _)| *slips <= limit)
        .min()
        .map(|(_, near)| near)
}
