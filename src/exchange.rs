//! One set for another, step by step. All that needs room comes first, by the side of the old set, which stays complete
//! until then; from there on names change and nothing is written.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::output::{Comparison, PENDING, SUMS, sums};
use crate::render::RenderedFile;
use crate::trouble::cannot;

/// Told before each change on disk; tests end the process there.
type Step<'a> = &'a mut dyn FnMut(&str);

pub(crate) fn exchange(dir: &Path, files: &[RenderedFile], comparison: &Comparison, step: Step) -> Result<()> {
    let planned = files.iter().map(|file| file.path.to_owned());
    let involved: BTreeSet<String> = comparison.owned.iter().cloned().chain(planned).collect();
    // What an earlier run left half written.
    for path in temporaries(dir, &involved) {
        remove(&path)?;
    }
    if let Err(error) = stage(dir, files, comparison, &involved, step) {
        // The room is needed, and SHA256SUMS tells what is ours as long as it is there.
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

/// Writes .pending, and every file that is to change by the side of the old one.
fn stage(
    dir: &Path,
    files: &[RenderedFile],
    comparison: &Comparison,
    involved: &BTreeSet<String>,
    step: Step,
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

/// Whether an earlier run was cut off in its first step.
pub(crate) fn is_begun(dir: &Path) -> bool {
    temporary(dir, PENDING).symlink_metadata().is_ok()
}

/// Where what is not in place yet may stand.
pub(crate) fn temporaries(dir: &Path, involved: &BTreeSet<String>) -> impl Iterator<Item = PathBuf> {
    involved.iter().map(String::as_str).chain([SUMS, PENDING]).map(move |name| temporary(dir, name))
}

fn temporary(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!(".{}.tmp", name.trim_start_matches('.')))
}

/// Writes the temporary file of this name, to the disk.
fn write(dir: &Path, name: &str, text: &str, step: Step) -> Result<()> {
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

fn put_in_place(dir: &Path, name: &str, step: Step) -> Result<()> {
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
