//! Publishes one cluster's directory so that no crash leaves files that verify and are neither all old nor all new:
//! SHA256SUMS is removed first and written last. This file finds out what to change; `exchange` does it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use crate::manifests::set::SetFile;
use crate::publish::files::{PENDING, SUMS, is_begun, listed, sums};
use crate::publish::lock;
use crate::publish::ownership::{adopt, is_ours};
use crate::publish::read::{find, read_text};

/// One file that differs from what is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    pub path: String,
    /// Text on disk; `None` if there is no such file.
    pub old: Option<String>,
    /// New text; `None` if the file is removed.
    pub new: Option<String>,
}

impl Change {
    /// `added`, `changed` or `removed`.
    pub fn status(&self) -> &'static str {
        match (&self.old, &self.new) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        }
    }
}

/// What publishing would do.
#[derive(Debug, Default)]
pub struct Comparison {
    pub changes: Vec<Change>,
    /// Paths of the published files on disk.
    pub(crate) owned: BTreeSet<String>,
    /// SHA256SUMS of the set to be; none where it goes.
    pub(crate) sums: Option<String>,
    /// SHA256SUMS is not what it should be, or a publication was cut off.
    unfinished: bool,
}

impl Comparison {
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty() && !self.unfinished
    }

    /// Keeps which files differ, and what the set is to be, not the texts: publishing compares again, under the lock.
    pub fn forget_texts(&mut self) {
        for text in self.changes.iter_mut().flat_map(|change| [&mut change.old, &mut change.new]).flatten() {
            *text = String::new();
        }
        self.owned.clear();
        if self.is_clean() {
            self.sums = None;
        }
    }
}

/// Compares the files on disk with the new ones. Refuses a directory that this program did not write.
pub fn compare(dir: &Path, files: &[SetFile]) -> Result<Comparison> {
    refuse_obstacle(dir)?;
    let _shared = lock::shared(dir)?;
    compare_unlocked(dir, files)
}

/// The published files on disk with their texts, in the order of paths; empty if there are none. Refuses a directory
/// that this program did not write.
pub fn read_set(dir: &Path) -> Result<Vec<(String, String)>> {
    refuse_obstacle(dir)?;
    let _shared = lock::shared(dir)?;
    let mut files = Vec::new();
    for path in OnDisk::read(dir)?.owned {
        if let Some(text) = read_text(&dir.join(&path))? {
            files.push((path, text));
        }
    }
    Ok(files)
}

/// Refuses a path if a part of it exists and is not a directory.
fn refuse_obstacle(dir: &Path) -> Result<()> {
    if let Some(obstacle) = dir
        .ancestors()
        .find(|path| path.exists() || path.is_symlink())
        .filter(|path| !path.is_dir() && *path != Path::new(""))
    {
        let what = if obstacle.exists() { "is not a directory" } else { "is a broken symbolic link" };
        bail!("{} {what}: move it away, or choose another --out", obstacle.display());
    }
    Ok(())
}

/// What a directory records about its published files.
struct OnDisk {
    /// Text of SHA256SUMS and of .pending, where they exist.
    sums: Option<String>,
    pending: Option<String>,
    /// Paths of the published files.
    owned: BTreeSet<String>,
}

impl OnDisk {
    fn read(dir: &Path) -> Result<Self> {
        let sums = read_text(&dir.join(SUMS))?;
        let pending = read_text(&dir.join(PENDING))?;
        let mut owned = BTreeSet::new();
        for (name, text, prefix) in [(SUMS, &sums, 66), (PENDING, &pending, 0)] {
            let Some(text) = text else { continue };
            match listed(text, prefix) {
                Some(paths) => owned.extend(paths),
                None => {
                    bail!(
                        "{} was not written by buildkit-fleet: remove it, or choose another --out",
                        dir.join(name).display()
                    )
                }
            }
        }
        // An empty list counts as no list.
        if owned.is_empty() {
            owned = adopt(dir)?;
        }
        Ok(OnDisk { sums, pending, owned })
    }
}

pub(super) fn compare_unlocked(dir: &Path, files: &[SetFile]) -> Result<Comparison> {
    let OnDisk { sums: on_disk, pending, owned } = OnDisk::read(dir)?;
    let mut changes = Vec::new();
    for file in files {
        let found = find(&dir.join(&file.path))?;
        if found.as_ref().is_some_and(|found| found.text == file.text && !found.linked) {
            continue;
        }
        let old = found.map(|found| found.text);
        // An empty file or a broken link may be replaced.
        if old.as_deref().is_some_and(|text| !text.is_empty() && !is_ours(text)) {
            bail!("{} exists and was not written by buildkit-fleet: move it away", dir.join(&file.path).display());
        }
        changes.push(Change { path: file.path.clone(), old, new: Some(file.text.clone()) });
    }
    for path in &owned {
        if files.iter().any(|file| file.path == *path) {
            continue;
        }
        let Some(old) = read_text(&dir.join(path))? else { continue };
        if !old.is_empty() && !is_ours(&old) {
            let foreign = dir.join(path);
            bail!(
                "{} is listed in {SUMS} but was not written by buildkit-fleet: choose another --out",
                foreign.display()
            );
        }
        changes.push(Change { path: path.clone(), old: Some(old), new: None });
    }
    let expected = if files.is_empty() { None } else { Some(sums(files)) };
    let linked = dir.join(SUMS).is_symlink();
    let cut_off = pending.is_some() || is_begun(dir);
    Ok(Comparison { unfinished: cut_off || on_disk != expected || linked, sums: expected, changes, owned })
}
