//! The documents say what the program does.

use std::fmt::Write as _;

use buildkit_fleet::cli::Cli;
use buildkit_fleet::config::ClusterKeys;
use buildkit_fleet::diagnostics::rule::{ALL, Severity};
use buildkit_fleet::input::shape::{Shape, flatten};
use buildkit_fleet::manifests::check::{Invariant, Purpose};
use clap::{CommandFactory, Parser};

use crate::support;

/// docs/rules.md as it should be.
fn rules() -> String {
    let mut text = "# Rules\n\nThe rules that clusters.yaml must follow. An error refuses the file and nothing is written; a warning is printed and the run continues.\nRule ids are stable. This page is generated from `src/diagnostics/rule.rs`; a test keeps it up to date.\n\n| rule | severity | why | what to do |\n|---|---|---|---|\n".to_owned();
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

/// docs/keys.md as it should be.
fn keys() -> String {
    let mut text = "# Keys\n\nEvery key of a cluster, or of `defaults`, that is read. Outside of `buildkit`, other keys are ignored; inside, they are errors.\n`buildkit-fleet explain KEY` shows the same, and what the key changes in the manifests. This page is generated from\n`src/config`; a test keeps it up to date.\n\n| key | accepts | default | |\n|---|---|---|---|\n".to_owned();
    for key in flatten(ClusterKeys::KEYS) {
        // The blocks of one architecture have the keys of the block that they are in.
        if matches!(key.path[..], ["buildkit", "nodes", "amd64" | "arm64", _, ..]) {
            continue;
        }
        let shape = (key.key.shape)();
        let accepts = if matches!(shape, Shape::Block { .. }) { "a block".to_owned() } else { shape.expected() };
        let default = key.key.default.map(|default| format!("`{default}`")).unwrap_or_default();
        let unit = key.key.unit.map(|unit| format!(" Unit: {unit}.")).unwrap_or_default();
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {}{unit} |",
            key.dotted(),
            cell(&accepts),
            cell(&default),
            cell(key.key.about())
        );
    }
    text
}

#[test]
fn the_page_of_keys_is_current() {
    let path = support::repository().join("docs/keys.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::write(&path, keys()).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(support::read("docs/keys.md"), keys(), "`just snapshots` writes it anew");
}

#[test]
fn the_page_on_reliability_has_every_invariant() {
    let page = support::read("docs/reliability.md");
    let head = "| invariant | what must hold | without it |\n|---|---|---|\n";
    let (before, rest) = page.split_once(head).unwrap_or_else(|| panic!("no table"));
    let (_, after) = rest.split_at(rest.find("\n| tried").unwrap_or_else(|| panic!("no end of the table")));
    let rows = buildkit_fleet::manifests::check::ALL.iter().map(|Invariant { id, says, purpose, .. }| match purpose {
        Purpose::Protects(without) => format!("| `{id}` | {says} | {without} |\n"),
        Purpose::Templates => format!("| `{id}` | {says} | of the templates only; patches may break it |\n"),
    });
    let made = format!("{before}{head}{}{after}", rows.collect::<String>());
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::write(support::repository().join("docs/reliability.md"), &made)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(support::read("docs/reliability.md"), made, "`just snapshots` writes it anew");
}

/// The findings of checkov that the manifests suppress, as object, check and reason.
fn suppressed() -> std::collections::BTreeSet<(String, String, String)> {
    let mut found = std::collections::BTreeSet::new();
    let inputs = [
        "clusters.yaml",
        "tests/inputs/every-key.yaml",
        "tests/inputs/own-nodes.yaml",
        "tests/inputs/sleeping.yaml",
        "tests/inputs/amd64-only.yaml",
    ];
    for object in inputs
        .iter()
        .flat_map(|path| support::fleets(&support::read(path)))
        .flat_map(|fleet| support::documents(&support::render(&fleet)))
    {
        let text = |value: &serde_yaml::Value| value.as_str().unwrap_or_default().to_owned();
        let name = format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]));
        // A change of reasons must not replace pods.
        let template = serde_yaml::to_string(&object["spec"]).unwrap_or_else(|error| panic!("{error}"));
        assert!(!template.contains("checkov"), "{name} has a suppression in its spec");
        let skips = object["metadata"]["annotations"].as_mapping().into_iter().flatten();
        for (key, value) in skips.filter(|(key, _)| text(key).starts_with("checkov.io/")) {
            // checkov takes apart at every `=`, and stops at a second one with an exception.
            let value = text(value);
            let parts: Vec<&str> = value.split('=').collect();
            let &[check, reason] = &parts[..] else { panic!("{name}: {key:?}: {value}") };
            assert!(check.starts_with("CKV") && reason.len() >= 15, "{name}: {key:?}: {value}");
            let name = name.replace("-amd64", "-{arch}").replace("-arm64", "-{arch}");
            found.insert((name, check.to_owned(), reason.to_owned()));
        }
    }
    found
}

