//! Trouble with a file: what could not be done, to which path, why, and what to do.

use std::io::{Error, ErrorKind};
use std::path::Path;

use anyhow::anyhow;

/// `cannot write generated/here/.lock: Permission denied (os error 13): let this user do that, and run it again`.
pub(crate) fn cannot(verb: &str, path: &Path, error: &Error) -> anyhow::Error {
    anyhow!("cannot {verb} {}: {error}: {}", path.display(), remedy(error))
}

pub(crate) fn remedy(error: &Error) -> &'static str {
    // ErrorKind::FilesystemLoop is not stable.
    let is_loop = error.to_string().contains("symbolic link");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room there, and run it again",
        ErrorKind::PermissionDenied => "let this user do that, and run it again",
        ErrorKind::ReadOnlyFilesystem => "make it writable, and run it again",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "move it away, and run it again",
        _ if is_loop => "it leads to itself, move it away, and run it again",
        _ => "mend that, and run it again",
    }
}
