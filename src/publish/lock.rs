//! The lock of one cluster's directory: exclusive for writers, shared for readers, compatible with flock(1).

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::publish::io_error::cannot;

/// It is removed only with the whole directory; after waiting for it, a process checks that it still exists.
pub const NAME: &str = ".lock";

/// Longer than any publication; a deploy may hold the lock for as long as it reads.
const PATIENCE: Duration = Duration::from_secs(10);

/// A shared lock, if the lock file exists: a fresh checkout has none and needs none.
pub fn shared(dir: &Path) -> Result<Option<File>> {
    let path = dir.join(NAME);
    if !is_there(&path)? {
        return Ok(None);
    }
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| cannot("open", &path, &error))?,
    };
    wait_for(&path, || file.try_lock_shared())?;
    Ok(Some(file))
}

/// The exclusive lock. Creates the directory if it does not exist.
pub fn exclusive(dir: &Path) -> Result<File> {
    let path = dir.join(NAME);
    loop {
        std::fs::create_dir_all(dir).map_err(|error| cannot("create", dir, &error))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let opened = if is_there(&path)? {
            // In a shared directory, another user's lock file is fine, too. NFS requires it to be open for writing.
            options.open(&path).or_else(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => File::open(&path),
                _ => Err(error),
            })
        } else {
            options.create_new(true).open(&path)
        };
        let file = match opened {
            // Created or removed between the two steps.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => continue,
            file => file.map_err(|error| cannot("open", &path, &error))?,
        };
        wait_for(&path, || file.try_lock())?;
        // While this process waited, the directory may have been removed and created again.
        let held = file.metadata().map_err(|error| cannot("access", &path, &error))?;
        match path.symlink_metadata() {
            Ok(there) if (there.dev(), there.ino()) == (held.dev(), held.ino()) => return Ok(file),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot("access", &path, &error)),
            _ => {}
        }
    }
}

/// Whether the lock file exists. Anything else of that name is refused: a link would create a file elsewhere, and a pipe
/// would block forever.
fn is_there(path: &Path) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_file() => Ok(true),
        Ok(_) => bail!("{} is not a regular file, but the lock file belongs there: move it away", path.display()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(cannot("access", path, &error)),
    }
}

fn wait_for(path: &Path, mut attempt: impl FnMut() -> Result<(), TryLockError>) -> Result<()> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                bail!("{} is locked by another generate or deploy.sh run: wait for it to finish", path.display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(cannot("lock", path, &error));
            }
        }
    }
}