#[test]
fn the_page_on_the_supply_chain_has_every_suppressed_finding_with_its_reason() {
    let page = support::read("docs/supply-chain.md");
    let head = "| object | check | checkov asks | why it stays |\n|---|---|---|---|\n";
    let (before, rest) = page.split_once(head).unwrap_or_else(|| panic!("no table"));
    let (table, after) = rest.split_once("\n\n").unwrap_or_else(|| panic!("no end of the table"));
    let mut made = format!("{before}{head}");
    for (object, check, reason) in suppressed() {
        // checkov's own name of the check is not in the manifests; tests/manifest-scan holds it against checkov.
        let row = table.lines().find(|line| line.contains(&format!("| {check} |")));
        let asks = row.and_then(|row| row.split(" | ").nth(2)).unwrap_or("?");
        let _ = writeln!(made, "| `{object}` | {check} | {asks} | {reason} |");
    }
    let _ = write!(made, "\n{after}");
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::write(support::repository().join("docs/supply-chain.md"), &made)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(support::read("docs/supply-chain.md"), made, "`just snapshots` writes it anew");
}

/// docs/sizing.md with what its commands print, and the pictures that they write.
fn sizing(document: &str) -> (String, Vec<(String, String)>) {
    let dir = support::program::scratch();
    for path in ["clusters.yaml", "docs/sleeping.yaml", "docs/day.csv"] {
        support::program::write(dir.path(), path, support::read(path));
    }
    let mut made = String::new();
    let mut pictures = Vec::new();
    let mut rest = document;
    while let Some(at) = rest.find("```sh\nbuildkit-fleet ") {
        let command = rest[at + 6..].lines().next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let output = support::program::run(dir.path(), &words);
        assert_eq!(support::program::code(&output), 0, "{command}: {}", support::program::stderr(&output));
        if let Some(place) = words.iter().position(|word| *word == "--svg") {
            let path = words[place + 1];
            let picture = std::fs::read_to_string(dir.path().join(path)).unwrap_or_else(|error| panic!("{error}"));
            pictures.push((path.to_owned(), picture));
        }
        // What is printed stands in the block behind the command.
        let block = at + rest[at..].find("\n```\n\n```\n").unwrap_or_else(|| panic!("no output behind {command}")) + 10;
        let end = block + rest[block..].find("```\n").unwrap_or_else(|| panic!("no end of {command}"));
        made += &rest[..block];
        made += support::program::stdout(&output).trim_start_matches('\n');
        rest = &rest[end..];
    }
    (made + rest, pictures)
}

#[test]
fn the_page_on_sizing_has_what_its_commands_print() {
    let page = support::read("docs/sizing.md");
    let (made, pictures) = sizing(&page);
    assert!(made.matches("```sh\nbuildkit-fleet ").count() >= 5 && !pictures.is_empty());
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        for (path, text) in pictures.iter().chain([&("docs/sizing.md".to_owned(), made.clone())]) {
            std::fs::write(support::repository().join(path), text).unwrap_or_else(|error| panic!("{error}"));
        }
        return;
    }
    assert_eq!(page, made, "`just snapshots` writes it anew");
    for (path, picture) in pictures {
        assert!(support::read(&path) == picture, "{path} is not current: `just snapshots` writes it anew");
    }
}

#[test]
fn the_page_on_caches_has_what_its_command_prints() {
    let page = support::read("docs/cache.md");
    let (made, _) = sizing(&page);
    assert!(made.contains("```sh\nbuildkit-fleet plan "));
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::write(support::repository().join("docs/cache.md"), &made).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(support::read("docs/cache.md"), made, "`just snapshots` writes it anew");
}

#[test]
fn the_page_on_manifests_names_every_file_and_that_on_usage_every_exit_code() {
    let page = support::read("docs/manifests.md");
    for manifest in buildkit_fleet::manifests::list::ALL {
        assert!(page.contains(&format!("| {} |", manifest.path)), "docs/manifests.md does not name {}", manifest.path);
    }
    let page = support::read("docs/usage.md");
    for code in 0..=3 {
        assert!(page.contains(&format!("\n| {code} | ")), "docs/usage.md does not name {code}");
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
    let mut texts: Vec<(String, String)> = ["README.md", "templates/clusters.yaml", "justfile"]
        .map(|path| (path.to_owned(), support::read(path)))
        .to_vec();
    texts.extend(crate::pages::pages().into_iter().filter(|(path, _)| path.starts_with("docs/")));
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
            let named_alone = words.len() == 2;
            if let Some(error) = Cli::try_parse_from(&words).err().filter(|_| !named_alone) {
                panic!("{name}: `{line}`: {error}");
            }
            seen.insert(command.clone());
        }
    }
    assert_eq!(seen.len(), commands.len(), "no example of one of {commands:?}: {seen:?}");
}
