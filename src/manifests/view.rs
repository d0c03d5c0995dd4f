//! The data for the templates: all values are computed here. One view per cluster.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Serialize;

use crate::fleet::dns::DNS_PAYLOAD_BYTES;
use crate::fleet::hpa::ScalingRules;
use crate::fleet::model::Fleet;
use crate::fleet::nodes::NodeSettings;
use crate::fleet::ports::{CHECK_PORT, COMBINED_PORT, HEALTH_PORT, METRICS_PORT, STATS_PORT};
use crate::fleet::scaling::{FALLBACK_THRESHOLD, POLLING_INTERVAL_S};
use crate::fleet::sizing;
use crate::fleet::timing::CONSOLIDATE_AFTER_MINUTES;
use crate::manifests::alert::AlertView;
use crate::manifests::alerts;
use crate::manifests::builder_view::BuilderView;
use crate::manifests::dashboard::view::DashboardView;
use crate::manifests::pool_view::{PoolView, RulesView, pool_view};
use crate::manifests::scrape;
use crate::manifests::service_view::ServiceView;
use crate::manifests::toml_view::TomlView;
use crate::values::delivery::Delivery;
use crate::values::name::IpFamily;
use crate::values::toleration::Toleration;

/// Pods of the load balancer at a time: the one that serves, the next one, and old ones that finish their builds.
const LB_QUOTA_PODS: u32 = 20;

#[derive(Debug, Serialize)]
pub struct View<'a> {
    pub cluster: ClusterView<'a>,
    pub pools: Vec<PoolView<'a>>,
    pub builder: BuilderView<'a>,
    pub timing: TimingView,
    pub lb: LbView<'a>,
    /// `None` if every pool has a fixed size.
    pub keda: Option<KedaView>,
    pub registries: Vec<RegistryView<'a>>,
    /// The user's part of buildkitd.toml.
    pub toml: TomlView,
    pub alerts: Vec<AlertView>,
    pub dashboard: Option<DashboardView<'a>>,
    pub files: Files,
}

#[derive(Debug, Serialize)]
pub struct ClusterView<'a> {
    pub key: &'a str,
    pub cluster_name: &'a str,
    pub region: Option<&'a str>,
    pub namespace: &'a str,
    pub image: &'a str,
    pub listen: &'static str,
    /// Where checks of a guarded builder are answered.
    pub check_listen: String,
    pub debug_listen: &'static str,
    pub imds_ipv6: &'static str,
    pub client_namespaces: Vec<&'a str>,
    pub monitoring_namespace: &'a str,
    pub keda_namespace: &'a str,
    pub mtls_secret: Option<&'a str>,
    pub extra_labels: &'a indexmap::IndexMap<String, String>,
    pub consolidate_after_minutes: u32,
    pub single_process_oom_kill: bool,
    /// `script`, `argocd` or `flux`.
    pub delivery: Delivery,
    /// Name and value of the label that a central store gives the cluster's series.
    pub cluster_label: Option<(&'a str, &'a str)>,
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
    /// Connection limit of the frontend for any architecture.
    pub combined_connections: u64,
    pub slots: u64,
    pub memory_mib: u64,
    pub dns_payload_bytes: u64,
    pub combined_port: u16,
    pub health_port: u16,
    pub stats_port: u16,
    pub metrics_port: u16,
    pub tolerations: &'a [Toleration],
    pub priority_class: &'a str,
    /// Pods of that class that the namespace may have; none where any namespace may use it.
    pub quota_pods: Option<u32>,
    /// A node of its own.
    pub node: Option<LbNodeView<'a>>,
    pub service: Option<ServiceView<'a>>,
    /// Rendered haproxy.cfg and the name of its ConfigMap, filled in by the renderer.
    pub haproxy_cfg: String,
    pub config: String,
}

#[derive(Debug, Serialize)]
pub struct LbNodeView<'a> {
    pub instance_type: &'a str,
    pub name_tag: String,
    pub settings: &'a NodeSettings,
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

#[derive(Debug, Serialize)]
pub struct RegistryView<'a> {
    pub host: &'a str,
    pub mirrors: Vec<&'a str>,
    pub http: bool,
    /// Further keys, as lines of TOML.
    pub more: Vec<String>,
}

