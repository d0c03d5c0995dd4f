//! Invariants of all rendered manifests, whatever clusters.yaml says. They are checked on the rendered text, not on the
//! model that it was rendered from: `generate` checks manifests before it publishes them, and a broken invariant is an
//! internal error.

mod builder;
mod buildkitd_toml;
mod configured;
mod delivery;
mod guarantees;
mod haproxy;
mod kustomization;
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
mod used;

use anyhow::{Context, Result, bail};

use crate::fleet::model::Fleet;
use crate::manifests::check::set::RenderedFleet;
use crate::manifests::list::{self, KUSTOMIZATION};
use crate::manifests::objects::Objects;
use crate::manifests::set::SetFile;

/// A statement that always holds.
#[derive(Debug)]
pub struct Invariant {
    pub id: &'static str,
    pub says: &'static str,
    pub purpose: Purpose,
    /// Adds a message for each place where it does not hold.
    broken: fn(&RenderedFleet, &mut Vec<String>),
}

/// What an invariant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It protects builds or those who run them, and holds of patched manifests too. What happens where it is broken.
    Protects(&'static str),
    /// It proves that the templates write what was asked for: patches may write something else.
    Templates,
}
use Purpose::{Protects, Templates};

pub const ALL: [Invariant; 32] = [
    Invariant {
        id: "objects",
        says: "every document is an object with an apiVersion, a kind, a unique name, and labels and annotations of text, in the fleet's namespace if its kind is namespaced",
        purpose: Protects("kubectl refuses the object, or builders, which are privileged, are not admitted"),
        broken: shape::objects,
    },
    Invariant { id: "no-null", says: "no field is null", purpose: Templates, broken: shape::no_null },
    Invariant {
        id: "no-float",
        says: "no number is a float, and every quantity is a whole number",
        purpose: Templates,
        broken: shape::no_float,
    },
    Invariant {
        id: "one-reading",
        says: "YAML 1.1, which kubectl reads, takes no unquoted text for a bool or a number",
        // Of text, also in blocks of text: patched objects are written with all such words in quotes.
        purpose: Templates,
        broken: shape::one_reading,
    },
    Invariant {
        id: "times",
        says: "build limit <= load balancer timeouts < drain cap <= builder grace period <= load balancer grace period, and no node ends earlier",
        purpose: Protects("builds are cut off at a timeout, or killed when their pod or node ends"),
        broken: times::times,
    },
    Invariant {
        id: "queue",
        says: "a waiting client is counted longer than it waits and less than until it comes again, also where there is no pod",
        purpose: Protects("waiting clients are not counted, so that the fleet does not grow, or are counted twice"),
        broken: times::queue,
    },
    Invariant {
        id: "one-build",
        says: "each server takes one build at a time, and no build is cut off",
        purpose: Protects("two builds share a pod and its CPUs, or a build is cut off"),
        broken: guarantees::one_build,
    },
    Invariant {
        id: "guaranteed",
        says: "CPU and memory requests of each container of a builder equal its limits, and buildkitd has whole CPUs",
        purpose: Protects("builders lose their dedicated CPUs, or are evicted with their build"),
        broken: guarantees::guaranteed,
    },
    Invariant {
        id: "lb-stays",
        says: "nothing but a lost node takes the load balancer away under builds: no liveness kill, no eviction before others, no node that ends",
        purpose: Protects("every build is lost with the load balancer"),
        broken: guarantees::lb_stays,
    },
    Invariant {
        id: "bounds",
        says: "0 <= min <= fallback <= max, or a fixed number; a fallback removes no pods",
        purpose: Protects("KEDA refuses the object, or removes pods under builds"),
        broken: scaling::bounds,
    },
    Invariant {
        id: "speed",
        says: "the HPA's rules are valid, and such as the versions support; only a pool with min 0 scales to zero, and it wakes in time",
        purpose: Protects("the HPA is refused, or the pool does not wake up"),
        broken: speed::speed,
    },
    Invariant {
        id: "slots",
        says: "a backend has at least max slots, and its frontends accept as many connections",
        purpose: Protects("pods beyond the slots get no builds"),
        broken: scaling::slots,
    },
    Invariant {
        id: "dns",
        says: "the DNS answer at max fits in the payload that HAProxy accepts",
        purpose: Protects("HAProxy loses every server at once"),
        broken: scaling::dns,
    },
    Invariant {
        id: "node-limits",
        says: "each NodePool can hold the peak",
        purpose: Protects("pods stay Pending at the peak"),
        broken: nodes::limits,
    },
    Invariant {
        id: "node-order",
        says: "NodePool weights decrease in the order of the types, from 100 to 1",
        purpose: Protects("Karpenter starts other types than those preferred"),
        broken: nodes::order,
    },
    Invariant {
        id: "fit",
        says: "the declared pods fit on a node of each type by CPU, memory and disk, and the kubelet can align all pods that may be placed there",
        purpose: Protects("builders stay Pending, or are recreated endlessly"),
        broken: nodes::fit,
    },
    Invariant {
        id: "disk",
        says: "all daemons of a node together leave the free space that each of them keeps",
        purpose: Protects("the disk fills up, and the kubelet evicts builds"),
        broken: nodes::disk,
    },
    Invariant {
        id: "placement",
        says: "builders select the nodes that are made for them, and tolerate their taints; the load balancer has its node, and stays while a node is lost for a moment",
        purpose: Protects("builders or the load balancer stay Pending, or leave when a node is lost for a moment"),
        broken: nodes::placement,
    },
    Invariant {
        id: "selectors",
        says: "every selector matches the pods or Services that it is meant for, and no others",
        purpose: Protects("traffic or evictions reach other pods, or others than clients reach privileged builders"),
        broken: selectors::selectors,
    },
    Invariant {
        id: "references",
        says: "every volume, ConfigMap, file, port and name that is used exists",
        purpose: Protects("pods do not start, or the load balancer has no servers"),
        broken: references::references,
    },
    Invariant {
        id: "outside",
        says: "nothing outside of the cluster reaches a build port but the networks that clusters.yaml lists, which need a certificate",
        purpose: Protects("anybody on the network can take a builder, which is privileged"),
        broken: outside::outside,
    },
    Invariant {
        id: "builder",
        says: "builders have the variables, volumes, ServiceAccount and pull secrets that clusters.yaml asks for, and no others",
        purpose: Templates,
        broken: builder::builder,
    },
    Invariant {
        id: "toml",
        says: "buildkitd.toml is TOML, with what the fleet needs and what clusters.yaml adds, and nothing else",
        purpose: Protects("buildkitd does not start, or collects its cache too late"),
        broken: buildkitd_toml::toml,
    },
    Invariant {
        id: "hashes",
        says: "ConfigMaps that pods read are immutable and named after their content",
        purpose: Protects("pods that restart read a configuration that is not theirs, or a change rolls nothing"),
        broken: guarantees::hashes,
    },
    Invariant {
        id: "delivery",
        says: "Argo CD and Flux never delete the namespace, nodes or what old pods read, and change no pod; Argo CD scales behind the load balancer",
        purpose: Protects(
            "a sync deletes nodes with their builds, scales by a number that nobody serves, or rolls pods",
        ),
        broken: delivery::delivery,
    },
    Invariant {
        id: "substitution",
        says: "nothing in a set for Flux has `${` or `$$`, which it would replace",
        purpose: Protects(
            "the load balancer starts without DNS, or scripts and values are others than clusters.yaml says",
        ),
        broken: delivery::substitution,
    },
    Invariant {
        id: "metrics",
        says: "KEDA reads a series that exists, of the same architecture, where it is served",
        purpose: Protects("the fleet does not scale"),
        broken: monitoring::metrics,
    },
    Invariant { id: "alone", says: "each pod has one container", purpose: Templates, broken: guarantees::alone },
    Invariant {
        id: "as-configured",
        says: "bounds, speed and tolerations are those of clusters.yaml, and no others",
        purpose: Templates,
        broken: configured::as_configured,
    },
    Invariant {
        id: "kustomization",
        says: "kustomization.yaml lists every manifest once, in the order in which they are applied",
        purpose: Templates,
        broken: kustomization::kustomization,
    },
    Invariant {
        id: "used",
        says: "every volume is mounted as a whole, and every file and variable is read",
        purpose: Templates,
        broken: used::used,
    },
    Invariant {
        id: "alerts",
        says: "every series that alerts read exists, with labels that name an object of the fleet, and over enough scrapes",
        purpose: Templates,
        broken: monitoring::alerts,
    },
];

