//! From layers of configuration to fleets.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::load_balancer::LoadBalancerNodes;
use crate::config::monitoring::ClusterLabelKeys;
use crate::config::{Buildkit, ClusterKeys};
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, distinct};
use crate::fleet::capabilities::{HaproxyCapabilities, OLDEST_HAPROXY, haproxy_of};
use crate::fleet::model::{ClusterLabel, Fleet, LbNode, LoadBalancer, Pool, ScaleDown};
use crate::fleet::timing::Timing;
use crate::input::layer::{LayerField, Leaf, scalar_key};
use crate::resolve::file::{ClusterBlock, Config};
use crate::resolve::images::{self, example};
use crate::resolve::modules::WithoutKarpenter;
use crate::resolve::nodes::NodesSource;
use crate::resolve::resolved::Resolved;
use crate::resolve::{
    architectures, builder, dashboard, external_service, instance_rules, placement, pool_rules, provisioner,
    registries, rules, scaling,
};
use crate::values::arch::Arch;
use crate::values::instance_type::TypeName;
use crate::values::name::{ClusterKey, Namespace};

/// All clusters of the file, in its order. With errors among the problems, the outcomes are not complete.
pub fn all(config: &mut Config, problems: &mut Problems) -> Vec<Resolved> {
    instance_rules::check_exclusive(&config.defaults.buildkit, problems);
    rules::check_output_paths(&config.clusters, problems);
    let defaults = &config.defaults;
    let mut outcomes = Vec::with_capacity(config.clusters.len());
    let mut seen = BTreeMap::new();
    let (mut used, mut provisioners) = (BTreeSet::new(), Vec::new());
    let mut without_karpenter = WithoutKarpenter::default();
    for cluster in &mut config.clusters {
        let modules = if cluster.entry.modules.is_absent() { &defaults.modules } else { &cluster.entry.modules };
        let ours = match modules {
            Leaf::Given(modules) => modules.value.iter().any(|module| module.value.as_str() == rules::MODULE),
            Leaf::Refused => true,
            Leaf::Absent => false,
        };
        if !ours {
            // The values of this cluster are not for us; only problems that may hide its `modules` are reported.
            let hides: &[&rule::Rule] = if modules.is_absent() {
                &[&rule::DUPLICATE_KEY, &rule::ALIAS_NOT_READ]
            } else {
                &[&rule::DUPLICATE_KEY]
            };
            let mut found = std::mem::take(&mut cluster.problems).only(hides);
            rules::check_module_listed(&cluster.entry, &mut found);
            problems.absorb(&cluster.name.value, cluster.span, found);
            outcomes.push(Resolved::Skipped {
                cluster: cluster.name.value.clone(),
                why: "`modules` does not list `buildkit`".to_owned(),
            });
            continue;
        }
        let own = &cluster.entry.buildkit;
        let provisioner = provisioner::of(&own.over(&defaults.buildkit));
        provisioners.push(provisioner);
        if provisioner.is_karpenter() {
            without_karpenter.add(&cluster.name.value, modules);
        }
        let listed = if own.architectures.is_absent() { &defaults.buildkit } else { own };
        used.extend(architectures::of(&listed.architectures));
        let mut found = std::mem::take(&mut cluster.problems);
        architectures::check_own(own, &listed.architectures, &mut found);
        provisioner::check_own(own, provisioner, &mut found);
        let fleet = read(cluster, defaults, config.clusters_at, &mut found);
        if let Some(fleet) = &fleet {
            rules::check_same_cluster(fleet, &cluster.name, &mut seen, &mut found);
        }
        problems.absorb(&cluster.name.value, cluster.span, found);
        if let Some(fleet) = fleet {
            outcomes.push(Resolved::Fleet(Box::new(fleet)));
        }
    }
    architectures::check_defaults(&defaults.buildkit, &used, problems);
    provisioner::check_defaults(&defaults.buildkit, &provisioners, problems);
    without_karpenter.check(problems);
    outcomes
}

