//! Invariants of all rendered manifests, whatever clusters.yaml says. They are checked on the rendered text, not on the
//! model that it was rendered from: `generate` checks manifests before it publishes them, and a broken invariant is an
//! internal error.

mod builder;
mod buildkitd_toml;
mod guarantees;
mod haproxy;
mod monitoring;
mod nodes;
mod outside;
mod quantity;
mod references;
mod scaling;
mod selectors;
mod set;
mod shape;
mod speed;
mod times;

use anyhow::{Context, Result, bail};

use crate::fleet::model::Fleet;
use crate::manifests::check::set::RenderedFleet;
use crate::manifests::list;
use crate::manifests::objects::Objects;
use crate::manifests::set::SetFile;

/// A statement that always holds.
pub struct Invariant {
    pub id: &'static str,
    pub says: &'static str,
    /// Adds a message for each place where it does not hold.
    broken: fn(&RenderedFleet, &mut Vec<String>),
}

pub const ALL: [Invariant; 25] = [
    Invariant {
        id: "objects",
        says: "every document is an object with an apiVersion, a kind and a unique name, in the fleet's namespace if its kind is namespaced",
        broken: shape::objects,
    },
    Invariant { id: "no-null", says: "no field is null", broken: shape::no_null },
    Invariant {
        id: "no-float",
        says: "no number is a float, and every quantity is a whole number",
        broken: shape::no_float,
    },
    Invariant {
        id: "one-reading",
        says: "YAML 1.1, which kubectl reads, takes no unquoted text for a bool or a number",
        broken: shape::one_reading,
    },
    Invariant {
        id: "times",
        says: "build limit <= load balancer timeouts < drain cap <= builder grace period <= load balancer grace period, and no node ends earlier",
        broken: times::times,
    },
    Invariant {
        id: "queue",
        says: "a waiting client is counted longer than it waits and less than until it comes again, also where there is no pod",
        broken: times::queue,
    },
    Invariant {
        id: "one-build",
        says: "each server takes one build at a time, and no build is cut off",
        broken: guarantees::one_build,
    },
    Invariant {
        id: "guaranteed",
        says: "CPU and memory requests of a builder equal its limits",
        broken: guarantees::guaranteed,
    },
    Invariant {
        id: "lb-stays",
        says: "nothing but a lost node takes the load balancer away under builds: no liveness kill, no eviction before others, no node that ends",
        broken: guarantees::lb_stays,
    },
    Invariant {
        id: "bounds",
        says: "0 <= min <= fallback <= max, or a fixed number, as configured",
        broken: scaling::bounds,
    },
    Invariant {
        id: "speed",
        says: "the HPA's rules are valid, as configured and as the versions support them; only a pool with min 0 scales to zero, and it wakes in time",
        broken: speed::speed,
    },
    Invariant {
        id: "slots",
        says: "a backend has at least max slots, and its frontends accept as many connections",
        broken: scaling::slots,
    },
    Invariant {
        id: "dns",
        says: "the DNS answer at max fits in the payload that HAProxy accepts",
        broken: scaling::dns,
    },
    Invariant { id: "node-limits", says: "each NodePool can hold the peak", broken: nodes::limits },
    Invariant {
        id: "node-order",
        says: "NodePool weights decrease in the order of the types, from 100 to 1",
        broken: nodes::order,
    },
    Invariant {
        id: "fit",
        says: "the declared pods fit on a node of each type by CPU, memory and disk, and the kubelet can align all pods that may be placed there",
        broken: nodes::fit,
    },
    Invariant {
        id: "disk",
        says: "all daemons of a node together leave the free space that each of them keeps",
        broken: nodes::disk,
    },
    Invariant {
        id: "placement",
        says: "builders select the nodes that are made for them, and tolerate the taint of those nodes and no other",
        broken: nodes::placement,
    },
    Invariant {
        id: "selectors",
        says: "every selector matches the pods or Services that it is meant for, and no others",
        broken: selectors::selectors,
    },
    Invariant {
        id: "references",
        says: "every volume, ConfigMap, file, port and name that is used exists",
        broken: references::references,
    },
    Invariant {
        id: "outside",
        says: "nothing outside of the cluster reaches a build port but the networks that clusters.yaml lists, which need a certificate",
        broken: outside::outside,
    },
    Invariant {
        id: "builder",
        says: "builders have the variables, volumes, ServiceAccount and pull secrets that clusters.yaml asks for, and no others",
        broken: builder::builder,
    },
    Invariant {
        id: "toml",
        says: "buildkitd.toml is TOML, with what the fleet needs and what clusters.yaml adds, and nothing else",
        broken: buildkitd_toml::toml,
    },
    Invariant {
        id: "hashes",
        says: "ConfigMaps that pods read are immutable and named after their content",
        broken: guarantees::hashes,
    },
    Invariant {
        id: "metrics",
        says: "every series that is read exists, with labels that name an object of the fleet, and over enough scrapes",
        broken: monitoring::metrics,
    },
];

/// Checks rendered manifests. The error names each broken invariant, and where it is broken.
pub fn check(fleet: &Fleet, files: &[SetFile]) -> Result<()> {
    if !files.iter().map(|file| file.path.as_str()).eq(list::of(fleet).map(|manifest| manifest.path)) {
        bail!("the files are not those that this fleet should have");
    }
    let objects = Objects::read(files)?;
    let set = RenderedFleet::new(fleet, files, &objects).context("invariant `references`")?;
    let mut lines = Vec::new();
    for Invariant { id, says, broken } in &ALL {
        let mut found = Vec::new();
        broken(&set, &mut found);
        lines.extend(found.into_iter().map(|what| format!("\n  {id}: {what}; expected: {says}")));
    }
    if !lines.is_empty() {
        bail!("the manifests violate their invariants:{}", lines.concat());
    }
    Ok(())
}
