//! Who may connect to whom, before and after. NetworkPolicies are additive, so all of them are read together; pods that
//! no policy selects accept connections from everybody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::consequences::classify::pair::{ManifestPair, Reported};
use crate::consequences::consequence::{Class, Consequence};
use crate::fleet::ports::METRICS_PORT;
use crate::manifests::objects::Objects;

const EVERYBODY: &str = "everybody";
const EVERY_PORT: &str = "every port";
const EVERY_NAMESPACE: &str = "every namespace";

/// Who may connect to the pods of one selector, and the policies that allow it.
#[derive(Default)]
struct Guarded {
    policies: BTreeSet<String>,
    /// Peer and port.
    grants: BTreeSet<(String, String)>,
}

impl Guarded {
    /// Whether this grant, or a wider one, is included.
    fn covers(&self, (peer, port): &(String, String)) -> bool {
        let wider = if peer.starts_with("namespace ") { EVERY_NAMESPACE } else { EVERYBODY };
        [peer.as_str(), wider, EVERYBODY].iter().any(|peer| {
            [port.as_str(), EVERY_PORT]
                .iter()
                .any(|port| self.grants.contains(&((*peer).to_owned(), (*port).to_owned())))
        })
    }
}

pub(super) fn classify(pair: &ManifestPair, reported: &mut Reported) -> Vec<Consequence> {
    let (old, new) = (guarded(&pair.old), guarded(&pair.new));
    let mut found = Vec::new();
    for selector in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        found.extend(match (old.get(selector), new.get(selector)) {
            (Some(old), Some(new)) => compare(selector, old, new),
            (Some(old), None) => vec![Consequence::of_all(
                Class::OpensAccess,
                policies(old),
                format!("no NetworkPolicy selects {selector} any longer: everybody may connect to them, on every port"),
            )],
            // Also if the old manifests had policies, but none for these pods.
            (None, Some(new)) => vec![Consequence::of_all(
                Class::ClosesAccess,
                policies(new),
                format!("{selector} now accept connections only from {}", listed(new.grants.iter())),
            )],
            (None, None) => Vec::new(),
        });
    }
    let differs = |short: &String| {
        let name = short.strip_prefix("NetworkPolicy/").unwrap_or(short);
        pair.old.named("NetworkPolicy", name) != pair.new.named("NetworkPolicy", name)
    };
    for consequence in &mut found {
        consequence.objects.retain(differs);
    }
    for policy in pair.changed("NetworkPolicy") {
        let object = policy.identity.short();
        if found.iter().any(|consequence| consequence.objects.contains(&object)) {
            reported.report(&object, &policy.changes("/spec"));
        }
    }
    found
}

/// Grants that are listed; any more are counted.
const MAX_GRANTS: usize = 10;

fn compare(selector: &str, old: &Guarded, new: &Guarded) -> Vec<Consequence> {
    let opened: Vec<_> = new.grants.iter().filter(|grant| !old.covers(grant)).collect();
    let closed: Vec<_> = old.grants.iter().filter(|grant| !new.covers(grant)).collect();
    let mut found = Vec::new();
    if !opened.is_empty() {
        let what = format!("{selector} now also accept connections from {}", listed(opened.iter().copied()));
        found.push(Consequence::of_all(Class::OpensAccess, policies(new), what).number("grants", opened.len()));
    }
    if !closed.is_empty() {
        let what = format!("{selector} no longer accept connections from {}", listed(closed.iter().copied()));
        let both = old.policies.union(&new.policies).cloned().collect();
        let consequence = Consequence::of_all(Class::ClosesAccess, both, what).number("grants", closed.len());
        let metrics = closed.iter().any(|(_, port)| *port == format!("{METRICS_PORT}/TCP"));
        found.push(if metrics {
            consequence.advice("KEDA and Prometheus read this port: if one of them still runs there, it can read nothing, and without KEDA nothing scales")
        } else {
            consequence
        });
    }
    found
}

