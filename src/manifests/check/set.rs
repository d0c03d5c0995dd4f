//! Rendered manifests, as the invariants read them.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::fleet::model::{Fleet, Pool};
use crate::manifests::check::haproxy::HaproxyConfig;
use crate::manifests::names::{LB_CONFIG, without_hash};
use crate::manifests::objects::Objects;
use crate::manifests::set::SetFile;

pub(super) struct RenderedFleet<'a> {
    /// The fleet that the manifests are for.
    pub(super) fleet: &'a Fleet,
    pub(super) files: &'a [SetFile],
    pub(super) objects: &'a Objects,
    pub(super) haproxy: HaproxyConfig<'a>,
}

impl<'a> RenderedFleet<'a> {
    pub(super) fn new(fleet: &'a Fleet, files: &'a [SetFile], objects: &'a Objects) -> Result<Self> {
        let config = objects.named("ConfigMap", LB_CONFIG).map_or(&Value::Null, |map| &map["data"]["haproxy.cfg"]);
        let haproxy = HaproxyConfig::read(config.as_str().context("the manifests contain no haproxy.cfg")?);
        Ok(RenderedFleet { fleet, files, objects, haproxy })
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

    /// The pools of the fleet, each with its Deployment.
    pub(super) fn builders(&self) -> impl Iterator<Item = (&'a Pool, &'a Value)> {
        self.fleet.pools.iter().map(|pool| (pool, self.object("Deployment", &builders_of(pool))))
    }

    /// The `NodePool`s of an architecture.
    pub(super) fn nodepools(&self, pool: &Pool) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let arch = pool.arch.name();
        self.objects
            .of_kind("NodePool")
            .filter(move |(_, nodes)| nodes["spec"]["template"]["metadata"]["labels"]["arch"] == arch)
    }
}

/// The name of a pool's Deployment, `PodDisruptionBudget` and `ScaledObject`.
pub(super) fn builders_of(pool: &Pool) -> String {
    format!("buildkitd-{}", pool.arch.name())
}

/// The name of a pool's backend.
pub(super) fn backend_of(pool: &Pool) -> String {
    format!("bk_{}", pool.arch.name())
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
