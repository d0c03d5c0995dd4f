//! How many pods there may be, and that the load balancer can serve them all.

use serde_json::Value;

use crate::fleet::dns::{listed_pods, record_bytes};
use crate::fleet::scaling::Scaling;
use crate::fleet::sizing;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::haproxy::Section;
use crate::manifests::check::quantity::{bytes, mebibytes};
use crate::manifests::check::set::{Manifests, RenderedFleet, backend_of, builders_of, container, shown};
use crate::manifests::names::LB;

/// What says how many pods there are, and between which numbers.
pub(super) fn bounds(set: &Manifests, broken: &mut Findings) {
    for (arch, deployment) in set.builders_by_arch() {
        let name = builders_of(arch);
        let scaled = set.object("ScaledObject", &name);
        let (min, max) = (scaled["spec"]["minReplicaCount"].as_u64(), scaled["spec"]["maxReplicaCount"].as_u64());
        let fallback = &scaled["spec"]["fallback"];
        // A number beside a ScaledObject resizes the fleet at each apply.
        let replicas = deployment["spec"]["replicas"].as_u64();
        let one_source =
            if scaled.is_null() { replicas.is_some() } else { replicas.is_none() && min.is_some() && min <= max };
        if !one_source {
            has_other_sizes(&name, deployment, scaled, broken);
        }
        let mut bad = |what: String| broken.at("ScaledObject", &name, "spec", what);
        if let Some(fallback) = fallback.get("replicas")
            && !(fallback.is_u64() && min <= fallback.as_u64() && fallback.as_u64() <= max)
        {
            bad(format!("{name} has fallback {fallback}, outside {} to {}", shown(min), shown(max)));
        }
        if scaled["spec"].get("idleReplicaCount").is_some() {
            bad(format!("{name} has an idleReplicaCount beside its minimum"));
        }
        // A static fallback would end builds of a busy fleet.
        if !fallback.is_null() && fallback["behavior"] != "currentReplicasIfHigher" {
            bad(format!("the fallback of {name} may remove pods"));
        }
    }
}

/// A pool is fixed or scaled as the fleet has it.
pub(super) fn one_source(set: &RenderedFleet, broken: &mut Findings) {
    for (pool, deployment) in set.builders() {
        let name = builders_of(pool.arch.name());
        let scaled = set.object("ScaledObject", &name);
        if matches!(pool.scaling, Scaling::Fixed { .. }) != scaled.is_null() {
            has_other_sizes(&name, deployment, scaled, broken);
        }
    }
}

fn has_other_sizes(name: &str, deployment: &Value, scaled: &Value, broken: &mut Findings) {
    let number = |value: &Value| shown(value.as_u64());
    let (min, max) = (number(&scaled["spec"]["minReplicaCount"]), number(&scaled["spec"]["maxReplicaCount"]));
    let what = format!("{name} has replicas {}, min {min}, max {max}", number(&deployment["spec"]["replicas"]));
    broken.at("Deployment", name, "spec.replicas", what);
}

/// The maximum of pods of an architecture, by its manifests.
pub(super) fn peak(set: &Manifests, arch: &str) -> Option<u64> {
    let name = builders_of(arch);
    let scaled = set.object("ScaledObject", &name)["spec"]["maxReplicaCount"].as_u64();
    let peak = scaled.or_else(|| set.object("Deployment", &name)["spec"]["replicas"].as_u64());
    // Kubernetes takes no number above that of an int32.
    peak.map(|peak| peak.min(u32::MAX.into()))
}

fn first_number(words: Option<&[&str]>) -> Option<u64> {
    words?.first()?.parse::<u32>().ok().map(u64::from)
}

/// Number of servers and the name that their addresses come from.
fn server_template<'a>(backend: &'a Section) -> Option<(u64, &'a str)> {
    let [_, slots, address, ..] = backend.setting(&["server-template"])? else { return None };
    // Behind the family that the address is taken for while it is not known.
    let name = address.split_once('@').map_or(*address, |(_, name)| name);
    Some((slots.parse::<u32>().ok()?.into(), name.split(':').next()?))
}

