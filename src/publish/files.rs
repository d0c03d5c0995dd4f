//! The names of published files on disk, and the lists of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::manifests::render::hex;
use crate::manifests::set::SetFile;

/// Checksums in the format of `sha256sum --check`. The published files are complete only if it exists.
pub const SUMS: &str = "SHA256SUMS";

/// Old and new paths of an unfinished publication: this program owns them although no SHA256SUMS lists them.
pub(crate) const PENDING: &str = ".pending";

/// The content of SHA256SUMS, in the order of paths.
pub(crate) fn sums(files: &[SetFile]) -> String {
    let mut lines: Vec<String> = files.iter().map(|file| sum(&file.path, &file.text)).collect();
    lines.sort_unstable_by(|a, b| a[66..].cmp(&b[66..]));
    lines.concat()
}

/// The line of one file.
pub(crate) fn sum(name: &str, text: &str) -> String {
    format!("{}  {name}\n", hex(&Sha256::digest(text)))
}

/// Whether it is a valid path in such a list: a plain file name, not hidden.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// The paths that SHA256SUMS or .pending lists; `None` if this program did not write the text.
pub(super) fn listed(text: &str, prefix: usize) -> Option<BTreeSet<String>> {
    text.lines().map(|line| line.get(prefix..).filter(|name| is_plain_name(name)).map(str::to_owned)).collect()
}

/// Whether an earlier run was interrupted in its first step.
pub(crate) fn is_begun(dir: &Path) -> bool {
    temporary(dir, PENDING).symlink_metadata().is_ok()
}

/// Paths of all temporary files that an unfinished publication may have left.
pub(crate) fn temporaries(dir: &Path, involved: &BTreeSet<String>) -> impl Iterator<Item = PathBuf> {
    involved.iter().map(String::as_str).chain([SUMS, PENDING]).map(move |name| temporary(dir, name))
}

pub(super) fn temporary(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!(".{}.tmp", name.trim_start_matches('.')))
}
