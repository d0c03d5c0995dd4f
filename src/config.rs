//! clusters.yaml as written: which keys there are, and where. No rules across keys.

use crate::fleet::arch::Arch;
use crate::fleet::count::{Count, IdleMinutes, Minutes, Percent, PodsPerNode, Replicas, Seconds, Size, Small};
use crate::fleet::image::Image;
use crate::fleet::name::{
    AmiAlias, ClusterName, IpFamily, LabelText, Module, Namespace, Region, RegistryHost, SecretName,
};
use crate::fleet::toleration::Tolerations;
use crate::instances::{InstanceTypes, TypeName};
use crate::layer::{Field, Keys, Leaf, MapOf, entries, layer};
use crate::problem::{Problem, Problems, Span, Spanned, did_you_mean};
use crate::rule;
use crate::versions::Version;
use crate::yaml::Node;

layer! {
    /// `defaults` or one cluster. Blocks of other tools stand beside ours and are not looked at.
    pub struct Entry (Open) {
        /// Name of the EKS cluster: node role, discovery tags and the deploy guard come from it.
        cluster_name: Leaf<ClusterName>,
        /// AWS region.
        region: Leaf<Region>,
        /// Modules installed on the cluster, in order.
        modules: Leaf<Vec<Spanned<Module>>>,
        /// Kubernetes version of the cluster.
        eks_version: Leaf<Version>,
        /// The KEDA module.
        keda: KedaModule,
        /// The BuildKit module: ours.
        buildkit: Buildkit,
    }
}

layer! {
    /// What we read of the KEDA module's block.
    pub struct KedaModule (Open) {
        /// Version of the KEDA chart, which is the version of KEDA.
        chart_version: Leaf<Version>,
    }
}

layer! {
    /// The block `buildkit`.
    pub struct Buildkit (Closed) {
        /// Architectures of the fleet.
        architectures: Leaf<Vec<Spanned<Arch>>>,
        /// Pods of each architecture, where the pool is fixed.
        replicas_per_arch: Leaf<Replicas>,
        /// Pods of amd64, where the pool is fixed.
        amd64_replicas: Leaf<Replicas>,
        /// Pods of arm64, where the pool is fixed.
        arm64_replicas: Leaf<Replicas>,
        /// Pods that share one node.
        pods_per_node: Leaf<PodsPerNode>,
        /// Pods that share one amd64 node.
        amd64_pods_per_node: Leaf<PodsPerNode>,
        /// Pods that share one arm64 node.
        arm64_pods_per_node: Leaf<PodsPerNode>,
        /// The instance type of amd64 nodes.
        amd64_instance_type: Leaf<TypeName>,
        /// The instance type of arm64 nodes.
        arm64_instance_type: Leaf<TypeName>,
        /// Instance types of amd64 nodes in order of preference, each with its pods per node.
        amd64_instance_types: Leaf<InstanceTypes>,
        /// Instance types of arm64 nodes in order of preference, each with its pods per node.
        arm64_instance_types: Leaf<InstanceTypes>,
        /// Facts of instance types that the catalogue lacks.
        instance_specs: MapOf<InstanceSpec>,
        /// Scaling by KEDA.
        autoscaling: Autoscaling,
        /// How fast an idle fleet shrinks.
        scale_down: ScaleDown,
        /// Namespace of the fleet.
        namespace: Leaf<Namespace>,
        /// Image of buildkitd.
        image: Leaf<Image>,
        /// Image of the load balancer.
        haproxy_image: Leaf<Image>,
        /// Longest build; every timeout derives from it.
        max_build_minutes: Leaf<Minutes>,
        /// Namespaces whose pods may build.
        client_namespaces: Leaf<Vec<Spanned<Namespace>>>,
        /// Namespace of Prometheus.
        monitoring_namespace: Leaf<Namespace>,
        /// Namespace of KEDA.
        keda_namespace: Leaf<Namespace>,
        /// How long a client waits for a silent server.
        client_connect_seconds: Leaf<Seconds>,
        /// How long a client pauses before it tries again.
        client_retry_pause_seconds: Leaf<Seconds>,
        /// Address families of the cluster's pods.
        ip_family: Leaf<IpFamily>,
        /// Mirrors of registries, asked in order.
        registry_mirrors: MapOf<Leaf<Vec<Spanned<RegistryHost>>>>,
        /// Registries that speak plain HTTP.
        http_registries: Leaf<Vec<Spanned<RegistryHost>>>,
        /// Alias of the node image.
        ami_alias: Leaf<AmiAlias>,
        /// Secret with tls.crt, tls.key and ca.crt: buildkitd then takes only clients with a certificate.
        mtls_secret: Leaf<SecretName>,
        /// ServiceMonitors and alerts.
        monitoring: Monitoring,
        /// Labels on every object.
        extra_labels: MapOf<Leaf<LabelText>>,
        /// Tolerations of the load balancer's pod.
        lb_tolerations: Leaf<Tolerations>,
    }
}

