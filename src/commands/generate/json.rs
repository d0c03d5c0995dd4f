//! What publishing changes, or would change, for programs.

use std::borrow::Cow;
use std::path::Path;

use serde::Serialize;

use crate::commands::skipped::SkippedCluster;
use crate::diagnostics::json::ReportJson;
use crate::publish::compare::Comparison;

/// What `generate --format json` prints: what `validate` found, and what each cluster's directory gets.
#[derive(Debug, Serialize)]
pub(super) struct GenerateJson<'a> {
    #[serde(flatten)]
    pub report: ReportJson<'a>,
    /// The clusters that were asked for: those with a fleet, then directories whose clusters left the file, then clusters
    /// without a fleet. The key is absent where the file is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<Vec<ClusterOfGenerate<'a>>>,
}

/// One cluster of the output.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ClusterOfGenerate<'a> {
    Published(PublishedCluster<'a>),
    Skipped(SkippedCluster<'a>),
}

/// What publishing changes in one directory. With `--check`, what it would change.
#[derive(Debug, Serialize)]
pub(super) struct PublishedCluster<'a> {
    /// Name of the directory, which is that of the cluster.
    cluster: Cow<'a, str>,
    /// Whether the directory has all of this already: nothing is written.
    current: bool,
    /// Files that differ: those of the set in their order, then those that are removed.
    files: Vec<PublishedFile<'a>>,
}

/// One file that differs.
#[derive(Debug, Serialize)]
struct PublishedFile<'a> {
    /// Path of the file below the cluster's directory.
    path: &'a str,
    /// Whether the file is `added`, `changed` or `removed`.
    status: &'static str,
}

impl<'a> ClusterOfGenerate<'a> {
    pub(super) fn published(dir: &'a Path, comparison: &'a Comparison) -> Self {
        let files =
            comparison.changes.iter().map(|change| PublishedFile { path: &change.path, status: change.status() });
        ClusterOfGenerate::Published(PublishedCluster {
            cluster: dir.file_name().unwrap_or_default().to_string_lossy(),
            current: comparison.is_clean(),
            files: files.collect(),
        })
    }
}
