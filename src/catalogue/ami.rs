//! Releases of the AL2023 node image, and the Kubernetes versions that each supports.

use std::sync::LazyLock;

use crate::values::version::{Version, leading};

/// The first line names the columns.
const RELEASES: &str = include_str!("../../data/al2023-releases.csv");

/// One release, as listed in the changelog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmiRelease {
    /// The date in its name, `20260714`.
    pub day: u32,
    /// Oldest and newest Kubernetes version with an image; `None` before the first AL2023 image.
    pub kubernetes: Option<(Version, Version)>,
    pub withdrawn: bool,
}

impl AmiRelease {
    fn has(&self, kubernetes: Version) -> bool {
        self.kubernetes.is_some_and(|(oldest, newest)| (oldest..=newest).contains(&kubernetes))
    }
}

/// Every release that the changelog lists, oldest first.
pub fn releases() -> &'static [AmiRelease] {
    static ALL: LazyLock<Vec<AmiRelease>> = LazyLock::new(|| {
        let rows = RELEASES.lines().filter(|line| !line.starts_with('#')).skip(1);
        rows.filter_map(parse_row).collect()
    });
    &ALL
}

fn parse_row(row: &str) -> Option<AmiRelease> {
    let mut columns = row.split(',');
    let day = columns.next()?.parse().ok()?;
    let mut version = || leading(columns.next()?).map(|(version, _)| version);
    let kubernetes = version().zip(version());
    Some(AmiRelease { day, kubernetes, withdrawn: row.ends_with(",withdrawn") })
}

/// The first release with an image for this Kubernetes version; `None` if the changelog lists none. A later release may
/// still have one.
pub fn first_with(kubernetes: Version) -> Option<AmiRelease> {
    releases().iter().copied().find(|release| release.has(kubernetes))
}

/// Whether no release of this day can have an image for this Kubernetes version: a listed release of that day or later
/// has none yet. A day between the last such release and the first with an image is possible: not every release is
/// listed.
pub fn is_before_first(day: u32, kubernetes: Version) -> bool {
    first_with(kubernetes).is_some_and(|first| releases().iter().any(|release| (day..first.day).contains(&release.day)))
}

/// The newest listed release with an image for this Kubernetes version, or for any version if none is given.
pub fn newest_with(kubernetes: Option<Version>) -> Option<AmiRelease> {
    let fits = |release: &&AmiRelease| !release.withdrawn && kubernetes.is_none_or(|version| release.has(version));
    releases().iter().rev().find(fits).copied()
}
