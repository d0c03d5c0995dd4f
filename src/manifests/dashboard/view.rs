//! The dashboard's ConfigMap for its template.

use serde::Serialize;

use crate::fleet::model::Fleet;

#[derive(Debug, Serialize)]
pub struct DashboardView<'a> {
    pub label: &'a str,
    pub folder: Option<&'a str>,
    /// Name of the file that the sidecar writes: it has one directory for all clusters and namespaces.
    pub file: String,
    /// The document, filled in by the renderer.
    pub json: String,
}

impl<'a> DashboardView<'a> {
    pub fn of(fleet: &'a Fleet) -> Option<Self> {
        fleet.dashboard.as_ref().map(|object| DashboardView {
            label: object.label.as_str(),
            folder: object.folder.as_ref().map(crate::values::dashboard::GrafanaFolder::as_str),
            file: format!("buildkit-fleet-{}.json", fleet.key),
            json: String::new(),
        })
    }
}
