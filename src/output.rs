//! Publishing one cluster's directory so that no crash leaves a set that verifies and is neither the old nor the new
//! one: SHA256SUMS goes first and comes back last.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::lock;
use crate::render::{RenderedFile, hex};

/// Checksums of the set, as `sha256sum --check` reads them. The set is complete only with it.
pub const SUMS: &str = "SHA256SUMS";
/// Paths of an unfinished publication, old and new: they are ours although no SHA256SUMS lists them.
const PENDING: &str = ".pending";
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
    owned: BTreeSet<String>,
    /// SHA256SUMS is not what it should be, or a publication was cut off.
    unfinished: bool,
}

impl Comparison {
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty() && !self.unfinished
    }
}

/// SHA256SUMS of the set, in the order of paths.
fn sums(files: &[RenderedFile]) -> String {
    let mut lines: Vec<String> =
        files.iter().map(|file| format!("{}  {}\n", hex(&Sha256::digest(file.text.as_bytes())), file.path)).collect();
    lines.sort_unstable_by(|a, b| a[66..].cmp(&b[66..]));
    lines.concat()
}

/// The text of a regular file, or none where there is none. Bytes that are not text never equal ours.
fn read_text(path: &Path) -> Result<Option<String>> {
    let meta = match fs::metadata(path) {
        // Also a symbolic link that leads nowhere, which is then replaced.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.is_symlink().then(String::new)),
        meta => meta.with_context(|| format!("cannot read {}", path.display()))?,
    };
    if !meta.is_file() {
        bail!("{} is not a regular file, where a file of the set belongs: move it away", path.display());
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
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
    let _shared = lock::shared(dir)?;
    compare_unlocked(dir, files)
}

/// The files of the set on disk with their texts, in the order of paths; none where there is no set. Refuses a
/// directory that is not ours.
pub fn read_set(dir: &Path) -> Result<Vec<(String, String)>> {
    let _shared = lock::shared(dir)?;
    let mut files = Vec::new();
    for path in OnDisk::read(dir)?.owned {
        if let Some(text) = read_text(&dir.join(&path))? {
            files.push((path, text));
        }
    }
    Ok(files)
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
        if let Some(obstacle) = dir
            .ancestors()
            .find(|path| path.exists() || path.is_symlink())
            .filter(|path| !path.is_dir() && *path != Path::new(""))
        {
            bail!("{} is not a directory: move it away, or choose another --out", obstacle.display());
        }
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
        if sums.is_none() && pending.is_none() {
            owned = adopt(dir)?;
        }
        Ok(OnDisk { sums, pending, owned })
    }
}

fn compare_unlocked(dir: &Path, files: &[RenderedFile]) -> Result<Comparison> {
    let OnDisk { sums: on_disk, pending, owned } = OnDisk::read(dir)?;
    let mut changes = Vec::new();
    for file in files {
        let old = read_text(&dir.join(file.path))?;
        let linked = old.is_some() && dir.join(file.path).is_symlink();
        if old.as_deref() == Some(file.text.as_str()) && !linked {
            continue;
        }
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
        if !is_ours(&old) {
            let foreign = dir.join(path);
            bail!("{} is listed in {SUMS} and is not of this program: choose another --out", foreign.display());
        }
        changes.push(Change { path: path.clone(), old: Some(old), new: None });
    }
    let expected = if files.is_empty() { None } else { Some(sums(files)) };
    Ok(Comparison { unfinished: pending.is_some() || on_disk != expected, changes, owned })
}

/// Whether a text says that this program made it.
pub fn is_ours(text: &str) -> bool {
    text.lines().take(3).any(|line| line.starts_with(MADE_BY))
}

/// What a directory holds; nothing where there is none.
fn entries(dir: &Path) -> Result<Vec<fs::DirEntry>> {
    let context = || format!("cannot read the directory {}", dir.display());
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect).with_context(context),
    }
}

