//! clusters.yaml as written: which keys there are, and where. No rules across keys.

pub mod builder;
pub mod instance_specs;
pub mod load_balancer;
pub mod monitoring;
pub mod nodes;

use std::sync::LazyLock;

use crate::config::builder::BuilderKeys;
use crate::config::instance_specs::InstanceSpec;
use crate::config::load_balancer::LoadBalancerKeys;
use crate::config::monitoring::Monitoring;
use crate::config::nodes::NodesKeys;
use crate::diagnostics::span::{Span, Spanned};
use crate::input::layer::{LayerField, Leaf, layer};
use crate::input::map::MapOf;
use crate::values::arch::Arch;
use crate::values::count::{Count, IdleMinutes, Minutes, Percent, PodsPerNode, Replicas, Seconds};
use crate::values::delivery::Delivery;
use crate::values::image::Image;
use crate::values::instance_type::{InstanceTypes, TypeName};
use crate::values::name::{
    AmiAlias, ClusterName, IpFamily, LabelKey, LabelText, Module, Namespace, Region, RegistryHost, SecretName,
};
use crate::values::patch::Patches;
use crate::values::toleration::Tolerations;
use crate::values::version::Version;

layer! {
    /// `defaults` or one cluster. Keys of other tools are allowed here and ignored.
    pub struct ClusterKeys (Open) {
        /// Name of the cluster, on EKS the one that AWS knows. deploy.sh refuses a context of another cluster. Karpenter's nodes
        /// run as the role `<name>-node-role`, and find subnets and security groups by the tag `karpenter.sh/discovery: <name>`.
        cluster_name: Leaf<ClusterName>,
        /// AWS region; it determines the prices. Optional with `nodes.provisioner: none`.
        region: Leaf<Region>,
        /// Modules installed on the cluster, in installation order. Only clusters that list `buildkit` get manifests;
        /// autoscaling needs `keda` before it.
        modules: Leaf<Vec<Spanned<Module>>>,
        /// Kubernetes version of the cluster. From 1.35 on, the HPA's tolerance can be set to 0; on older versions,
        /// or if this is not set, the fleet targets 0.9 builds per pod where KEDA allows it.
        eks_version: Leaf<Version>,
        /// The KEDA module.
        keda: KedaModule,
        /// The builder fleet. Unknown keys in this block are errors.
        buildkit: Buildkit,
    }
}

layer! {
    /// The keys of the KEDA module's block that are read here.
    pub struct KedaModule (Open) {
        /// Version of the KEDA chart, which is also the version of KEDA. Fallback needs 2.17 and works correctly from
        /// 2.18 on; if this is not set, the manifests use only what every KEDA version supports.
        chart_version: Leaf<Version>,
    }
}

