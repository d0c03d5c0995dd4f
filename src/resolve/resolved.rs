//! The outcome for each cluster of a file.

use crate::fleet::model::Fleet;

/// The outcome for one cluster: its fleet, or why it is skipped.
#[derive(Debug)]
pub enum Resolved {
    Fleet(Box<Fleet>),
    Skipped { cluster: String, why: String },
}

impl Resolved {
    /// The cluster's key in the file.
    pub fn name(&self) -> &str {
        match self {
            Resolved::Fleet(fleet) => fleet.key.as_str(),
            Resolved::Skipped { cluster, .. } => cluster,
        }
    }

    pub fn fleet(&self) -> Option<&Fleet> {
        match self {
            Resolved::Fleet(fleet) => Some(fleet),
            Resolved::Skipped { .. } => None,
        }
    }
}
