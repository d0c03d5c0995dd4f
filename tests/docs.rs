//! The documents say what the program does.

mod support;

use std::fmt::Write as _;

use buildkit_fleet::rule::{ALL, Severity};

/// docs/rules.md as it should be.
fn rules() -> String {
    let mut text = "# Rules\n\nWhat clusters.yaml is held to. An error refuses the file and nothing is written; a warning is told and the run goes on.\nThe ids are stable. This page is made from `src/rule.rs`; a test keeps it current.\n\n| rule | | protects from | to do |\n|---|---|---|---|\n".to_owned();
    for rule in ALL {
        let severity = if rule.severity == Severity::Error { "error" } else { "warning" };
        let _ = writeln!(text, "| `{}` | {severity} | {} | {} |", rule.id, rule.protects, rule.remedy);
    }
    text
}

#[test]
fn the_page_of_rules_is_current() {
    let path = support::repository().join("docs/rules.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::write(&path, rules()).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(support::read("docs/rules.md"), rules(), "`just snapshots` writes it anew");
}

/// Every key of the block `buildkit`, as an unknown key's message lists them.
#[test]
fn the_readme_names_every_key() {
    let message = support::messages(&support::one_cluster("      qqqqqqqq: 1\n")).join("\n");
    let (_, known) = message.split_once("known keys: ").unwrap_or_else(|| panic!("{message}"));
    let readme = support::read("README.md");
    for key in known.split(',').map(|key| key.trim().trim_end_matches(|c: char| !c.is_ascii_lowercase() && c != '4')) {
        let general = key.replace("amd64", "{arch}").replace("arm64", "{arch}");
        assert!(readme.contains(&format!("`{general}`")), "README.md does not name `{general}`");
    }
}

#[test]
fn the_readme_names_every_exit_code_and_file() {
    let readme = support::read("README.md");
    for manifest in buildkit_fleet::manifests::ALL {
        assert!(readme.contains(manifest.path), "README.md does not name {}", manifest.path);
    }
}
