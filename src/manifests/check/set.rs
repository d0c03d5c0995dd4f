//! Rendered manifests, as the invariants read them.

use std::collections::BTreeSet;
use std::ops::Deref;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::fleet::model::{Fleet, Pool};
use crate::manifests::check::haproxy::HaproxyConfig;
use crate::manifests::names::{LB, LB_CONFIG, without_hash};
use crate::manifests::objects::Objects;
use crate::manifests::set::SetFile;

/// What manifests show by themselves, wherever they come from.
pub(super) struct Manifests<'a> {
    pub(super) objects: &'a Objects,
    pub(super) haproxy: HaproxyConfig<'a>,
    /// The namespace that the fleet has, or seems to have.
    pub(super) namespace: &'a str,
    /// The architectures that it has, or seems to have.
    pub(super) arches: Vec<&'a str>,
}

/// Manifests and the fleet that they should be.
pub(super) struct RenderedFleet<'a> {
    pub(super) fleet: &'a Fleet,
    /// As rendered; empty if the manifests come from elsewhere.
    pub(super) files: &'a [SetFile],
    manifests: Manifests<'a>,
}

impl<'a> RenderedFleet<'a> {
    pub(super) fn new(fleet: &'a Fleet, files: &'a [SetFile], objects: &'a Objects) -> Result<Self> {
        let haproxy = haproxy_of(objects).context("the manifests contain no haproxy.cfg")?;
        let arches = fleet.pools.iter().map(|pool| pool.arch.name()).collect();
        let manifests = Manifests { objects, haproxy, namespace: fleet.namespace.as_str(), arches };
        Ok(RenderedFleet { fleet, files, manifests })
    }

    /// The pools of the fleet, each with its Deployment.
    pub(super) fn builders(&self) -> impl Iterator<Item = (&'a Pool, &'a Value)> {
        self.fleet.pools.iter().map(|pool| (pool, self.object("Deployment", &builders_of(pool.arch.name()))))
    }

    /// The `NodePool`s of an architecture.
    pub(super) fn nodepools(&self, pool: &Pool) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let arch = pool.arch.name();
        self.objects
            .of_kind("NodePool")
            .filter(move |(_, nodes)| nodes["spec"]["template"]["metadata"]["labels"]["arch"] == arch)
    }
}

/// What the manifests show is read without a word about the fleet.
impl<'a> Deref for RenderedFleet<'a> {
    type Target = Manifests<'a>;

    fn deref(&self) -> &Manifests<'a> {
        &self.manifests
    }
}

fn haproxy_of(objects: &Objects) -> Option<HaproxyConfig<'_>> {
    Some(HaproxyConfig::read(objects.named("ConfigMap", LB_CONFIG)?["data"]["haproxy.cfg"].as_str()?))
}

impl<'a> Manifests<'a> {
    /// The manifests of a fleet that is not known: its namespace is that of the load balancer, its architectures are those
    /// of builders and backends.
    pub(super) fn of_unknown_fleet(objects: &'a Objects) -> Result<Self> {
        let haproxy = haproxy_of(objects).context("the manifests contain no haproxy.cfg")?;
        let deployments = || objects.iter().filter(|(at, _)| at.kind == "Deployment");
        let lb = deployments().find(|(at, _)| at.name == LB).or_else(|| deployments().next());
        let namespace = lb.map(|(at, _)| at.namespace.as_str()).or_else(|| objects.namespace()).unwrap_or_default();
        let of_builders = objects.of_kind("Deployment").filter_map(|(name, _)| name.strip_prefix("buildkitd-"));
        let of_backends = haproxy.of_kind("backend").filter_map(|backend| backend.name.strip_prefix("bk_"));
        let arches: BTreeSet<&str> = of_builders.chain(of_backends).filter(|arch| *arch != "lb").collect();
        Ok(Manifests { objects, haproxy, namespace, arches: arches.into_iter().collect() })
    }

    /// The object of this kind and name; null if there is none.
    pub(super) fn object(&self, kind: &str, name: &str) -> &'a Value {
        self.objects.named(kind, name).unwrap_or(&Value::Null)
    }

    /// The ConfigMap with this name, hash included, or null.
    pub(super) fn config_map(&self, name: &str) -> &'a Value {
        let map = self.object("ConfigMap", without_hash("ConfigMap", name));
        if map["metadata"]["name"] == name { map } else { &Value::Null }
    }

    /// The architectures, each with the Deployment of its builders.
    pub(super) fn builders_by_arch(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.arches.iter().map(|arch| (*arch, self.object("Deployment", &builders_of(arch))))
    }
}

/// The name of an architecture's Deployment, `PodDisruptionBudget` and `ScaledObject`.
pub(super) fn builders_of(arch: &str) -> String {
    format!("buildkitd-{arch}")
}

/// The name of an architecture's backend.
pub(super) fn backend_of(arch: &str) -> String {
    format!("bk_{arch}")
}

/// Items of a list; empty if the value is not a list.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The pod spec of a Deployment.
pub(super) fn pod(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]
}

/// The first container of a Deployment's pods.
pub(super) fn container(deployment: &Value) -> &Value {
    &pod(deployment)["containers"][0]
}

/// Every container of a Deployment's pods, those that run first included.
pub(super) fn containers(deployment: &Value) -> impl Iterator<Item = &Value> {
    let pod = pod(deployment);
    items(&pod["containers"]).iter().chain(items(&pod["initContainers"]))
}

/// The volume of a Deployment's pods that a mount names; null if there is none.
pub(super) fn volume_of<'v>(deployment: &'v Value, mount: &Value) -> &'v Value {
    let volumes = items(&pod(deployment)["volumes"]);
    volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap_or(&Value::Null)
}

/// The words of a container's command, arguments and preStop hook.
pub(super) fn command_words(container: &Value) -> impl Iterator<Item = &str> + Clone {
    let words = [&container["command"], &container["args"], &container["lifecycle"]["preStop"]["exec"]["command"]];
    words.into_iter().flat_map(items).filter_map(Value::as_str)
}

/// A number that is written as a number or as text.
pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A value for a message, or `none`.
pub(super) fn shown<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}
