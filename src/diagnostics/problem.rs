//! Problems of the input, each with its place.

use std::collections::HashSet;

use crate::diagnostics::escape::visible;
use crate::diagnostics::rule::{Rule, Severity};
use crate::diagnostics::span::Span;
use crate::diagnostics::words;

/// A place in the file with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub span: Span,
    pub label: String,
}

/// One error or warning.
#[derive(Clone, Debug)]
pub struct Problem {
    pub rule: &'static Rule,
    pub message: String,
    /// The place to look at first; `None` only if the problem is about the file as a whole.
    pub primary: Option<Mark>,
    pub context: Vec<Mark>,
    pub help: Option<String>,
    /// The key whose documentation would help, if there is no help text yet.
    pub key: Option<String>,
    /// Block and name of an unknown key: `place_misplaced` adds the block that it belongs in.
    pub misplaced: Option<Box<(String, String)>>,
    /// Clusters that the problem was found for.
    pub clusters: Vec<String>,
    /// Whether its place does not show which clusters it affects: it is in `defaults`, or in the first of several blocks.
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
            key: None,
            misplaced: None,
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

    /// Names the clusters that a problem in `defaults` affects; for any other problem, the place shows the cluster.
    pub fn concerns(&self) -> Option<String> {
        (self.inherited && !self.clusters.is_empty()).then(|| format!("affects {}", words::names(&self.clusters)))
    }

    /// Marks a problem with the value of a key; the help text is added later, by `explain_keys`.
    #[must_use]
    pub fn about(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Marks a problem with a key that the block does not have.
    #[must_use]
    pub fn misplaced(mut self, block: &str, key: &str) -> Self {
        self.misplaced = Some(Box::new((block.to_owned(), key.to_owned())));
        self
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

    /// Adds the problems of one cluster. A problem whose place is in `defaults` (outside the cluster's own block) is
    /// reported once, with the names of the clusters that it affects.
    pub fn absorb(&mut self, cluster: &str, own: Span, other: Problems) {
        for mut problem in other.found {
            problem.inherited =
                problem.primary.as_ref().is_some_and(|mark| !(own.start..own.end).contains(&mark.span.start));
            problem.clusters.push(cluster.to_owned());
            self.push(problem);
        }
    }

    /// Marks where the value of each problem is used, if that is not where it is written, given the first cluster that it
    /// was found for.
    pub fn add_uses(&mut self, used_at: impl Fn(Option<&str>, Span) -> Option<Span>) {
        for problem in &mut self.found {
            let cluster = problem.clusters.first().map(String::as_str);
            let used = problem.primary.as_ref().and_then(|mark| used_at(cluster, mark.span));
            if let Some(span) = used {
                problem.context.push(Mark { span, label: "used here".to_owned() });
            }
        }
    }

    /// Adds the help text to every problem about a key.
    pub fn explain_keys(&mut self, help: impl Fn(&str) -> String) {
        for problem in &mut self.found {
            if let Some(key) = problem.key.take() {
                problem.help = Some(visible(help(&key)));
            }
        }
    }

    /// Adds to every unknown key where it belongs, as label and help, if a block has such a key.
    pub fn place_misplaced(&mut self, home: impl Fn(&str, &str) -> Option<(String, String)>) {
        for problem in &mut self.found {
            let home = problem.misplaced.take().and_then(|found| home(&found.0, &found.1));
            if let (Some((label, help)), Some(mark)) = (home, &mut problem.primary) {
                mark.label = visible(label);
                problem.help = Some(visible(help));
            }
        }
    }

    /// Keeps only the problems of these rules.
    #[must_use]
    pub fn only(mut self, rules: &[&Rule]) -> Self {
        self.found.retain(|problem| rules.iter().any(|rule| rule.id == problem.rule.id));
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }

    /// Keeps only those for which `keep` is true.
    pub fn retain(&mut self, keep: impl FnMut(&Problem) -> bool) {
        self.found.retain(keep);
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