fn policies(guarded: &Guarded) -> Vec<String> {
    guarded.policies.iter().cloned().collect()
}

/// `namespace a on 1234/TCP and 3234/TCP; namespace b on 1234/TCP`.
fn listed<'a>(grants: impl Iterator<Item = &'a (String, String)>) -> String {
    let mut by_peer: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (peer, port) in grants {
        by_peer.entry(peer).or_default().push(port);
    }
    let mut parts: Vec<String> =
        by_peer.iter().take(MAX_GRANTS).map(|(peer, ports)| format!("{peer} on {}", ports.join(" and "))).collect();
    if by_peer.len() > MAX_GRANTS {
        parts.push(format!("{} more", by_peer.len() - MAX_GRANTS));
    }
    parts.join("; ")
}

fn guarded(objects: &Objects) -> BTreeMap<String, Guarded> {
    let mut found: BTreeMap<String, Guarded> = BTreeMap::new();
    for (name, policy) in objects.of_kind("NetworkPolicy") {
        let types = policy.pointer("/spec/policyTypes").and_then(Value::as_array);
        if types.is_some_and(|types| types.iter().all(|kind| kind != "Ingress")) {
            continue;
        }
        let entry = found.entry(pods(policy.pointer("/spec/podSelector"))).or_default();
        entry.policies.insert(format!("NetworkPolicy/{name}"));
        for rule in policy.pointer("/spec/ingress").and_then(Value::as_array).into_iter().flatten() {
            let peers = words(rule.get("from"), EVERYBODY, peer);
            let ports = words(rule.get("ports"), EVERY_PORT, port);
            for peer in &peers {
                entry.grants.extend(ports.iter().map(|port| (peer.clone(), port.clone())));
            }
        }
    }
    found
}

/// Each item in words; a missing or empty list means all.
fn words(list: Option<&Value>, all: &str, of: fn(&Value) -> String) -> Vec<String> {
    match list.and_then(Value::as_array) {
        Some(items) if !items.is_empty() => items.iter().map(of).collect(),
        _ => vec![all.to_owned()],
    }
}

fn port(port: &Value) -> String {
    let number = port
        .get("port")
        .map_or_else(|| "*".to_owned(), |port| port.as_str().map_or_else(|| port.to_string(), str::to_owned));
    let end = port.get("endPort").map_or_else(String::new, |end| format!("-{end}"));
    format!("{number}{end}/{}", port["protocol"].as_str().unwrap_or("TCP"))
}

fn peer(peer: &Value) -> String {
    if let Some(block) = peer.get("ipBlock") {
        let except = block.get("except").map_or_else(String::new, |except| format!(" except {except}"));
        return format!("{}{except}", block["cidr"].as_str().unwrap_or_default());
    }
    let namespace = peer.get("namespaceSelector").map(|selector| {
        let name = &selector["matchLabels"]["kubernetes.io/metadata.name"];
        match (name.as_str(), labels(selector)) {
            (Some(name), _) if selector["matchLabels"].as_object().is_some_and(|labels| labels.len() == 1) => {
                format!("namespace {name}")
            }
            (_, labels) if labels.is_empty() => EVERY_NAMESPACE.to_owned(),
            (_, labels) => format!("namespaces with {labels}"),
        }
    });
    match (namespace, peer.get("podSelector")) {
        (Some(namespace), None) => namespace,
        (Some(namespace), Some(selector)) => format!("{} in {namespace}", pods(Some(selector))),
        (None, selector) => pods(selector),
    }
}

/// `pods app=buildkitd`, `all pods`.
fn pods(selector: Option<&Value>) -> String {
    let labels = selector.map(labels).unwrap_or_default();
    if labels.is_empty() { "all pods".to_owned() } else { format!("pods {labels}") }
}

fn labels(selector: &Value) -> String {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let mut parts: Vec<String> =
        equal.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    parts.extend(selector["matchExpressions"].as_array().into_iter().flatten().map(ToString::to_string));
    parts.sort();
    parts.join(",")
}