/// Scripts that are copied into pods unchanged.
#[derive(Debug, Serialize)]
pub struct Files {
    pub drain_sh: Cow<'static, str>,
    /// Name of the ConfigMap of drain.sh.
    pub drain_config: String,
    pub guard_sh: Cow<'static, str>,
    pub start_sh: Cow<'static, str>,
}

impl<'a> View<'a> {
    pub fn of(fleet: &'a Fleet, files: Files) -> Self {
        let toml = TomlView::of(&fleet.builder.toml);
        View {
            cluster: cluster_view(fleet),
            pools: fleet.pools.iter().map(|pool| pool_view(fleet, pool)).collect(),
            builder: BuilderView::of(&fleet.builder),
            timing: timing_view(fleet),
            lb: lb_view(fleet),
            keda: fleet.autoscaled().then(|| keda_view(fleet)),
            registries: registries_view(fleet, &toml.registries),
            toml,
            alerts: alerts::viewed(fleet),
            dashboard: DashboardView::of(fleet),
            files,
        }
    }
}

/// Registries with mirrors or plain HTTP, then those that only `builder.toml` has.
fn registries_view<'a>(fleet: &'a Fleet, more: &IndexMap<String, Vec<String>>) -> Vec<RegistryView<'a>> {
    let further = |host: &str| more.get(host).cloned().unwrap_or_default();
    let own = fleet.registries.iter().map(|(host, registry)| RegistryView {
        host: host.as_str(),
        mirrors: registry.mirrors.iter().map(crate::values::name::RegistryHost::as_str).collect(),
        http: registry.http,
        more: further(host.as_str()),
    });
    let hosts = fleet.builder.toml.get("registry").and_then(serde_json::Value::as_object).into_iter().flatten();
    let others = hosts.filter(|(host, _)| fleet.registries.keys().all(|own| own.as_str() != host.as_str()));
    own.chain(others.map(|(host, _)| RegistryView { host, mirrors: Vec::new(), http: false, more: further(host) }))
        .collect()
}

fn cluster_view(fleet: &Fleet) -> ClusterView<'_> {
    // On a node without IPv6 there is no [::] to listen on.
    let (listen, debug_listen) = match fleet.ip_family {
        IpFamily::Ipv4 => ("tcp://0.0.0.0:1234", "0.0.0.0:9090"),
        IpFamily::Dual | IpFamily::Ipv6 => ("tcp://[::]:1234", "[::]:9090"),
    };
    let (any_address, _) = listen.rsplit_once(':').unwrap_or((listen, ""));
    ClusterView {
        check_listen: format!("{any_address}:{CHECK_PORT}"),
        key: fleet.key.as_str(),
        cluster_name: fleet.cluster_name.as_str(),
        region: fleet.region.as_ref().map(crate::values::name::Region::as_str),
        namespace: fleet.namespace.as_str(),
        image: fleet.image.as_str(),
        listen,
        debug_listen,
        imds_ipv6: if fleet.ip_family == IpFamily::Ipv4 { "disabled" } else { "enabled" },
        client_namespaces: fleet.client_namespaces.iter().map(crate::values::name::Namespace::as_str).collect(),
        monitoring_namespace: fleet.monitoring_namespace.as_str(),
        keda_namespace: fleet.keda_namespace.as_str(),
        mtls_secret: fleet.mtls_secret.as_ref().map(crate::values::name::SecretName::as_str),
        extra_labels: &fleet.extra_labels,
        consolidate_after_minutes: CONSOLIDATE_AFTER_MINUTES,
        single_process_oom_kill: fleet.ladder.single_process_oom_kill(),
        delivery: fleet.delivery,
        cluster_label: fleet.cluster_label.as_ref().map(|label| (label.name.as_str(), label.value.as_str())),
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
        priority_class: fleet.lb.priority_class.as_str(),
        quota_pods: fleet.lb.needs_quota().then_some(LB_QUOTA_PODS),
        node: fleet.lb.node.as_ref().map(|node| LbNodeView {
            instance_type: node.instance_type.as_str(),
            name_tag: format!("{}-buildkit-lb", fleet.cluster_name),
            settings: &node.settings,
        }),
        service: ServiceView::of(fleet),
        haproxy_cfg: String::new(),
        config: String::new(),
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
