//! Nodes of the builders: what differs between accounts.

use crate::values::iam::RoleName;

/// Settings of one architecture's nodes, or of the load balancer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// IAM role; `<cluster_name>-node-role` if none is given.
    pub role: Option<RoleName>,
}
