//! The files of a new repository of fleets.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::commands::schema;
use crate::console::output::message;

/// By this line the YAML language server of an editor finds the schema beside the file.
pub(super) const MODELINE: &str = "# yaml-language-server: $schema=clusters.schema.json\n";

/// Writes a new file.
///
/// # Errors
/// The file exists, or cannot be written.
pub(super) fn create(path: &Path, text: &str) -> Result<()> {
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} already exists: remove it, or choose another file with --config", path.display())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let dir = path.parent().unwrap_or(path);
            bail!("cannot create {}: the directory {} does not exist: create it first", path.display(), dir.display())
        }
        opened => opened.with_context(|| format!("cannot create {}", path.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the schema of clusters.yaml into its directory, if there is none.
pub(super) fn schema_beside(config: &Path) -> Result<()> {
    let path = config.with_file_name("clusters.schema.json");
    if path.exists() {
        message(&format!("{} is left as it is", path.display()));
        return Ok(());
    }
    create(&path, &schema::text())?;
    message(&format!("wrote {}: editors complete and check by it", path.display()));
    Ok(())
}

/// Adds the locks of the sets to .gitignore, unless a line there has them. A directory outside of the current one is not of
/// its repository.
pub(super) fn ignore_locks(out: &Path) -> Result<()> {
    let Some(out) = out.to_str().filter(|out| !out.starts_with(['/', '.'])) else { return Ok(()) };
    let line = format!("{}/*/.lock", out.trim_end_matches('/'));
    let path = Path::new(".gitignore");
    let found = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    if found.lines().any(|found| [line.as_str(), out, &format!("/{out}/"), &format!("{out}/")].contains(&found.trim()))
    {
        return Ok(());
    }
    let between = if found.is_empty() || found.ends_with('\n') { "" } else { "\n" };
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{between}{line}").with_context(|| format!("cannot write {}", path.display()))?;
    message(&format!("added {line} to {}", path.display()));
    Ok(())
}
