//! Reads regular files from disk.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Result, bail};

use crate::publish::io_error::cannot;

/// A regular file, possibly behind a symbolic link.
pub(super) struct FileOnDisk {
    /// Bytes that are not UTF-8 are replaced, so they never equal generated text.
    pub(super) text: String,
    pub(super) linked: bool,
}

/// The file at a path; `None` if there is none. A broken link counts as an empty file, which is then replaced.
pub(super) fn find(path: &Path) -> Result<Option<FileOnDisk>> {
    let look = |meta: io::Result<fs::Metadata>| match meta {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        meta => meta.map(Some).map_err(|error| cannot("read", path, &error)),
    };
    let Some(mut meta) = look(fs::symlink_metadata(path))? else { return Ok(None) };
    let linked = meta.is_symlink();
    if linked {
        match look(fs::metadata(path))? {
            Some(target) => meta = target,
            None => return Ok(Some(FileOnDisk { text: String::new(), linked })),
        }
    }
    if !meta.is_file() {
        bail!("{} is not a regular file, but a manifest belongs there: move it away", path.display());
    }
    let bytes = fs::read(path).map_err(|error| cannot("read", path, &error))?;
    let text = String::from_utf8(bytes).unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned());
    Ok(Some(FileOnDisk { text, linked }))
}

pub(super) fn read_text(path: &Path) -> Result<Option<String>> {
    Ok(find(path)?.map(|found| found.text))
}
