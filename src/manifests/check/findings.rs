//! What breaks an invariant, and where.

use crate::manifests::address::{Field, join};
use crate::manifests::names::{LB, LB_CONFIG};

/// What is wrong at one place.
#[derive(Clone, Debug)]
pub struct Finding {
    pub what: String,
    /// The object and its field, of no file; an empty path is the object as a whole. `None` where no object is to blame
    /// alone.
    pub field: Option<Field>,
}

/// What one invariant finds, in the order of its looking.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn push(&mut self, what: String) {
        self.add(Finding { what, field: None });
    }

    /// Adds what is wrong with a field of an object.
    pub(super) fn at(&mut self, kind: &str, name: &str, path: &str, what: String) {
        let field = Field { file: String::new(), kind: kind.to_owned(), name: name.to_owned(), path: path.to_owned() };
        self.add(Finding { what, field: Some(field) });
    }

    /// Adds what is wrong with the load balancer's Deployment.
    pub(super) fn of_lb(&mut self, path: &str, what: String) {
        self.at("Deployment", LB, path, what);
    }

    pub(super) fn of_nodes(&mut self, name: &str, what: String) {
        self.at("NodePool", name, "spec", what);
    }

    /// Adds what is wrong with the buildkitd.toml of an architecture.
    pub(super) fn of_toml(&mut self, arch: &str, what: String) {
        self.at("ConfigMap", &format!("buildkitd-config-{arch}"), "data[buildkitd.toml]", what);
    }

    /// Adds what is wrong with haproxy.cfg; in a section, if one is named.
    pub(super) fn of_haproxy(&mut self, section: &[&str], what: String) {
        let path = section.iter().fold("data[haproxy.cfg]".to_owned(), |path, word| join(&path, word));
        self.at("ConfigMap", LB_CONFIG, &path, what);
    }

    /// The two halves of an invariant may find the same.
    fn add(&mut self, finding: Finding) {
        if !self.0.iter().any(|found| found.what == finding.what) {
            self.0.push(finding);
        }
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
