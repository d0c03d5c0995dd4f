//! What holds of any bytes: the fuzz targets and the replay of their corpus look for it.
#![allow(dead_code, reason = "each target uses a part")]

use buildkit_fleet::commands::read::report_on;
use buildkit_fleet::diagnostics::rule::Severity;
use buildkit_fleet::diagnostics::snippet::Printer;
use buildkit_fleet::manifests::check;
use buildkit_fleet::manifests::render::Renderer;
use buildkit_fleet::resolve::resolved::Resolved;
use buildkit_fleet::simulation::arrivals::Arrivals;
use buildkit_fleet::simulation::record::parse::parse;
use buildkit_fleet::values::arch::Arch;

/// Fleets of one file that are rendered: the next one has nothing new.
const MOST_FLEETS: usize = 4;
/// Problems of one file that are printed, each in every format.
const MOST_PRINTED: usize = 8;

thread_local! {
    static RENDERER: Renderer = Renderer::new().unwrap_or_else(|error| panic!("{error:#}"));
}

/// Bytes as clusters.yaml are refused with messages that name places inside of them, or make sets that keep every
/// invariant. Whether they were accepted.
pub(crate) fn clusters(bytes: &[u8]) -> bool {
    let (outcomes, report) = report_on(bytes, "clusters.yaml".to_owned()).unwrap_or_else(|error| panic!("{error:#}"));
    let printer = Printer { path: &report.path, source: &report.source, color: false };
    for problem in report.problems.iter().take(MOST_PRINTED) {
        for mark in problem.primary.iter().chain(&problem.context) {
            assert!(mark.span.start <= mark.span.end && mark.span.end <= report.source.len() + 1, "{problem:?}");
        }
        let message = printer.print(problem);
        assert!(message.contains(problem.rule.id), "{message}");
        assert!(!message.contains('\u{1b}'), "{message:?}");
    }
    if report.problems.len() <= MOST_PRINTED {
        assert_eq!(report.github().lines().count(), report.problems.len());
        assert_eq!(report.json().problems.len(), report.problems.len());
    }
    if report.count(Severity::Error) > 0 {
        return false;
    }
    RENDERER.with(|renderer| {
        for fleet in outcomes.iter().filter_map(Resolved::fleet).take(MOST_FLEETS) {
            let files = renderer.render(fleet).unwrap_or_else(|error| panic!("{error:#}"));
            check::check(fleet, &files).unwrap_or_else(|error| panic!("{error:#}"));
        }
    });
    true
}

/// Bytes as a record of arrivals are refused with a line that they have, or make builds in the order of time. Whether
/// they were accepted.
pub(crate) fn arrivals(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut accepted = true;
    for arch in Arch::ALL {
        match parse(text, arch) {
            Ok(builds) => {
                assert!(builds.is_sorted_by_key(|build| build.at_ms));
                assert!(builds.first().is_none_or(|build| build.at_ms == 0));
                assert!(builds.len() <= text.lines().count());
                let played = Arrivals::Recorded(builds.clone());
                assert!(played.of_run(1, 1).eq(builds));
            }
            Err((line, why)) => {
                assert!((1..=text.lines().count().max(1)).contains(&line), "line {line}: {why}");
                assert!(!why.is_empty());
                accepted = false;
            }
        }
    }
    accepted
}
