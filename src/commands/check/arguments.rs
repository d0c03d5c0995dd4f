//! The arguments of `check`.

use clap::{Args, ValueEnum};

use crate::commands::options::Input;

const CHECK_EXAMPLES: &str = "\
Examples:
  kubectl kustomize overlay | buildkit-fleet check - --cluster arc-staging
  buildkit-fleet check generated/arc-staging
  helm template chart | buildkit-fleet check -
  buildkit-fleet check out.yaml --cluster arc-staging --format json

Manifests may come from anywhere: a set that `generate` wrote, an overlay of
kustomize, a post-renderer of Helm, a plugin of Argo CD. They are held against
the invariants that protect builds; docs/reliability.md lists them. With
--cluster, all of them, and the fields that no patch may change, which
docs/patches.md lists. Without it, only what manifests show by themselves:
timeouts, drain cap and grace periods in order, references that exist, one
build per pod, a load balancer that stays, no replicas beside a ScaledObject,
ConfigMaps named after their content. The rest is listed as not checked.

The objects of a fleet are known by their kinds and the label
app.kubernetes.io/managed-by or app.kubernetes.io/part-of: buildkit-fleet.
Others are ignored and counted, also where they act on the fleet, such as a
NetworkPolicy or an HPA of your own. Labels, annotations, images and the order
of documents are anybody's choice. Names and the namespace are not: the load
balancer and KEDA find pods by them. A directory is read without its
subdirectories and without kustomization files; patches in it are not applied.

Exit codes: 0 no invariant is broken, 1 one is, 2 invalid command line, 3 the
manifests cannot be read or have no object of a fleet, or clusters.yaml is
refused.";

/// Check any manifests of a fleet, such as the output of kustomize, before they are applied
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct Check {
    /// Directory of *.yaml, *.yml and *.json files, one file, or - for stdin
    #[arg(value_name = "DIR|FILE|-")]
    pub manifests: String,
    /// Cluster of clusters.yaml that the manifests are for: every invariant and every fixed field is checked
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    #[command(flatten)]
    pub input: Input,
    /// Output format: text for people, json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format: CheckFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    Text,
    Json,
}
