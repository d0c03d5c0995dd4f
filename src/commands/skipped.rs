//! A cluster without a fleet, for programs: in the outputs of `generate` and `plan`.

use serde::Serialize;

/// A cluster that gets no manifests.
#[derive(Debug, Serialize)]
pub(crate) struct SkippedCluster<'a> {
    /// Name of the cluster in clusters.yaml.
    pub cluster: &'a str,
    /// Why it has no fleet: its `modules` do not list `buildkit`.
    pub skipped: &'a str,
}
