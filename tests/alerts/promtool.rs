//! promtool, with rules and unit tests in a directory of its own. JSON is YAML to it.

use std::process::Command;

use serde_json::{Value, json};

/// The rules of a `PrometheusRule` as a file of Prometheus.
fn rules_file(rules: &[Value]) -> String {
    json!({"groups": [{"name": "buildkit-fleet", "rules": rules}]}).to_string()
}

fn run(arguments: &[&str], files: &[(&str, String)]) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(dir.path())
        .env("TMPDIR", dir.path())
        .output()
        .unwrap_or_else(|error| panic!("promtool: {error}: run ./tests/run, which installs it"));
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// `promtool check rules`, warnings included.
pub(crate) fn check(rules: &[Value]) -> Result<(), String> {
    run(&["check", "rules", "--lint=all", "--lint-fatal", "rules.json"], &[("rules.json", rules_file(rules))])
}

/// `promtool test rules`, with a scrape and an evaluation a minute.
pub(crate) fn test(rules: &[Value], tests: &[Value]) -> Result<(), String> {
    let unit_tests = json!({"rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": tests});
    run(&["test", "rules", "test.json"], &[("rules.json", rules_file(rules)), ("test.json", unit_tests.to_string())])
}
