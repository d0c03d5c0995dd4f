//! clusters.yaml as written: which keys there are, and where. No rules across keys.

use std::sync::LazyLock;

use crate::diagnostics::span::{Span, Spanned};
use crate::input::layer::{LayerField, Leaf, layer};
use crate::input::map::MapOf;
use crate::values::arch::Arch;
use crate::values::count::{Count, IdleMinutes, Minutes, Percent, PodsPerNode, Replicas, Seconds, Size, Small};
use crate::values::image::Image;
use crate::values::instance_type::{InstanceTypes, TypeName};
use crate::values::name::{
    AmiAlias, ClusterName, IpFamily, LabelKey, LabelText, Module, Namespace, Region, RegistryHost, SecretName,
};
use crate::values::toleration::Tolerations;
use crate::values::version::Version;

layer! {
    /// `defaults` or one cluster. Blocks of other tools stand beside ours and are not looked at.
    pub struct ClusterKeys (Open) {
        /// Name of the EKS cluster. Nodes run as the role `<name>-node-role`, find subnets and security groups by the
        /// tag `karpenter.sh/discovery: <name>`, and deploy.sh refuses a context of another cluster.
        cluster_name: Leaf<ClusterName>,
        /// AWS region, which prices depend on.
        region: Leaf<Region>,
        /// Modules installed on the cluster, in the order of installing. Only clusters with `buildkit` get manifests;
        /// autoscaling needs `keda` before it.
        modules: Leaf<Vec<Spanned<Module>>>,
        /// Kubernetes version of the cluster. From 1.35 on the HPA's tolerance can be set to 0; below, or without it,
        /// the fleet aims at 0.9 builds for each pod where KEDA allows it.
        eks_version: Leaf<Version>,
        /// The KEDA module.
        keda: KedaModule,
        /// The fleet of builders. A key that is not known here is an error.
        buildkit: Buildkit,
    }
}

layer! {
    /// What we read of the KEDA module's block.
    pub struct KedaModule (Open) {
        /// Version of the KEDA chart, which is the version of KEDA. Fallback needs 2.17 and is sound from 2.18 on; without
        /// the version only what every KEDA understands is used.
        chart_version: Leaf<Version>,
    }
}

layer! {
    /// The block `buildkit`.
    pub struct Buildkit (Closed) {
        /// Architectures of the fleet.
        architectures: Leaf<Vec<Spanned<Arch>>> = "[amd64, arm64]",
        /// Pods of each architecture, where autoscaling is not enabled.
        replicas_per_arch: Leaf<Replicas> ["pods"] = "4",
        /// Pods of amd64, where autoscaling is not enabled; `replicas_per_arch` unless given.
        amd64_replicas: Leaf<Replicas> ["pods"],
        /// Pods of arm64, where autoscaling is not enabled; `replicas_per_arch` unless given.
        arm64_replicas: Leaf<Replicas> ["pods"],
        /// Pods that share one node, of either architecture. The first instance type, cut into so many, is the size of
        /// a pod.
        pods_per_node: Leaf<PodsPerNode> ["pods"] = "2",
        /// Pods that share one amd64 node; `pods_per_node` unless given. Not beside `amd64_instance_types`.
        amd64_pods_per_node: Leaf<PodsPerNode> ["pods"],
        /// Pods that share one arm64 node; `pods_per_node` unless given. Not beside `arm64_instance_types`.
        arm64_pods_per_node: Leaf<PodsPerNode> ["pods"],
        /// The instance type of amd64 nodes, with local NVMe. Not beside `amd64_instance_types`.
        amd64_instance_type: Leaf<TypeName> = "m6id.24xlarge",
        /// The instance type of arm64 nodes, with local NVMe. Not beside `arm64_instance_types`.
        arm64_instance_type: Leaf<TypeName> = "m8gd.24xlarge",
        /// Instance types of amd64 nodes in order of preference, each with its pods per node. The first type sizes the
        /// pod; the next is used where Karpenter gets no more of the one before. A cluster's block replaces the whole
        /// block of `defaults`.
        amd64_instance_types: Leaf<InstanceTypes>,
        /// Instance types of arm64 nodes in order of preference, each with its pods per node. The first type sizes the
        /// pod; the next is used where Karpenter gets no more of the one before. A cluster's block replaces the whole
        /// block of `defaults`.
        arm64_instance_types: Leaf<InstanceTypes>,
        /// Facts of instance types that the catalogue lacks, or that differ from it.
        instance_specs: MapOf<TypeName, InstanceSpec>,
        /// Scaling by KEDA on the load balancer's count of running and waiting builds.
        autoscaling: Autoscaling,
        /// How fast an idle fleet shrinks.
        scale_down: ScaleDownKeys,
        /// Namespace of the fleet. It is created, and labelled so that privileged pods may run in it.
        namespace: Leaf<Namespace> = "buildkit",
        /// Image of buildkitd, with a version.
        image: Leaf<Image> = "moby/buildkit:v0.32.2",
        /// Image of the load balancer: HAProxy 3.2 or later, whose stop signal is SIGUSR1 as in the official image.
        haproxy_image: Leaf<Image> = "haproxy:3.2-alpine",
        /// The longest build. Every timeout and grace period follows from it.
        max_build_minutes: Leaf<Minutes> ["minutes"] = "120",
        /// Namespaces whose pods may build.
        client_namespaces: Leaf<Vec<Spanned<Namespace>>> = "[arc-runners]",
        /// Namespace of Prometheus, which may read metrics.
        monitoring_namespace: Leaf<Namespace> = "monitoring",
        /// Namespace of KEDA, which may read the load balancer's metrics.
        keda_namespace: Leaf<Namespace> = "keda",
        /// How long a client waits for a silent server; buildctl and buildx wait 20 s.
        client_connect_seconds: Leaf<Seconds> ["seconds"] = "20",
        /// How long a client pauses before it tries again. The load balancer counts a waiting client for the sum of this
        /// and `client_connect_seconds`: if clients pause longer, fewer are counted than there are.
        client_retry_pause_seconds: Leaf<Seconds> ["seconds"] = "15",
        /// Address families of the cluster's pods. `dual` is right for single-stack clusters of either kind as well.
        ip_family: Leaf<IpFamily> = "dual",
        /// Mirrors of registries, each asked in order before the registry itself.
        registry_mirrors: MapOf<RegistryHost, Leaf<Vec<Spanned<RegistryHost>>>>,
        /// Registries that speak plain HTTP.
        http_registries: Leaf<Vec<Spanned<RegistryHost>>>,
        /// Alias of the node image. Pin a date: with `latest` each release of the image replaces every node.
        ami_alias: Leaf<AmiAlias> = "al2023@latest",
        /// Secret with tls.crt, tls.key and ca.crt: buildkitd then takes only clients with a certificate of that CA.
        mtls_secret: Leaf<SecretName>,
        /// ServiceMonitors and alerts.
        monitoring: Monitoring,
        /// Labels on every object, and on no pod: a change of them would roll the load balancer and every builder.
        extra_labels: MapOf<LabelKey, Leaf<LabelText>>,
        /// Tolerations of the load balancer's pod.
        lb_tolerations: Leaf<Tolerations> = "[{key: CriticalAddonsOnly, operator: Exists}]",
    }
}