layer! {
    /// The block `buildkit.autoscaling`.
    pub struct Autoscaling (Closed) {
        /// Whether KEDA scales the pools.
        enabled: Leaf<bool>,
        /// Fewest pods of amd64; 0 lets the pool sleep.
        amd64_min: Leaf<Count>,
        /// Most pods of amd64.
        amd64_max: Leaf<Replicas>,
        /// Pods of amd64 while KEDA cannot read the metric.
        amd64_fallback: Leaf<Count>,
        /// Fewest pods of arm64; 0 lets the pool sleep.
        arm64_min: Leaf<Count>,
        /// Most pods of arm64.
        arm64_max: Leaf<Replicas>,
        /// Pods of arm64 while KEDA cannot read the metric.
        arm64_fallback: Leaf<Count>,
    }
}

layer! {
    /// The block `buildkit.scale_down`.
    pub struct ScaleDown (Closed) {
        /// Minutes without demand before the first pod goes, and between two steps.
        idle_minutes: Leaf<IdleMinutes>,
        /// Pods that may go in one step.
        pods: Leaf<Replicas>,
        /// Share of the pool that may go in one step; the larger of the two counts.
        percent: Leaf<Percent>,
    }
}

layer! {
    /// The block `buildkit.monitoring`.
    pub struct Monitoring (Closed) {
        /// Whether ServiceMonitors and alerts are written.
        enabled: Leaf<bool>,
    }
}

layer! {
    /// One row of `buildkit.instance_specs`.
    pub struct InstanceSpec (Closed) {
        /// CPU architecture.
        arch: Leaf<Arch>,
        /// Virtual CPUs.
        vcpu: Leaf<Small>,
        /// Memory in MiB, as the vendor states it.
        memory_mib: Leaf<Size>,
        /// Local NVMe in GB over all disks.
        local_nvme_gb: Leaf<Size>,
        /// Pods that the network interfaces allow.
        eni_max_pods: Leaf<Small>,
        /// NUMA nodes.
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

/// One cluster as written.
#[derive(Debug)]
pub struct Cluster {
    pub name: Spanned<String>,
    /// The cluster's own block, from its key to its end.
    pub span: Span,
    pub entry: Entry,
    /// What is wrong with the block as written.
    pub problems: Problems,
}

/// The file as written.
#[derive(Debug, Default)]
pub struct Config {
    pub defaults: Entry,
    /// The key `clusters`.
    pub clusters_at: Span,
    pub clusters: Vec<Cluster>,
}

impl Config {
    pub fn read(root: &Node, problems: &mut Problems) -> Self {
        let mut config = Config::default();
        for (key, span, value) in entries("clusters.yaml", root, Keys::Open, problems) {
            match key {
                "defaults" => config.defaults = Entry::read("defaults", span, value, problems),
                "clusters" => {
                    config.clusters_at = span;
                    for (name, key, block) in entries("clusters", value, Keys::Closed, problems) {
                        let mut problems = Problems::default();
                        config.clusters.push(Cluster {
                            name: Spanned { value: name.to_owned(), span: key },
                            span: Span { start: key.start, end: block.span.end.max(key.end) },
                            entry: Entry::read(name, key, block, &mut problems),
                            problems,
                        });
                    }
                }
                _ => {
                    if let Some(near) = did_you_mean(key, ["defaults", "clusters"]) {
                        problems.push(
                            Problem::new(&rule::MISSPELT_TOP_LEVEL, format!("the block `{key}` is not read"))
                                .at(span, format!("did you mean `{near}`?"))
                                .help(format!("rename it to `{near}`, unless another tool reads it")),
                        );
                    }
                }
            }
        }
        if config.clusters.is_empty() && !problems.has_errors() {
            let start = Span { start: root.span.start, end: root.span.start + 1 };
            let given = config.clusters_at != Span::default();
            problems.push(
                Problem::new(&rule::CLUSTERS_REQUIRED, "the file has no clusters")
                    .at(
                        if given { config.clusters_at } else { start },
                        if given { "empty" } else { "expected `clusters:` in this block" },
                    )
                    .help("write `clusters:` with one block for each cluster"),
            );
        }
        config
    }
}