/// The files of a directory without a list: ours, where every one of them says so. Any other directory may be
/// anything, and is refused.
fn adopt(dir: &Path) -> Result<BTreeSet<String>> {
    let mut ours = BTreeSet::new();
    for entry in entries(dir)? {
        let name = entry.file_name();
        match name.to_str() {
            Some(hidden) if hidden.starts_with('.') => {}
            Some(name) if entry.file_type().is_ok_and(|kind| kind.is_file()) && head_is_ours(&entry.path()) => {
                ours.insert(name.to_owned());
            }
            _ => bail!(
                "{} holds {} and no {SUMS}: it is not of this program. Remove the directory, or choose another --out",
                dir.display(),
                name.display()
            ),
        }
    }
    Ok(ours)
}

fn head_is_ours(path: &Path) -> bool {
    is_ours(&head(path))
}

/// The first lines of a file.
fn head(path: &Path) -> String {
    let mut head = [0; 600];
    let read = File::open(path).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    String::from_utf8_lossy(&head[..read]).into_owned()
}

/// Brings the directory to the given set; an empty set removes it. `step` is told before each change on disk; tests
/// end the process there.
pub fn publish(dir: &Path, files: &[RenderedFile], step: &mut dyn FnMut(&str)) -> Result<Comparison> {
    step("create the directory and lock it");
    let lock = lock::exclusive(dir)?;
    let comparison = compare_unlocked(dir, files)?;
    if !comparison.is_clean() {
        write_set(dir, files, &comparison, step).with_context(|| format!("cannot publish into {}", dir.display()))?;
    }
    if files.is_empty() {
        step("remove the lock");
        fs::remove_file(dir.join(lock::NAME))
            .with_context(|| format!("cannot remove {}", dir.join(lock::NAME).display()))?;
        step("remove the directory");
        // Fails where files of others live here, which is right.
        let _ = fs::remove_dir(dir);
    }
    drop(lock);
    Ok(comparison)
}

fn write_set(
    dir: &Path,
    files: &[RenderedFile],
    comparison: &Comparison,
    step: &mut dyn FnMut(&str),
) -> io::Result<()> {
    let planned = files.iter().map(|file| file.path.to_owned());
    let involved: BTreeSet<String> = comparison.owned.iter().cloned().chain(planned).collect();
    let pending: String = involved.iter().flat_map(|path| [path, "\n"]).collect();
    // What an earlier run left half written.
    for path in involved.iter().map(String::as_str).chain([SUMS, PENDING]) {
        remove_if_there(&temporary(dir, path))?;
    }
    replace(dir, PENDING, &pending, step)?;
    sync_dir(dir)?;
    step("remove SHA256SUMS");
    remove_if_there(&dir.join(SUMS))?;
    sync_dir(dir)?;
    for change in &comparison.changes {
        if let Some(text) = &change.new {
            replace(dir, &change.path, text, step)?;
        } else {
            step("remove a file");
            remove_if_there(&dir.join(&change.path))?;
        }
    }
    sync_dir(dir)?;
    if !files.is_empty() {
        replace(dir, SUMS, &sums(files), step)?;
        sync_dir(dir)?;
    }
    step("remove .pending");
    remove_if_there(&dir.join(PENDING))?;
    sync_dir(dir)
}

fn temporary(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!(".{}.tmp", name.trim_start_matches('.')))
}

/// Writes a file by the side, to the disk, and puts it in place in one step.
fn replace(dir: &Path, name: &str, text: &str, step: &mut dyn FnMut(&str)) -> io::Result<()> {
    let temporary = temporary(dir, name);
    step("create a temporary file");
    let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    // In two parts, so that a test can stop in the middle of a file.
    let (head, tail) = text.as_bytes().split_at(text.len() / 2);
    file.write_all(head)?;
    step("write the rest of a temporary file");
    file.write_all(tail)?;
    file.sync_all()?;
    step("put a file in place");
    fs::rename(&temporary, dir.join(name))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
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
        if !path.is_file() {
            continue;
        }
        let Some(paths) = read_text(&path)?.and_then(|text| listed(&text, prefix)) else { return Ok(false) };
        named.extend(paths);
    }
    let mut ours = 0;
    for path in named {
        let path = dir.join(&path);
        if !path.exists() {
            continue;
        }
        let head = head(&path);
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        if !is_ours(&head) || !head.contains(&format!("{MADE_BY}from clusters.{name}.buildkit ")) {
            return Ok(false);
        }
        ours += 1;
    }
    Ok(ours > 0)
}
