//! One alert, and the selectors of the series that alerts read.

use serde::Serialize;

use crate::fleet::model::Fleet;
use crate::values::arch::Arch;

#[derive(Clone, Debug, Serialize)]
pub struct Alert {
    pub name: &'static str,
    pub expr: String,
    /// How long the expression must hold; none fires at once.
    pub hold: Option<&'static str>,
    pub severity: &'static str,
    pub arch: Option<Arch>,
    pub summary: String,
    pub description: String,
}

impl Alert {
    /// The alert's section of the fleet's runbook; `None` where the fleet names no runbook. In lower case, as GitHub, GitLab
    /// and generators of sites name the section of a heading.
    pub fn runbook_url(&self, fleet: &Fleet) -> Option<String> {
        fleet.runbook_url.as_ref().map(|page| format!("{page}#{}", self.name.to_ascii_lowercase()))
    }
}

/// An alert as the template sees it.
#[derive(Debug, Serialize)]
pub struct AlertView {
    #[serde(flatten)]
    pub alert: Alert,
    pub runbook_url: Option<String>,
}

/// The selector of a series that carries no namespace of ours: `name{labels}`, and the cluster's own label where the
/// rules are evaluated beside those of other clusters.
pub(super) fn anywhere(fleet: &Fleet, name: &str, labels: &str) -> String {
    let cluster =
        fleet.cluster_label.as_ref().map_or_else(String::new, |label| format!(",{}=\"{}\"", label.name, label.value));
    format!("{name}{{{labels}{cluster}}}")
}

/// The selector of a series of the fleet's namespace.
pub(super) fn ours(fleet: &Fleet, name: &str, labels: &str) -> String {
    anywhere(fleet, name, &format!("namespace=\"{}\",{labels}", fleet.namespace))
}
