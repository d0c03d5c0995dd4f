//! Rules across keys, versions and clusters.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;

use crate::config::{Autoscaling, Buildkit, ClusterKeys};
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned};
use crate::diagnostics::suggest::did_you_mean;
use crate::fleet::capabilities::{Fallback, Ladder, OLDEST_KEDA, OLDEST_KUBERNETES};
use crate::fleet::model::Fleet;
use crate::resolve::file::ClusterBlock;
use crate::resolve::provisioner;
use crate::values::arch::Arch;
use crate::values::name::{AmiAlias, LabelKey, Namespace};

/// The name of this module in `modules`.
pub const MODULE: &str = "buildkit";

/// Two clusters must not share a directory on file systems that ignore case.
pub fn check_output_paths(clusters: &[ClusterBlock], problems: &mut Problems) {
    let mut seen: HashMap<String, &Spanned<String>> = HashMap::with_capacity(clusters.len());
    for cluster in clusters {
        if let Some(first) = seen.insert(cluster.name.value.to_lowercase(), &cluster.name) {
            let mut problem = Problem::new(
                &rule::OUTPUT_PATH_COLLISION,
                format!("`{}` and `{}` differ only in case", first.value, cluster.name.value),
            )
            .at(cluster.name.span, "the same directory on a file system that ignores case")
            .see(first.span, "the first of the two")
            .help("rename one of them");
            problem.clusters = vec![first.value.clone(), cluster.name.value.clone()];
            problems.push(problem);
        }
    }
}

/// Two fleets in one EKS cluster conflict even in different namespaces: NodePools, node classes and taints have none.
pub fn check_same_cluster(
    fleet: &Fleet,
    name: &Spanned<String>,
    seen: &mut BTreeMap<[String; 2], Span>,
    problems: &mut Problems,
) {
    let region = fleet.region.as_ref().map(|region| format!(", region `{region}`")).unwrap_or_default();
    let identity = [fleet.cluster_name.to_string(), region.clone()];
    if let Some(first) = seen.insert(identity, name.span) {
        problems.push(
            Problem::new(&rule::SAME_CLUSTER_TWICE, format!("`{}` is a second fleet in the same cluster", name.value))
                .at(name.span, format!("cluster_name `{}`{region}", fleet.cluster_name))
                .see(first, "the same cluster_name and region")
                .help("correct cluster_name or region: a cluster can have only one fleet, because its nodes have no namespace"),
        );
    }
}

/// A cluster with a `buildkit` block must list the module.
pub fn check_module_listed(entry: &ClusterKeys, problems: &mut Problems) {
    let Some(block) = entry.buildkit.at else { return };
    let problem = Problem::new(
        &rule::MODULE_NOT_LISTED,
        "the cluster has a `buildkit` block, but `modules` does not list `buildkit`",
    );
    let modules = entry.modules.spanned();
    let near = modules.and_then(|modules| {
        modules.value.iter().find(|module| did_you_mean(&module.value.as_str().to_lowercase(), [MODULE]).is_some())
    });
    let problem = match (near, modules) {
        (Some(near), _) => problem.at(near.span, format!("did you mean `{MODULE}`?")).see(block, "the block"),
        (None, Some(modules)) => problem.at(modules.span, "no `buildkit` in this list").see(block, "the block"),
        (None, None) => problem.at(block, "this cluster gets no manifests"),
    };
    problems.push(problem.help("add `buildkit` to `modules`, or remove the block"));
}

/// Bounds have no effect without `enabled`.
pub fn check_enabled(autoscaling: &Autoscaling, problems: &mut Problems) {
    if !autoscaling.enabled.is_absent() {
        return;
    }
    let bounds = Arch::ALL.into_iter().flat_map(|arch| autoscaling.bounds(arch));
    if let Some(span) = bounds.min() {
        problems.push(
            Problem::new(
                &rule::AUTOSCALING_NOT_ENABLED,
                "`autoscaling` has bounds but no `enabled`: the pools keep a fixed size",
            )
            .at(span, "this number is ignored")
            .help("add `enabled: true`, or `enabled: false` to confirm that the pools have a fixed size"),
        );
    }
}

