//! Which files and directories this program owns: only these are ever replaced or removed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::publish::files::{PENDING, SUMS, listed, temporaries};
use crate::publish::io_error::cannot;
use crate::publish::lock;
use crate::publish::read::read_text;

/// The first lines of every generated file contain this; only such a file is ever removed.
const MADE_BY: &str = "# Made by buildkit-fleet ";

/// Whether a text says that this program wrote it.
pub fn is_ours(text: &str) -> bool {
    text.lines().take(3).any(|line| line.starts_with(MADE_BY))
}

/// The entries of a directory; empty if it does not exist.
fn entries(dir: &Path) -> Result<Vec<fs::DirEntry>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect).map_err(|error| cannot("read", dir, &error)),
    }
}

/// The files of a directory without a list, if all of them say that this program wrote them. Any other directory is
/// refused.
pub(super) fn adopt(dir: &Path) -> Result<BTreeSet<String>> {
    let mut ours = BTreeSet::new();
    for entry in entries(dir)? {
        let name = entry.file_name();
        match name.to_str() {
            Some(hidden) if hidden.starts_with('.') || hidden == SUMS => {}
            Some(name) if entry.file_type().is_ok_and(|kind| kind.is_file()) && head_is_ours(&entry.path()) => {
                ours.insert(name.to_owned());
            }
            _ => bail!(
                "{} contains {} but no {SUMS}: it was not written by buildkit-fleet. If the other files were, move it away, or choose another --out",
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

/// Directories below `out` that this program wrote and whose cluster is no longer in the file.
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

/// Whether this program published a directory: every listed file that exists must say so, and must name the directory's
/// cluster. A copy under another name belongs to whoever made it.
fn is_our_dir(dir: &Path) -> Result<bool> {
    let mut named = BTreeSet::new();
    for (name, prefix) in [(SUMS, 66), (PENDING, 0)] {
        let path = dir.join(name);
        match fs::metadata(&path) {
            Ok(meta) if meta.is_file() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            // A directory of another user may not be accessible.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && entries(dir).is_err() => continue,
            Err(error) => return Err(cannot("access", &path, &error)),
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
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot("access", &path, &error)),
            // Reading a pipe would block forever. The comparison refuses anything that is not a file.
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
    // A file that cannot be read counts as ours if others in the directory are.
    match unread {
        Some(error) if ours > 0 => Err(error),
        Some(_) => Ok(false),
        None => Ok(ours > 0 || is_rest(dir, &named)),
    }
}

/// Whether this is left from an interrupted first publication or removal: a lock and temporary files only.
fn is_rest(dir: &Path, named: &BTreeSet<String>) -> bool {
    let Ok(entries) = entries(dir) else { return false };
    let unfinished: BTreeSet<PathBuf> = temporaries(dir, named).chain([dir.join(PENDING)]).collect();
    let is_lock = |entry: &fs::DirEntry| {
        entry.file_name() == lock::NAME && entry.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == 0)
    };
    entries.iter().any(is_lock) && entries.iter().all(|entry| is_lock(entry) || unfinished.contains(&entry.path()))
}
