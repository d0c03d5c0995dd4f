//! Aliases and merge keys in the blocks that are read.

use std::fmt::Write as _;

use buildkit_fleet::input::yaml::Node;
use buildkit_fleet::resolve::read::parse;

use crate::support;

/// A file with anchors outside of the clusters, as people share blocks, and the same file written out.
const SHARED: &str = "\
x-common: &common
  region: us-east-1
  modules: [karpenter, keda, buildkit]
x-scaling: &scaling {enabled: true, amd64_max: 8, arm64_max: 4}
x-types: &types {m6id.24xlarge: 2, m6id.12xlarge: 1}
x-label: &team builds
other-tool: {any: [*common, *common], <<: [*scaling, *types]}
clusters:
  here:
    <<: *common
    cluster_name: eks-here
    eks_version: 1.35
    keda: {chart_version: 2.20.2}
    buildkit: &ours
      ami_alias: al2023@v20260714
      extra_labels: {team: *team}
      amd64_instance_types:
        m6idn.24xlarge: 2
        <<: *types
      autoscaling:
        <<: [{arm64_max: 6}, *scaling]
        amd64_max: 40
  there:
    <<: *common
    region: eu-west-1
    cluster_name: eks-there
    eks_version: 1.35
    keda: {chart_version: 2.20.2}
    buildkit: {<<: *ours, namespace: builds}
";

const WRITTEN_OUT: &str = "\
clusters:
  here:
    cluster_name: eks-here
    region: us-east-1
    modules: [karpenter, keda, buildkit]
    eks_version: 1.35
    keda: {chart_version: 2.20.2}
    buildkit:
      ami_alias: al2023@v20260714
      extra_labels: {team: builds}
      amd64_instance_types: {m6idn.24xlarge: 2, m6id.24xlarge: 2, m6id.12xlarge: 1}
      autoscaling: {enabled: true, amd64_max: 40, arm64_max: 6}
  there:
    cluster_name: eks-there
    region: eu-west-1
    modules: [karpenter, keda, buildkit]
    eks_version: 1.35
    keda: {chart_version: 2.20.2}
    buildkit:
      namespace: builds
      ami_alias: al2023@v20260714
      extra_labels: {team: builds}
      amd64_instance_types: {m6idn.24xlarge: 2, m6id.24xlarge: 2, m6id.12xlarge: 1}
      autoscaling: {enabled: true, amd64_max: 40, arm64_max: 6}
";

#[test]
fn a_file_with_aliases_and_merge_keys_means_the_same_as_written_out() {
    let rendered = |source: &str| {
        let fleets = support::fleets(source);
        fleets.iter().map(|fleet| (fleet.key.to_string(), support::render(fleet))).collect::<Vec<_>>()
    };
    let (shared, written_out) = (rendered(SHARED), rendered(WRITTEN_OUT));
    assert_eq!(shared.len(), 2);
    for ((cluster, shared), (_, written_out)) in shared.iter().zip(&written_out) {
        for (one, other) in shared.iter().zip(written_out) {
            assert_eq!(one.text, other.text, "{cluster}/{}", one.path);
        }
    }
}

/// Another reader of the file, with the merge keys of YAML 1.1 applied, sees the same blocks.
#[test]
fn keys_are_merged_as_other_readers_merge_them() {
    let mut theirs: serde_yaml::Value = serde_yaml::from_str(SHARED).unwrap_or_else(|error| panic!("{error}"));
    theirs.apply_merge().unwrap_or_else(|error| panic!("{error}"));
    let written_out: serde_yaml::Value = serde_yaml::from_str(WRITTEN_OUT).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(theirs["clusters"], written_out["clusters"]);
    let (ours, _) = parse(SHARED).unwrap_or_else(|problem| panic!("{}", problem.message));
    let ours = ours.get("clusters").map(Node::flow).unwrap_or_default();
    let ours: serde_yaml::Value = serde_yaml::from_str(&ours).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ours, written_out["clusters"]);
}

#[test]
fn blocks_of_other_tools_are_not_expanded() {
    let (tree, _) = parse(SHARED).unwrap_or_else(|problem| panic!("{}", problem.message));
    assert_eq!(tree.get("other-tool").map(Node::flow).as_deref(), Some("{any: [*, *], <<: [*, *]}"));
}

#[test]
fn explain_finds_a_value_behind_an_alias() {
    let dir = support::program::scratch();
    support::program::write(dir.path(), "clusters.yaml", SHARED);
    let output = support::program::run(dir.path(), &["explain", "there", "autoscaling.arm64_max"]);
    let shown = support::program::stdout(&output);
    assert!(shown.contains("clusters.yaml:21:15: arm64_max: 6"), "{shown}{}", support::program::stderr(&output));
}

/// Aliases of aliases within the parser's bound, in a block that is read.
#[test]
fn the_blocks_that_are_read_may_be_full_of_aliases() {
    let mut source = "x0: &a0 [arc-runners, b, c, d, e, f, g, h]\n".to_owned();
    for n in 1..5 {
        let _ = writeln!(source, "x{n}: &a{n} [{}]", vec![format!("*a{}", n - 1); 8].join(", "));
    }
    source += &support::one_cluster("      client_namespaces: *a4\n");
    let messages = support::messages(&source);
    assert!(messages.iter().any(|message| message.contains("client_namespaces")), "{messages:?}");
    assert!(messages.len() < 20, "{}", messages.len());
}