/// Namespaces of Kubernetes itself must not be labelled as privileged.
pub fn check_namespace(namespace: Option<&Spanned<Namespace>>, problems: &mut Problems) {
    if let Some(namespace) = namespace
        && (namespace.value.as_str() == "default" || namespace.value.as_str().starts_with("kube-"))
    {
        problems.push(
            Problem::new(&rule::INVALID_VALUE, format!("`namespace` cannot be `{}`", namespace.value))
                .at(namespace.span, "expected a namespace for the fleet alone")
                .help("the namespace is created, and labelled to allow privileged pods"),
        );
    }
}

pub fn check_required(entry: &ClusterKeys, name: &Spanned<String>, problems: &mut Problems) {
    let karpenter = provisioner::of(&entry.buildkit).is_karpenter();
    let missing = [
        (entry.cluster_name.is_absent(), &rule::CLUSTER_NAME_REQUIRED, "cluster_name", "name of the cluster"),
        (entry.region.is_absent() && karpenter, &rule::REGION_REQUIRED, "region", "AWS region"),
    ];
    if karpenter {
        check_is_aws(entry, problems);
    }
    for (_, rule, key, what) in missing.into_iter().filter(|(missing, ..)| *missing) {
        problems.push(
            Problem::new(rule, format!("`{}` has no `{key}`", name.value))
                .at(name.span, format!("expected `{key}` in this cluster"))
                .help(format!("add `{key}: <{what}>`")),
        );
    }
}

/// Where Karpenter makes the nodes, the cluster is one of EKS.
fn check_is_aws(entry: &ClusterKeys, problems: &mut Problems) {
    let name = entry.cluster_name.spanned().filter(|name| !name.value.is_eks()).map(|name| {
        let label = "expected an EKS cluster name (letters, digits, `-`, `_`) of up to 54 characters, so that `<name>-node-role` fits IAM's limit of 64";
        ("cluster_name", name.value.to_string(), name.span, label)
    });
    let region =
        entry.region.spanned().filter(|region| !region.value.is_aws()).map(|region| {
            ("region", region.value.to_string(), region.span, "expected an AWS region, such as `us-east-1`")
        });
    for (key, value, span, label) in name.into_iter().chain(region) {
        problems.push(Problem::new(&rule::INVALID_VALUE, format!("`{key}` cannot be `{value}`")).at(span, label).help(
            "Karpenter makes nodes on EKS only; for nodes that something else makes, set `nodes.provisioner: none`",
        ));
    }
}

/// Autoscaling needs KEDA on the cluster, installed before this module.
pub fn check_keda_module(entry: &ClusterKeys, problems: &mut Problems) {
    let (Some(modules), Some(enabled)) = (entry.modules.spanned(), entry.buildkit.autoscaling.enabled.span()) else {
        return;
    };
    let place = |name: &str| modules.value.iter().position(|module| module.value.as_str() == name);
    let problem = match (place("keda"), place(MODULE)) {
        (None, _) => Problem::new(
            &rule::AUTOSCALING_NEEDS_KEDA,
            "autoscaling needs the module `keda`, which `modules` does not list",
        )
        .at(modules.span, "no `keda` in this list")
        .help("add `keda` before `buildkit`"),
        (Some(keda), Some(ours)) if keda > ours => {
            Problem::new(&rule::AUTOSCALING_NEEDS_KEDA, "autoscaling needs `keda` before `buildkit` in `modules`")
                .at(modules.value[keda].span, "installed after `buildkit`, which needs its CRDs")
                .help("move `keda` before `buildkit`")
        }
        _ => return,
    };
    problems.push(problem.see(enabled, "autoscaling is enabled here"));
}

