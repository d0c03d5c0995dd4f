//! Rules for the modules of all clusters together.

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned};
use crate::input::layer::Leaf;
use crate::values::name::Module;

const KARPENTER: &str = "karpenter";

/// Collects the clusters with a fleet that do not list Karpenter.
#[derive(Debug, Default)]
pub struct WithoutKarpenter {
    clusters: Vec<String>,
    /// `modules` of the first one.
    first: Option<Span>,
}

impl WithoutKarpenter {
    /// `modules` of a cluster that lists our module.
    pub fn add(&mut self, cluster: &str, modules: &Leaf<Vec<Spanned<Module>>>) {
        let Some(modules) = modules.spanned() else { return };
        if !modules.value.iter().any(|module| module.value.as_str() == KARPENTER) {
            self.clusters.push(cluster.to_owned());
            self.first.get_or_insert(modules.span);
        }
    }

    /// One warning for the whole file: where Karpenter is installed by other means, that holds for every cluster.
    pub fn check(self, problems: &mut Problems) {
        let Some(first) = self.first else { return };
        let mut problem = Problem::new(
            &rule::KARPENTER_NOT_LISTED,
            "the nodes need the module `karpenter`, which `modules` does not list",
        )
        .at(first, format!("no `{KARPENTER}` in this list"))
        .help(format!("add `{KARPENTER}` before `buildkit`"));
        problem.inherited = self.clusters.len() > 1;
        problem.clusters = self.clusters;
        problems.push(problem);
    }
}
