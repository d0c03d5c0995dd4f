//! What the templates see: every value computed, every number decided. One view for a cluster.

use std::borrow::Cow;

use serde::Serialize;

use crate::alerts::{self, Alert};
use crate::fleet::arch::Arch;
use crate::fleet::name::IpFamily;
use crate::fleet::scaling::Scaling;
use crate::fleet::toleration::Toleration;
use crate::fleet::{Fleet, Pool, discovery_name};
use crate::hpa::ScalingRules;
use crate::rules::DNS_PAYLOAD_BYTES;
use crate::scrape;
use crate::sizing;

/// The load balancer's frontend that takes any architecture.
const COMBINED_PORT: u16 = 1234;
const HEALTH_PORT: u16 = 8405;
const STATS_PORT: u16 = 8404;
pub(crate) const METRICS_PORT: u16 = 9404;

/// How often KEDA looks at a pool that sleeps: clients are held for half a minute.
pub(crate) const POLLING_INTERVAL_S: u32 = 10;

/// How long a node is empty before it goes: a burst's nodes serve the next one of the same minutes.
pub(crate) const CONSOLIDATE_AFTER_MINUTES: u32 = 5;

/// Failed reads of the metric that KEDA bears: the fallback comes with the next.
pub(crate) const FALLBACK_THRESHOLD: u32 = 3;

#[derive(Debug, Serialize)]
pub struct View<'a> {
    pub cluster: ClusterView<'a>,
    pub pools: Vec<PoolView<'a>>,
    pub timing: TimingView,
    pub lb: LbView<'a>,
    /// None where every pool is fixed.
    pub keda: Option<KedaView>,
    pub registries: Vec<RegistryView<'a>>,
    pub alerts: Vec<Alert>,
    pub files: Files,
}

#[derive(Debug, Serialize)]
pub struct ClusterView<'a> {
    pub key: &'a str,
    pub cluster_name: &'a str,
    pub node_role: String,
    pub namespace: &'a str,
    pub image: &'a str,
    pub listen: &'static str,
    pub debug_listen: &'static str,
    pub ami_alias: &'a str,
    pub imds_ipv6: &'static str,
    pub client_namespaces: Vec<&'a str>,
    pub monitoring_namespace: &'a str,
    pub keda_namespace: &'a str,
    pub mtls_secret: Option<&'a str>,
    pub extra_labels: &'a indexmap::IndexMap<String, String>,
    pub consolidate_after_minutes: u32,
}

#[derive(Debug, Serialize)]
pub struct PoolView<'a> {
    pub arch: Arch,
    pub lb_port: u16,
    pub slot_prefix: &'static str,
    /// Most connections of its frontend.
    pub connections: u64,
    pub slots: u64,
    /// The largest peak that these slots serve.
    pub slots_peak: u64,
    pub discovery_name: String,
    pub peak: u32,
    /// Pods of a fixed pool.
    pub replicas: Option<u32>,
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub fallback: Option<u32>,
    pub scale_up: Option<RulesView>,
    pub value_location: String,
    pub vcpu: u64,
    pub gib: u64,
    pub usable_cpu_m: u64,
    pub usable_mib: u64,
    pub first_type: &'a str,
    pub pods_per_node: u64,
    pub most_pods_per_node: u64,
    pub cache_request_gb: u64,
    pub max_used_percent: u64,
    pub reserved_percent: u64,
    pub min_free_percent: u64,
    pub node_name_tag: String,
    pub types: Vec<TypeView<'a>>,
    /// Rendered buildkitd.toml and its checksum, filled in by the renderer.
    pub buildkitd_toml: String,
    pub config_checksum: String,
}

#[derive(Debug, Serialize)]
pub struct TypeView<'a> {
    pub name: &'a str,
    pub nodepool: &'a str,
    pub weight: usize,
    pub pods_per_node: u64,
    pub nodes_at_peak: u64,
    pub node_limit: u64,
    pub cpu_limit: u64,
}

#[derive(Debug, Serialize)]
pub struct TimingView {
    pub max_build_minutes: u32,
    pub client_connect_s: u32,
    pub client_retry_pause_s: u32,
    pub queue_s: u32,
    pub hold_retries: u32,
    pub lb_timeout_minutes: u32,
    pub grace_s: u32,
    pub drain_cap_s: u32,
    pub drain_cap_minutes: u32,
}

