//! The list of the manifests, which kustomize, Argo CD and Flux read. No patch reaches it.

use serde_json::{Value, json};

use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::RenderedFleet;
use crate::manifests::list::{self, KUSTOMIZATION};

pub(super) fn kustomization(set: &RenderedFleet, broken: &mut Findings) {
    // `check` asks for the file; while patches are tried one by one, there are manifests only.
    let Some(file) = set.files.iter().find(|file| file.path == KUSTOMIZATION) else { return };
    let listed: Value = serde_yaml::from_str(&file.text).unwrap_or_default();
    let manifests: Vec<&str> = list::of(set.fleet).map(|manifest| manifest.path).collect();
    let expected = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "sortOptions": {"order": "fifo"},
        "resources": manifests,
    });
    if listed != expected {
        broken.push(format!("{KUSTOMIZATION} is {listed}"));
    }
}
