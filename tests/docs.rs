//! The documents say what the program does.

mod support;

use std::fmt::Write as _;

use buildkit_fleet::cli::Cli;
use buildkit_fleet::rule::{ALL, Severity};
use clap::{CommandFactory, Parser};

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

/// The command lines of this program in a text: from its name to a comment, a pipe, a redirection or what stands behind it.
fn command_lines(text: &str) -> Vec<String> {
    // A line that ends in a backslash goes on in the next.
    let text = &text.replace(" \\\n    ", " ").replace(" \\\n  ", " ");
    let ends = ["  ", " #", " |", " >", " &&", ";", "`", " ->"];
    let line = |(at, _): (usize, &str)| {
        let rest = text[at..].lines().next().unwrap_or_default();
        let end = ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
        rest[..end].trim_end_matches(['.', ',', ':', ')']).to_owned()
    };
    text.match_indices("buildkit-fleet ").map(line).collect()
}

#[test]
fn every_command_line_in_the_documents_and_in_the_help_is_one_that_the_program_takes() {
    let mut texts: Vec<(String, String)> =
        ["README.md", "docs/ci.md", "docs/rules.md", "templates/clusters.yaml", "justfile"]
            .map(|path| (path.to_owned(), support::read(path)))
            .to_vec();
    for command in Cli::command().get_subcommands() {
        let mut command = command.clone().term_width(200);
        texts.push((format!("help of {}", command.get_name()), command.render_long_help().to_string()));
    }
    let commands: Vec<String> = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let mut seen = std::collections::BTreeSet::new();
    for (name, text) in &texts {
        for line in command_lines(text) {
            let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches(['\'', '"'])).collect();
            // Usage, and prose that goes on with another word.
            let known = commands.iter().find(|command| words.get(1) == Some(&command.as_str()));
            let Some(command) = known.filter(|_| !line.contains("[OPTIONS]")) else { continue };
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{name}: `{line}`: {error}");
            }
            seen.insert(command.clone());
        }
    }
    assert_eq!(seen.len(), commands.len(), "no example of one of {commands:?}: {seen:?}");
}
