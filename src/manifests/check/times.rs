//! Times, from the longest build to the longest grace period.

use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{Manifests, RenderedFleet, builders_of, container, items, number, pod, shown};
use crate::manifests::names::LB;

/// Where the time stands that a pod has to end.
const GRACE: &str = "spec.template.spec.terminationGracePeriodSeconds";

/// The sections of haproxy.cfg that builds pass through, each with its timeouts in seconds.
fn timeouts<'s>(set: &'s Manifests) -> impl Iterator<Item = (&'s str, &'static str, Option<u64>)> {
    let of_builds = |kind: &'static str| {
        set.haproxy.of_kind(kind).filter(move |section| section.name.starts_with("ft_") || kind == "backend")
    };
    let sections = of_builds("frontend").chain(of_builds("backend"));
    sections.flat_map(|section| {
        ["client", "server"].map(|side| (section.name, side, set.haproxy.seconds(section, &["timeout", side])))
    })
}

/// What the longest build needs.
pub(super) fn for_builds(set: &RenderedFleet, broken: &mut Findings) {
    let build_s = u64::from(set.fleet.timing.max_build_minutes()) * 60;
    for (name, side, timeout_s) in timeouts(set) {
        if timeout_s.is_none_or(|timeout_s| timeout_s < build_s) {
            let what = format!("timeout {side} of {name} is {} s, but a build may take {build_s} s", shown(timeout_s));
            broken.of_haproxy(&["defaults"], what);
        }
    }
}

/// What ends later than what.
pub(super) fn in_order(set: &Manifests, broken: &mut Findings) {
    let lb_grace_s = pod(set.object("Deployment", LB))["terminationGracePeriodSeconds"].as_u64();
    // HAProxy takes a timeout that is missing for none at all.
    let longest_s = timeouts(set).try_fold(0, |longest, (.., timeout_s)| Some(timeout_s?.max(longest)));
    for (arch, deployment) in set.builders_by_arch() {
        let grace_s = pod(deployment)["terminationGracePeriodSeconds"].as_u64();
        // Of several, Kubernetes takes the last one.
        let cap = items(&container(deployment)["env"]).iter().rfind(|variable| variable["name"] == "DRAIN_CAP_S");
        let cap_s = cap.and_then(|cap| number(&cap["value"]));
        if !(longest_s.is_some() && longest_s < cap_s && cap_s <= grace_s && grace_s <= lb_grace_s) {
            broken.at(
                "Deployment",
                &builders_of(arch),
                GRACE,
                format!(
                    "{arch}: timeouts {} s, drain cap {} s, grace {} s, load balancer's grace {} s",
                    shown(longest_s),
                    shown(cap_s),
                    shown(grace_s),
                    shown(lb_grace_s)
                ),
            );
        }
    }
    // These would override the two timeouts, end builds during a soft stop, or undo the defaults.
    for line in set.haproxy.lines().filter(|line| {
        line.starts_with(&["timeout", "tunnel"]) || matches!(line.first(), Some(&("hard-stop-after" | "no")))
    }) {
        broken.of_haproxy(&[], format!("haproxy.cfg contains `{}`", line.join(" ")));
    }
    // Services must drop the pod before it stops listening.
    let pause = items(&container(set.object("Deployment", LB))["lifecycle"]["preStop"]["exec"]["command"]);
    if !matches!(pause, [program, seconds] if program == "/bin/sleep" && number(seconds) >= Some(5)) {
        broken.of_lb(
            "spec.template.spec.containers[haproxy].lifecycle",
            "the load balancer stops listening while clients still connect".to_owned(),
        );
    }
    for (name, nodes) in set.objects.of_kind("NodePool") {
        let template = &nodes["spec"]["template"]["spec"];
        if template.get("terminationGracePeriod").is_some() || template["expireAfter"] != "Never" {
            broken.at(
                "NodePool",
                name,
                "spec.template.spec",
                format!("NodePool/{name} may end nodes with running builds"),
            );
        }
    }
}

/// What clients do while they wait.
pub(super) fn for_clients(set: &RenderedFleet, broken: &mut Findings) {
    let timing = set.fleet.timing;
    let (connect_s, pause_s) = (u64::from(timing.client_connect_s()), u64::from(timing.client_retry_pause_s()));
    let cycle_s = connect_s + u64::from(timing.least_pause_s());
    for backend in set.haproxy.of_kind("backend") {
        let queue_s = set.haproxy.seconds(backend, &["timeout", "queue"]);
        // With a pause of a second or two there is no whole number of seconds between the wait and the next try.
        if queue_s.is_none_or(|queue_s| queue_s <= connect_s || (queue_s >= cycle_s && pause_s > 2)) {
            let what = format!(
                "timeout queue of {} is {} s, a client waits {connect_s} s and comes again after {cycle_s} s or more",
                backend.name,
                shown(queue_s)
            );
            broken.of_haproxy(&["defaults"], what);
        }
    }
}

/// How waiting clients are held.
pub(super) fn holds_clients(set: &Manifests, broken: &mut Findings) {
    for backend in set.haproxy.of_kind("backend") {
        let mut bad = |what: String| broken.of_haproxy(&["backend", backend.name], what);
        let queue_s = set.haproxy.seconds(backend, &["timeout", "queue"]);
        // One refused connection to the hold server per second.
        let retries = set.haproxy.setting(backend, &["retries"]).and_then(|words| words.first()?.parse::<u64>().ok());
        if retries.is_none() || retries != queue_s {
            bad(format!("retries of {} is {}, its timeout queue {} s", backend.name, shown(retries), shown(queue_s)));
        }
        if set.haproxy.setting(backend, &["option", "redispatch"]).is_none() {
            bad(format!("{} has no option redispatch", backend.name));
        }
        let hold = backend.setting(&["server", "hold"]);
        if hold.is_none_or(|words| !words.contains(&"backup")) {
            bad(format!("{} has no backup server that holds clients", backend.name));
        }
        if set.haproxy.setting(backend, &["option", "abortonclose"]).is_some() {
            bad(format!("{} has option abortonclose", backend.name));
        }
    }
}
