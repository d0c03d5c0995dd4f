//! The pages for people who decide about a fleet name what the manifests have.

use std::path::Path;

use crate::support;
use crate::support::program::{code, run, scratch, stderr, stdout, write};

/// Every page of the repository, with its path.
pub(crate) fn pages() -> Vec<(String, String)> {
    let mut found: Vec<String> = ["", "docs", "clients", "docs/schemas"]
        .iter()
        .flat_map(|dir| {
            let entries = std::fs::read_dir(support::repository().join(dir)).unwrap_or_else(|error| panic!("{error}"));
            entries.filter_map(|entry| Some(Path::new(dir).join(entry.ok()?.file_name()).to_str()?.to_owned()))
        })
        .filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.sort();
    found.into_iter().map(|path| (path.clone(), support::read(&path))).collect()
}

/// A row of docs/security.md for each NetworkPolicy of the first cluster.
fn policies() -> Vec<String> {
    let fleet = support::fleets(&support::read("clusters.yaml")).remove(0);
    let text = |value: &serde_yaml::Value| value.as_str().unwrap_or_default().to_owned();
    let policies =
        support::documents(&support::render(&fleet)).into_iter().filter(|object| object["kind"] == "NetworkPolicy");
    let row = |policy: serde_yaml::Value| {
        let spec = &policy["spec"];
        assert_eq!(serde_yaml::to_string(&spec["policyTypes"]).unwrap_or_default(), "- Ingress\n");
        let rule = &spec["ingress"][0];
        let items = |value: &serde_yaml::Value| value.as_sequence().cloned().unwrap_or_default();
        let ports: Vec<String> =
            items(&rule["ports"]).iter().filter_map(|port| Some(port["port"].as_u64()?.to_string())).collect();
        let peers: Vec<String> = items(&rule["from"])
            .iter()
            .map(|peer| match text(&peer["podSelector"]["matchLabels"]["app"]) {
                app if app.is_empty() => {
                    let labels = &peer["namespaceSelector"]["matchLabels"];
                    format!("`{}`", text(&labels["kubernetes.io/metadata.name"]))
                }
                app => format!("pods `app: {app}`"),
            })
            .collect();
        format!(
            "| `{}` | `app: {}` | {} | {} |",
            text(&policy["metadata"]["name"]),
            text(&spec["podSelector"]["matchLabels"]["app"]),
            ports.join(", "),
            peers.join(", ")
        )
    };
    policies.map(row).collect()
}

#[test]
fn the_page_on_security_has_a_row_for_each_network_policy() {
    let page = support::read("docs/security.md");
    let head = "| policy | pods | ports | from |\n|---|---|---|---|\n";
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("no table"));
    let found: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(found, policies());
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> Vec<String> {
    let headings = page
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    headings
        .map(|heading| {
            let kept = heading.to_lowercase();
            kept.chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

#[test]
fn each_link_of_a_page_leads_to_a_file_and_a_heading() {
    let mut links = 0;
    for (path, text) in pages() {
        let dir = support::repository().join(&path).parent().map(Path::to_path_buf).unwrap_or_default();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let there = if file.is_empty() { support::repository().join(&path) } else { dir.join(file) };
            assert!(there.exists(), "{path}: {target}");
            let of = || std::fs::read_to_string(&there).unwrap_or_default();
            assert!(anchor.is_empty() || anchors(&of()).iter().any(|found| found == anchor), "{path}: {target}");
            links += 1;
        }
    }
    assert!(links > 50, "{links}");
}

#[test]
fn the_index_names_every_page() {
    let index = support::read("docs/README.md");
    for (path, _) in pages() {
        let Some(name) = path.strip_prefix("docs/").filter(|name| *name != "README.md" && !name.contains('/')) else {
            continue;
        };
        assert_eq!(index.matches(&format!("]({name})")).count(), 1, "docs/README.md: {name}");
    }
}

/// The text of each block of code of a page, with what precedes it.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = page.split("\n```").collect();
    parts.chunks_exact(2).map(|pair| (pair[0], pair[1].split_once('\n').map_or("", |(_, text)| text))).collect()
}

#[test]
fn the_front_page_shows_what_its_ten_lines_give() {
    let page = support::read("README.md");
    assert!(page.lines().count() <= 180, "the front page is read in a minute");
    let blocks = blocks(&page);
    let config =
        blocks.iter().find(|(_, text)| text.starts_with("clusters:\n")).unwrap_or_else(|| panic!("no clusters.yaml")).1;
    let dir = scratch();
    write(dir.path(), "clusters.yaml", format!("{config}\n"));
    let output = run(dir.path(), &["generate", "--deny-warnings"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut excerpts = 0;
    for (before, text) in &blocks {
        let Some((_, name)) = before.rsplit_once("From") else { continue };
        let name = name.split(',').next().unwrap_or_default().trim();
        let Ok(file) = std::fs::read_to_string(dir.path().join("generated/staging").join(name)) else { continue };
        let mut rest = file.as_str();
        for line in text.lines() {
            // Lines in their order; one that is long may be cut at a word.
            let at = rest.find(&format!("\n{line}")).unwrap_or_else(|| panic!("{name} has no `{line}` there"));
            rest = &rest[at + line.len()..];
        }
        excerpts += 1;
    }
    assert_eq!(excerpts, 3);

    // What is said to be changed, is.
    let changed = config.replace(
        "    buildkit:\n",
        "    buildkit:\n      client_namespaces: [arc-runners, release]\n      client_retry_pause_seconds: 30\n",
    );
    write(dir.path(), "clusters.yaml", changed);
    let shown = |text: &str| blocks.iter().any(|(_, block)| text.contains(block) && block.lines().count() > 5);
    assert!(
        shown(&stdout(&run(dir.path(), &["diff", "staging"]))),
        "another diff: {}",
        stdout(&run(dir.path(), &["diff", "staging"]))
    );
    write(dir.path(), "clusters.yaml", config);
    let simulated = stdout(&run(dir.path(), &["simulate", "staging", "--arch", "amd64", "--burst", "27"]));
    assert!(shown(&simulated), "another outcome: {simulated}");
}
