//! Reads clusters.yaml from disk.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::commands::report::print_report;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::report::{ProblemFormat, ProblemOptions, Report};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::fleet::model::Fleet;
use crate::manifests::patch::blame;
use crate::manifests::render::Renderer;
use crate::parallel;
use crate::publish::io_error;
use crate::resolve::read::{self, Reading};
use crate::resolve::resolved::Resolved;
use crate::values::patch::Patch;

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
    report_as(&bytes, path.display().to_string(), options)
}

/// Like `read_as` for bytes that are reported under a name, for people.
pub fn report_on(bytes: &[u8], name: String) -> Result<(Vec<Resolved>, Report)> {
    report_as(bytes, name, &TEXT)
}

fn report_as(bytes: &[u8], name: String, options: &ProblemOptions) -> Result<(Vec<Resolved>, Report)> {
    let (outcomes, problems) = read_checked(bytes)?;
    let source = String::from_utf8_lossy(bytes).into_owned();
    Ok((outcomes, Report::new(name, source, problems, options)))
}

/// Like `read_bytes`, and applies the patches of every cluster that has some: what they break shows in rendered manifests
/// only. An error is internal.
pub fn read_checked(bytes: &[u8]) -> Result<(Vec<Resolved>, Problems)> {
    let Reading { outcomes, mut problems, blocks } = read::read(bytes);
    let patched: Vec<&Fleet> =
        outcomes.iter().filter_map(Resolved::fleet).filter(|fleet| !fleet.patches.is_empty()).collect();
    if patched.is_empty() || problems.has_errors() {
        return Ok((outcomes, problems));
    }
    let renderer = Renderer::new().context("internal error: a template does not compile, please report it")?;
    let found = parallel::each(&patched, parallel::processors(), |fleet| {
        renderer.render_templates(fleet, |_| true).and_then(|files| blame::problems(fleet, &files))
    });
    let mut found = patched
        .iter()
        .zip(found)
        .map(|(fleet, found)| found.with_context(|| format!("cluster {}: internal error, please report it", fleet.key)))
        .collect::<Result<Vec<_>>>()?;
    forgive(&patched, &mut found);
    for (fleet, found) in patched.iter().zip(found) {
        problems.absorb(fleet.key.as_str(), blocks.get(fleet.key.as_str()).copied().unwrap_or_default(), found);
    }
    Ok((outcomes, problems))
}

/// A patch in `defaults` may match nothing in some clusters, but not in all that have it.
fn forgive(patched: &[&Fleet], found: &mut [Problems]) {
    let is_it = |problem: &Problem, patch: &Patch| {
        problem.rule.id == rule::PATCH_TARGET_NOT_FOUND.id
            && problem.primary.as_ref().is_some_and(|mark| mark.span == patch.span)
    };
    let mut matching: HashSet<Span> = HashSet::new();
    for (fleet, found) in patched.iter().zip(&*found) {
        let matches = |patch: &&Patch| patch.shared && !found.iter().any(|problem| is_it(problem, patch));
        matching.extend(fleet.patches.iter().filter(matches).map(|patch| patch.span));
    }
    for (fleet, found) in patched.iter().zip(found) {
        let forgiven = |problem: &Problem| {
            let mut shared = fleet.patches.iter().filter(|patch| patch.shared && matching.contains(&patch.span));
            shared.any(|patch| is_it(problem, patch))
        };
        found.retain(|problem| !forgiven(problem));
    }
}
