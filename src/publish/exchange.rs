//! Replaces the published files step by step. Everything that needs disk space is written first, next to the old files,
//! which stay complete until then; after that, files are only renamed and removed.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

use crate::manifests::set::SetFile;
use crate::publish::compare::{Comparison, compare_unlocked};
use crate::publish::files::{PENDING, SUMS, sums, temporaries, temporary};
use crate::publish::io_error::cannot;
use crate::publish::lock;

/// Called before each change on disk; tests end the process there.
type OnStep<'a> = &'a mut dyn FnMut(&str);

pub(crate) fn exchange(dir: &Path, files: &[SetFile], comparison: &Comparison, step: OnStep) -> Result<()> {
    let planned = files.iter().map(|file| file.path.clone());
    let involved: BTreeSet<String> = comparison.owned.iter().cloned().chain(planned).collect();
    // Leftovers of an interrupted run.
    for path in temporaries(dir, &involved) {
        remove(&path)?;
    }
    if let Err(error) = stage(dir, files, comparison, &involved, step) {
        // Free the space again. As long as SHA256SUMS exists, it lists the published files.
        for path in temporaries(dir, &involved) {
            let _ = remove(&path);
        }
        if dir.join(SUMS).exists() {
            let _ = remove(&dir.join(PENDING));
        }
        return Err(error);
    }
    step("remove SHA256SUMS");
    remove(&dir.join(SUMS))?;
    sync(dir)?;
    for change in &comparison.changes {
        if change.new.is_some() {
            put_in_place(dir, &change.path, step)?;
        } else {
            step("remove a file");
            remove(&dir.join(&change.path))?;
        }
    }
    sync(dir)?;
    if !files.is_empty() {
        put_in_place(dir, SUMS, step)?;
        sync(dir)?;
    }
    step("remove .pending");
    remove(&dir.join(PENDING))?;
    sync(dir)
}

/// Writes .pending, and every changed file under a temporary name.
fn stage(
    dir: &Path,
    files: &[SetFile],
    comparison: &Comparison,
    involved: &BTreeSet<String>,
    step: OnStep,
) -> Result<()> {
    let pending: String = involved.iter().flat_map(|path| [path, "\n"]).collect();
    write(dir, PENDING, &pending, step)?;
    put_in_place(dir, PENDING, step)?;
    sync(dir)?;
    for change in &comparison.changes {
        if let Some(text) = &change.new {
            write(dir, &change.path, text, step)?;
        }
    }
    if files.is_empty() { Ok(()) } else { write(dir, SUMS, &sums(files), step) }
}

/// Writes the temporary file for this name, and syncs it to disk.
fn write(dir: &Path, name: &str, text: &str, step: OnStep) -> Result<()> {
    let temporary = temporary(dir, name);
    step("create a temporary file");
    let written = OpenOptions::new().write(true).create_new(true).open(&temporary).and_then(|mut file| {
        // In two parts, so that a test can stop in the middle of a file.
        let (head, tail) = text.as_bytes().split_at(text.len() / 2);
        file.write_all(head)?;
        step("write the rest of a temporary file");
        file.write_all(tail)?;
        file.sync_all()
    });
    written.map_err(|error| cannot("write", &temporary, &error))
}

fn put_in_place(dir: &Path, name: &str, step: OnStep) -> Result<()> {
    step("put a file in place");
    let place = dir.join(name);
    fs::rename(temporary(dir, name), &place).map_err(|error| cannot("write", &place, &error))
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", path, &error)),
        _ => Ok(()),
    }
}

fn sync(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| cannot("write", dir, &error))
}

/// Replaces the published files in the directory; without files, removes it. `step` is called before each change on
/// disk; tests end the process there.
pub fn publish(dir: &Path, files: &[SetFile], step: &mut dyn FnMut(&str)) -> Result<Comparison> {
    step("create the directory and lock it");
    let lock = lock::exclusive(dir)?;
    let comparison = compare_unlocked(dir, files)?;
    if !comparison.is_clean() {
        exchange(dir, files, &comparison, step).with_context(|| cut_off(dir))?;
    }
    if files.is_empty() {
        step("remove the lock");
        remove(&dir.join(lock::NAME))?;
        step("remove the directory");
        match fs::remove_dir(dir) {
            // The directory contains other files.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            removed => removed.map_err(|error| cannot("remove", dir, &error))?,
        }
    }
    drop(lock);
    Ok(comparison)
}

fn cut_off(dir: &Path) -> String {
    let left = if dir.join(SUMS).exists() { "complete" } else { "incomplete, and deploy.sh refuses them" };
    format!("writing to {} was interrupted, the manifests there are {left}", dir.display())
}
