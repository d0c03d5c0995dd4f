//! Files that the program has in itself and writes where it is told to.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// One file.
pub(super) struct GivenFile<'a> {
    pub name: &'a str,
    pub text: &'a str,
    pub executable: bool,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    New,
    Replaced,
    Same,
}

impl GivenFile<'_> {
    /// What would become of it in a directory. A file of another content is replaced only if that is asked for.
    ///
    /// # Errors
    /// The file is there with another content, or cannot be read.
    pub(super) fn compare(&self, dir: &Path, replace: bool) -> Result<Placed> {
        let path = dir.join(self.name);
        match fs::read(&path) {
            Ok(found) if found == self.text.as_bytes() => Ok(Placed::Same),
            Ok(_) if replace => Ok(Placed::Replaced),
            Ok(_) => bail!(
                "{} exists and is not the one of this version\nhelp: compare the two, then replace it with --force",
                path.display()
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Placed::New),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes it to a directory.
    ///
    /// # Errors
    /// As of `compare`, or it cannot be written.
    pub(super) fn write(&self, dir: &Path, replace: bool) -> Result<Placed> {
        let (path, written) = (dir.join(self.name), self.compare(dir, replace)?);
        if written != Placed::Same {
            self.put(&path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        self.set_mode(&path).with_context(|| format!("cannot make {} executable", path.display()))?;
        Ok(written)
    }

    /// By a new file and a rename: a shell that runs the old one goes on reading the old one.
    fn put(&self, path: &Path) -> std::io::Result<()> {
        let new = path.with_file_name(format!(".{}.new", self.name));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    }

    #[cfg(unix)]
    fn set_mode(&self, path: &Path) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = fs::metadata(path)?.permissions();
        if self.executable && permissions.mode() & 0o111 != 0o111 {
            permissions.set_mode(permissions.mode() | 0o111);
            fs::set_permissions(path, permissions)?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn set_mode(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
}
