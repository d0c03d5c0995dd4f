//! The manifest files of one cluster.

use crate::values::name::Region;

/// One manifest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFile {
    pub path: String,
    pub text: String,
}

/// One cluster's manifests.
#[derive(Clone, Debug)]
pub struct Set {
    pub files: Vec<SetFile>,
    /// The region that determines prices; `None` if only manifests are available, which do not contain it.
    pub region: Option<Region>,
}
