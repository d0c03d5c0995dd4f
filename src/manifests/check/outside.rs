//! Who reaches the builders from outside of the cluster.

use serde_json::{Map, Value, json};

use crate::fleet::external_service::ExternalService;
use crate::manifests::check::delivery::of_the_user;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::set::{RenderedFleet, container, items};
use crate::manifests::names::{EXTERNAL, LB};
use crate::values::name::IpFamily;
use crate::values::service_type::ServiceType;

pub(super) fn outside(set: &RenderedFleet, broken: &mut Findings) {
    let asked = set.fleet.lb.service.as_ref();
    if asked.is_some() && set.fleet.mtls_secret.is_none() {
        broken.at(
            "Service",
            EXTERNAL,
            "spec",
            format!("Service/{EXTERNAL} opens builders that ask for no certificate"),
        );
    }
    let meant = asked.map_or(Value::Null, |asked| spec(set, asked));
    let service = set.object("Service", EXTERNAL);
    if service["spec"] != meant {
        broken.at("Service", EXTERNAL, "spec", format!("Service/{EXTERNAL} is {}, not {meant}", service["spec"]));
    }
    let annotations: Map<String, Value> = asked
        .map(|asked| asked.annotations.iter().map(|(key, value)| (key.to_string(), value.as_str().into())).collect())
        .unwrap_or_default();
    if of_the_user(service, &annotations) != annotations {
        broken.at(
            "Service",
            EXTERNAL,
            "metadata.annotations",
            format!("Service/{EXTERNAL} has other annotations than clusters.yaml"),
        );
    }
    for (name, service) in set.objects.of_kind("Service").filter(|(name, _)| *name != EXTERNAL) {
        let spec = &service["spec"];
        if !(spec["type"].is_null() || spec["type"] == "ClusterIP") || !items(&spec["externalIPs"]).is_empty() {
            broken.at(
                "Service",
                name,
                "spec",
                format!("Service/{name} is reached from outside of the cluster, whoever asks"),
            );
        }
    }
    for (name, policy) in set.objects.of_kind("NetworkPolicy") {
        let peers = items(&policy["spec"]["ingress"]).iter().flat_map(|rule| items(&rule["from"]));
        let networks: Vec<&Value> = peers.filter_map(|peer| peer.get("ipBlock")).collect();
        let ranges = asked.filter(|_| name == "buildkitd-lb-ingress").map(ranges).unwrap_or_default();
        let meant = ranges.into_iter().map(|range| json!({"cidr": range}));
        if !networks.iter().copied().eq(meant.collect::<Vec<_>>().iter()) {
            broken.at(
                "NetworkPolicy",
                name,
                "spec.ingress",
                format!("NetworkPolicy/{name} lets in {networks:?}, which clusters.yaml does not list"),
            );
        }
    }
}

fn ranges(asked: &ExternalService) -> Vec<String> {
    asked.source_ranges.iter().map(ToString::to_string).collect()
}

fn spec(set: &RenderedFleet, asked: &ExternalService) -> Value {
    let ports = items(&container(set.object("Deployment", LB))["ports"]).iter();
    let of_builds = ports.filter(|port| port["name"] != "health" && port["name"] != "prometheus");
    let ports: Vec<Value> = of_builds
        .map(|port| {
            json!({"name": port["name"], "port": port["containerPort"], "targetPort": port["name"], "protocol": "TCP"})
        })
        .collect();
    let mut spec = json!({"type": "ClusterIP", "selector": {"app": LB}, "ports": ports});
    if asked.kind == ServiceType::LoadBalancer {
        spec["type"] = "LoadBalancer".into();
        spec["externalTrafficPolicy"] = "Local".into();
        spec["loadBalancerSourceRanges"] = ranges(asked).into();
        if let Some(class) = &asked.class {
            spec["loadBalancerClass"] = class.as_str().into();
        }
    }
    let single = match set.fleet.ip_family {
        IpFamily::Dual => None,
        IpFamily::Ipv4 => Some("IPv4"),
        IpFamily::Ipv6 => Some("IPv6"),
    };
    spec["ipFamilyPolicy"] = if single.is_some() { "SingleStack" } else { "PreferDualStack" }.into();
    if let Some(family) = single {
        spec["ipFamilies"] = json!([family]);
    }
    spec
}
