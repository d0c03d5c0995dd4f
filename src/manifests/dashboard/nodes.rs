//! Nodes, what they cost, and their disks.

use crate::catalogue::price::{self, Usd};
use crate::fleet::instance_plan::PlannedType;
use crate::fleet::model::Fleet;
use crate::fleet::sizing::MIN_FREE_PERCENT;
use crate::manifests::dashboard::demand::each_arch;
use crate::manifests::dashboard::panel::{Look, PanelSketch, RowSketch};
use crate::manifests::series::{DISK_FREE, DISK_SIZE, FleetSeries, NODE_CONDITION, NODEPOOL_USAGE, POD_INFO};
use crate::values::arch::Arch;

/// Where AL2023 mounts the array of NVMe disks, which the kubelet's directory is on (awslabs/amazon-eks-ami,
/// setup-local-disks).
const NVME_MOUNT: &str = "/mnt/k8s-disks/0";
/// Share of free disk below which the kubelet evicts pods: its default for `nodefs.available`.
const EVICTION_SHARE: f64 = 0.1;

/// Nodes and their cost; none where Karpenter does not make them.
pub(super) fn nodes(fleet: &Fleet, select: FleetSeries) -> Option<RowSketch> {
    let types: Vec<&PlannedType> = fleet.pools.iter().flat_map(|pool| pool.placement.node_types()).collect();
    if types.is_empty() {
        return None;
    }
    let count = |entry: &PlannedType| {
        let usage =
            select.anywhere(NODEPOOL_USAGE, &format!("nodepool=\"{}\",resource_type=\"nodes\"", entry.nodepool));
        format!("max by (nodepool) ({usage})")
    };
    let mut panels = vec![PanelSketch {
        id: 401,
        title: "Nodes by type".to_owned(),
        about: "Nodes of the builders by instance type, those that start and those that end included. A type that is not the first one: there was no capacity of those before it. Needs the metrics of Karpenter (serviceMonitor.enabled in its chart): each type is a NodePool.".to_owned(),
        runbook: &["A node that is stuck", "BuildkitBuildersPending"],
        unit: "short",
        queries: types.iter().map(|entry| (count(entry), entry.instance.name.clone())).collect(),
        look: Look::Stacked,
    }];
    let price = |entry: &PlannedType| price::of(&entry.instance, fleet.region.as_ref());
    let priced: Vec<(&PlannedType, Usd)> = types.iter().filter_map(|entry| Some((*entry, price(entry)?))).collect();
    if !priced.is_empty() {
        let costs: Vec<(String, String)> = priced
            .iter()
            .map(|(entry, price)| (format!("{} * {}", count(entry), price.plain()), entry.instance.name.clone()))
            .collect();
        let total = costs.iter().map(|(expr, _)| expr.as_str()).collect::<Vec<_>>().join("\nor\n");
        let about = cost_about(fleet, &types, &priced);
        panels.push(PanelSketch {
            id: 402,
            title: "Cost per hour by type".to_owned(),
            about: about.clone(),
            runbook: &[],
            unit: "currencyUSD",
            queries: costs,
            look: Look::Stacked,
        });
        panels.push(PanelSketch {
            id: 403,
            title: "Cost per hour now".to_owned(),
            about,
            runbook: &[],
            unit: "currencyUSD",
            queries: vec![(format!("sum(\n{total}\n)"), "all types".to_owned())],
            look: Look::Number,
        });
    }
    Some(RowSketch { id: 400, title: "Nodes and cost", panels })
}

fn cost_about(fleet: &Fleet, types: &[&PlannedType], priced: &[(&PlannedType, Usd)]) -> String {
    let region = fleet.region.as_ref().map(ToString::to_string).unwrap_or_default();
    let has_price = |entry: &PlannedType| priced.iter().any(|(one, _)| one.instance.name == entry.instance.name);
    let unpriced: Vec<&str> =
        types.iter().filter(|entry| !has_price(entry)).map(|entry| entry.instance.name.as_str()).collect();
    let without = if unpriced.is_empty() {
        String::new()
    } else {
        format!(" Without {}, whose price is not known.", unpriced.join(", "))
    };
    format!(
        "US dollars an hour of the builders' nodes, at the prices that `buildkit-fleet plan` uses: `usd_per_hour` of clusters.yaml, or on-demand list prices of {region} without discounts; neither disks nor traffic.{without} Needs the metrics of Karpenter."
    )
}

/// The nodes that an architecture's builders are on.
fn nodes_of_builders(select: FleetSeries, arch: Arch) -> String {
    format!("max by (node) ({})", select.builders(POD_INFO, arch))
}

pub(super) fn disks(fleet: &Fleet, select: FleetSeries) -> RowSketch {
    let mut panels = Vec::new();
    // On other nodes, nobody knows which disk holds the kubelet's directory.
    let plans: Vec<_> = fleet.pools.iter().filter_map(|pool| pool.placement.karpenter()).collect();
    if let Some(nodes) = plans.first() {
        let mount = if nodes.plan.cache.is_root() { "/" } else { NVME_MOUNT };
        let of_disk = |name: &str| {
            format!("max by (namespace, pod) ({})", select.anywhere(name, &format!("mountpoint=\"{mount}\"")))
        };
        // node-exporter names its own pod, and kube-state-metrics the node of that.
        let exporters = select.anywhere(POD_INFO, "created_by_kind=\"DaemonSet\"");
        let free = |arch| {
            format!(
                "min(\n  {}\n  / {}\n  * on (namespace, pod) group_left (node) max by (namespace, pod, node) ({exporters})\n  and on (node) {}\n)",
                of_disk(DISK_FREE),
                of_disk(DISK_SIZE),
                nodes_of_builders(select, arch)
            )
        };
        panels.push(PanelSketch {
            id: 501,
            title: "Free disk of the fullest node".to_owned(),
            about: format!(
                "Share of the disk for caches ({mount}) that is free, of the node with the least. Builders keep {MIN_FREE_PERCENT} % free by collecting garbage; below 10 % the kubelet evicts builders, with their builds. Needs node-exporter."
            ),
            runbook: &["The cache is full"],
            unit: "percentunit",
            queries: each_arch(fleet, "", free),
            look: Look::ShareAbove(EVICTION_SHARE),
        });
    }
    let pressure = |arch| {
        let condition = select.anywhere(NODE_CONDITION, "condition=\"DiskPressure\",status=\"true\"");
        format!("sum(\n  max by (node) ({condition})\n  and on (node) {}\n)", nodes_of_builders(select, arch))
    };
    panels.push(PanelSketch {
        id: 502,
        title: "Nodes under disk pressure".to_owned(),
        about: "Nodes with builders whose disk is so full that the kubelet evicts pods, with their builds.".to_owned(),
        runbook: &["The cache is full"],
        unit: "short",
        queries: each_arch(fleet, "", pressure),
        look: Look::Lines,
    });
    RowSketch { id: 500, title: "Cache disk", panels }
}
