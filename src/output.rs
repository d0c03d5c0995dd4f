//! Publishing one cluster's directory so that no crash leaves a set that verifies and is neither the old nor the new
//! one: SHA256SUMS goes first and comes back last. What is on disk, and what is to change; `exchange` does it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::exchange;
use crate::lock;
use crate::render::{RenderedFile, hex};
use crate::trouble::cannot;

/// Checksums of the set, as `sha256sum --check` reads them. The set is complete only with it.
pub const SUMS: &str = "SHA256SUMS";
/// Paths of an unfinished publication, old and new: they are ours although no SHA256SUMS lists them.
pub(crate) const PENDING: &str = ".pending";
/// Every file of ours says so in its first lines; only such a file is ever removed.
const MADE_BY: &str = "# Made by buildkit-fleet ";

/// One file that differs from what is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub path: String,
    /// Text on disk; none where there is no such file.
    pub old: Option<String>,
    /// Text to be; none where the file goes.
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
    /// Paths of the set on disk.
    pub(crate) owned: BTreeSet<String>,
    /// SHA256SUMS is not what it should be, or a publication was cut off.
    unfinished: bool,
}

impl Comparison {
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty() && !self.unfinished
    }

    /// Keeps which files differ, not their texts: publishing compares again, under the lock.
    pub fn forget_texts(&mut self) {
        for text in self.changes.iter_mut().flat_map(|change| [&mut change.old, &mut change.new]).flatten() {
            *text = String::new();
        }
    }
}

/// SHA256SUMS of the set, in the order of paths.
pub(crate) fn sums(files: &[RenderedFile]) -> String {
    let mut lines: Vec<String> =
        files.iter().map(|file| format!("{}  {}\n", hex(&Sha256::digest(file.text.as_bytes())), file.path)).collect();
    lines.sort_unstable_by(|a, b| a[66..].cmp(&b[66..]));
    lines.concat()
}

/// A regular file, perhaps behind a symbolic link.
struct Found {
    /// Bytes that are not text never equal ours.
    text: String,
    linked: bool,
}

/// The file at a path; none where there is none. A link that leads nowhere is an empty file, which is then replaced.
fn find(path: &Path) -> Result<Option<Found>> {
    let look = |meta: io::Result<fs::Metadata>| match meta {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        meta => meta.map(Some).map_err(|error| cannot("read", path, &error)),
    };
    let Some(mut meta) = look(fs::symlink_metadata(path))? else { return Ok(None) };
    let linked = meta.is_symlink();
    if linked {
        match look(fs::metadata(path))? {
            Some(target) => meta = target,
            None => return Ok(Some(Found { text: String::new(), linked })),
        }
    }
    if !meta.is_file() {
        bail!("{} is not a regular file, where a file of the set belongs: move it away", path.display());
    }
    let bytes = fs::read(path).map_err(|error| cannot("read", path, &error))?;
    let text = String::from_utf8(bytes).unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned());
    Ok(Some(Found { text, linked }))
}

fn read_text(path: &Path) -> Result<Option<String>> {
    Ok(find(path)?.map(|found| found.text))
}

/// A path that may stand in a set: a plain file name, not hidden.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// The paths that a SHA256SUMS or .pending of ours lists; none where the text is not of ours.
fn listed(text: &str, prefix: usize) -> Option<BTreeSet<String>> {
    text.lines().map(|line| line.get(prefix..).filter(|name| is_plain_name(name)).map(str::to_owned)).collect()
}

/// Compares the set on disk with the set to be. Refuses a directory that is not ours.
pub fn compare(dir: &Path, files: &[RenderedFile]) -> Result<Comparison> {
    refuse_obstacle(dir)?;
    let _shared = lock::shared(dir)?;
    compare_unlocked(dir, files)
}

/// The files of the set on disk with their texts, in the order of paths; none where there is no set. Refuses a
/// directory that is not ours.
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

