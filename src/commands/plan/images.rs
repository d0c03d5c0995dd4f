//! Notes of the plan about the fleet's images.

use crate::commands::plan::capacity::{Capacity, PoolCapacity};
use crate::diagnostics::words::{names, thousands};
use crate::fleet::capabilities::OLDEST_BUILDKIT;
use crate::values::docker_hub::{DOCKER_HUB, is_docker_hub};
use crate::values::image::Image;

/// Nodes behind a few NAT addresses that can exceed Docker Hub's limit: without a login it was 100 pulls in six hours per
/// IPv4 address (docs of Docker Hub, "Usage and limits"; the number changes, so no message names it).
const MANY_NODES: u64 = 100;

pub(super) fn notes(plan: &Capacity) -> Vec<String> {
    let mut notes = Vec::new();
    if plan.fleet.buildkit.is_none() {
        notes.push(format!(
            "The tag of `image` does not show the version of BuildKit; {OLDEST_BUILDKIT} or later is assumed. Set `buildkit_version`."
        ));
    }
    if let Some(pulls) = DockerHubPulls::of(plan) {
        let keys: Vec<String> = pulls.images.iter().map(|(key, _)| (*key).to_owned()).collect();
        let (verb, them) = if keys.len() == 1 { ("is", "it") } else { ("are", "them") };
        notes.push(format!(
            "{} {verb} on Docker Hub, which limits pulls per address: up to {} nodes behind a few NAT addresses can exceed the limit, and pods then wait for {them}. Use a copy in a registry of your own, or a mirror in the nodes' containerd; `registry_mirrors` applies to builds only.",
            names(&keys),
            thousands(pulls.nodes),
        ));
    }
    notes
}

/// Images that so many nodes may pull from Docker Hub that its limit of pulls per address can be exceeded.
pub(super) struct DockerHubPulls<'a> {
    /// With their keys.
    pub images: Vec<(&'static str, &'a Image)>,
    /// Most nodes: each pool at its maximum, on the instance type that needs most of them.
    pub nodes: u64,
}

impl<'a> DockerHubPulls<'a> {
    /// `None` if at most `MANY_NODES` may come, or no image is on Docker Hub.
    pub(super) fn of(plan: &Capacity<'a>) -> Option<Self> {
        let images = [("image", &plan.fleet.image), ("haproxy_image", &plan.fleet.lb.image)];
        let images: Vec<(&str, &Image)> =
            images.into_iter().filter(|(_, image)| is_docker_hub(image.host().unwrap_or(DOCKER_HUB))).collect();
        let most = |pool: &PoolCapacity| pool.types.iter().map(|of| of.nodes_at_max).max().unwrap_or_default();
        let nodes = plan.pools.iter().map(most).sum();
        (!images.is_empty() && nodes > MANY_NODES).then_some(DockerHubPulls { images, nodes })
    }
}
