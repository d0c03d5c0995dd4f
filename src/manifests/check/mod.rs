//! What must hold of every rendered set, whatever clusters.yaml says. It is read from the rendered text, not from the
//! model that the text was made of: `generate` looks at a set before it publishes it, and a set that breaks one of
//! these is a defect of this program.

mod guarantees;
mod haproxy;
mod monitoring;
mod nodes;
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

/// One thing that always holds.
pub struct Invariant {
    pub id: &'static str,
    pub says: &'static str,
    /// Tells, one text each, where it does not hold.
    broken: fn(&RenderedFleet, &mut Vec<String>),
}

pub const ALL: [Invariant; 21] = [
    Invariant {
        id: "objects",
        says: "every document is an object with apiVersion, kind and a name of its own, in the fleet's namespace where its kind has one",
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
        says: "no text is one that YAML 1.1, which kubectl reads, takes for a bool or a number",
        broken: shape::one_reading,
    },
    Invariant {
        id: "times",
        says: "build limit <= load balancer's timeouts < drain cap <= builder's grace <= load balancer's grace, and no node has less",
        broken: times::times,
    },
    Invariant {
        id: "queue",
        says: "a client is held and counted for its whole cycle, and longer than it waits where there is no pod",
        broken: times::queue,
    },
    Invariant {
        id: "one-build",
        says: "each server takes one build, and no build is cut",
        broken: guarantees::one_build,
    },
    Invariant {
        id: "guaranteed",
        says: "a builder's requests of CPU and memory equal its limits",
        broken: guarantees::guaranteed,
    },
    Invariant {
        id: "bounds",
        says: "0 <= min <= fallback <= max, or a fixed number, as asked for",
        broken: scaling::bounds,
    },
    Invariant {
        id: "speed",
        says: "the HPA's rules are ones that it takes, as asked for and as the versions can; only a pool with min 0 sleeps, and it wakes in time",
        broken: speed::speed,
    },
    Invariant {
        id: "slots",
        says: "slots of a backend >= max, and its frontends take as many",
        broken: scaling::slots,
    },
    Invariant { id: "dns", says: "the DNS answer at max <= the payload that HAProxy accepts", broken: scaling::dns },
    Invariant { id: "node-limits", says: "each NodePool may hold the peak", broken: nodes::limits },
    Invariant {
        id: "node-order",
        says: "weights of NodePools go down in the order of their types, from 100 to 1",
        broken: nodes::order,
    },
    Invariant {
        id: "fit",
        says: "the declared pods fit a node of each type by CPU, memory and disk, and the kubelet can align all that may be placed",
        broken: nodes::fit,
    },
    Invariant {
        id: "disk",
        says: "all daemons of a node together leave the free space that each keeps",
        broken: nodes::disk,
    },
    Invariant {
        id: "placement",
        says: "builders select and tolerate the nodes that are made for them, and nothing else is tainted",
        broken: nodes::placement,
    },
    Invariant {
        id: "selectors",
        says: "every selector matches the pods or Services that it means, and no others",
        broken: selectors::selectors,
    },
    Invariant {
        id: "references",
        says: "every volume, ConfigMap, file, port and name that is used exists",
        broken: references::references,
    },
    Invariant {
        id: "checksums",
        says: "pods carry the checksums of the texts that they read",
        broken: guarantees::checksums,
    },
    Invariant {
        id: "metrics",
        says: "every series that is read exists, with labels that name something of the set",
        broken: monitoring::metrics,
    },
];

/// Looks at a rendered set. The error names each invariant that is broken, and where.
pub fn check(fleet: &Fleet, files: &[SetFile]) -> Result<()> {
    if !files.iter().map(|file| file.path.as_str()).eq(list::of(fleet).map(|manifest| manifest.path)) {
        bail!("the set does not have the files that it is to have");
    }
    let objects = Objects::read(files)?;
    let set = RenderedFleet::new(fleet, files, &objects).context("invariant `references`")?;
    let mut lines = Vec::new();
    for Invariant { id, says, broken } in &ALL {
        let mut found = Vec::new();
        broken(&set, &mut found);
        lines.extend(found.into_iter().map(|what| format!("\n  {id}: {what}; it must be that {says}")));
    }
    if !lines.is_empty() {
        bail!("the manifests are not as they must be:{}", lines.concat());
    }
    Ok(())
}
