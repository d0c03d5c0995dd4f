//! Any file that the schema allows is refused with a place, or becomes a set that keeps every promise.

use std::cell::Cell;

use buildkit_fleet::diagnostics::rule::Severity;
use buildkit_fleet::diagnostics::snippet::Printer;
use buildkit_fleet::manifests::check;
use buildkit_fleet::manifests::render::Renderer;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::core_kinds::through_types;
use crate::support;

/// Looks at one file; how many fleets it has, and how many with patches, or none where it is refused.
fn look(source: &str, renderer: &Renderer) -> Result<Option<(usize, usize)>, TestCaseError> {
    let (outcomes, problems) = buildkit_fleet::commands::read::read_checked(source.as_bytes())
        .map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
    let refused = problems.has_errors();
    let printer = Printer { path: "clusters.yaml", source, color: false };
    for problem in problems.into_sorted() {
        let place = problem.primary.as_ref().map(|mark| mark.span);
        prop_assert!(
            place.is_some_and(|span| span.start < span.end && source.get(span.start..span.end).is_some()),
            "{} has no place: {place:?} of {}",
            problem.rule.id,
            source.len()
        );
        prop_assert!(problem.help.is_some() || !problem.primary.as_ref().is_some_and(|mark| mark.label.is_empty()));
        prop_assert!(printer.print(&problem).contains("--> clusters.yaml:"));
        prop_assert!(matches!(problem.rule.severity, Severity::Error | Severity::Warning));
    }
    if refused {
        return Ok(None);
    }
    let (mut fleets, mut patched) = (0, 0);
    for fleet in outcomes.iter().filter_map(|outcome| outcome.fleet()) {
        let files = renderer.render(fleet).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        check::check(fleet, &files).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        for document in support::documents(&files) {
            let document = serde_json::to_value(document).map_err(|error| TestCaseError::fail(error.to_string()))?;
            if let Some(back) = through_types(&document) {
                prop_assert_eq!(back.as_ref(), Ok(&document));
            }
        }
        prop_assert_eq!(&files, &renderer.render(fleet).map_err(|error| TestCaseError::fail(error.to_string()))?);
        fleets += 1;
        patched += usize::from(!fleet.patches.is_empty());
    }
    Ok(Some((fleets, patched)))
}

#[test]
fn a_file_of_the_schema_is_refused_with_a_place_or_keeps_every_invariant() {
    let renderer = Renderer::new().unwrap_or_else(|error| panic!("{error:#}"));
    let (accepted, fleets, patched) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(count) });
    let result = runner.run(&crate::generated::clusters(), |source| {
        if let Some(found) = look(&source, &renderer)? {
            accepted.set(accepted.get() + 1);
            fleets.set(fleets.get() + found.0);
            patched.set(patched.get() + found.1);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    // Else it proves nothing of manifests, or nothing of refusals.
    assert!(accepted.get() * 10 > count && accepted.get() < count, "{} of {count} were accepted", accepted.get());
    assert!(fleets.get() > count as usize / 10, "{} fleets", fleets.get());
    assert!(patched.get() > count as usize / 200, "{} fleets with patches", patched.get());
}
