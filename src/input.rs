//! From the bytes of clusters.yaml to its fleets.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Result, anyhow};

use crate::cli::{ProblemFormat, ProblemOptions};
use crate::config::Config;
use crate::fleet::{self, Outcome};
use crate::problem::Problems;
use crate::report::Report;
use crate::talk;
use crate::trouble;
use crate::yaml::{self, Node};

/// How commands tell problems that are about something else.
const TEXT: ProblemOptions = ProblemOptions { format: ProblemFormat::Text, deny_warnings: false };

/// Reads the file. None where it is refused, which is told; warnings are for `validate` and `generate` to tell.
pub fn read(path: &Path) -> Result<Option<Vec<Outcome>>> {
    let (outcomes, report) = read_as(path, &TEXT)?;
    if report.refused() {
        talk::tell(&report)?;
        return Ok(None);
    }
    Ok(Some(outcomes))
}

/// Reads the file. Where the report refuses it, the outcomes are not to be used.
pub fn read_as(path: &Path, options: &ProblemOptions) -> Result<(Vec<Outcome>, Report)> {
    let bytes = std::fs::read(path).map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::NotFound => "name another file with --config, or let `buildkit-fleet init` write one",
            ErrorKind::IsADirectory => "name a file with --config",
            _ => trouble::remedy(&error),
        };
        anyhow!("cannot read {}: {error}: {remedy}", path.display())
    })?;
    Ok(report_as(&bytes, path.display().to_string(), options))
}

/// The same of bytes that are called `name`, for people.
pub fn report_on(bytes: &[u8], name: String) -> (Vec<Outcome>, Report) {
    report_as(bytes, name, &TEXT)
}

fn report_as(bytes: &[u8], name: String, options: &ProblemOptions) -> (Vec<Outcome>, Report) {
    let (outcomes, problems) = read_bytes(bytes);
    let source = String::from_utf8_lossy(bytes).into_owned();
    (outcomes, Report::new(name, source, problems, options))
}

/// The outcomes and the problems of a file. With an error among the problems, the outcomes are not to be used.
pub fn read_bytes(bytes: &[u8]) -> (Vec<Outcome>, Problems) {
    match yaml::decode(bytes).and_then(yaml::parse) {
        Ok(tree) => read_tree(&tree),
        Err(problem) => {
            let mut problems = Problems::default();
            problems.push(problem);
            (Vec::new(), problems)
        }
    }
}

/// The same of a file that is a tree already.
pub fn read_tree(tree: &Node) -> (Vec<Outcome>, Problems) {
    let mut problems = Problems::default();
    let mut config = Config::read(tree, &mut problems);
    let outcomes = fleet::read::all(&mut config, &mut problems);
    (outcomes, problems)
}