layer! {
    /// The block `buildkit.autoscaling`.
    pub struct Autoscaling (Closed) {
        /// Whether KEDA scales the pools.
        enabled: Leaf<bool> = "false",
        /// Fewest pods of amd64; 0 lets the pool sleep.
        amd64_min: Leaf<Count> ["pods"] = "1",
        /// Most pods of amd64; required where autoscaling is enabled.
        amd64_max: Leaf<Replicas> ["pods"],
        /// Pods of amd64 while KEDA cannot read the metric; a larger pool stays as it is. From `amd64_min` to `amd64_max`.
        amd64_fallback: Leaf<Count> ["pods"],
        /// Fewest pods of arm64; 0 lets the pool sleep.
        arm64_min: Leaf<Count> ["pods"] = "1",
        /// Most pods of arm64; required where autoscaling is enabled.
        arm64_max: Leaf<Replicas> ["pods"],
        /// Pods of arm64 while KEDA cannot read the metric; a larger pool stays as it is. From `arm64_min` to `arm64_max`.
        arm64_fallback: Leaf<Count> ["pods"],
    }
}

layer! {
    /// The block `buildkit.scale_down`.
    pub struct ScaleDownKeys (Closed) {
        /// Minutes without demand before the first step, and between two steps (there at most 30, the HPA's limit).
        idle_minutes: Leaf<IdleMinutes> ["minutes"] = "20",
        /// Pods that may go in one step.
        pods: Leaf<Replicas> ["pods"] = "10",
        /// Share of the pool that may go in one step; the larger of the two counts.
        percent: Leaf<Percent> ["percent"] = "20",
    }
}

layer! {
    /// The block `buildkit.monitoring`.
    pub struct Monitoring (Closed) {
        /// Whether ServiceMonitors and alerts are written.
        enabled: Leaf<bool> = "true",
    }
}

layer! {
    /// One row of `buildkit.instance_specs`.
    pub struct InstanceSpec (Closed) {
        /// CPU architecture.
        arch: Leaf<Arch>,
        /// Virtual CPUs.
        vcpu: Leaf<Small> ["vCPU"],
        /// Memory, as the vendor states it.
        memory_mib: Leaf<Size> ["MiB"],
        /// Local NVMe over all disks.
        local_nvme_gb: Leaf<Size> ["GB"],
        /// Pods that the network interfaces allow; the kubelet's memory reservation follows from it.
        eni_max_pods: Leaf<Small> ["pods"],
        /// NUMA nodes: whole CPUs of one NUMA node go to each builder, so the pods per node must divide over them.
        numa_nodes: Leaf<Small>,
    }
}

/// The keys of one architecture, which stand in one block under prefixed names.
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
    /// Places of the numbers that are given for one architecture.
    pub fn bounds(&self, arch: Arch) -> impl Iterator<Item = Span> {
        let (min, max, fallback) = match arch {
            Arch::Amd64 => (&self.amd64_min, &self.amd64_max, &self.amd64_fallback),
            Arch::Arm64 => (&self.arm64_min, &self.arm64_max, &self.arm64_fallback),
        };
        [min.span(), max.span(), fallback.span()].into_iter().flatten()
    }
}

impl Buildkit {
    /// What holds where neither a cluster nor `defaults` gives a key.
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