layer! {
    /// The block `buildkit`.
    pub struct Buildkit (Closed) {
        /// CPU architectures of the fleet.
        architectures: Leaf<Vec<Spanned<Arch>>> = "[amd64, arm64]",
        /// Pods per architecture when autoscaling is not enabled.
        replicas_per_arch: Leaf<Replicas> ["pods"] = "4",
        /// Number of amd64 pods when autoscaling is not enabled; defaults to `replicas_per_arch`.
        amd64_replicas: Leaf<Replicas> ["pods"],
        /// Number of arm64 pods when autoscaling is not enabled; defaults to `replicas_per_arch`.
        arm64_replicas: Leaf<Replicas> ["pods"],
        /// Pods that share one node, for both architectures. A pod is sized so that this number fits on the first
        /// instance type.
        pods_per_node: Leaf<PodsPerNode> ["pods"] = "2",
        /// Pods that share one amd64 node; defaults to `pods_per_node`. Cannot be used with `amd64_instance_types`.
        amd64_pods_per_node: Leaf<PodsPerNode> ["pods"],
        /// Pods that share one arm64 node; defaults to `pods_per_node`. Cannot be used with `arm64_instance_types`.
        arm64_pods_per_node: Leaf<PodsPerNode> ["pods"],
        /// Instance type of amd64 nodes; must have local NVMe unless `builder.cache_disk` is `root`. Cannot be used with `amd64_instance_types`.
        amd64_instance_type: Leaf<TypeName> = "m6id.24xlarge",
        /// Instance type of arm64 nodes; must have local NVMe unless `builder.cache_disk` is `root`. Cannot be used with `arm64_instance_types`.
        arm64_instance_type: Leaf<TypeName> = "m8gd.24xlarge",
        /// Instance types of amd64 nodes in order of preference, each with its pods per node. The first type determines
        /// the pod size; Karpenter uses the next type when it cannot get more of the one before. A cluster's block
        /// replaces the whole block of `defaults`.
        amd64_instance_types: Leaf<InstanceTypes>,
        /// Instance types of arm64 nodes in order of preference, each with its pods per node. The first type determines
        /// the pod size; Karpenter uses the next type when it cannot get more of the one before. A cluster's block
        /// replaces the whole block of `defaults`.
        arm64_instance_types: Leaf<InstanceTypes>,
        /// Specifications of instance types that are not in the built-in catalogue, or that differ from it.
        instance_specs: MapOf<TypeName, InstanceSpec>,
        /// Scaling by KEDA, based on the load balancer's count of running and waiting builds.
        autoscaling: Autoscaling,
        /// How fast an idle fleet shrinks.
        scale_down: ScaleDownKeys,
        /// Namespace of the fleet. It is created, and labelled to allow privileged pods.
        namespace: Leaf<Namespace> = "buildkit",
        /// Image of buildkitd, with a version tag or digest.
        image: Leaf<Image> = "moby/buildkit:v0.32.2",
        /// Version of BuildKit in `image`, if the tag does not show it: a digest without a tag, or a tag of your own. 0.17
        /// or later.
        buildkit_version: Leaf<Version>,
        /// Image of the load balancer: HAProxy 3.2 or later, with the stop signal SIGUSR1 as in the official image.
        haproxy_image: Leaf<Image> = "haproxy:3.2-alpine",
        /// Length of the longest build. All timeouts and grace periods are derived from it.
        max_build_minutes: Leaf<Minutes> ["minutes"] = "120",
        /// Namespaces whose pods may run builds.
        client_namespaces: Leaf<Vec<Spanned<Namespace>>> = "[arc-runners]",
        /// Namespace of Prometheus, which may read metrics.
        monitoring_namespace: Leaf<Namespace> = "monitoring",
        /// Namespace of KEDA, which may read the load balancer's metrics.
        keda_namespace: Leaf<Namespace> = "keda",
        /// How long a client waits for a server that does not answer; buildctl and buildx wait 20 s.
        client_connect_seconds: Leaf<Seconds> ["seconds"] = "20",
        /// How long a client pauses before it tries again; bk-build shortens a pause by up to a fifth. The load balancer
        /// counts a waiting client until just before it comes back; if clients pause longer, it counts too few.
        client_retry_pause_seconds: Leaf<Seconds> ["seconds"] = "15",
        /// Address families of the cluster's pods. `dual` also works for IPv4-only and IPv6-only clusters.
        ip_family: Leaf<IpFamily> = "dual",
        /// Mirrors of registries, tried in order before the registry itself.
        registry_mirrors: MapOf<RegistryHost, Leaf<Vec<Spanned<RegistryHost>>>>,
        /// Registries that use plain HTTP.
        http_registries: Leaf<Vec<Spanned<RegistryHost>>>,
        /// Alias of the node image. Pin a date: with `latest`, each release of the image replaces every node.
        ami_alias: Leaf<AmiAlias> = "al2023@latest",
        /// Secret with tls.crt, tls.key and ca.crt. If set, buildkitd accepts only clients with a certificate of that CA.
        mtls_secret: Leaf<SecretName>,
        /// Nodes of the builders: what differs between accounts.
        nodes: NodesKeys,
        /// Pods of the builders: what buildkitd needs from its surroundings.
        builder: BuilderKeys,
        /// ServiceMonitors and alerts.
        monitoring: Monitoring,
        /// Labels added to every object, but not to pods: changing them there would roll the load balancer and every builder.
        extra_labels: MapOf<LabelKey, Leaf<LabelText>>,
        /// Pod and node of the load balancer.
        load_balancer: LoadBalancerKeys,
        /// Tolerations of the load balancer pod.
        lb_tolerations: Leaf<Tolerations> = "[{key: CriticalAddonsOnly, operator: Exists}]",
        /// What applies the manifests: `script` is deploy.sh. `argocd` and `flux` annotate every object, but no pod, for
        /// them: the order of applying, what is never deleted, and the part of the set that an object belongs to.
        delivery: Leaf<Delivery> = "script",
        /// Changes of rendered objects, for what no key sets; applied in order. One that breaks what protects builds is
        /// refused. A cluster's list replaces the whole list of `defaults`, whose patches must match in one cluster at least.
        patches: Leaf<Patches>,
    }
}

