//! The files of one cluster.

use crate::values::name::Region;

/// One file of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFile {
    pub path: String,
    pub text: String,
}

/// One cluster's manifests.
#[derive(Clone, Debug)]
pub struct Set {
    pub files: Vec<SetFile>,
    /// Where the prices are from; none where only manifests are at hand, which do not tell.
    pub region: Option<Region>,
}
