//! Fleets on nodes that Karpenter does not make: nothing is said of nodes or cost that nobody can know.

use serde_json::{Value, json};

use crate::support;
use crate::support::program::{code, run, scratch, stderr, stdout, with_shipped, write};

const FILE: &str = "clusters:
  here:
    cluster_name: kind-here
    modules: [keda, buildkit]
    eks_version: \"1.35\"
    keda: {chart_version: 2.20.2}
    buildkit:
      architectures: [amd64]
      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 60}
      nodes: {provisioner: none}
      builder: {cpu: 4, memory: 16Gi, cache: 50Gi}
";

/// What the program prints for the fleet above.
fn printed(arguments: &[&str]) -> String {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", FILE);
    write(dir.path(), "short.csv", "0,300\n");
    let output = run(dir.path(), arguments);
    assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

fn json(arguments: &[&str]) -> Value {
    let printed = printed(&[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_plan_has_pods_and_neither_nodes_nor_cost() {
    let plan = json(&["plan"]);
    let fleet = &plan["clusters"][0];
    assert_eq!((&fleet["provisioner"], &fleet["region"]), (&json!("none"), &Value::Null));
    let pool = &fleet["pools"][0];
    for (key, value) in [
        ("pods_at_min", json!(2)),
        ("pods_at_max", json!(60)),
        ("pod_vcpu", json!(4)),
        ("pod_memory_gib", json!(16)),
        // 50 GiB.
        ("pod_nvme_request_gb", json!(53)),
        ("instance_types", json!([])),
        ("usd_per_hour_at_min", Value::Null),
        ("usd_per_hour_at_max", Value::Null),
    ] {
        assert_eq!(pool[key], value, "{key}");
    }
    let text = printed(&["plan"]);
    assert!(text.starts_with("here (kind-here)\n"), "{text}");
    for words in ["USD", "$", "instance type", "node\nlimit", "boot"] {
        assert!(!text.contains(words), "{words}: {text}");
    }
    assert!(text.contains("Nodes are not part of the fleet"), "{text}");
}

#[test]
fn a_simulation_has_room_for_every_pod_and_neither_nodes_nor_cost() {
    let burst = ["simulate", "here", "--burst", "40", "--runs", "3", "--seed", "7"];
    let found = json(&burst);
    for key in ["nodes_before", "nodes_after", "peak_nodes", "node_hours", "idle_node_hours", "usd", "idle_usd"] {
        assert_eq!(found[key], Value::Null, "{key}");
    }
    assert_eq!((&found["unknown_prices"], &found["peak_pods"]), (&json!([]), &json!(40)));
    assert!(found["series"].as_array().is_some_and(|points| points.iter().all(|point| point["nodes"].is_null())));
    // A node that boots would not matter: there is none to wait for.
    let slow = json(&[&burst[..], &["--node-start", "20m"]].concat());
    assert_eq!(found, slow);
    let text = printed(&burst);
    assert!(text.contains("room for every pod is assumed"), "{text}");
    assert!(text.contains("cost       not known, with nodes that are not part of the fleet; "), "{text}");
    assert!(!text.contains(" node\n") && !text.contains("\nnodes ") && !text.contains('$'), "{text}");
    let dir = scratch();
    write(dir.path(), "clusters.yaml", FILE);
    let refused = run(dir.path(), &[&burst[..], &["--no-capacity", "m6id.24xlarge@0..1h"]].concat());
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("`nodes.provisioner` is `none`"), "{}", stderr(&refused));
}

#[test]
fn choices_are_compared_by_the_hours_of_their_pods() {
    let found = json(&["recommend", "here", "--arrivals", "short.csv"]);
    let now = &found["pools"][0]["now"];
    assert_eq!((&now["node_hours_per_day"], &now["usd_per_day"]), (&Value::Null, &Value::Null));
    // Two pods at rest, all day.
    assert!((now["pod_hours_per_day"].as_f64().unwrap_or_default() - 48.0).abs() < 1e-6, "{now}");
    // A pod that starts for each build is the cheapest, and ready in time.
    let best = &found["pools"][0]["recommended"];
    assert_eq!((&best["min_pods"], &best["max_pods"]), (&json!(0), &json!(1)), "{found}");
    let text = printed(&["recommend", "here", "--arrivals", "short.csv"]);
    assert!(text.contains("pod h/day") && !text.contains("USD"), "{text}");
}

#[test]
fn with_karpenter_the_hours_are_of_nodes() {
    let dir = with_shipped();
    write(dir.path(), "short.csv", "0,300\n");
    let arguments = ["recommend", "arc-staging", "--arch", "amd64", "--arrivals", "short.csv", "--format", "json"];
    let output = run(dir.path(), &arguments);
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap_or_else(|error| panic!("{error}"));
    let now = &found["pools"][0]["now"];
    assert!(now["node_hours_per_day"].is_f64() && now["pod_hours_per_day"].is_null(), "{now}");
}

/// A type, as a source of sizes: shares of its disk, in GiB, since the node's disk may be shared with others.
#[test]
fn a_named_type_determines_the_size() {
    let typed = FILE.replace(
        "      builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n",
        "      amd64_instance_type: rack.large\n      amd64_pods_per_node: 3\n      instance_specs: {rack.large: {arch: amd64, vcpu: 32, memory_mib: 131072, local_nvme_gb: 2000, eni_max_pods: 110, numa_nodes: 2}}\n",
    );
    // Three pods on two NUMA nodes: a kubelet that does not align pods takes them.
    assert_eq!(support::messages(&typed), [""; 0]);
    let files = support::render(&support::fleet(&typed, "here"));
    let text =
        |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.clone()).unwrap_or_default();
    let deployment = text("40-deployments.yaml");
    // 60 % of a third of 2,000 GB is 400 GB, which is 372 GiB.
    assert!(deployment.contains("ephemeral-storage: 372Gi\n"), "{deployment}");
    assert!(deployment.contains("cpu: \"9\"\n") && deployment.contains("memory: 34Gi\n"), "{deployment}");
    assert!(text("20-buildkitd-config.yaml").contains("maxUsedSpace = \"372GiB\"\n"));
    // The cluster's own type wins over a size in `defaults`, and the other way around.
    let sizes = "defaults: {buildkit: {builder: {cpu: 2, memory: 4Gi, cache: 9Gi}}}\n";
    let pod = |source: &str| support::fleet(source, "here").pools[0].placement.pod().vcpu;
    assert_eq!(pod(&format!("{sizes}{typed}")), 9);
    assert_eq!(pod(&format!("defaults: {{buildkit: {{amd64_instance_type: m6id.24xlarge}}}}\n{FILE}")), 4);
}

/// What `defaults` has for clusters with the other kind of nodes is ignored without a word.
#[test]
fn clusters_of_both_kinds_share_defaults() {
    let defaults = "defaults:
  modules: [karpenter, keda, buildkit]
  buildkit:
    ami_alias: al2023@v20260714
    nodes: {role: builders, selector: {pool: builds}}
    load_balancer: {node_pool: {instance_type: c7i.large}}
    builder: {cpu: 4, memory: 16Gi, cache: 50Gi}
";
    let file = format!("{defaults}{FILE}  there: {{cluster_name: eks-there, region: us-east-1, buildkit: {{}}}}\n");
    assert_eq!(support::rules_broken(&file), [""; 0], "{:?}", support::messages(&file));
    let here = support::fleet(&file, "here");
    assert!(!here.has_node_pools() && here.lb.node.is_none());
    let there = support::fleet(&file, "there");
    assert!(there.has_node_pools() && there.lb.node.is_some());
    assert_eq!(there.pools[0].placement.pod().vcpu, 42);
}