#[derive(Debug, Serialize)]
pub struct LbView<'a> {
    pub image: &'a str,
    pub dns_accept_family: bool,
    pub dns_families: &'static str,
    pub resolve_prefer: &'static str,
    pub bind: &'static str,
    pub bind_options: &'static str,
    pub connections: u64,
    /// Most connections of the frontend that takes any architecture.
    pub combined_connections: u64,
    pub slots: u64,
    pub memory_mib: u64,
    pub dns_payload_bytes: u64,
    pub combined_port: u16,
    pub health_port: u16,
    pub stats_port: u16,
    pub metrics_port: u16,
    pub tolerations: &'a [Toleration],
    /// Rendered haproxy.cfg and the checksum of the ConfigMap, filled in by the renderer.
    pub haproxy_cfg: String,
    pub config_checksum: String,
}

#[derive(Debug, Serialize)]
pub struct KedaView {
    pub url: String,
    pub target_value: &'static str,
    pub tolerance: bool,
    pub trigger_timeout: bool,
    pub polling_interval_s: u32,
    pub failure_threshold: u32,
    pub idle_minutes: u32,
    pub scale_down: RulesView,
}

/// One direction of the HPA's behavior.
#[derive(Debug, Serialize)]
pub struct RulesView {
    pub stabilization_s: u32,
    pub pods: u32,
    pub percent: u32,
    pub period_s: u32,
    pub period_minutes: u32,
}

impl RulesView {
    fn of(rules: ScalingRules) -> Self {
        let ScalingRules { stabilization_s, pods, percent, period_s, tolerance: _ } = rules;
        RulesView { stabilization_s, pods, percent, period_s, period_minutes: period_s / 60 }
    }
}

#[derive(Debug, Serialize)]
pub struct RegistryView<'a> {
    pub host: &'a str,
    pub mirrors: Vec<&'a str>,
    pub http: bool,
}

/// Scripts that go into pods as they are.
#[derive(Debug, Serialize)]
pub struct Files {
    pub drain_sh: Cow<'static, str>,
    pub drain_checksum: String,
    pub start_sh: Cow<'static, str>,
}

impl<'a> View<'a> {
    pub fn of(fleet: &'a Fleet, files: Files) -> Self {
        View {
            cluster: cluster_view(fleet),
            pools: fleet.pools.iter().map(|pool| pool_view(fleet, pool)).collect(),
            timing: timing_view(fleet),
            lb: lb_view(fleet),
            keda: fleet.autoscaled().then(|| keda_view(fleet)),
            registries: fleet
                .registries
                .iter()
                .map(|(host, registry)| RegistryView {
                    host: host.as_str(),
                    mirrors: registry.mirrors.iter().map(crate::fleet::name::RegistryHost::as_str).collect(),
                    http: registry.http,
                })
                .collect(),
            alerts: alerts::of(fleet),
            files,
        }
    }
}

fn cluster_view(fleet: &Fleet) -> ClusterView<'_> {
    // On a node without IPv6 there is no [::] to listen on.
    let (listen, debug_listen) = match fleet.ip_family {
        IpFamily::Ipv4 => ("tcp://0.0.0.0:1234", "0.0.0.0:9090"),
        IpFamily::Dual | IpFamily::Ipv6 => ("tcp://[::]:1234", "[::]:9090"),
    };
    ClusterView {
        key: fleet.key.as_str(),
        cluster_name: fleet.cluster_name.as_str(),
        node_role: format!("{}-node-role", fleet.cluster_name),
        namespace: fleet.namespace.as_str(),
        image: fleet.image.as_str(),
        listen,
        debug_listen,
        ami_alias: fleet.ami_alias.as_str(),
        imds_ipv6: if fleet.ip_family == IpFamily::Ipv4 { "disabled" } else { "enabled" },
        client_namespaces: fleet.client_namespaces.iter().map(crate::fleet::name::Namespace::as_str).collect(),
        monitoring_namespace: fleet.monitoring_namespace.as_str(),
        keda_namespace: fleet.keda_namespace.as_str(),
        mtls_secret: fleet.mtls_secret.as_ref().map(crate::fleet::name::SecretName::as_str),
        extra_labels: &fleet.extra_labels,
        consolidate_after_minutes: CONSOLIDATE_AFTER_MINUTES,
    }
}

