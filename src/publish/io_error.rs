//! Errors of file operations: what could not be done, to which path, why, and what to do.

use std::io::{Error, ErrorKind};
use std::path::Path;

use anyhow::anyhow;

/// `cannot write generated/here/.lock: Permission denied (os error 13): grant this user access and run again`.
pub(crate) fn cannot(verb: &str, path: &Path, error: &Error) -> anyhow::Error {
    anyhow!("cannot {verb} {}: {error}: {}", path.display(), remedy(error))
}

pub(crate) fn remedy(error: &Error) -> &'static str {
    // ErrorKind::FilesystemLoop is not stable.
    let is_loop = error.to_string().contains("symbolic link");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space and run again",
        ErrorKind::PermissionDenied => "grant this user access and run again",
        ErrorKind::ReadOnlyFilesystem => "make it writable and run again",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "move it away and run again",
        _ if is_loop => "symbolic links form a loop there, move it away and run again",
        _ => "fix the cause and run again",
    }
}