/// The fleet of one cluster. `None` only if a problem was found; a fleet must not be used if there is an error.
fn read(cluster: &ClusterBlock, defaults: &ClusterKeys, clusters_at: Span, problems: &mut Problems) -> Option<Fleet> {
    let entry = cluster.entry.over(defaults);
    let (layer, standard) = (&entry.buildkit, Buildkit::standard());
    let key = scalar_key::<ClusterKey>("clusters", &cluster.name.value, cluster.name.span, problems);
    rules::check_required(&entry, &cluster.name, problems);
    instance_rules::check_exclusive(&cluster.entry.buildkit, problems);

    let arches: Vec<Arch> = architectures::of(&layer.architectures).into_iter().collect();
    if let (true, Some(span)) = (arches.is_empty(), layer.architectures.span()) {
        problems.push(
            Problem::new(&rule::INVALID_VALUE, "`architectures` is empty")
                .at(span, "expected `amd64`, `arm64` or both"),
        );
    }
    let autoscaling = layer.autoscaling.enabled.or(&standard.autoscaling.enabled);
    let ladder = rules::ladder(&entry, &arches, autoscaling, problems);
    if autoscaling {
        rules::check_keda_module(&entry, problems);
    } else {
        rules::check_enabled(&layer.autoscaling, problems);
    }
    rules::check_namespace(layer.namespace.spanned(), problems);
    instance_rules::check_specs(layer, problems);
    let at = layer.at.unwrap_or(cluster.name.span);
    let namespace = layer.namespace.or(&standard.namespace);
    let ip_family = layer.ip_family.or(&standard.ip_family);
    let nodes =
        NodesSource { layer, kubernetes: entry.eks_version.spanned(), at: defaults.buildkit.at.unwrap_or(clusters_at) };
    let source =
        placement::FleetLayers { nodes: &nodes, own: &cluster.entry.buildkit, defaults: &defaults.buildkit, at };
    placement::check_one_size(source.own, &arches, problems);
    let mut pools = Vec::new();
    for arch in arches {
        let scaling = scaling::read(arch, layer, problems);
        let placement = placement::read(source, arch, problems);
        if let (Some(scaling), Some(placement)) = (scaling, placement) {
            let pool = Pool { arch, scaling, placement };
            pool_rules::check(&pool, layer, &namespace, ip_family, at, problems);
            pools.push(pool);
        }
    }
    // Everything is read before giving up, so that all problems are reported in one run.
    let (image, buildkit) = images::read_buildkit(layer, problems);
    let lb = read_lb(layer, &nodes, problems);
    let client_namespaces = read_clients(layer, problems);
    let registries = registries::read(layer, problems);
    let builder = builder::read(&layer.builder, &cluster.entry.buildkit.builder, problems);
    let extra_labels = rules::read_labels(layer, problems);
    let dashboard = dashboard::read(&layer.monitoring.dashboard, &extra_labels, problems);
    let cluster_label = read_cluster_label(&layer.monitoring.cluster_label, problems);
    let fleet = Fleet {
        key: key?.value,
        cluster_name: entry.cluster_name.get()?.clone(),
        region: entry.region.get().cloned(),
        image,
        buildkit,
        timing: Timing::new(
            layer.max_build_minutes.or(&standard.max_build_minutes).get(),
            layer.client_connect_seconds.or(&standard.client_connect_seconds).get(),
            layer.client_retry_pause_seconds.or(&standard.client_retry_pause_seconds).get(),
        ),
        pools,
        scale_down: ScaleDown {
            idle_minutes: layer.scale_down.idle_minutes.or(&standard.scale_down.idle_minutes).get(),
            pods: layer.scale_down.pods.or(&standard.scale_down.pods).get(),
            percent: layer.scale_down.percent.or(&standard.scale_down.percent).get(),
        },
        lb,
        client_namespaces,
        monitoring_namespace: layer.monitoring_namespace.or(&standard.monitoring_namespace),
        keda_namespace: layer.keda_namespace.or(&standard.keda_namespace),
        ip_family,
        registries,
        builder,
        mtls_secret: layer.mtls_secret.get().cloned(),
        cluster_label,
        monitoring: layer.monitoring.enabled.or(&standard.monitoring.enabled),
        runbook_url: layer.monitoring.runbook_url.get().cloned(),
        dashboard,
        extra_labels,
        delivery: layer.delivery.or(&standard.delivery),
        ladder,
        namespace,
        patches: layer
            .patches
            .get()
            .map_or_else(Vec::new, |patches| patches.of_cluster(cluster.entry.buildkit.patches.is_absent())),
    };
    (!fleet.pools.is_empty()).then_some(fleet)
}

