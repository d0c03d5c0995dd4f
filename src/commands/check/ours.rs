//! Which of the documents are objects of a fleet.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::commands::check::place::PlacedObject;
use crate::commands::check::source::FoundDocument;
use crate::manifests::objects::{Identity, Objects};

/// The kinds that a fleet has.
const KINDS: [&str; 13] = [
    "Namespace",
    "NodePool",
    "EC2NodeClass",
    "ConfigMap",
    "ServiceAccount",
    "ResourceQuota",
    "Deployment",
    "Service",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ScaledObject",
    "ServiceMonitor",
    "PrometheusRule",
];
/// Labels of each of its objects; a transformer may replace one of them.
const LABELS: [&str; 2] = ["app.kubernetes.io/managed-by", "app.kubernetes.io/part-of"];

/// Objects of a fleet, and where each stands.
#[derive(Debug)]
pub(super) struct Ours {
    pub(super) objects: Objects,
    pub(super) placed: Vec<PlacedObject>,
    /// What is there a second time.
    pub(super) again: Vec<Identity>,
    /// Number of objects that are not of a fleet.
    pub(super) ignored: usize,
}

impl Ours {
    /// An error names the file of what is no object, or says that there is nothing to check.
    pub(super) fn among(documents: Vec<FoundDocument>) -> Result<Self> {
        let (mut values, mut placed, mut ignored) = (Vec::new(), Vec::new(), 0);
        for document in documents {
            let FoundDocument { file, text, lines_before, value } = document;
            for (item, object) in each(value) {
                if object["kind"].as_str().is_none_or(str::is_empty) {
                    let line = lines_before + 1;
                    bail!(
                        "{file} has something that is not a Kubernetes object in the document that starts at line {line}: give manifests, not values or patches"
                    );
                }
                if !is_ours(&object) {
                    ignored += 1;
                    continue;
                }
                let (file, text) = (file.clone(), text.clone());
                placed.push(PlacedObject { identity: Identity::of(&object), file, text, lines_before, item });
                values.push(object);
            }
        }
        if values.is_empty() {
            bail!(
                "no object of a fleet among {ignored}: objects of a fleet have the label {}: buildkit-fleet; give a set that `generate` wrote, or what is built on one: `kubectl kustomize DIR | buildkit-fleet check -`",
                LABELS[0]
            );
        }
        let (objects, again) = Objects::from_anywhere(values);
        Ok(Ours { objects, placed, again, ignored })
    }
}

/// The object of a document; of a list each item, with its place.
fn each(value: Value) -> Vec<(Option<usize>, Value)> {
    match value {
        Value::Object(mut list) if list.get("items").is_some_and(Value::is_array) && is_list(&list) => {
            let items = list.get_mut("items").map(Value::take);
            let items = items.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
            items.into_iter().enumerate().map(|(place, item)| (Some(place), item)).collect()
        }
        object => vec![(None, object)],
    }
}

fn is_list(object: &serde_json::Map<String, Value>) -> bool {
    object.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
}

fn is_ours(object: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    let kind = object["kind"].as_str().unwrap_or_default();
    KINDS.contains(&kind) && LABELS.iter().any(|label| labels[*label] == "buildkit-fleet")
}