pub(super) fn slots(set: &Manifests, broken: &mut Findings) {
    let process = set.haproxy.of_kind("global").find_map(|global| first_number(global.setting(&["maxconn"])));
    let frontends = set.haproxy.of_kind("frontend").filter(|frontend| frontend.name.starts_with("ft_"));
    let connections: Vec<(&str, Option<u64>)> =
        frontends.map(|frontend| (frontend.name, first_number(frontend.setting(&["maxconn"])))).collect();
    for arch in &set.arches {
        let name = backend_of(arch);
        let peak = peak(set, arch);
        let slots = set.haproxy.section("backend", &name).and_then(server_template).map(|(slots, _)| slots);
        if peak.is_none() || slots < peak {
            broken
                .of_haproxy(&["backend", &name], format!("{name} has {} slots for {} pods", shown(slots), shown(peak)));
        }
        for frontend in [format!("ft_{arch}"), "ft_all".to_owned()] {
            let taken = connections.iter().find(|(name, _)| *name == frontend).and_then(|(_, taken)| *taken);
            if taken < peak {
                broken.of_haproxy(
                    &["frontend", &frontend],
                    format!("{frontend} accepts {} connections for {} pods", shown(taken), shown(peak)),
                );
            }
        }
    }
    // With less memory than it may need, it is OOM-killed with every build.
    let backends = set.arches.iter().filter_map(|arch| set.haproxy.section("backend", &backend_of(arch)));
    let servers = backends.filter_map(server_template);
    let needed =
        process.map(|process| mebibytes(sizing::lb_memory_mib(process, servers.map(|(slots, _)| slots).sum())));
    let memory = bytes(&container(set.object("Deployment", LB))["resources"]["limits"]["memory"]);
    if needed.is_none() || memory < needed {
        let what = format!("the load balancer has {} bytes of memory but may need {}", shown(memory), shown(needed));
        broken.of_lb("spec.template.spec.containers[haproxy].resources", what);
    }
    // At the limit of the process, health checks are not answered either.
    let together: u64 = connections.iter().filter_map(|(_, taken)| *taken).sum();
    if process.is_none_or(|process| process <= together) {
        broken.of_haproxy(
            &["global"],
            format!("the build frontends may use {together} of {} connections", shown(process)),
        );
    }
}

/// How addresses are asked for.
pub(super) fn asked_for(set: &Manifests, broken: &mut Findings) {
    let resolvers: Vec<&Section> = set.haproxy.of_kind("resolvers").collect();
    // TCP carries every answer; UDP follows a small fleet where TCP stalls.
    let by_tcp = resolvers
        .iter()
        .flat_map(|resolvers| resolvers.settings(&["nameserver"]))
        .map(|words| words.get(1).is_some_and(|address| address.trim_start_matches('"').starts_with("tcp@")));
    if resolvers.len() != 1 || !by_tcp.eq([true, false]) {
        broken.of_haproxy(&["resolvers"], "the addresses of pods are not asked for over TCP, then over UDP".to_owned());
    }
    // Over UDP a large answer is cut off, which is `other`: a short hold would empty the fleet.
    for failure in ["other", "refused", "timeout"] {
        let held_s = resolvers.first().and_then(|resolvers| set.haproxy.seconds(resolvers, &["hold", failure]));
        if held_s < Some(3600) {
            broken.of_haproxy(
                &["resolvers"],
                format!("the last answer of DNS is held for {} s after `{failure}`", shown(held_s)),
            );
        }
    }
    for arch in &set.arches {
        let template = set.haproxy.section("backend", &backend_of(arch)).and_then(server_template);
        let discovery = template.and_then(|(_, name)| name.split('.').next());
        let service = discovery.map_or(&Value::Null, |name| set.object("Service", name));
        if service["spec"]["clusterIP"] != "None" {
            let what = format!("{arch}: servers are found by a Service that is not headless");
            broken.at("Service", discovery.unwrap_or_default(), "spec.clusterIP", what);
        }
    }
}

/// How large an answer is.
pub(super) fn answers_fit(set: &RenderedFleet, broken: &mut Findings) {
    let mut resolvers = set.haproxy.of_kind("resolvers");
    let payload = resolvers.find_map(|resolvers| first_number(resolvers.setting(&["accepted_payload_size"])));
    for pool in &set.fleet.pools {
        let template = set.haproxy.section("backend", &backend_of(pool.arch.name())).and_then(server_template);
        let bytes = template
            .zip(peak(set, pool.arch.name()))
            .map(|((_, name), peak)| (name, listed_pods(peak, set.fleet.builder.one_build_guard)))
            .map(|(name, pods)| sizing::dns_answer_bytes(name, pods, record_bytes(set.fleet.ip_family)));
        if bytes.is_none() || bytes > payload {
            let (arch, bytes) = (pool.arch.name(), shown(bytes));
            let what = format!("{arch}: a DNS answer of {bytes} bytes, but HAProxy accepts {}", shown(payload));
            broken.of_haproxy(&["resolvers"], what);
        }
    }
}
