//! What buildkitd needs from its surroundings.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::values::build_guard::BuildGuard;
use crate::values::env::{DataKey, DataObject, EnvName, EnvValue, ServiceAccountName};
use crate::values::name::SecretName;
use crate::values::volume::{AbsolutePath, AnnotationKey, VolumeName, VolumeSize};

/// Where the certificates of `ca_certificates` are mounted. A directory of their own: one in /etc/ssl/certs would hide the
/// image's.
pub const CA_DIR: &str = "/etc/buildkit-ca";
/// The variable with the directories whose certificates Go reads beside its bundle (crypto/x509, `root_unix.go`).
pub const CA_VARIABLE: &str = "SSL_CERT_DIR";
/// Volumes that the fleet has itself.
pub const OWN_VOLUMES: [&str; 5] = ["config", "drain", "cache", "tls", "ca"];
/// Reached without a proxy, whatever the user lists: the pod itself, the cluster's Services, and the agent that serves the
/// credentials of EKS Pod Identity.
pub const OWN_NO_PROXY: [&str; 7] =
    ["localhost", "127.0.0.1", "::1", ".svc", ".cluster.local", "169.254.170.23", "fd00:ec2::23"];

/// Settings of the builders' pods.
#[derive(Clone, Debug, Default)]
pub struct BuilderSettings {
    /// In the order of the pod: those of the proxy and of certificates first.
    pub env: IndexMap<EnvName, EnvValue>,
    pub ca_certificates: Option<CaSource>,
    pub service_account: Option<ServiceAccount>,
    /// For the load balancer's pod as well.
    pub image_pull_secrets: Vec<SecretName>,
    pub volumes: Vec<Volume>,
    /// Further tables and keys of buildkitd.toml.
    pub toml: Map<String, Value>,
    pub one_build_guard: BuildGuard,
}

/// Certificates in a key of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaSource {
    pub of: DataObject,
    pub key: DataKey,
}

#[derive(Clone, Debug)]
pub struct ServiceAccount {
    pub name: ServiceAccountName,
    pub annotations: IndexMap<AnnotationKey, String>,
    /// Whether the set has the object.
    pub create: bool,
    pub token: bool,
}

#[derive(Clone, Debug)]
pub struct Volume {
    pub name: VolumeName,
    pub source: VolumeSource,
    pub mount_path: AbsolutePath,
    pub read_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    Data(DataObject),
    EmptyDir { size: Option<VolumeSize> },
    HostPath(AbsolutePath),
}
