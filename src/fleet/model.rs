//! The domain model: a fleet that exists is one that can be rendered.

use indexmap::IndexMap;

use crate::fleet::builder::BuilderSettings;
use crate::fleet::capabilities::{Fallback, HaproxyCapabilities, Ladder};
use crate::fleet::external_service::ExternalService;
use crate::fleet::nodes::NodeSettings;
use crate::fleet::placement::Placement;
use crate::fleet::scaling::Scaling;
use crate::fleet::timing::Timing;
use crate::values::arch::Arch;
use crate::values::dashboard::GrafanaFolder;
use crate::values::delivery::Delivery;
use crate::values::image::Image;
use crate::values::instance_type::TypeName;
use crate::values::name::{
    ClusterKey, ClusterName, IpFamily, LabelKey, MetricLabelName, MetricLabelValue, Namespace, PriorityClassName,
    Region, RegistryHost, SecretName,
};
use crate::values::patch::Patch;
use crate::values::runbook::RunbookUrl;
use crate::values::toleration::Toleration;
use crate::values::version::Version;

/// One cluster's fleet of builders.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub key: ClusterKey,
    pub cluster_name: ClusterName,
    /// Always there with nodes of Karpenter: it determines their prices, and tells clusters of one name apart.
    pub region: Option<Region>,
    pub namespace: Namespace,
    pub image: Image,
    /// Version of BuildKit in the image; `None` if neither its tag nor `buildkit_version` shows it.
    pub buildkit: Option<Version>,
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
    pub builder: BuilderSettings,
    pub mtls_secret: Option<SecretName>,
    pub monitoring: bool,
    /// The page whose sections alerts lead to.
    pub runbook_url: Option<RunbookUrl>,
    /// The dashboard's ConfigMap; none where the set has none.
    pub dashboard: Option<DashboardObject>,
    /// Only where the alerts are evaluated beside those of other clusters.
    pub cluster_label: Option<ClusterLabel>,
    pub extra_labels: IndexMap<String, String>,
    pub delivery: Delivery,
    pub ladder: Ladder,
    pub patches: Vec<Patch>,
}

/// The builders of one architecture.
#[derive(Clone, Debug)]
pub struct Pool {
    pub arch: Arch,
    pub scaling: Scaling,
    pub placement: Placement,
}

/// The label that tells this cluster's series from those of others, in a store that holds several clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterLabel {
    pub name: MetricLabelName,
    pub value: MetricLabelValue,
}

/// How Grafana's sidecar finds the dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DashboardObject {
    /// Key of the label; its value is 1.
    pub label: LabelKey,
    pub folder: Option<GrafanaFolder>,
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
    pub can: HaproxyCapabilities,
    pub tolerations: Vec<Toleration>,
    pub priority_class: PriorityClassName,
    /// A node for it alone; none where it runs on the cluster's base nodes.
    pub node: Option<LbNode>,
    /// For runners outside of the cluster.
    pub service: Option<ExternalService>,
}

/// The load balancer's own node.
#[derive(Clone, Debug)]
pub struct LbNode {
    pub instance_type: TypeName,
    pub settings: NodeSettings,
}

/// The settings of one registry in buildkitd.toml.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    pub mirrors: Vec<RegistryHost>,
    pub http: bool,
}

impl LoadBalancer {
    /// Whether its priority class may be used outside of kube-system only where a ResourceQuota of the namespace says so:
    /// GKE admits the two classes of Kubernetes itself no other way (plugin `ResourceQuota`, `limitedResources`).
    pub fn needs_quota(&self) -> bool {
        matches!(self.priority_class.as_str(), "system-cluster-critical" | "system-node-critical")
    }
}

impl Fleet {
    /// Its names, for people: `prod (eks-prod, us-east-1)`.
    pub fn title(&self) -> String {
        let region = self.region.as_ref().map(|region| format!(", {region}")).unwrap_or_default();
        format!("{} ({}{region})", self.key, self.cluster_name)
    }

    /// Whether Karpenter makes nodes for its builders.
    pub fn has_node_pools(&self) -> bool {
        self.pools.iter().any(|pool| pool.placement.karpenter().is_some())
    }

    pub fn autoscaled(&self) -> bool {
        self.pools.iter().any(|pool| matches!(pool.scaling, Scaling::Keda { .. }))
    }

    /// Whether a pool has a fallback that is used while KEDA cannot read its metric.
    pub fn falls_back(&self) -> bool {
        self.pools.iter().any(|pool| self.fallback(pool).is_some())
    }

    /// The number of pods while KEDA cannot read the metric; `None` if none is configured, or if this version of KEDA
    /// cannot use one safely.
    pub fn fallback(&self, pool: &Pool) -> Option<u32> {
        let Scaling::Keda { fallback, .. } = pool.scaling else { return None };
        fallback.filter(|_| self.ladder.fallback() != Fallback::Unusable)
    }
}
