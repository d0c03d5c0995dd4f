//! One alert, and its section of the runbook.

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
    /// The alert's section of the fleet's runbook; `None` where the fleet names no runbook.
    pub fn runbook_url(&self, fleet: &Fleet) -> Option<String> {
        runbook_section(fleet, self.name)
    }
}

/// The section under a heading of the fleet's runbook; `None` where the fleet names no runbook. In lower case and with a dash
/// for each space, as GitHub, GitLab and generators of sites name the section of a heading.
pub(super) fn runbook_section(fleet: &Fleet, heading: &str) -> Option<String> {
    let section = heading.to_ascii_lowercase().replace(' ', "-");
    fleet.runbook_url.as_ref().map(|page| format!("{page}#{section}"))
}

/// An alert as the template sees it.
#[derive(Debug, Serialize)]
pub struct AlertView {
    #[serde(flatten)]
    pub alert: Alert,
    pub runbook_url: Option<String>,
}
