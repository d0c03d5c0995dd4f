//! Core kinds read into Kubernetes' own types and written back.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, Service},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

fn round_trip<T: Serialize + DeserializeOwned>(document: &Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(&typed).map_err(|error| error.to_string())
}

/// The document after the round trip, or none for kinds that are not core ones.
pub(crate) fn through_types(document: &Value) -> Option<Result<Value, String>> {
    Some(match document["kind"].as_str()? {
        "Deployment" => round_trip::<Deployment>(document),
        "ConfigMap" => round_trip::<ConfigMap>(document),
        "Namespace" => round_trip::<Namespace>(document),
        "Service" => round_trip::<Service>(document),
        "NetworkPolicy" => round_trip::<NetworkPolicy>(document),
        "PodDisruptionBudget" => round_trip::<PodDisruptionBudget>(document),
        _ => return None,
    })
}
