//! Times, from the longest build to the longest grace period.

use crate::manifests::check::set::{RenderedFleet, container, items, number, pod, shown};
use crate::manifests::names::LB;

pub(super) fn times(set: &RenderedFleet, broken: &mut Vec<String>) {
    let build_s = u64::from(set.fleet.timing.max_build_minutes()) * 60;
    let lb_grace_s = pod(set.object("Deployment", LB))["terminationGracePeriodSeconds"].as_u64();
    let mut longest_s = None;
    for section in ["frontend", "backend"].into_iter().flat_map(|kind| set.haproxy.of_kind(kind)) {
        if !section.name.starts_with("ft_") && section.kind != "backend" {
            continue;
        }
        for side in ["client", "server"] {
            let timeout_s = set.haproxy.seconds(section, &["timeout", side]);
            if timeout_s.is_none_or(|timeout_s| timeout_s < build_s) {
                broken.push(format!(
                    "timeout {side} of {} is {} s, but a build may take {build_s} s",
                    section.name,
                    shown(timeout_s)
                ));
            }
            longest_s = longest_s.max(timeout_s);
        }
    }
    for (pool, deployment) in set.builders() {
        let arch = pool.arch.name();
        let grace_s = pod(deployment)["terminationGracePeriodSeconds"].as_u64();
        let cap = items(&container(deployment)["env"]).iter().find(|variable| variable["name"] == "DRAIN_CAP_S");
        let cap_s = cap.and_then(|cap| number(&cap["value"]));
        if !(longest_s.is_some() && longest_s < cap_s && cap_s <= grace_s && grace_s <= lb_grace_s) {
            broken.push(format!(
                "{arch}: timeouts {} s, drain cap {} s, grace {} s, load balancer's grace {} s",
                shown(longest_s),
                shown(cap_s),
                shown(grace_s),
                shown(lb_grace_s)
            ));
        }
    }
    // These would override the two timeouts, end builds during a soft stop, or undo the defaults.
    for line in set.haproxy.lines().filter(|line| {
        line.starts_with(&["timeout", "tunnel"]) || matches!(line.first(), Some(&("hard-stop-after" | "no")))
    }) {
        broken.push(format!("haproxy.cfg contains `{}`", line.join(" ")));
    }
    // Services must drop the pod before it stops listening.
    let pause = items(&container(set.object("Deployment", LB))["lifecycle"]["preStop"]["exec"]["command"]);
    if !matches!(pause, [program, seconds] if program == "/bin/sleep" && number(seconds) >= Some(5)) {
        broken.push("the load balancer stops listening while clients still connect".to_owned());
    }
    for (name, nodes) in set.objects.of_kind("NodePool") {
        let template = &nodes["spec"]["template"]["spec"];
        if template.get("terminationGracePeriod").is_some() || template["expireAfter"] != "Never" {
            broken.push(format!("NodePool/{name} may end nodes with running builds"));
        }
    }
}

pub(super) fn queue(set: &RenderedFleet, broken: &mut Vec<String>) {
    let timing = set.fleet.timing;
    let (connect_s, pause_s) = (u64::from(timing.client_connect_s()), u64::from(timing.client_retry_pause_s()));
    let cycle_s = connect_s + u64::from(timing.least_pause_s());
    for backend in set.haproxy.of_kind("backend") {
        let queue_s = set.haproxy.seconds(backend, &["timeout", "queue"]);
        // With a pause of a second or two there is no whole number of seconds between the wait and the next try.
        if queue_s.is_none_or(|queue_s| queue_s <= connect_s || (queue_s >= cycle_s && pause_s > 2)) {
            broken.push(format!(
                "timeout queue of {} is {} s, a client waits {connect_s} s and comes again after {cycle_s} s or more",
                backend.name,
                shown(queue_s)
            ));
        }
        // One refused connection to the hold server per second.
        let retries = set.haproxy.setting(backend, &["retries"]).and_then(|words| words.first()?.parse::<u64>().ok());
        if retries.is_none() || retries != queue_s {
            broken.push(format!(
                "retries of {} is {}, its timeout queue {} s",
                backend.name,
                shown(retries),
                shown(queue_s)
            ));
        }
        if set.haproxy.setting(backend, &["option", "redispatch"]).is_none() {
            broken.push(format!("{} has no option redispatch", backend.name));
        }
        let hold = backend.setting(&["server", "hold"]);
        if hold.is_none_or(|words| !words.contains(&"backup")) {
            broken.push(format!("{} has no backup server that holds clients", backend.name));
        }
        if set.haproxy.setting(backend, &["option", "abortonclose"]).is_some() {
            broken.push(format!("{} has option abortonclose", backend.name));
        }
    }
}
