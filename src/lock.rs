//! The lock of one cluster's directory: writers alone, readers together, compatible with flock(1).

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// It goes only with the whole directory; who has waited for it looks whether it is still there.
pub const NAME: &str = ".lock";

/// Longer than any publication; a deploy may hold the lock for as long as it reads.
const PATIENCE: Duration = Duration::from_secs(10);

/// A reader's lock, where a writer has ever been: a fresh checkout has no lock file and needs none.
pub fn shared(dir: &Path) -> Result<Option<File>> {
    let path = dir.join(NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
    };
    wait_for(&path, || file.try_lock_shared())?;
    Ok(Some(file))
}

/// The writer's lock. The directory is made where it does not exist.
pub fn exclusive(dir: &Path) -> Result<File> {
    let path = dir.join(NAME);
    loop {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = match options.open(&path) {
            // Removed between the two steps.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file.with_context(|| format!("cannot create {}", path.display()))?,
        };
        wait_for(&path, || file.try_lock())?;
        // While we waited, the directory may have been removed, and another made in its place.
        let held = file.metadata().with_context(|| format!("cannot look at {}", path.display()))?;
        if path.metadata().is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())) {
            return Ok(file);
        }
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
                bail!("{} is held by another run, a generate or a deploy: wait for it to end", path.display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}