/// The features that the cluster's versions support, and the problems with these versions.
pub fn ladder(entry: &ClusterKeys, arches: &[Arch], autoscaling: bool, problems: &mut Problems) -> Ladder {
    let (keda, kubernetes) = (entry.keda.chart_version.spanned(), entry.eks_version.spanned());
    let ladder = Ladder::new(keda.map(|keda| keda.value), kubernetes.map(|kubernetes| kubernetes.value));
    if let Some(old) = kubernetes.filter(|kubernetes| kubernetes.value < OLDEST_KUBERNETES) {
        problems.push(
            Problem::new(
                &rule::KUBERNETES_VERSION_UNTESTED,
                format!("Kubernetes {} is older than the versions that the manifests were checked against", old.value),
            )
            .at(old.span, format!("checked against {OLDEST_KUBERNETES} and later"))
            .help("upgrade the cluster, or try the manifests with `kubectl apply --dry-run=server` first"),
        );
    }
    let Some(enabled) = entry.buildkit.autoscaling.enabled.span().filter(|_| autoscaling) else { return ladder };
    if entry.eks_version.is_absent() {
        problems.push(
            Problem::new(
                &rule::EKS_VERSION_MISSING,
                "`eks_version` is not set, so scaling uses only what every Kubernetes version supports",
            )
            .at(enabled, "autoscaling is enabled here")
            .help("add `eks_version: \"1.35\"` with your version, to the cluster or to `defaults`"),
        );
    }
    match keda {
        None if entry.keda.chart_version.is_absent() => problems.push(
            Problem::new(
                &rule::KEDA_VERSION_MISSING,
                "`keda.chart_version` is not set, so scaling uses only what every KEDA version supports: no fallback",
            )
            .at(enabled, "autoscaling is enabled here")
            .help("add `keda: {chart_version: \"2.20.2\"}` with your version, to the cluster or to `defaults`"),
        ),
        Some(keda) if keda.value < OLDEST_KEDA || keda.value.major != OLDEST_KEDA.major => problems.push(
            Problem::new(&rule::KEDA_VERSION_UNSUPPORTED, format!("KEDA {} is not supported", keda.value))
                .at(keda.span, format!("expected {OLDEST_KEDA} or later, below {}", OLDEST_KEDA.major + 1))
                .help("upgrade KEDA; 2.20 or later supports everything that the fleet needs"),
        ),
        Some(keda) if ladder.fallback() != Fallback::Sound => {
            let given = arches.iter().find_map(|arch| entry.buildkit.of(*arch).fallback.span());
            let what = if ladder.fallback() == Fallback::Unusable {
                "a single failed poll would cut a busy fleet down to it, so it is left out"
            } else {
                "KEDA truncates a target of 0.9 to 0, so the target stays 1 and the last 10 % of the demand starts no pod"
            };
            if let Some(span) = given {
                problems.push(
                    Problem::new(
                        &rule::FALLBACK_UNSAFE,
                        format!("the fallback does not work correctly on KEDA {}: {what}", keda.value),
                    )
                    .at(span, "the fallback")
                    .see(keda.span, "the version of KEDA")
                    .help("upgrade KEDA to 2.18 or later, or remove the fallback"),
                );
            }
        }
        _ => {}
    }
    ladder
}

pub fn check_ami(alias: &AmiAlias, at: Span, problems: &mut Problems) {
    if alias.floats() {
        problems.push(
            Problem::new(
                &rule::AMI_FLOATS,
                "nodes follow `al2023@latest`: every AMI release replaces them and evicts busy builders",
            )
            .at(at, "no `ami_alias` with a date is set")
            .help("pin `ami_alias: al2023@v<date>` and update it deliberately"),
        );
    }
}

/// Whether selectors of ours or Kubernetes itself use the label.
pub(super) fn is_reserved_label(key: &str) -> bool {
    let domain = key.split_once('/').map(|(domain, _)| domain);
    matches!(key, "app" | "arch" | "workload-type")
        || domain.is_some_and(|domain| {
            ["kubernetes.io", "k8s.io", "karpenter.sh", "karpenter.k8s.aws"]
                .iter()
                .any(|owned| domain == *owned || domain.ends_with(&format!(".{owned}")))
        })
}

/// The user's labels, without those that selectors depend on.
pub fn read_labels(layer: &Buildkit, problems: &mut Problems) -> IndexMap<String, String> {
    let mut labels = IndexMap::new();
    for (key, (span, value)) in &layer.extra_labels.0 {
        if !LabelKey::accepts(key) {
            problems.push(
                Problem::new(&rule::INVALID_VALUE, "a key of `extra_labels` is not a valid label key".to_owned())
                    .at(*span, "expected a label key, such as `team` or `example.com/team`"),
            );
        } else if is_reserved_label(key) {
            problems.push(
                Problem::new(&rule::RESERVED_LABEL, format!("the label `{key}` is reserved"))
                    .at(*span, "used by the fleet's selectors or by Kubernetes")
                    .help("choose another key, such as `example.com/team`"),
            );
        } else if let Some(value) = value.get() {
            labels.insert(key.clone(), value.to_string());
        }
    }
    labels
}
