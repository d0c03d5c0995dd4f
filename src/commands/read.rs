//! Reads clusters.yaml from disk.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Result, anyhow};

use crate::commands::report::print_report;
use crate::diagnostics::report::{ProblemFormat, ProblemOptions, Report};
use crate::publish::io_error;
use crate::resolve::read::read_bytes;
use crate::resolve::resolved::Resolved;

/// How commands without options for problems report them.
const TEXT: ProblemOptions = ProblemOptions { format: ProblemFormat::Text, deny_warnings: false };

/// Reads the file. `None` if it is refused, which is reported; only `validate` and `generate` report warnings.
pub fn read(path: &Path) -> Result<Option<Vec<Resolved>>> {
    let (outcomes, report) = read_as(path, &TEXT)?;
    if report.refused() {
        print_report(&report)?;
        return Ok(None);
    }
    Ok(Some(outcomes))
}

/// Reads the file. If the report refuses it, the outcomes must not be used.
pub fn read_as(path: &Path, options: &ProblemOptions) -> Result<(Vec<Resolved>, Report)> {
    let bytes = std::fs::read(path).map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::NotFound => "give another file with --config, or create one with `buildkit-fleet init`",
            ErrorKind::IsADirectory => "give a file with --config",
            _ => io_error::remedy(&error),
        };
        anyhow!("cannot read {}: {error}: {remedy}", path.display())
    })?;
    Ok(report_as(&bytes, path.display().to_string(), options))
}

/// Like `read_as` for bytes that are reported under a name, for people.
pub fn report_on(bytes: &[u8], name: String) -> (Vec<Resolved>, Report) {
    report_as(bytes, name, &TEXT)
}

fn report_as(bytes: &[u8], name: String, options: &ProblemOptions) -> (Vec<Resolved>, Report) {
    let (outcomes, problems) = read_bytes(bytes);
    let source = String::from_utf8_lossy(bytes).into_owned();
    (outcomes, Report::new(name, source, problems, options))
}
