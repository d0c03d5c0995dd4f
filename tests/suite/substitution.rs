//! Flux's substitution of variables, played over everything that is rendered: scripts and configuration must survive it.

use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::manifests::objects::Objects;
use serde_json::Value;

use crate::support;

/// The annotation that keeps Flux from substituting in an object.
const ANNOTATION: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// What `spec.postBuild` of Flux's Kustomization makes of a text, where no such variable is given: `${NAME}` is emptied,
/// `${NAME:-x}` becomes x, and `$$` one `$`; a name without braces stays. An open brace fails the whole Kustomization.
/// (fluxcd/pkg, envsubst/parse: scanLbrack and scanEscaped.)
pub(crate) fn substituted(text: &str) -> Option<String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(variable) = rest.strip_prefix('{') {
            let (variable, after) = variable.split_once('}')?;
            result.push_str(variable.split_once(":-").map_or("", |(_, default)| default));
            rest = after;
        } else {
            result.push('$');
            rest = rest.strip_prefix('$').unwrap_or(rest);
        }
    }
    Some(result + rest)
}

pub(crate) fn inputs() -> Vec<(String, String)> {
    let below = |dir: &'static str| {
        let paths = support::walk(&support::repository().join(dir)).into_iter();
        let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        yaml.map(move |path| format!("{dir}/{}", path.display()))
    };
    let paths = below("tests/inputs")
        .chain(below("examples"))
        .chain(["clusters.yaml".to_owned(), "docs/sleeping.yaml".to_owned()]);
    paths.map(|path| (support::read(&path), path)).map(|(source, path)| (path, source)).collect()
}

fn annotated(object: &Value) -> bool {
    object["metadata"]["annotations"][ANNOTATION] == "disabled"
}

/// Lines that the substitution would change, in every file of the set.
fn changed_lines(fleet: &Fleet) -> Vec<String> {
    let files = support::render(fleet);
    let lines = files.iter().flat_map(|file| file.text.lines());
    lines.filter(|line| substituted(line).as_deref() != Some(line)).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_substitution_is_that_of_flux() {
    for (text, expected) in [
        ("tcp@${DNS}:53", Some("tcp@:53")),
        ("${CAP:-7980} s", Some("7980 s")),
        ("$CAP $(date) $((1 + 1)) $# $", Some("$CAP $(date) $((1 + 1)) $# $")),
        ("pid $$, $$(NAME)", Some("pid $, $(NAME)")),
        ("${", None),
    ] {
        assert_eq!(substituted(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_substitution_changes_nothing_but_what_clusters_yaml_says_itself() {
    let mut of_the_user = 0;
    for (path, source) in inputs() {
        for fleet in support::fleets(&source) {
            for line in changed_lines(&fleet) {
                assert!(source.contains(&line), "{path}, {}: `{line}`", fleet.key);
                of_the_user += 1;
            }
        }
    }
    assert!(of_the_user > 0, "every-key.yaml has such a value");
}

#[test]
fn templates_hold_nothing_that_a_substitution_would_change() {
    // A workflow is no manifest.
    let files = support::walk(&support::repository().join("templates")).into_iter();
    for path in files.filter(|path| path.as_os_str() != "github-workflow.yml") {
        let text = support::read(&format!("templates/{}", path.display()));
        assert!(!text.contains("${") && !text.contains("$$"), "{}", path.display());
    }
}

/// Karpenter's hash of a node class is of its spec (`EC2NodeClass.Hash` in pkg/apis/v1), and pods are made of templates:
/// an annotation of these objects rolls nothing.
#[test]
fn objects_that_carry_text_are_left_out_of_every_substitution() {
    let mut seen = 0;
    for (path, source) in inputs() {
        for fleet in support::fleets(&source) {
            let objects = Objects::read(&support::render(&fleet)).unwrap_or_else(|error| panic!("{error:#}"));
            for (at, object) in objects.iter() {
                let carries_text = ["ConfigMap", "EC2NodeClass"].contains(&at.kind.as_str());
                assert_eq!(annotated(object), carries_text, "{path}: {}", at.short());
                seen += usize::from(carries_text);
                // What Kubernetes makes pods of.
                assert!(object["spec"]["template"]["metadata"]["annotations"][ANNOTATION].is_null(), "{}", at.short());
            }
        }
    }
    assert!(seen > 20, "{seen}");
}
