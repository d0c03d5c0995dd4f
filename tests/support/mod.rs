//! What several tests share: reading inputs, rendering them, and printing problems.

pub(crate) mod program;

use std::path::{Path, PathBuf};

use buildkit_fleet::diagnostics::rule::Severity;
use buildkit_fleet::diagnostics::snippet::Printer;
use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::manifests::render::Renderer;
use buildkit_fleet::manifests::set::SetFile;
use buildkit_fleet::resolve::resolved::Resolved;

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn shipped() -> String {
    read("clusters.yaml")
}

pub(crate) fn read(path: &str) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fleets of an input that must be accepted.
pub(crate) fn fleets(source: &str) -> Vec<Fleet> {
    let (outcomes, problems) = buildkit_fleet::resolve::read::read_bytes(source.as_bytes());
    assert!(!problems.has_errors(), "refused:\n{}", messages(source).join("\n"));
    outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            Resolved::Fleet(fleet) => Some(*fleet),
            Resolved::Skipped { .. } => None,
        })
        .collect()
}

pub(crate) fn fleet(source: &str, cluster: &str) -> Fleet {
    fleets(source)
        .into_iter()
        .find(|fleet| fleet.key.as_str() == cluster)
        .unwrap_or_else(|| panic!("no cluster {cluster}"))
}

pub(crate) fn render(fleet: &Fleet) -> Vec<SetFile> {
    let files = Renderer::new().and_then(|renderer| renderer.render(fleet)).unwrap_or_else(|error| panic!("{error:#}"));
    buildkit_fleet::manifests::check::check(fleet, &files).unwrap_or_else(|error| panic!("{error:#}"));
    files
}

/// One cluster with this `buildkit` block, in flow or block style at indent 6.
pub(crate) fn one_cluster(buildkit: &str) -> String {
    format!(
        "clusters:\n  here:\n    cluster_name: eks-here\n    region: us-east-1\n    eks_version: \"1.35\"\n    keda: {{chart_version: 2.20.2}}\n    modules: [keda, buildkit]\n    buildkit:\n      ami_alias: al2023@v20250123\n{buildkit}"
    )
}

/// All messages of an input as they are printed.
pub(crate) fn messages(source: &str) -> Vec<String> {
    let (_, problems) = buildkit_fleet::resolve::read::read_bytes(source.as_bytes());
    let printer = Printer { path: "clusters.yaml", source, color: false };
    problems.into_sorted().iter().map(|problem| printer.print(problem)).collect()
}

/// Ids of the rules that an input breaks, in the order of the file.
pub(crate) fn rules_broken(source: &str) -> Vec<&'static str> {
    let (_, problems) = buildkit_fleet::resolve::read::read_bytes(source.as_bytes());
    problems.into_sorted().iter().map(|problem| problem.rule.id).collect()
}

pub(crate) fn errors(source: &str) -> Vec<&'static str> {
    let (_, problems) = buildkit_fleet::resolve::read::read_bytes(source.as_bytes());
    let sorted = problems.into_sorted();
    sorted.iter().filter(|problem| problem.rule.severity == Severity::Error).map(|problem| problem.rule.id).collect()
}

/// Every YAML document of the files.
pub(crate) fn documents(files: &[SetFile]) -> Vec<serde_yaml::Value> {
    use serde::Deserialize;
    files
        .iter()
        .flat_map(|file| serde_yaml::Deserializer::from_str(&file.text).map(serde_yaml::Value::deserialize))
        .map(|document| document.unwrap_or_else(|error| panic!("{error}")))
        .collect()
}

/// The document of this kind and name.
pub(crate) fn object(files: &[SetFile], kind: &str, name: &str) -> serde_yaml::Value {
    documents(files)
        .into_iter()
        .find(|document| document["kind"] == kind && document["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind}/{name}"))
}

/// Every file below a directory, with its path relative to it.
pub(crate) fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
            let path = entry.unwrap_or_else(|error| panic!("{error}")).path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(dir).map(Path::to_path_buf).unwrap_or(path));
            }
        }
    }
    found.sort();
    found
}
