//! The domain model: a fleet that exists is one that can be rendered.

pub mod arch;
pub mod count;
pub mod image;
pub mod instance_plan;
mod instance_rules;
pub mod name;
pub mod read;
pub mod scaling;
pub mod timing;
pub mod toleration;

use indexmap::IndexMap;

use crate::fleet::arch::Arch;
use crate::fleet::image::Image;
use crate::fleet::instance_plan::InstancePlan;
use crate::fleet::name::{AmiAlias, ClusterKey, ClusterName, IpFamily, Namespace, Region, RegistryHost, SecretName};
use crate::fleet::scaling::Scaling;
use crate::fleet::timing::Timing;
use crate::fleet::toleration::Toleration;
use crate::versions::{Fallback, Haproxy, Ladder};

/// One cluster's fleet of builders.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub key: ClusterKey,
    pub cluster_name: ClusterName,
    pub region: Region,
    pub namespace: Namespace,
    pub image: Image,
    pub timing: Timing,
    /// One for each architecture, in the order of `Arch`. Never empty.
    pub pools: Vec<Pool>,
    pub scale_down: ScaleDown,
    pub lb: LoadBalancer,
    pub client_namespaces: Vec<Namespace>,
    pub monitoring_namespace: Namespace,
    pub keda_namespace: Namespace,
    pub ip_family: IpFamily,
    pub registries: IndexMap<RegistryHost, Registry>,
    pub ami_alias: AmiAlias,
    pub mtls_secret: Option<SecretName>,
    pub monitoring: bool,
    pub extra_labels: IndexMap<String, String>,
    pub ladder: Ladder,
}

/// The builders of one architecture.
#[derive(Clone, Debug)]
pub struct Pool {
    pub arch: Arch,
    pub scaling: Scaling,
    pub plan: InstancePlan,
}

/// How fast an idle fleet shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleDown {
    pub idle_minutes: u32,
    pub pods: u32,
    pub percent: u32,
}

/// HAProxy in front of the builders.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    pub image: Image,
    pub can: Haproxy,
    pub tolerations: Vec<Toleration>,
}

/// What buildkitd.toml says of one registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    pub mirrors: Vec<RegistryHost>,
    pub http: bool,
}

/// What becomes of one cluster of the file.
#[derive(Debug)]
pub enum Outcome {
    Fleet(Box<Fleet>),
    Skipped { cluster: String, why: String },
}

impl Outcome {
    /// The cluster's key in the file.
    pub fn name(&self) -> &str {
        match self {
            Outcome::Fleet(fleet) => fleet.key.as_str(),
            Outcome::Skipped { cluster, .. } => cluster,
        }
    }

    pub fn fleet(&self) -> Option<&Fleet> {
        match self {
            Outcome::Fleet(fleet) => Some(fleet),
            Outcome::Skipped { .. } => None,
        }
    }
}

impl Fleet {
    pub fn autoscaled(&self) -> bool {
        self.pools.iter().any(|pool| matches!(pool.scaling, Scaling::Keda { .. }))
    }

    /// Whether a pool goes to a fixed number of pods while KEDA cannot read its metric.
    pub fn falls_back(&self) -> bool {
        self.pools.iter().any(|pool| self.fallback(pool).is_some())
    }

    /// The pods that a pool goes to while KEDA cannot read its metric; none where it has no such number, or KEDA cannot
    /// be trusted with one.
    pub fn fallback(&self, pool: &Pool) -> Option<u32> {
        let Scaling::Keda { fallback, .. } = pool.scaling else { return None };
        fallback.filter(|_| self.ladder.fallback() != Fallback::Unusable)
    }
}

/// The name whose DNS answer lists the pods of an architecture.
pub fn discovery_name(arch: Arch, namespace: &Namespace) -> String {
    format!("buildkitd-{}-pods.{namespace}.svc.cluster.local", arch.name())
}

/// Bytes of one address record in that answer: HAProxy asks for AAAA first wherever IPv6 may be in use.
pub fn record_bytes(family: IpFamily) -> u64 {
    match family {
        IpFamily::Ipv4 => 16,
        IpFamily::Dual | IpFamily::Ipv6 => 28,
    }
}
