//! Builds as they came once: a CSV of starts and durations.

mod columns;
mod judge;
pub mod parse;
pub mod rows;

use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::diagnostics::escape::visible;
use crate::diagnostics::words::thousands;
use crate::fleet::model::Fleet;
use crate::simulation::arrivals::Arrivals;
use crate::values::arch::Arch;

/// Larger than a year of CI.
const MAX_BYTES: u64 = 256 << 20;

/// The text of a record.
#[derive(Debug)]
pub struct RecordFile {
    name: String,
    text: String,
}

/// The builds of a record that are of one architecture.
#[derive(Debug)]
pub struct Record {
    pub arrivals: Arrivals,
    /// What is odd about them, a line each.
    pub warnings: Vec<String>,
}

impl RecordFile {
    /// Reads a file, or stdin if it is `-`.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is no text.
    pub fn read(path: &Path) -> Result<Self> {
        let stdin = path.as_os_str() == "-";
        let name = if stdin { "stdin".to_owned() } else { path.display().to_string() };
        let mut bytes = Vec::new();
        let read = if stdin {
            io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        };
        read.with_context(|| format!("cannot read {name}"))?;
        if bytes.len() as u64 > MAX_BYTES {
            bail!("{name} is too large: expected up to {MAX_BYTES} bytes");
        }
        let text = String::from_utf8(bytes).map_err(|error| error.utf8_error());
        let text = text.with_context(|| format!("{name} is not UTF-8 text"))?;
        Ok(RecordFile { name, text })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why it shows less than what was wanted, if `arrivals` says so in its first line.
    pub fn censored(&self) -> Option<String> {
        let why: String = rows::censored(&self.text)?.chars().take(400).collect();
        Some(visible(why))
    }

    /// Its lines of `start,duration`, both in seconds, and perhaps an architecture; the first may name the columns. Builds
    /// of other architectures are left out; starts count from the earliest that is left. None where the file has builds,
    /// and none of this architecture. Builds that the fleet does not allow are warned of.
    ///
    /// # Errors
    /// One of its lines, which the error names, is no such record.
    pub fn builds(&self, arch: Arch, fleet: &Fleet) -> Result<Option<Record>> {
        let name = &self.name;
        let minutes = fleet.timing.max_build_minutes();
        let parsed = parse::parse_judged(&self.text, arch, f64::from(minutes) * 60.0)
            .map_err(|(line, why)| anyhow!("{name}:{line}: {why}"))?;
        if parsed.builds.is_empty() {
            return Ok(None);
        }
        let mut warnings = Vec::new();
        if let (count, [first, more @ ..]) = (parsed.too_long.0, parsed.too_long.1.as_slice()) {
            let others: Vec<String> = more.iter().map(|line| format!(", {line}")).collect();
            let lines = if count == 1 {
                "this build takes".to_owned()
            } else {
                let rest = if count > parsed.too_long.1.len() as u64 { ", .." } else { "" };
                format!("{} builds (lines {first}{}{rest}) take", thousands(count), others.concat())
            };
            warnings.push(format!(
                "{name}:{first}: {lines} longer than `max_build_minutes` of {}, {minutes} min: raise it, or check that durations are in seconds",
                fleet.key
            ));
        }
        Ok(Some(Record { arrivals: Arrivals::Recorded(parsed.builds), warnings }))
    }
}
