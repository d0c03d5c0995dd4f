//! How many pods there may be, and that the load balancer can serve them all.

use serde_json::Value;

use crate::fleet::dns::record_bytes;
use crate::fleet::model::Pool;
use crate::fleet::scaling::Scaling;
use crate::fleet::sizing;
use crate::manifests::check::haproxy::Section;
use crate::manifests::check::quantity::{bytes, mebibytes};
use crate::manifests::check::set::{RenderedFleet, backend_of, builders_of, container, shown};
use crate::manifests::names::LB;

pub(super) fn bounds(set: &RenderedFleet, broken: &mut Vec<String>) {
    for (pool, deployment) in set.builders() {
        let name = builders_of(pool);
        let (replicas, scaled) = (deployment["spec"]["replicas"].as_u64(), set.object("ScaledObject", &name));
        let (min, max) = (scaled["spec"]["minReplicaCount"].as_u64(), scaled["spec"]["maxReplicaCount"].as_u64());
        let fallback = &scaled["spec"]["fallback"];
        // A number beside a ScaledObject resizes the fleet at each apply.
        let one_source = match pool.scaling {
            Scaling::Fixed { .. } => replicas.is_some() && scaled.is_null(),
            Scaling::Keda { .. } => replicas.is_none() && min.is_some() && min <= max,
        };
        if !one_source {
            broken.push(format!("{name} has replicas {}, min {}, max {}", shown(replicas), shown(min), shown(max)));
        }
        if let Some(fallback) = fallback.get("replicas")
            && !(fallback.is_u64() && min <= fallback.as_u64() && fallback.as_u64() <= max)
        {
            broken.push(format!("{name} has fallback {fallback}, outside {} to {}", shown(min), shown(max)));
        }
        if scaled["spec"].get("idleReplicaCount").is_some() {
            broken.push(format!("{name} has an idleReplicaCount beside its minimum"));
        }
        // A static fallback would end builds of a busy fleet.
        if !fallback.is_null() && fallback["behavior"] != "currentReplicasIfHigher" {
            broken.push(format!("the fallback of {name} may remove pods"));
        }
    }
}

/// The maximum of pods of a pool, by its manifests.
pub(super) fn peak(set: &RenderedFleet, pool: &Pool) -> Option<u64> {
    let name = builders_of(pool);
    let scaled = set.object("ScaledObject", &name)["spec"]["maxReplicaCount"].as_u64();
    scaled.or_else(|| set.object("Deployment", &name)["spec"]["replicas"].as_u64())
}

fn first_number(words: Option<&[&str]>) -> Option<u64> {
    words?.first()?.parse().ok()
}

/// Number of servers and the name that their addresses come from.
fn server_template<'a>(backend: &'a Section) -> Option<(u64, &'a str)> {
    let [_, slots, address, ..] = backend.setting(&["server-template"])? else { return None };
    // Behind the family that the address is taken for while it is not known.
    let name = address.split_once('@').map_or(*address, |(_, name)| name);
    Some((slots.parse().ok()?, name.split(':').next()?))
}

pub(super) fn slots(set: &RenderedFleet, broken: &mut Vec<String>) {
    let process = set.haproxy.of_kind("global").find_map(|global| first_number(global.setting(&["maxconn"])));
    let frontends = set.haproxy.of_kind("frontend").filter(|frontend| frontend.name.starts_with("ft_"));
    let connections: Vec<(&str, Option<u64>)> =
        frontends.map(|frontend| (frontend.name, first_number(frontend.setting(&["maxconn"])))).collect();
    for pool in &set.fleet.pools {
        let name = backend_of(pool);
        let peak = peak(set, pool);
        let slots = set.haproxy.section("backend", &name).and_then(server_template).map(|(slots, _)| slots);
        if peak.is_none() || slots < peak {
            broken.push(format!("{name} has {} slots for {} pods", shown(slots), shown(peak)));
        }
        for frontend in [format!("ft_{}", pool.arch.name()), "ft_all".to_owned()] {
            let taken = connections.iter().find(|(name, _)| *name == frontend).and_then(|(_, taken)| *taken);
            if taken < peak {
                broken.push(format!("{frontend} accepts {} connections for {} pods", shown(taken), shown(peak)));
            }
        }
    }
    // With less memory than it may need, it is OOM-killed with every build.
    let servers =
        set.fleet.pools.iter().filter_map(|pool| server_template(set.haproxy.section("backend", &backend_of(pool))?));
    let needed =
        process.map(|process| mebibytes(sizing::lb_memory_mib(process, servers.map(|(slots, _)| slots).sum())));
    let memory = bytes(&container(set.object("Deployment", LB))["resources"]["limits"]["memory"]);
    if needed.is_none() || memory < needed {
        broken.push(format!("the load balancer has {} bytes of memory but may need {}", shown(memory), shown(needed)));
    }
    // At the limit of the process, health checks are not answered either.
    let together: u64 = connections.iter().filter_map(|(_, taken)| *taken).sum();
    if process.is_none_or(|process| process <= together) {
        broken.push(format!("the build frontends may use {together} of {} connections", shown(process)));
    }
}

pub(super) fn dns(set: &RenderedFleet, broken: &mut Vec<String>) {
    let resolvers: Vec<&Section> = set.haproxy.of_kind("resolvers").collect();
    let payload = resolvers.iter().find_map(|resolvers| first_number(resolvers.setting(&["accepted_payload_size"])));
    // TCP carries every answer; UDP follows a small fleet where TCP stalls.
    let by_tcp = resolvers
        .iter()
        .flat_map(|resolvers| resolvers.settings(&["nameserver"]))
        .map(|words| words.get(1).is_some_and(|address| address.trim_start_matches('"').starts_with("tcp@")));
    if resolvers.len() != 1 || !by_tcp.eq([true, false]) {
        broken.push("the addresses of pods are not asked for over TCP, then over UDP".to_owned());
    }
    // Over UDP a large answer is cut off, which is `other`: a short hold would empty the fleet.
    for failure in ["other", "refused", "timeout"] {
        let held_s = resolvers.first().and_then(|resolvers| set.haproxy.seconds(resolvers, &["hold", failure]));
        if held_s < Some(3600) {
            broken.push(format!("the last answer of DNS is held for {} s after `{failure}`", shown(held_s)));
        }
    }
    for pool in &set.fleet.pools {
        let template = set.haproxy.section("backend", &backend_of(pool)).and_then(server_template);
        let bytes = template
            .zip(peak(set, pool))
            .map(|((_, name), peak)| sizing::dns_answer_bytes(name, peak, record_bytes(set.fleet.ip_family)));
        if bytes.is_none() || bytes > payload {
            broken.push(format!(
                "{}: a DNS answer of {} bytes, but HAProxy accepts {}",
                pool.arch.name(),
                shown(bytes),
                shown(payload)
            ));
        }
        let discovery = template.and_then(|(_, name)| name.split('.').next());
        let service = discovery.map_or(&Value::Null, |name| set.object("Service", name));
        if service["spec"]["clusterIP"] != "None" {
            broken.push(format!("{}: servers are found by a Service that is not headless", pool.arch.name()));
        }
    }
}