layer! {
    /// The block `buildkit.autoscaling`.
    pub struct Autoscaling (Closed) {
        /// Whether KEDA scales the pools.
        enabled: Leaf<bool> = "false",
        /// Minimum number of amd64 pods; 0 allows scaling to zero.
        amd64_min: Leaf<Count> ["pods"] = "1",
        /// Maximum number of amd64 pods; required when autoscaling is enabled.
        amd64_max: Leaf<Replicas> ["pods"],
        /// Number of amd64 pods while KEDA cannot read the metric; a larger pool keeps its size. From `amd64_min` to
        /// `amd64_max`.
        amd64_fallback: Leaf<Count> ["pods"],
        /// Minimum number of arm64 pods; 0 allows scaling to zero.
        arm64_min: Leaf<Count> ["pods"] = "1",
        /// Maximum number of arm64 pods; required when autoscaling is enabled.
        arm64_max: Leaf<Replicas> ["pods"],
        /// Number of arm64 pods while KEDA cannot read the metric; a larger pool keeps its size. From `arm64_min` to
        /// `arm64_max`.
        arm64_fallback: Leaf<Count> ["pods"],
    }
}

layer! {
    /// The block `buildkit.scale_down`.
    pub struct ScaleDownKeys (Closed) {
        /// Minutes without demand before the first scale-down step, and between steps (there at most 30, the HPA's limit).
        idle_minutes: Leaf<IdleMinutes> ["minutes"] = "20",
        /// Number of pods that one step may remove.
        pods: Leaf<Replicas> ["pods"] = "10",
        /// Share of the pool that one step may remove; the larger of this and `pods` applies.
        percent: Leaf<Percent> ["percent"] = "20",
    }
}

/// The keys of one architecture; in the file they share a block and have prefixed names.
pub struct ArchKeys<'a> {
    pub replicas: &'a Leaf<Replicas>,
    pub pods_per_node: &'a Leaf<PodsPerNode>,
    pub instance_type: &'a Leaf<TypeName>,
    pub instance_types: &'a Leaf<InstanceTypes>,
    pub min: &'a Leaf<Count>,
    pub max: &'a Leaf<Replicas>,
    pub fallback: &'a Leaf<Count>,
}

impl Autoscaling {
    /// Places of the bounds that are given for one architecture.
    pub fn bounds(&self, arch: Arch) -> impl Iterator<Item = Span> {
        let (min, max, fallback) = match arch {
            Arch::Amd64 => (&self.amd64_min, &self.amd64_max, &self.amd64_fallback),
            Arch::Arm64 => (&self.arm64_min, &self.arm64_max, &self.arm64_fallback),
        };
        [min.span(), max.span(), fallback.span()].into_iter().flatten()
    }
}

impl Buildkit {
    /// The values that apply if neither a cluster nor `defaults` gives a key.
    pub fn standard() -> &'static Self {
        static STANDARD: LazyLock<Buildkit> = LazyLock::new(Buildkit::defaults);
        &STANDARD
    }

    pub fn of(&self, arch: Arch) -> ArchKeys<'_> {
        let scaling = &self.autoscaling;
        match arch {
            Arch::Amd64 => ArchKeys {
                replicas: &self.amd64_replicas,
                pods_per_node: &self.amd64_pods_per_node,
                instance_type: &self.amd64_instance_type,
                instance_types: &self.amd64_instance_types,
                min: &scaling.amd64_min,
                max: &scaling.amd64_max,
                fallback: &scaling.amd64_fallback,
            },
            Arch::Arm64 => ArchKeys {
                replicas: &self.arm64_replicas,
                pods_per_node: &self.arm64_pods_per_node,
                instance_type: &self.arm64_instance_type,
                instance_types: &self.arm64_instance_types,
                min: &scaling.arm64_min,
                max: &scaling.arm64_max,
                fallback: &scaling.arm64_fallback,
            },
        }
    }
}
