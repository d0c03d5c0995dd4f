//! Dates of the node image against the changelog of its releases.

use buildkit_fleet::catalogue::ami::{first_with, is_before_first, newest_with, releases};
use buildkit_fleet::input::layer::Scalar;
use buildkit_fleet::values::name::AmiAlias;
use buildkit_fleet::values::version::Version;

use crate::support;

fn rules(alias: &str, eks_version: Option<&str>) -> Vec<&'static str> {
    let source = support::one_cluster("").replace("al2023@v20260714", alias);
    support::rules_broken(&match eks_version {
        Some(version) => source.replace("\"1.35\"", &format!("\"{version}\"")),
        None => source.replace("    eks_version: \"1.35\"\n", ""),
    })
}

#[test]
fn every_row_of_the_table_is_read_in_order() {
    let rows = support::read("data/al2023-releases.csv").lines().filter(|line| line.starts_with("20")).count();
    assert_eq!(releases().len(), rows);
    assert!(releases().is_sorted_by_key(|release| release.day));
    let withdrawn: Vec<u32> =
        releases().iter().filter(|release| release.withdrawn).map(|release| release.day).collect();
    assert_eq!(withdrawn, [20_260_128, 20_260_311]);
}

#[test]
fn a_release_before_the_first_of_its_kubernetes_is_refused_and_what_the_table_does_not_know_is_not() {
    let table = [
        ("20250514", "1.33", false),
        ("20250519", "1.33", true),
        ("20250904", "1.34", false),
        ("20250915", "1.34", true),
        ("20250123", "1.35", false),
        ("20260107", "1.35", false),
        ("20260114", "1.35", true),
        ("20260505", "1.36", false),
        // Not listed, and exists: the changelog has no entry of that release at all.
        ("20260523", "1.36", true),
        ("20260610", "1.36", true),
        // Newer than the table, and a Kubernetes that it lacks.
        ("20290101", "1.35", true),
        ("20260505", "1.37", true),
        // Before there was AL2023.
        ("20240212", "1.29", true),
        ("20240209", "1.29", false),
    ];
    for (day, kubernetes, accepted) in table {
        let found = rules(&format!("al2023@v{day}"), Some(kubernetes));
        let refused = found.contains(&"ami-before-kubernetes");
        assert_eq!(refused, !accepted, "{day} on {kubernetes}: {found:?}");
    }
    assert_eq!(rules("al2023@v20250123", None), Vec::<&str>::new());
}

#[test]
fn a_withdrawn_release_is_refused_whatever_the_kubernetes() {
    for day in ["20260128", "20260311"] {
        for kubernetes in [Some("1.35"), Some("1.37"), None] {
            assert_eq!(rules(&format!("al2023@v{day}"), kubernetes), ["ami-withdrawn"], "{day} {kubernetes:?}");
        }
    }
}

#[test]
fn a_day_that_no_calendar_has_is_no_release() {
    for (day, exists) in [
        ("20261345", false),
        ("20260001", false),
        ("20260100", false),
        ("20260431", false),
        ("20260229", false),
        ("20240229", true),
        ("20000229", true),
        ("21000229", false),
        ("20261231", true),
        ("2026123", false),
    ] {
        assert_eq!(AmiAlias::from_text(&format!("al2023@v{day}"), true).is_ok(), exists, "{day}");
    }
    assert_eq!(AmiAlias::from_text("al2023@v20260714", true).ok().and_then(|alias| alias.release()), Some(20_260_714));
    assert_eq!(AmiAlias::from_text("al2023@latest", true).ok().and_then(|alias| alias.release()), None);
}

#[test]
fn what_the_messages_suggest_is_accepted() {
    for minor in 31..=36 {
        let version = Version::new(1, minor);
        let newest = newest_with(Some(version)).unwrap_or_else(|| panic!("no release for {version}"));
        let first = first_with(version).unwrap_or_else(|| panic!("no release for {version}"));
        assert!(!newest.withdrawn && first.day <= newest.day && !is_before_first(first.day, version));
        assert_eq!(rules(&format!("al2023@v{}", newest.day), Some(&version.to_string())), Vec::<&str>::new());
    }
    // The example in the schema and in the message of a value that is no alias.
    let schema = support::read("clusters.schema.json");
    let named = schema.match_indices("al2023@v").filter_map(|(at, _)| schema[at..].get(..16));
    let examples: Vec<&str> = named.filter(|alias| alias[8..].bytes().all(|byte| byte.is_ascii_digit())).collect();
    assert!(!examples.is_empty());
    for alias in examples {
        assert_eq!(rules(alias, Some("1.36")), Vec::<&str>::new(), "{alias}");
    }
}
