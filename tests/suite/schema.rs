//! Core kinds read into Kubernetes' own types and written back must be equal: a misspelt or misplaced field, which the
//! API server would refuse or drop, is lost on the way.

use serde_json::Value;

use crate::core_kinds::through_types;
use crate::support;

fn inputs() -> Vec<String> {
    let mut inputs = vec![support::shipped()];
    inputs.extend(
        ["tests/inputs/sleeping", "tests/inputs/amd64-only", "tests/inputs/every-key", "tests/inputs/own-nodes"]
            .into_iter()
            .chain([
                "examples/company",
                "examples/karpenter-getting-started",
                "examples/kind",
                "examples/gke",
                "examples/k3s",
            ])
            .map(|name| support::read(&format!("{name}.yaml"))),
    );
    inputs
}

fn all_documents() -> Vec<Value> {
    let fleets = inputs().into_iter().flat_map(|input| support::fleets(&input));
    let documents = fleets.flat_map(|fleet| support::documents(&support::render(&fleet)));
    documents.map(|document| serde_json::to_value(document).unwrap_or_else(|error| panic!("{error}"))).collect()
}

#[test]
fn core_kinds_survive_their_own_types() {
    let mut seen = std::collections::BTreeMap::new();
    for document in all_documents() {
        if let Some(back) = through_types(&document) {
            assert_eq!(back.as_ref(), Ok(&document), "{} {}", document["kind"], document["metadata"]["name"]);
            *seen.entry(document["kind"].to_string()).or_insert(0) += 1;
        }
    }
    assert!(seen.len() >= 6, "{seen:?}");
}

#[test]
fn a_misspelt_field_does_not_survive() {
    let deployment = all_documents().into_iter().find(|document| document["kind"] == "Deployment").unwrap_or_default();
    let mut misspelt = deployment;
    misspelt["spec"]["template"]["spec"]["terminationGracePeriodSecond"] = 1.into();
    assert_ne!(through_types(&misspelt), Some(Ok(misspelt)));
}

#[test]
fn every_object_has_the_recommended_labels_and_its_namespace() {
    for document in all_documents() {
        let labels = &document["metadata"]["labels"];
        for label in ["name", "component", "part-of", "managed-by"] {
            assert!(labels[format!("app.kubernetes.io/{label}")].is_string(), "{} lacks {label}", document["metadata"]);
        }
        let cluster_wide =
            ["Namespace", "NodePool", "EC2NodeClass"].contains(&document["kind"].as_str().unwrap_or_default());
        assert_eq!(document["metadata"]["namespace"].is_string(), !cluster_wide, "{}", document["metadata"]);
    }
}
