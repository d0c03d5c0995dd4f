//! Every invariant: what always holds, and what it is for.

use crate::manifests::check::invariant::Invariant;
use crate::manifests::check::invariant::Purpose::{Protects, Templates};
use crate::manifests::check::needs::Needs;
use crate::manifests::check::{
    builder, buildkitd_toml, configured, dashboard, delivery, disk, guarantees, guard, kustomization, monitoring,
    nodes, outside, placement, references, scaling, selectors, shape, speed, times, used,
};

pub const ALL: [Invariant; 34] = [
    Invariant {
        id: "objects",
        says: "every document is an object with an apiVersion, a kind, a unique name, and labels and annotations of text, in the fleet's namespace if its kind is namespaced",
        purpose: Protects("kubectl refuses the object, or builders, which are privileged, are not admitted"),
        needs: Needs::Manifests(shape::objects),
    },
    Invariant { id: "no-null", says: "no field is null", purpose: Templates, needs: Needs::Fleet(shape::no_null) },
    Invariant {
        id: "no-float",
        says: "no number is a float, and every quantity is a whole number",
        purpose: Templates,
        needs: Needs::Fleet(shape::no_float),
    },
    Invariant {
        id: "one-reading",
        says: "YAML 1.1, which kubectl reads, takes no unquoted text for a bool or a number",
        // Of text, also in blocks of text: patched objects are written with all such words in quotes.
        purpose: Templates,
        needs: Needs::Fleet(shape::one_reading),
    },
    Invariant {
        id: "times",
        says: "build limit <= load balancer timeouts < drain cap <= builder grace period <= load balancer grace period, and no node ends earlier",
        purpose: Protects("builds are cut off at a timeout, or killed when their pod or node ends"),
        needs: Needs::Both(times::in_order, times::for_builds),
    },
    Invariant {
        id: "queue",
        says: "a waiting client is counted longer than it waits and less than until it comes again, also where there is no pod",
        purpose: Protects("waiting clients are not counted, so that the fleet does not grow, or are counted twice"),
        needs: Needs::Both(times::holds_clients, times::for_clients),
    },
    Invariant {
        id: "one-build",
        says: "each server takes one build at a time, and no build is cut off",
        purpose: Protects("two builds share a pod and its CPUs, or a build is cut off"),
        needs: Needs::Manifests(guarantees::one_build),
    },
    Invariant {
        id: "guard",
        says: "all builders refuse a second build or none does, and the load balancer goes by their checks, finds no others, and is the only one to reach them",
        purpose: Protects("two builds share a pod while the load balancer rolls, or no pod gets builds"),
        needs: Needs::Both(guard::consistent, guard::asked_for),
    },
    Invariant {
        id: "guaranteed",
        says: "CPU and memory requests of each container of a builder equal its limits, and buildkitd has whole CPUs",
        purpose: Protects("builders lose their dedicated CPUs, or are evicted with their build"),
        needs: Needs::Manifests(guarantees::guaranteed),
    },
    Invariant {
        id: "lb-stays",
        says: "nothing but a lost node takes the load balancer away under builds: no liveness kill, no eviction before others, no node that ends",
        purpose: Protects("every build is lost with the load balancer"),
        needs: Needs::Both(guarantees::lb_stays, guarantees::lb_has_priority),
    },
    Invariant {
        id: "bounds",
        says: "0 <= min <= fallback <= max, or a fixed number; a fallback removes no pods",
        purpose: Protects("KEDA refuses the object, or removes pods under builds"),
        needs: Needs::Both(scaling::bounds, scaling::one_source),
    },
    Invariant {
        id: "speed",
        says: "the HPA's rules are valid, and such as the versions support; only a pool with min 0 scales to zero, and it wakes in time",
        purpose: Protects("the HPA is refused, or the pool does not wake up"),
        needs: Needs::Fleet(speed::speed),
    },
    Invariant {
        id: "slots",
        says: "a backend has at least max slots, and its frontends accept as many connections",
        purpose: Protects("pods beyond the slots get no builds"),
        needs: Needs::Manifests(scaling::slots),
    },
    Invariant {
        id: "dns",
        says: "the DNS answer at max fits in the payload that HAProxy accepts",
        purpose: Protects("HAProxy loses every server at once"),
        needs: Needs::Both(scaling::asked_for, scaling::answers_fit),
    },
    Invariant {
        id: "node-limits",
        says: "each NodePool can hold the peak",
        purpose: Protects("pods stay Pending at the peak"),
        needs: Needs::Fleet(nodes::limits),
    },
    Invariant {
        id: "node-order",
        says: "NodePool weights decrease in the order of the types, from 100 to 1",
        purpose: Protects("Karpenter starts other types than those preferred"),
        needs: Needs::Fleet(nodes::order),
    },
    Invariant {
        id: "fit",
        says: "the declared pods fit on a node of each type by CPU, memory and disk, and the kubelet can align all pods that may be placed there",
        purpose: Protects("builders stay Pending, or are recreated endlessly"),
        needs: Needs::Fleet(nodes::fit),
    },
    Invariant {
        id: "disk",
        says: "all daemons of a node together leave the free space that each of them keeps",
        purpose: Protects("the disk fills up, and the kubelet evicts builds"),
        needs: Needs::Fleet(disk::disk),
    },
    Invariant {
        id: "placement",
        says: "builders select the nodes that are made for them, and tolerate their taints; the load balancer has its node, and stays while a node is lost for a moment; no cluster autoscaler ends either",
        purpose: Protects("builders or the load balancer stay Pending, or leave when a node is lost or removed"),
        needs: Needs::Both(placement::on_given_nodes, placement::placement),
    },
    Invariant {
        id: "selectors",
        says: "every selector matches the pods or Services that it is meant for, and no others",
        purpose: Protects("traffic or evictions reach other pods, or others than clients reach privileged builders"),
        needs: Needs::Both(selectors::selectors, selectors::let_in),
    },
    Invariant {
        id: "references",
        says: "every volume, ConfigMap, file, port and name that is used exists",
        purpose: Protects("pods do not start, or the load balancer has no servers"),
        needs: Needs::Manifests(references::references),
    },
    Invariant {
        id: "outside",
        says: "nothing outside of the cluster reaches a build port but the networks that clusters.yaml lists, which need a certificate",
        purpose: Protects("anybody on the network can take a builder, which is privileged"),
        needs: Needs::Fleet(outside::outside),
    },
    Invariant {
        id: "builder",
        says: "builders have the variables, volumes, ServiceAccount and pull secrets that clusters.yaml asks for, and no others",
        purpose: Templates,
        needs: Needs::Fleet(builder::builder),
    },
    Invariant {
        id: "toml",
        says: "buildkitd.toml is TOML, with what the fleet needs and what clusters.yaml adds, and nothing else",
        purpose: Protects("buildkitd does not start, or collects its cache too late"),
        needs: Needs::Fleet(buildkitd_toml::toml),
    },
    Invariant {
        id: "hashes",
        says: "ConfigMaps that pods read are immutable and named after their content",
        purpose: Protects("pods that restart read a configuration that is not theirs, or a change rolls nothing"),
        needs: Needs::Manifests(guarantees::hashes),
    },
    Invariant {
        id: "delivery",
        says: "Argo CD and Flux never delete the namespace, nodes or what old pods read, and change no pod; Argo CD scales behind the load balancer",
        purpose: Protects(
            "a sync deletes nodes with their builds, scales by a number that nobody serves, or rolls pods",
        ),
        needs: Needs::Fleet(delivery::delivery),
    },
    Invariant {
        id: "substitution",
        says: "nothing in a set for Flux has `${` or `$$`, which it would replace",
        purpose: Protects(
            "the load balancer starts without DNS, or scripts and values are others than clusters.yaml says",
        ),
        needs: Needs::Fleet(delivery::substitution),
    },
    Invariant {
        id: "metrics",
        says: "KEDA reads a series that exists, of the same architecture, where it is served",
        purpose: Protects("the fleet does not scale"),
        needs: Needs::Fleet(monitoring::metrics),
    },
    Invariant {
        id: "alone",
        says: "each pod has one container, and builders with a guard have its container before",
        purpose: Templates,
        needs: Needs::Fleet(guarantees::alone),
    },
    Invariant {
        id: "as-configured",
        says: "bounds, speed and tolerations are those of clusters.yaml, and no others",
        purpose: Templates,
        needs: Needs::Fleet(configured::as_configured),
    },
    Invariant {
        id: "kustomization",
        says: "kustomization.yaml lists every manifest once, in the order in which they are applied",
        purpose: Templates,
        needs: Needs::Fleet(kustomization::kustomization),
    },
    Invariant {
        id: "used",
        says: "every volume is mounted as a whole, and every file and variable is read",
        purpose: Templates,
        needs: Needs::Fleet(used::used),
    },
    Invariant {
        id: "alerts",
        says: "every series that alerts read exists, with labels that name an object of the fleet, and over enough scrapes",
        purpose: Templates,
        needs: Needs::Fleet(monitoring::alerts),
    },
    Invariant {
        id: "dashboard",
        says: "every series that the dashboard shows exists, with labels that name an object of the fleet; it has a label that Grafana finds, and no variable in braces",
        purpose: Templates,
        needs: Needs::Fleet(dashboard::dashboard),
    },
];