fn read_lb(layer: &Buildkit, nodes: &NodesSource, problems: &mut Problems) -> LoadBalancer {
    let standard = Buildkit::standard();
    let image = layer.haproxy_image.or(&standard.haproxy_image);
    let span = layer.haproxy_image.span().unwrap_or_default();
    let version = haproxy_of(&image);
    match version {
        Some(version) if version < OLDEST_HAPROXY => problems.push(
            Problem::new(
                &rule::HAPROXY_TOO_OLD,
                format!("HAProxy {version} puts two builds on one pod while the fleet grows"),
            )
            .at(span, format!("expected {OLDEST_HAPROXY} or later"))
            .help(format!("use an LTS version, such as `{}`", example(&standard.haproxy_image))),
        ),
        Some(_) => {}
        None => problems.push(
            Problem::new(
                &rule::HAPROXY_VERSION_UNKNOWN,
                format!("the tag of `{}` does not show the version of HAProxy", image.as_str()),
            )
            .at(span, format!("{OLDEST_HAPROXY} is assumed"))
            .help(format!("use a tag that starts with the version, such as `{}`", example(&standard.haproxy_image))),
        ),
    }
    // Without a node of its own, what is wrong with the keys of both architectures is theirs alone.
    let node = Some(&layer.load_balancer.node_pool)
        .filter(|_| provisioner::of(layer).is_karpenter())
        .and_then(|node_pool| read_lb_node_type(node_pool, problems))
        .map(|instance_type| LbNode { instance_type, settings: nodes.read(None, problems) });
    LoadBalancer {
        image,
        can: HaproxyCapabilities::of(version.unwrap_or(OLDEST_HAPROXY)),
        tolerations: layer.lb_tolerations.or(&standard.lb_tolerations).0,
        priority_class: layer.load_balancer.priority_class.or(&standard.load_balancer.priority_class),
        node,
        service: external_service::read(layer, problems),
    }
}

/// The type of the load balancer's own node; a block that names none is a mistake.
fn read_lb_node_type(nodes: &LoadBalancerNodes, problems: &mut Problems) -> Option<TypeName> {
    if let (Some(block), true) = (nodes.at, nodes.instance_type.is_absent()) {
        problems.push(
            Problem::new(&rule::INVALID_VALUE, "`load_balancer.node_pool` names no `instance_type`")
                .at(block, "expected `node_pool: {instance_type: <type>}`")
                .help("write `node_pool: {instance_type: c7i.large}`, or remove `node_pool`"),
        );
    }
    nodes.instance_type.get().cloned()
}

/// The label of a central store; a block with one of the two keys alone is a mistake.
fn read_cluster_label(label: &ClusterLabelKeys, problems: &mut Problems) -> Option<ClusterLabel> {
    let (name, value) = (&label.name, &label.value);
    let missing = match (name.is_absent(), value.is_absent()) {
        (false, false) => None,
        (true, true) => label.at.map(|block| ("`name` and no `value`", block)),
        (true, false) => value.span().map(|value| ("`name`", value)),
        (false, true) => name.span().map(|name| ("`value`", name)),
    };
    if let Some((missing, at)) = missing {
        problems.push(
            Problem::new(&rule::INVALID_VALUE, format!("`monitoring.cluster_label` has no {missing}"))
                .at(at, "expected `cluster_label: {name: <label>, value: <this cluster>}`")
                .help(
                    "it is for alerts that a Mimir or Thanos ruler evaluates for several clusters. Remove it where the cluster's own Prometheus evaluates them: its data has no external label",
                ),
        );
    }
    Some(ClusterLabel { name: name.get()?.clone(), value: value.get()?.clone() })
}

fn read_clients(layer: &Buildkit, problems: &mut Problems) -> Vec<Namespace> {
    let given = &layer.client_namespaces;
    if let Some(given) = given.spanned().filter(|given| given.value.is_empty()) {
        problems.push(
            Problem::new(&rule::INVALID_VALUE, "`client_namespaces` is empty: no pod could run builds")
                .at(given.span, "expected the namespaces of the CI runners"),
        );
    }
    distinct(&given.or(&Buildkit::standard().client_namespaces))
}
