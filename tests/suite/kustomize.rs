//! What a real kubectl makes of a set's kustomization.yaml.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use buildkit_fleet::consequences::cluster::consequences;
use buildkit_fleet::consequences::consequence::Class;
use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::manifests::list::KUSTOMIZATION;
use buildkit_fleet::manifests::set::SetFile;
use serde::Deserialize;
use serde_yaml::Value;

use crate::support;

/// The kubectl on PATH, or the one that tests/run installed.
fn kubectl() -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let installed = support::repository().join("target/kubectl/kubectl");
    path.split(':').map(|dir| Path::new(dir).join("kubectl")).chain([installed]).find(|program| program.is_file())
}

/// Calls `test` with the real kubectl, or says that there is none.
pub(crate) fn with_kubectl(test: impl FnOnce(&Path)) {
    match kubectl() {
        Some(kubectl) => test(&kubectl),
        None => support::not_tried("kubectl kustomize", "there is no kubectl"),
    }
}

/// Objects that `kubectl kustomize` prints for a directory, in their order.
pub(crate) fn built(kubectl: &Path, dir: &Path) -> Vec<Value> {
    let output = Command::new(kubectl).arg("kustomize").arg(dir).output().unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    serde_yaml::Deserializer::from_slice(&output.stdout)
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error}")))
        .collect()
}

pub(crate) fn write(fleet: &Fleet, dir: &Path) {
    std::fs::create_dir_all(dir).unwrap_or_else(|error| panic!("{error}"));
    for file in support::render(fleet) {
        std::fs::write(dir.join(&file.path), &file.text).unwrap_or_else(|error| panic!("{error}"));
    }
}

pub(crate) fn short(objects: &[Value]) -> Vec<String> {
    let name = |object: &Value| {
        format!(
            "{}/{}",
            object["kind"].as_str().unwrap_or_default(),
            object["metadata"]["name"].as_str().unwrap_or_default()
        )
    };
    objects.iter().map(name).collect()
}

#[test]
fn kubectl_kustomize_gives_exactly_the_objects_of_the_set_in_apply_order() {
    with_kubectl(|kubectl| {
        let mut kinds = BTreeSet::new();
        for input in ["clusters.yaml", "tests/inputs/every-key.yaml", "tests/inputs/sleeping.yaml"] {
            for fleet in support::fleets(&support::read(input)) {
                let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
                write(&fleet, dir.path());
                let (found, expected) = (built(kubectl, dir.path()), support::documents(&support::render(&fleet)));
                assert_eq!(short(&found), short(&expected), "{}", fleet.key);
                assert_eq!(found, expected, "{}", fleet.key);
                kinds.extend(short(&found));
            }
        }
        assert!(kinds.len() > 20, "{kinds:?}");
    });
}

/// Otherwise the test above would not show that the order needs to be asked for.
#[test]
fn without_the_order_kustomize_puts_deployments_before_nodepools() {
    with_kubectl(|kubectl| {
        let fleet = support::fleet(&support::shipped(), "arc-staging");
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        write(&fleet, dir.path());
        let path = dir.path().join("kustomization.yaml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
        let unsorted = text.replace("order: fifo", "order: legacy");
        assert_ne!(unsorted, text);
        std::fs::write(&path, unsorted).unwrap_or_else(|error| panic!("{error}"));
        let found = short(&built(kubectl, dir.path()));
        let place = |kind: &str| found.iter().position(|object| object.starts_with(kind));
        assert!(place("Deployment/") < place("NodePool/"), "{found:?}");
    });
}

/// It is no object, and follows from the manifests that are listed.
#[test]
fn diff_reports_the_list_of_a_set_only_where_nothing_else_differs() {
    let set = |buildkit: &str| support::render(&support::fleet(&support::one_cluster(buildkit), "here"));
    let of = |before: &[SetFile], after: &[SetFile]| {
        let found = consequences(before, after, None).unwrap_or_else(|error| panic!("{error:#}"));
        found.into_iter().map(|one| (one.class, one.objects)).collect::<Vec<_>>()
    };
    let new = set("");
    let old: Vec<SetFile> = new.iter().filter(|file| file.path != KUSTOMIZATION).cloned().collect();
    assert_eq!(of(&old, &new), [(Class::NoEffect, vec![KUSTOMIZATION.to_owned()])]);
    assert_eq!(of(&new, &new), []);
    let unmonitored = of(&new, &set("      monitoring: {enabled: false}\n"));
    assert!(!unmonitored.is_empty());
    assert!(unmonitored.iter().all(|(_, objects)| !objects.contains(&KUSTOMIZATION.to_owned())), "{unmonitored:?}");
}