const OTHER_FILES: &str = "the files are not those that this fleet should have";

/// Checks rendered manifests. The error names each broken invariant, and where it is broken. Where the fleet has patches,
/// only those that protect builds must hold.
pub fn check(fleet: &Fleet, files: &[SetFile]) -> Result<()> {
    if !files.iter().map(|file| file.path.as_str()).eq(list::paths(fleet)) {
        bail!(OTHER_FILES);
    }
    let held = |invariant: &Invariant| fleet.patches.is_empty() || invariant.purpose != Templates;
    let found = broken(fleet, files, held)?;
    let lines: Vec<String> = found
        .into_iter()
        .map(|(Invariant { id, says, .. }, what)| format!("\n  {id}: {what}; expected: {says}"))
        .collect();
    if !lines.is_empty() {
        bail!("the manifests violate their invariants:{}", lines.concat());
    }
    Ok(())
}

/// Which of the invariants that are held are broken, and where. An error is of files in which nothing can be checked.
pub fn broken(
    fleet: &Fleet,
    files: &[SetFile],
    held: impl Fn(&Invariant) -> bool,
) -> Result<Vec<(&'static Invariant, String)>> {
    let manifests = files.iter().map(|file| file.path.as_str()).filter(|path| *path != KUSTOMIZATION);
    if !manifests.eq(list::of(fleet).map(|manifest| manifest.path)) {
        bail!(OTHER_FILES);
    }
    let objects = Objects::read(files)?;
    let set = RenderedFleet::new(fleet, files, &objects).context("invariant `references`")?;
    let mut all = Vec::new();
    for invariant in INVARIANTS.iter().filter(|invariant| held(invariant)) {
        let mut found = Vec::new();
        (invariant.broken)(&set, &mut found);
        all.extend(found.into_iter().map(|what| (invariant, what)));
    }
    Ok(all)
}

static INVARIANTS: &[Invariant] = &ALL;
