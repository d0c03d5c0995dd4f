//! Which field of the manifests is computed by which formula.

use crate::fleet::formula::{self, Formula};
use crate::fleet::model::{Fleet, Pool};
use crate::fleet::placement::Placement;
use crate::manifests::address::{Field, steps};
use crate::manifests::names::LB;

/// The formula of a field; none where it is no computed number.
pub fn of(fleet: &Fleet, field: &Field) -> Option<Formula> {
    let steps = steps(&field.path).ok()?;
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    match (field.kind.as_str(), steps.as_slice()) {
        ("ConfigMap", ["data", "haproxy.cfg", setting @ ..]) => of_load_balancer(fleet, setting),
        ("Deployment", ["spec", "template", "spec", "terminationGracePeriodSeconds"]) => {
            Some(formula::grace(fleet.timing))
        }
        ("Deployment", [.., "resources", _, "memory"]) if field.name == LB => Some(formula::lb_memory(fleet)),
        (_, path) => of_pool(fleet, fleet.pools.iter().find(|pool| is_of(pool, field))?, field, path),
    }
}

/// Objects of one architecture end in its name, or have it before the instance type.
fn is_of(pool: &Pool, field: &Field) -> bool {
    field.name.ends_with(&format!("-{}", pool.arch.name()))
        || pool.placement.node_types().iter().any(|entry| entry.nodepool == field.name)
}

/// The setting of haproxy.cfg with these words.
fn of_load_balancer(fleet: &Fleet, setting: &[&str]) -> Option<Formula> {
    let pool_of = |section: &str| fleet.pools.iter().find(|pool| section.ends_with(pool.arch.name()));
    match setting {
        ["global", "maxconn"] => Some(formula::lb_connections(fleet)),
        ["defaults", "tcp", "retries"] => Some(formula::hold_retries(fleet.timing)),
        ["defaults", "tcp", "timeout", "queue"] => Some(formula::queue_timeout(fleet.timing)),
        ["defaults", "tcp", "timeout", "client" | "server"] => Some(formula::lb_timeout(fleet.timing)),
        ["frontend", "ft_all", "maxconn"] => Some(formula::combined_connections(fleet)),
        ["frontend", section, "maxconn"] => pool_of(section).map(formula::frontend_connections),
        ["backend", section, "server-template", _] => pool_of(section).map(formula::server_slots),
        _ => None,
    }
}

/// The request of disk, and what buildkitd keeps of its cache.
fn of_cache(placement: &Placement, setting: &str) -> Option<Formula> {
    match (placement, setting) {
        (Placement::Karpenter(nodes), "request") => Some(formula::cache_request(&nodes.plan)),
        (Placement::Karpenter(nodes), "maxUsedSpace") => Some(formula::cache_max_used(&nodes.plan)),
        (Placement::Karpenter(nodes), "reservedSpace") => Some(formula::cache_reserved(&nodes.plan)),
        (Placement::Given(nodes), "request" | "maxUsedSpace") => {
            Some(nodes.plan.as_ref().map_or_else(|| formula::stated(nodes.cache_gib), formula::cache_gib))
        }
        (Placement::Given(nodes), "reservedSpace") => Some(formula::cache_reserved_gib(nodes.cache_gib)),
        _ => None,
    }
}

fn of_pool(fleet: &Fleet, pool: &Pool, field: &Field, path: &[&str]) -> Option<Formula> {
    let planned = pool.placement.node_types().iter().enumerate().find(|(_, planned)| planned.nodepool == field.name);
    match (field.kind.as_str(), path, planned) {
        ("ConfigMap", [.., "oci", setting], _) => of_cache(&pool.placement, setting),
        ("Deployment", [.., "containers", _, "resources", _, "cpu"], _) => {
            Some(pool.placement.plan().map_or_else(|| formula::stated(pool.placement.pod().vcpu), formula::pod_vcpu))
        }
        ("Deployment", [.., "containers", _, "resources", _, "memory"], _) => {
            Some(pool.placement.plan().map_or_else(|| formula::stated(pool.placement.pod().gib), formula::pod_gib))
        }
        ("Deployment", [.., "containers", _, "resources", _, "ephemeral-storage"], _) => {
            of_cache(&pool.placement, "request")
        }
        ("Deployment", [.., "env", "DRAIN_CAP_S", "value"], _) => Some(formula::drain_cap(fleet.timing)),
        ("NodePool", ["spec", "weight"], Some((place, _))) => Some(formula::weight(place)),
        ("NodePool", ["spec", "limits", "nodes"], Some((_, planned))) => Some(formula::node_limit(pool, planned)),
        ("NodePool", ["spec", "limits", "cpu"], Some((_, planned))) => Some(formula::cpu_limit(pool, planned)),
        ("ScaledObject", [.., "scaleUp", "policies", "Pods", "value"], _) => Some(formula::scale_up_pods(pool)),
        (
            "ScaledObject",
            ["spec", "cooldownPeriod" | "initialCooldownPeriod"] | [.., "scaleDown", "stabilizationWindowSeconds"],
            _,
        ) => Some(formula::idle(fleet)),
        ("ScaledObject", [.., "scaleDown", "policies", _, "periodSeconds"], _) => {
            Some(formula::scale_down_period(fleet))
        }
        _ => None,
    }
}
