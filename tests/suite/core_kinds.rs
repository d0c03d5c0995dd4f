//! Core kinds read into Kubernetes' own types and written back.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, ResourceQuota, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

fn round_trip<T: Serialize + DeserializeOwned>(document: &Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(&typed).map_err(|error| error.to_string())
}

/// Whether Kubernetes itself serves the kind: `v1`, `apps/v1`, `networking.k8s.io/v1`, and not `keda.sh/v1alpha1`.
fn is_core(document: &Value) -> bool {
    let group =
        document["apiVersion"].as_str().and_then(|version| version.split_once('/')).map_or("", |(group, _)| group);
    !group.contains('.') || group.ends_with(".k8s.io")
}

/// The document after the round trip, or none for custom resources.
pub(crate) fn through_types(document: &Value) -> Option<Result<Value, String>> {
    Some(match document["kind"].as_str().unwrap_or_default() {
        "Deployment" => round_trip::<Deployment>(document),
        "ConfigMap" => round_trip::<ConfigMap>(document),
        "Namespace" => round_trip::<Namespace>(document),
        "ResourceQuota" => round_trip::<ResourceQuota>(document),
        "ServiceAccount" => round_trip::<ServiceAccount>(document),
        "Service" => round_trip::<Service>(document),
        "NetworkPolicy" => round_trip::<NetworkPolicy>(document),
        "PodDisruptionBudget" => round_trip::<PodDisruptionBudget>(document),
        kind if is_core(document) => Err(format!("{kind} is not in tests/suite/core_kinds.rs: add its type")),
        _ => return None,
    })
}