/// Refuses a path of which a part is there and is no directory.
fn refuse_obstacle(dir: &Path) -> Result<()> {
    if let Some(obstacle) = dir
        .ancestors()
        .find(|path| path.exists() || path.is_symlink())
        .filter(|path| !path.is_dir() && *path != Path::new(""))
    {
        let what = if obstacle.exists() { "is not a directory" } else { "is a link that leads nowhere" };
        bail!("{} {what}: move it away, or choose another --out", obstacle.display());
    }
    Ok(())
}

/// What a directory says of its set.
struct OnDisk {
    /// Text of SHA256SUMS and of .pending, where they exist.
    sums: Option<String>,
    pending: Option<String>,
    /// Paths of the set.
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
                    bail!("{} is not of this program: remove it, or choose another --out", dir.join(name).display())
                }
            }
        }
        // An empty list is as good as none.
        if owned.is_empty() {
            owned = adopt(dir)?;
        }
        Ok(OnDisk { sums, pending, owned })
    }
}

fn compare_unlocked(dir: &Path, files: &[RenderedFile]) -> Result<Comparison> {
    let OnDisk { sums: on_disk, pending, owned } = OnDisk::read(dir)?;
    let mut changes = Vec::new();
    for file in files {
        let found = find(&dir.join(file.path))?;
        if found.as_ref().is_some_and(|found| found.text == file.text && !found.linked) {
            continue;
        }
        let old = found.map(|found| found.text);
        // An empty file, or a link that leads nowhere, is nobody's.
        if old.as_deref().is_some_and(|text| !text.is_empty() && !is_ours(text)) {
            bail!("{} exists and is not of this program: move it away", dir.join(file.path).display());
        }
        changes.push(Change { path: file.path.to_owned(), old, new: Some(file.text.clone()) });
    }
    for path in &owned {
        if files.iter().any(|file| file.path == path) {
            continue;
        }
        let Some(old) = read_text(&dir.join(path))? else { continue };
        if !old.is_empty() && !is_ours(&old) {
            let foreign = dir.join(path);
            bail!("{} is listed in {SUMS} and is not of this program: choose another --out", foreign.display());
        }
        changes.push(Change { path: path.clone(), old: Some(old), new: None });
    }
    let expected = if files.is_empty() { None } else { Some(sums(files)) };
    let linked = dir.join(SUMS).is_symlink();
    let cut_off = pending.is_some() || exchange::is_begun(dir);
    Ok(Comparison { unfinished: cut_off || on_disk != expected || linked, changes, owned })
}

/// Whether a text says that this program made it.
pub fn is_ours(text: &str) -> bool {
    text.lines().take(3).any(|line| line.starts_with(MADE_BY))
}

/// What a directory holds; nothing where there is none.
fn entries(dir: &Path) -> Result<Vec<fs::DirEntry>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect).map_err(|error| cannot("read", dir, &error)),
    }
}

/// The files of a directory without a list: ours, where every one of them says so. Any other directory may be
/// anything, and is refused.
fn adopt(dir: &Path) -> Result<BTreeSet<String>> {
    let mut ours = BTreeSet::new();
    for entry in entries(dir)? {
        let name = entry.file_name();
        match name.to_str() {
            Some(hidden) if hidden.starts_with('.') || hidden == SUMS => {}
            Some(name) if entry.file_type().is_ok_and(|kind| kind.is_file()) && head_is_ours(&entry.path()) => {
                ours.insert(name.to_owned());
            }
            _ => bail!(
                "{} holds {} and no {SUMS}: it is not of this program. If the rest is, move it away, or choose another --out",
                dir.display(),
                name.display()
            ),
        }
    }
    Ok(ours)
}

fn head_is_ours(path: &Path) -> bool {
    head(path).is_ok_and(|head| is_ours(&head))
}

/// The first lines of a file.
fn head(path: &Path) -> Result<String> {
    let mut head = [0; 600];
    let read = File::open(path).and_then(|mut file| file.read(&mut head));
    let read = read.map_err(|error| cannot("read", path, &error))?;
    Ok(String::from_utf8_lossy(&head[..read]).into_owned())
}

