//! Reads the block `nodes`.

use crate::config::nodes::ArchNodesKeys;
use crate::fleet::nodes::NodeSettings;

/// The nodes of one architecture, or of the load balancer.
pub(super) fn read(keys: &ArchNodesKeys) -> NodeSettings {
    NodeSettings { role: keys.role.get().cloned() }
}
