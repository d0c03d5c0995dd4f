//! The plan for programs.

use serde_json::{Value, json};

use crate::catalogue::price::Usd;
use crate::commands::plan::capacity::{Capacity, Cost, PoolCapacity, Speed, TypeCapacity};
use crate::fleet::dns::DNS_PAYLOAD_BYTES;
use crate::fleet::hpa::Step;
use crate::fleet::scaling::Scaling;

/// A cluster: `cluster`, `cluster_name`, `region`; `usd_per_hour_at_min`, `usd_per_hour_at_min_at_most` (on the nodes that
/// a burst may leave), `usd_per_hour_at_max` and `usd_per_month_at_min` (of the nodes, each pool on its first type; null
/// where a price is unknown) and `unpriced_instance_types`; `lb_slots`,
/// `lb_memory_mib`; `keda_scrape_bytes` (null where nothing is scaled), `prometheus_scrape_bytes_about` (null where
/// monitoring is off), `whole_metrics_page_bytes_about`; `pools`.
///
/// A pool: `arch`; `scaling`, `fixed` or `keda`; `pods_at_min`, `pods_at_max` (the same of a fixed pool); `pod_vcpu`,
/// `pod_memory_gib`, `pod_nvme_request_gb`; `idle_pod_places_at_min`; the four sums as above; `lb_slots`;
/// `dns_answer_bytes_at_max`, `dns_answer_bytes_limit`, `dns_pods_that_fit`; `growth` and `shrinking` (null of a fixed
/// pool); `instance_types`.
///
/// An instance type, as if it carried the whole pool: `instance_type`, `nodepool`, `pods_per_node`, `nodes_at_min`,
/// `nodes_at_min_at_most` (after a burst; the same of a fixed pool), `nodes_at_max`, `node_limit`, `vcpu_at_max` and `memory_gib_at_max` (of the nodes), `nvme_gb_per_pod` and the four sums.
///
/// `growth`, from min to as many builds as pods at max: `pods` after each step, `seconds_after_first_look` of the last
/// step, `seconds_to_first_look_at_most`, `pods_reached` (below max where the HPA ignores the rest of the demand).
///
/// `shrinking`, from max to no build: `pods` after each step, `seconds_after_last_busy_look` of the last step, and `by`,
/// `hpa` or, of a pool that may sleep, `keda`.
pub(super) fn of(plan: &Capacity) -> Value {
    let fleet = plan.fleet;
    let mut value = json!({
        "cluster": fleet.key.as_str(),
        "cluster_name": fleet.cluster_name.as_str(),
        "region": fleet.region.as_str(),
    });
    add_cost(&mut value, plan.cost);
    value["unpriced_instance_types"] = plan.unpriced().collect();
    value["lb_slots"] = plan.lb_slots.into();
    value["lb_memory_mib"] = plan.lb_memory_mib.into();
    value["keda_scrape_bytes"] = plan.keda_scrape_bytes.into();
    value["prometheus_scrape_bytes_about"] = plan.prometheus_scrape_bytes_about.into();
    value["whole_metrics_page_bytes_about"] = plan.whole_page_bytes_about.into();
    value["pools"] = plan.pools.iter().map(pool).collect();
    value
}

/// A cluster without the module: `cluster` and, in `skipped`, the reason.
pub(super) fn skipped(cluster: &str, why: &str) -> Value {
    json!({"cluster": cluster, "skipped": why})
}

fn pool(plan: &PoolCapacity) -> Value {
    let pod = plan.pool.plan.pod;
    let mut value = json!({
        "arch": plan.pool.arch,
        "scaling": match plan.pool.scaling { Scaling::Fixed { .. } => "fixed", Scaling::Keda { .. } => "keda" },
        "pods_at_min": plan.pods_at_min,
        "pods_at_max": plan.pods_at_max,
        "pod_vcpu": pod.vcpu,
        "pod_memory_gib": pod.gib,
        "pod_nvme_request_gb": plan.nvme_request_gb,
        "idle_pod_places_at_min": plan.idle_places_at_min(),
    });
    add_cost(&mut value, plan.cost());
    value["lb_slots"] = plan.lb_slots.into();
    value["dns_answer_bytes_at_max"] = plan.dns_answer_bytes_at_max.into();
    value["dns_answer_bytes_limit"] = DNS_PAYLOAD_BYTES.into();
    value["dns_pods_that_fit"] = plan.dns_pods_that_fit.into();
    value["growth"] = plan.speed.as_ref().map(growth).into();
    value["shrinking"] = plan.speed.as_ref().map(shrinking).into();
    value["instance_types"] = plan.types.iter().map(instance_type).collect();
    value
}

fn instance_type(plan: &TypeCapacity) -> Value {
    let mut value = json!({
        "instance_type": plan.planned.instance.name,
        "nodepool": plan.planned.nodepool,
        "pods_per_node": plan.planned.pods_per_node,
        "nodes_at_min": plan.nodes_at_min,
        "nodes_at_min_at_most": plan.nodes_at_min_at_most,
        "nodes_at_max": plan.nodes_at_max,
        "node_limit": plan.node_limit,
        "vcpu_at_max": plan.vcpu_at_max,
        "memory_gib_at_max": plan.gib_at_max,
        "nvme_gb_per_pod": plan.nvme_share_gb,
    });
    add_cost(&mut value, plan.cost);
    value
}

fn add_cost(value: &mut Value, cost: Cost) {
    value["usd_per_hour_at_min"] = cost.hour_at_min.map(Usd::as_f64).into();
    value["usd_per_hour_at_min_at_most"] = cost.hour_at_min_at_most.map(Usd::as_f64).into();
    value["usd_per_hour_at_max"] = cost.hour_at_max.map(Usd::as_f64).into();
    value["usd_per_month_at_min"] = cost.month_at_min().map(Usd::as_f64).into();
}

fn growth(speed: &Speed) -> Value {
    json!({
        "pods": pods(&speed.up),
        "seconds_after_first_look": last_s(&speed.up),
        "seconds_to_first_look_at_most": speed.first_look_s(),
        "pods_reached": speed.reached(),
    })
}

fn shrinking(speed: &Speed) -> Value {
    json!({
        "pods": pods(&speed.down),
        "seconds_after_last_busy_look": last_s(&speed.down),
        "by": if speed.behavior.bounds.min() == 0 { "keda" } else { "hpa" },
    })
}

fn pods(steps: &[Step]) -> Vec<u32> {
    steps.iter().map(|step| step.pods).collect()
}

fn last_s(steps: &[Step]) -> u64 {
    steps.last().map_or(0, |step| step.at_ms / 1000)
}
