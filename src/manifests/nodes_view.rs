//! What the templates see of the settings of nodes.

use serde::Serialize;

use crate::fleet::model::Fleet;
use crate::fleet::nodes::NodeSettings;

#[derive(Debug, Serialize)]
pub struct NodesView {
    pub role: String,
}

pub(super) fn nodes_view(fleet: &Fleet, nodes: &NodeSettings) -> NodesView {
    NodesView {
        role: nodes.role.as_ref().map_or_else(|| format!("{}-node-role", fleet.cluster_name), ToString::to_string),
    }
}
