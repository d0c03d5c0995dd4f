//! The block `buildkit.builder`: what buildkitd needs from its surroundings.

use crate::diagnostics::span::Spanned;
use crate::input::layer::{Leaf, layer};
use crate::input::map::MapOf;
use crate::values::build_guard::BuildGuard;
use crate::values::cache_disk::CacheDisk;
use crate::values::count::PodVcpu;
use crate::values::env::{ConfigMapName, DataKey, EnvName, EnvValue, PlainText, ServiceAccountName};
use crate::values::name::SecretName;
use crate::values::proxy::{NoProxy, ProxyUrl};
use crate::values::toml::TomlTables;
use crate::values::volume::{AbsolutePath, AnnotationKey, VolumeName, VolumeSize, WholeGib};

layer! {
    /// The block `buildkit.builder`.
    pub struct BuilderKeys (Closed) {
        /// Disk of the build cache. With `root`, types need no NVMe, and what there is of it stays unused; sizes follow
        /// `nodes.root_volume.size_gib`, which must be given, less 20 GiB for images. Raise its `iops` and `throughput` too.
        cache_disk: Leaf<CacheDisk> = "nvme",
        /// CPU of one builder, where no instance type determines it: with `nodes.provisioner: none`, together with `memory` and
        /// `cache`. Requested and limited; a node needs more for itself and its DaemonSets.
        cpu: Leaf<PodVcpu> ["vCPU"],
        /// Memory of one builder, like `cpu`.
        memory: Leaf<WholeGib>,
        /// Disk of one builder's cache, like `cpu`. The pod requests it of its node's disk, and buildkitd collects garbage
        /// above it; builds that run need more.
        cache: Leaf<WholeGib>,
        /// Environment variables of buildkitd: text, or a key of a Secret or ConfigMap in the fleet's namespace. Kubernetes
        /// replaces `$(NAME)` in a text by an earlier variable. Steps of a build do not see them. A change rolls the builders.
        env: MapOf<EnvName, Leaf<EnvValue>>,
        /// Proxies for what buildkitd itself fetches and pushes.
        proxy: ProxyKeys,
        /// Certificates that buildkitd trusts beside those of its image, for registries and HTTP sources. Steps of a build and
        /// git do not see them.
        ca_certificates: CaCertificates,
        /// The ServiceAccount of the builders.
        service_account: ServiceAccountKeys,
        /// Secrets with which the images of the builders and of the load balancer are pulled. A change rolls both.
        image_pull_secrets: Leaf<Vec<Spanned<SecretName>>>,
        /// Further volumes of buildkitd, each with one of `config_map`, `secret`, `empty_dir` and `host_path`. A change rolls
        /// the builders.
        volumes: MapOf<VolumeName, VolumeKeys>,
        /// Further tables and keys of buildkitd.toml, merged into the fleet's own: entitlements, certificates of registries,
        /// DNS, logs. What the fleet sets itself is refused. A change rolls the builders.
        toml: TomlTables,
        /// Whether each pod itself refuses a second build, also while the load balancer rolls. With `require`, a pod that
        /// cannot does not start. Not tried on a real node so far (docs/guard.md). A change rolls the builders, and then the
        /// load balancer.
        one_build_guard: Leaf<BuildGuard> = "off",
    }
}

layer! {
    /// The block `buildkit.builder.proxy`.
    pub struct ProxyKeys (Closed) {
        /// Proxy for `http://` addresses: `HTTP_PROXY` and `http_proxy`.
        http: Leaf<ProxyUrl>,
        /// Proxy for `https://` addresses: `HTTPS_PROXY` and `https_proxy`.
        https: Leaf<ProxyUrl>,
        /// Hosts, domains and networks that are reached without the proxy, beside the cluster's own names, which are always
        /// in it.
        no_proxy: Leaf<Vec<Spanned<NoProxy>>>,
    }
}

layer! {
    /// The block `buildkit.builder.ca_certificates`.
    pub struct CaCertificates (Closed) {
        /// Name of a ConfigMap in the fleet's namespace.
        config_map: Leaf<ConfigMapName>,
        /// Name of a Secret in the fleet's namespace.
        secret: Leaf<SecretName>,
        /// Its key with the certificates, in PEM. Pods wait until it is there.
        key: Leaf<DataKey> = "ca.crt",
    }
}

layer! {
    /// The block `buildkit.builder.service_account`.
    pub struct ServiceAccountKeys (Closed) {
        /// Name of the ServiceAccount; required.
        name: Leaf<ServiceAccountName>,
        /// Annotations of the ServiceAccount, such as the role of IRSA. They take effect for new pods.
        annotations: MapOf<AnnotationKey, Leaf<PlainText>>,
        /// Whether to write the ServiceAccount. With `false`, it must be there already.
        create: Leaf<bool> = "true",
        /// Whether pods get a token for the Kubernetes API. IRSA and Pod Identity bring tokens of their own and need none.
        token: Leaf<bool> = "false",
    }
}

layer! {
    /// One volume of `buildkit.builder.volumes`.
    pub struct VolumeKeys (Closed) {
        /// Name of a ConfigMap in the fleet's namespace.
        config_map: Leaf<ConfigMapName>,
        /// Name of a Secret in the fleet's namespace.
        secret: Leaf<SecretName>,
        /// `true` for an empty directory on the node's disk, deleted with the pod.
        empty_dir: Leaf<bool>,
        /// A directory of the node. Builders are privileged, but whatever is in it outlives them.
        host_path: Leaf<AbsolutePath>,
        /// Where buildkitd sees it; required.
        mount_path: Leaf<AbsolutePath>,
        /// Whether it is mounted read-only; defaults to `false` for `empty_dir` and to `true` for everything else.
        read_only: Leaf<bool>,
        /// Limit of `empty_dir`. A pod that exceeds it is evicted, and its build killed.
        size: Leaf<VolumeSize>,
    }
}