pub(crate) fn pool_view<'a>(fleet: &'a Fleet, pool: &'a Pool) -> PoolView<'a> {
    let plan = &pool.plan;
    let first = plan.first();
    let usable = sizing::usable(&first.instance);
    let shares = sizing::cache_shares(plan.most_pods_per_node());
    let peak = pool.scaling.peak();
    let slots = sizing::server_slots(peak.into());
    let (replicas, bounds) = match pool.scaling {
        Scaling::Fixed { replicas } => (Some(replicas), None),
        Scaling::Keda { bounds, .. } => (None, Some(bounds)),
    };
    PoolView {
        arch: pool.arch,
        lb_port: pool.arch.lb_port(),
        slot_prefix: pool.arch.slot_prefix(),
        connections: sizing::frontend_connections(peak.into()),
        slots,
        slots_peak: slots / 2,
        discovery_name: discovery_name(pool.arch, &fleet.namespace),
        peak,
        replicas,
        min: bounds.map(super::fleet::scaling::Bounds::min),
        max: bounds.map(super::fleet::scaling::Bounds::max),
        fallback: fleet.fallback(pool),
        scale_up: bounds.map(|bounds| RulesView::of(ScalingRules::up(fleet, bounds.max()))),
        value_location: scrape::sessions_of(pool.arch),
        vcpu: plan.pod.vcpu,
        gib: plan.pod.gib,
        usable_cpu_m: usable.millicores,
        usable_mib: usable.mib,
        first_type: &first.instance.name,
        pods_per_node: first.pods_per_node,
        most_pods_per_node: plan.most_pods_per_node(),
        cache_request_gb: plan.cache_request_gb(),
        max_used_percent: shares.max_used_percent,
        reserved_percent: shares.reserved_percent,
        min_free_percent: sizing::MIN_FREE_PERCENT,
        node_name_tag: format!("{}-buildkit-{}", fleet.cluster_name, pool.arch.name()),
        types: plan
            .entries
            .iter()
            .enumerate()
            .map(|(place, entry)| {
                let node_limit = sizing::node_limit(peak.into(), entry.pods_per_node);
                TypeView {
                    name: &entry.instance.name,
                    nodepool: &entry.nodepool,
                    weight: 100 - place,
                    pods_per_node: entry.pods_per_node,
                    nodes_at_peak: sizing::nodes(peak.into(), entry.pods_per_node),
                    node_limit,
                    cpu_limit: node_limit * entry.instance.vcpu,
                }
            })
            .collect(),
        buildkitd_toml: String::new(),
        config_checksum: String::new(),
    }
}

fn timing_view(fleet: &Fleet) -> TimingView {
    let timing = fleet.timing;
    TimingView {
        max_build_minutes: timing.max_build_minutes(),
        client_connect_s: timing.client_connect_s(),
        client_retry_pause_s: timing.client_retry_pause_s(),
        queue_s: timing.queue_s(),
        hold_retries: timing.hold_retries(),
        lb_timeout_minutes: timing.lb_timeout_minutes(),
        grace_s: timing.grace_s(),
        drain_cap_s: timing.drain_cap_s(),
        drain_cap_minutes: timing.drain_cap_s() / 60,
    }
}

pub(crate) fn lb_view(fleet: &Fleet) -> LbView<'_> {
    let slots = fleet.pools.iter().map(|pool| sizing::server_slots(pool.scaling.peak().into())).sum();
    let of_pools = fleet.pools.iter().map(|pool| sizing::frontend_connections(pool.scaling.peak().into()));
    let combined_connections = of_pools.clone().max().unwrap_or_default();
    let connections = sizing::lb_connections(of_pools.sum::<u64>() + combined_connections);
    let (dns_families, resolve_prefer, bind, bind_options) = match fleet.ip_family {
        IpFamily::Dual => ("ipv4,ipv6", "ipv6", "::", " v4v6"),
        IpFamily::Ipv4 => ("ipv4", "ipv4", "0.0.0.0", ""),
        IpFamily::Ipv6 => ("ipv6", "ipv6", "::", ""),
    };
    LbView {
        image: fleet.lb.image.as_str(),
        dns_accept_family: fleet.lb.can.dns_accept_family,
        dns_families,
        resolve_prefer,
        bind,
        bind_options,
        connections,
        combined_connections,
        slots,
        memory_mib: sizing::lb_memory_mib(connections, slots),
        dns_payload_bytes: DNS_PAYLOAD_BYTES,
        combined_port: COMBINED_PORT,
        health_port: HEALTH_PORT,
        stats_port: STATS_PORT,
        metrics_port: METRICS_PORT,
        tolerations: &fleet.lb.tolerations,
        haproxy_cfg: String::new(),
        config_checksum: String::new(),
    }
}

fn keda_view(fleet: &Fleet) -> KedaView {
    KedaView {
        url: scrape::sessions_url(&fleet.namespace),
        target_value: fleet.ladder.target_value(),
        tolerance: fleet.ladder.scale_up_tolerance(),
        trigger_timeout: fleet.ladder.trigger_timeout(),
        polling_interval_s: POLLING_INTERVAL_S,
        failure_threshold: FALLBACK_THRESHOLD,
        idle_minutes: fleet.scale_down.idle_minutes,
        scale_down: RulesView::of(ScalingRules::down(fleet.scale_down)),
    }
}
