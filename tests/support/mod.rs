//! What several tests share: reading inputs, rendering them, and printing problems.

pub(crate) mod outputs;
pub(crate) mod program;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use buildkit_fleet::diagnostics::problem::Problems;
use buildkit_fleet::diagnostics::rule::Severity;
use buildkit_fleet::diagnostics::snippet::Printer;
use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::manifests::list::KUSTOMIZATION;
use buildkit_fleet::manifests::names::without_hash;
use buildkit_fleet::manifests::render::Renderer;
use buildkit_fleet::manifests::set::SetFile;
use buildkit_fleet::resolve::resolved::Resolved;

/// No test asks how long something takes: `cargo bench` does. What is not done by then hangs, on the busiest machine.
pub(crate) const HANGS: Duration = Duration::from_secs(300);

/// What `work` gives, or a failure where it never ends.
pub(crate) fn unless_it_hangs<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    let worker = std::thread::spawn(move || drop(done.send(work())));
    match result.recv_timeout(HANGS) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => panic!("{what} hangs"),
        // Its own failure is the one to show.
        Err(RecvTimeoutError::Disconnected) => match worker.join() {
            Err(failure) => std::panic::resume_unwind(failure),
            Ok(()) => unreachable!("it sends before it ends"),
        },
    }
}

/// Says what this machine cannot show: never a silent success.
pub(crate) fn not_tried(what: &str, why: &str) {
    note(&format!("NOT TRIED: {what}: {why}"));
}

/// A line for whoever runs the tests: on stderr, past the capture of tests that pass, or among those that tests/run
/// shows at its end.
pub(crate) fn note(line: &str) {
    let line = format!("{line}\n");
    let told = match std::env::var_os("TEST_NOTES") {
        Some(path) => OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(line.as_bytes())),
        None => std::io::stderr().write_all(line.as_bytes()),
    };
    told.unwrap_or_else(|error| panic!("cannot tell `{line}`: {error}"));
}

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

/// What commands read, patches included.
fn read_checked(source: &str) -> (Vec<Resolved>, Problems) {
    let read = buildkit_fleet::commands::read::read_checked(source.as_bytes());
    read.unwrap_or_else(|error| panic!("{error:#}"))
}

/// The fleets of an input that must be accepted.
pub(crate) fn fleets(source: &str) -> Vec<Fleet> {
    let (outcomes, problems) = read_checked(source);
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
        "clusters:\n  here:\n    cluster_name: eks-here\n    region: us-east-1\n    eks_version: \"1.35\"\n    keda: {{chart_version: 2.20.2}}\n    modules: [karpenter, keda, buildkit]\n    buildkit:\n      ami_alias: al2023@v20260714\n{buildkit}"
    )
}

/// All messages of an input as they are printed.
pub(crate) fn messages(source: &str) -> Vec<String> {
    let (_, problems) = read_checked(source);
    let printer = Printer { path: "clusters.yaml", source, color: false };
    problems.into_sorted().iter().map(|problem| printer.print(problem)).collect()
}

/// Ids of the rules that an input breaks, in the order of the file.
pub(crate) fn rules_broken(source: &str) -> Vec<&'static str> {
    let (_, problems) = read_checked(source);
    problems.into_sorted().iter().map(|problem| problem.rule.id).collect()
}

pub(crate) fn errors(source: &str) -> Vec<&'static str> {
    let (_, problems) = read_checked(source);
    let sorted = problems.into_sorted();
    sorted.iter().filter(|problem| problem.rule.severity == Severity::Error).map(|problem| problem.rule.id).collect()
}

/// Fails where snapshots lack one of those that are expected, or have one that nothing writes any more. While `just
/// snapshots` records, the test that writes a new one may not have come to it yet.
pub(crate) fn recorded_are(mut recorded: BTreeSet<String>, expected: &BTreeSet<String>) {
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        recorded.extend(expected.iter().cloned());
    }
    // What insta leaves beside a snapshot that differs; the test of that snapshot reports it.
    recorded.retain(|path| !path.ends_with(".snap.new"));
    let missing: Vec<&String> = expected.difference(&recorded).collect();
    let unused: Vec<&String> = recorded.difference(expected).collect();
    assert!(missing.is_empty(), "snapshots/ lacks {missing:?}: `just snapshots` records them");
    assert!(unused.is_empty(), "nothing writes {unused:?} in snapshots/ any more: remove them");
}

/// Every object of the files.
pub(crate) fn documents(files: &[SetFile]) -> Vec<serde_yaml::Value> {
    use serde::Deserialize;
    files
        .iter()
        .filter(|file| file.path != KUSTOMIZATION)
        .flat_map(|file| serde_yaml::Deserializer::from_str(&file.text).map(serde_yaml::Value::deserialize))
        .map(|document| document.unwrap_or_else(|error| panic!("{error}")))
        .collect()
}

/// The same as JSON, to be changed.
pub(crate) fn objects(files: &[SetFile]) -> Vec<serde_json::Value> {
    let values = documents(files).into_iter().map(serde_json::to_value);
    values.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}"))
}

/// What `kubectl kustomize` makes of manifests: objects in an order of its own, keys by the alphabet, no comments.
pub(crate) fn kustomized(mut objects: Vec<serde_json::Value>) -> String {
    objects.sort_by_key(|object| object["metadata"]["name"].to_string());
    objects.iter_mut().for_each(serde_json::Value::sort_all_objects);
    let texts = objects.iter().map(serde_yaml::to_string);
    texts.collect::<Result<Vec<_>, _>>().unwrap_or_else(|error| panic!("{error}")).join("---\n")
}

/// The document of this kind and name, that of a ConfigMap without its hash.
pub(crate) fn object(files: &[SetFile], kind: &str, name: &str) -> serde_yaml::Value {
    documents(files)
        .into_iter()
        .find(|document| {
            let found = document["metadata"]["name"].as_str().unwrap_or_default();
            document["kind"] == kind && without_hash(kind, found) == name
        })
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