/// Brings the directory to the given set; an empty set removes it. `step` is told before each change on disk; tests
/// end the process there.
pub fn publish(dir: &Path, files: &[RenderedFile], step: &mut dyn FnMut(&str)) -> Result<Comparison> {
    step("create the directory and lock it");
    let lock = lock::exclusive(dir)?;
    let comparison = compare_unlocked(dir, files)?;
    if !comparison.is_clean() {
        exchange::exchange(dir, files, &comparison, step).with_context(|| cut_off(dir))?;
    }
    if files.is_empty() {
        step("remove the lock");
        exchange::remove(&dir.join(lock::NAME))?;
        step("remove the directory");
        match fs::remove_dir(dir) {
            // Files of others live here.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            removed => removed.map_err(|error| cannot("remove", dir, &error))?,
        }
    }
    drop(lock);
    Ok(comparison)
}

fn cut_off(dir: &Path) -> String {
    let left = if dir.join(SUMS).exists() { "complete" } else { "incomplete, and deploy.sh refuses it" };
    format!("publishing into {} was cut off, the set there is {left}", dir.display())
}

/// Directories of ours below `out` whose cluster is not in the file any more.
pub fn stale(out: &Path, keep: &BTreeSet<String>) -> Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    for entry in entries(out)? {
        let name = entry.file_name();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        // Where the file system ignores case, another spelling is the same directory.
        let kept = name.to_str().is_some_and(|name| keep.contains(&name.to_lowercase()));
        if !is_dir || kept || !is_our_dir(&entry.path())? {
            continue;
        }
        stale.push(entry.path());
    }
    stale.sort();
    Ok(stale)
}

/// Whether a directory was published by us: every file that its list names and that exists says so, and names the
/// directory's cluster. A copy under another name is its owner's.
fn is_our_dir(dir: &Path) -> Result<bool> {
    let mut named = BTreeSet::new();
    for (name, prefix) in [(SUMS, 66), (PENDING, 0)] {
        let path = dir.join(name);
        match fs::metadata(&path) {
            Ok(meta) if meta.is_file() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            // Somebody's directory may be closed to us.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && entries(dir).is_err() => continue,
            Err(error) => return Err(cannot("look at", &path, &error)),
            Ok(_) => continue,
        }
        let Some(paths) = read_text(&path)?.and_then(|text| listed(&text, prefix)) else { return Ok(false) };
        named.extend(paths);
    }
    let mut ours = 0;
    let mut unread = None;
    for name in &named {
        let path = dir.join(name);
        match fs::metadata(&path) {
            Ok(meta) if meta.is_file() => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot("look at", &path, &error)),
            // To read a pipe would take for ever. The comparison refuses what is no file.
            _ => continue,
        }
        let head = match head(&path) {
            Ok(head) => head,
            Err(error) => {
                unread.get_or_insert(error);
                continue;
            }
        };
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        if !is_ours(&head) || !head.contains(&format!("{MADE_BY}from clusters.{name}.buildkit ")) {
            return Ok(false);
        }
        ours += 1;
    }
    // What cannot be read is ours among ours, and somebody's elsewhere.
    match unread {
        Some(error) if ours > 0 => Err(error),
        Some(_) => Ok(false),
        None => Ok(ours > 0 || is_rest(dir, &named)),
    }
}

/// Whether a first publication or a removal that was cut off left this: a lock, and what is not in place yet or any more.
fn is_rest(dir: &Path, named: &BTreeSet<String>) -> bool {
    let Ok(entries) = entries(dir) else { return false };
    let unfinished: BTreeSet<PathBuf> = exchange::temporaries(dir, named).chain([dir.join(PENDING)]).collect();
    let is_lock = |entry: &fs::DirEntry| {
        entry.file_name() == lock::NAME && entry.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == 0)
    };
    entries.iter().any(is_lock) && entries.iter().all(|entry| is_lock(entry) || unfinished.contains(&entry.path()))
}
