//! What a change does, class by class: each with a version before and one after.

use buildkit_fleet::consequences::cluster::consequences;
use buildkit_fleet::consequences::consequence::{Class, Consequence};
use buildkit_fleet::manifests::set::SetFile;
use buildkit_fleet::values::name::Region;
use serde_json::{Value, json};

use crate::support;
use crate::support::one_cluster;

const SCALED: &str = "      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 8, arm64_min: 2, arm64_max: 8}\n";

fn set(source: &str) -> Vec<SetFile> {
    let files = support::render(&support::fleet(source, "here"));
    files.into_iter().map(|file| SetFile { path: file.path.clone(), text: file.text }).collect()
}

fn region() -> Region {
    Region::try_from("us-east-1").unwrap_or_else(|error| panic!("{error}"))
}

fn judged(old: &[SetFile], new: &[SetFile]) -> Vec<Consequence> {
    let found = consequences(old, new, Some(&region())).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(found.is_sorted_by_key(|consequence| consequence.class), "worst first: {found:#?}");
    hold(&found);
    found
}

/// `diff --format json` may print these: no number without a place in its schema.
fn hold(found: &[Consequence]) {
    let consequences = found.iter().map(|one| {
        json!({
            "class": one.class.name(), "grave": one.class.is_grave(), "objects": one.objects, "what": one.what,
            "advice": one.advice, "reasons": [], "numbers": one.numbers,
        })
    });
    let cluster =
        json!({"cluster": "here", "status": "changed", "consequences": consequences.collect::<Vec<_>>(), "files": []});
    let diff = json!({"against": "", "read": "", "unusable": null, "same": false, "clusters": [cluster]});
    support::outputs::hold("diff", &diff);
}

/// What another block `buildkit` does.
fn by_config(old: &str, new: &str) -> Vec<Consequence> {
    judged(&set(&one_cluster(old)), &set(&one_cluster(new)))
}

/// What another text at one place of a file does, in a set of a scaled fleet.
fn by_hand(path: &str, old: &str, new: &str) -> Vec<Consequence> {
    let before = set(&one_cluster(SCALED));
    judged(&before, &edited(&before, path, old, new))
}

/// The set with another text at one place of a file.
fn edited(set: &[SetFile], path: &str, old: &str, new: &str) -> Vec<SetFile> {
    let mut after = set.to_vec();
    let file = after.iter_mut().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"));
    assert!(file.text.contains(old), "{path} has no {old:?}");
    file.text = file.text.replacen(old, new, 1);
    after
}

fn classes(found: &[Consequence]) -> Vec<&'static str> {
    let mut names: Vec<&str> = found.iter().map(|consequence| consequence.class.name()).collect();
    names.dedup();
    names
}

fn the(found: &[Consequence], class: Class, object: &str) -> Consequence {
    let matching: Vec<&Consequence> = found
        .iter()
        .filter(|consequence| consequence.class == class && consequence.objects.iter().any(|named| named == object))
        .collect();
    match matching.as_slice() {
        [one] => (*one).clone(),
        several => panic!("{} {object}: {several:#?} of {found:#?}", class.name()),
    }
}

fn paths(consequence: &Consequence) -> Vec<&str> {
    consequence.reasons.iter().map(|reason| reason.path.as_str()).collect()
}

#[test]
fn the_same_set_has_no_consequence() {
    assert_eq!(by_config(SCALED, SCALED), []);
}

#[test]
fn what_the_hash_of_a_node_class_covers_replaces_every_node() {
    for (old, new, path) in [
        ("volumeSize: 100Gi", "volumeSize: 200Gi", "spec.blockDeviceMappings[/dev/xvda].ebs.volumeSize"),
        ("ManagedBy: karpenter", "ManagedBy: us", "spec.tags.ManagedBy"),
        ("containerLogMaxFiles: 5", "containerLogMaxFiles: 6", "spec.userData"),
        ("role: \"eks-here-node-role\"", "role: \"other\"", "spec.role"),
        ("instanceStorePolicy: RAID0\n", "detailedMonitoring: true\n", "spec.instanceStorePolicy"),
        // A comment of the user data is part of what a node is made from.
        ("# Whole CPUs", "# All CPUs", "spec.userData"),
    ] {
        let found = by_hand("10-nodepools.yaml", old, new);
        assert_eq!(classes(&found), ["replaces-nodes"], "{new}: {found:#?}");
        let one = the(&found, Class::ReplacesNodes, "EC2NodeClass/buildkit-amd64");
        assert!(paths(&one).contains(&path), "{path}: {:?}", paths(&one));
        assert_eq!(one.numbers["nodes_min"], 1);
        assert_eq!(one.numbers["nodes_max"], 4);
        assert_eq!(one.numbers["at_a_time"], "10%");
        assert_eq!(one.numbers["drain_minutes"], 135);
        assert!(
            one.what.starts_with("every amd64 node is replaced: 1 to 4 nodes, depending on load, 10% at a time"),
            "{}",
            one.what
        );
    }
}

#[test]
fn what_a_node_class_looks_up_replaces_the_nodes_that_do_not_match() {
    for (old, new, what) in [
        ("al2023@v20260714", "al2023@v20260625", "every amd64 node that does not run this image yet is replaced"),
        (
            "subnetSelectorTerms:\n    - tags:\n        karpenter.sh/discovery: \"eks-here\"",
            "subnetSelectorTerms:\n    - tags:\n        Tier: private\n        karpenter.sh/discovery: \"eks-here\"",
            "every amd64 node outside these subnets is replaced",
        ),
        (
            "securityGroupSelectorTerms:\n    - tags:\n        karpenter.sh/discovery: \"eks-here\"",
            "securityGroupSelectorTerms:\n    - tags:\n        Tier: private\n        karpenter.sh/discovery: \"eks-here\"",
            "every amd64 node without exactly these security groups is replaced",
        ),
    ] {
        let found = by_hand("10-nodepools.yaml", old, new);
        assert_eq!(classes(&found), ["replaces-nodes"], "{found:#?}");
        assert!(found[0].what.starts_with(what), "{}", found[0].what);
    }
}

#[test]
fn the_template_of_a_node_pool_replaces_its_nodes_and_no_others() {
    let two_types = "      architectures: [amd64]\n      amd64_replicas: 8\n      amd64_instance_types: {m6id.24xlarge: 2, m6id.12xlarge: 1}\n";
    let before = set(&one_cluster(two_types));
    for (old, new) in [
        ("expireAfter: Never", "expireAfter: 720h"),
        (
            "      labels:\n        workload-type: buildkit",
            "      labels:\n        extra: x\n        workload-type: buildkit",
        ),
        ("effect: NoSchedule", "effect: NoExecute"),
        ("values: [on-demand]", "values: [spot]"),
        (
            "        - key: kubernetes.io/os",
            "        - {key: topology.kubernetes.io/zone, operator: In, values: [us-east-1a]}\n        - key: kubernetes.io/os",
        ),
    ] {
        let after = edited(&before, "10-nodepools.yaml", old, new);
        let found = judged(&before, &after);
        assert_eq!(classes(&found), ["replaces-nodes"], "{found:#?}");
        let one = the(&found, Class::ReplacesNodes, "NodePool/buildkit-amd64-m6id-24xlarge");
        assert_eq!((&one.numbers["nodes_min"], &one.numbers["nodes_max"]), (&json!(4), &json!(4)));
    }
    // The second type is used only where the first has nothing to give: none to 8 nodes.
    let mut after = before.clone();
    let second = after[1].text.find("name: buildkit-amd64-m6id-12xlarge").unwrap_or_else(|| panic!("no second pool"));
    let (head, tail) = after[1].text.split_at(second);
    after[1].text = format!("{head}{}", tail.replacen("expireAfter: Never", "expireAfter: 720h", 1));
    let found = judged(&before, &after);
    let one = the(&found, Class::ReplacesNodes, "NodePool/buildkit-amd64-m6id-12xlarge");
    assert_eq!((&one.numbers["nodes_min"], &one.numbers["nodes_max"]), (&json!(0), &json!(8)));
}

#[test]
fn limits_weights_budgets_and_wider_requirements_replace_no_node() {
    for (old, new) in [
        ("weight: 100", "weight: 90"),
        ("consolidateAfter: 5m", "consolidateAfter: 10m"),
        ("nodes: \"10%\"", "nodes: \"20%\""),
        ("values: [on-demand]", "values: [on-demand, spot]"),
        ("        - key: kubernetes.io/os\n          operator: In\n          values: [linux]\n", ""),
    ] {
        let found = by_hand("10-nodepools.yaml", old, new);
        assert_eq!(classes(&found), ["in-place"], "{new}: {found:#?}");
        assert!(found[0].what.contains("no node is replaced"), "{}", found[0].what);
    }
    let found = by_hand("10-nodepools.yaml", "  limits:\n    nodes: 8", "  limits:\n    nodes: 12");
    assert_eq!(classes(&found), ["capacity"], "{found:#?}");
    assert_eq!(found[0].what, "amd64: node ceiling 8 -> 12");
}

#[test]
fn a_new_image_rolls_the_builders_of_each_architecture() {
    let found = by_config(SCALED, &format!("{SCALED}      image: moby/buildkit:v0.29.0\n"));
    assert_eq!(classes(&found), ["rolls-builders"], "{found:#?}");
    assert_eq!(found.len(), 2);
    let one = the(&found, Class::RollsBuilders, "Deployment/buildkitd-amd64");
    assert_eq!(paths(&one), ["spec.template.spec.containers[buildkitd].image"]);
    assert_eq!(
        Value::Object(one.numbers),
        json!({
            "pods_min": 2, "pods_max": 8, "at_a_time": "10%", "drain_minutes": 135,
            "extra_nodes_at_max": 4, "extra_usd_per_hour_at_max": 22.7808,
        })
    );
}

#[test]
fn a_changed_buildkitd_toml_or_drain_script_is_the_reason_of_the_roll_not_its_checksum() {
    let found = by_config(SCALED, &format!("{SCALED}      http_registries: [mirror.example]\n"));
    let one = the(&found, Class::RollsBuilders, "Deployment/buildkitd-arm64");
    assert_eq!(
        paths(&one),
        [
            "ConfigMap/buildkitd-config-arm64.data[buildkitd.toml].registry[mirror.example]",
            "ConfigMap/buildkitd-config-arm64.data[buildkitd.toml].registry[mirror.example].http"
        ]
    );
    // The ConfigMap itself is not shown again as something that nothing follows from.
    assert_eq!(classes(&found), ["opens-access", "rolls-builders"], "{found:#?}");
}

#[test]
fn only_the_pool_that_changed_rolls() {
    let found = by_config(SCALED, &format!("{SCALED}      arm64_pods_per_node: 1\n"));
    assert_eq!(classes(&found), ["rolls-builders", "capacity"], "{found:#?}");
    assert!(
        found.iter().all(|consequence| !consequence.objects.iter().any(|object| object.contains("amd64"))),
        "{found:#?}"
    );
}

#[test]
fn a_changed_haproxy_cfg_rolls_the_load_balancer_and_nothing_else() {
    let found = by_config(SCALED, &format!("{SCALED}      client_retry_pause_seconds: 30\n"));
    assert_eq!(classes(&found), ["rolls-load-balancer"], "{found:#?}");
    let one = the(&found, Class::RollsLoadBalancer, "Deployment/buildkitd-lb");
    let of = |setting: &str| format!("ConfigMap/buildkitd-lb-config.data[haproxy.cfg].defaults.tcp.{setting}");
    assert_eq!(paths(&one), [of("retries"), of("timeout.queue")]);
    assert_eq!(one.reasons[1].old.as_deref(), Some("timeout queue 31s"));
    assert_eq!(one.reasons[1].new.as_deref(), Some("timeout queue 43s"));
    assert!(one.what.contains("counts from 0"), "{}", one.what);
    assert_eq!(one.numbers["drain_minutes"], 135);
}

/// The name of the load balancer's ConfigMap, with its hash.
fn lb_config_of(set: &[SetFile]) -> String {
    let file =
        set.iter().find(|file| file.path == "30-lb-deployment.yaml").unwrap_or_else(|| panic!("no load balancer"));
    let start = file.text.find("buildkitd-lb-config-").unwrap_or_else(|| panic!("no ConfigMap"));
    file.text[start..].lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_comment_of_haproxy_cfg_rolls_the_load_balancer_as_well() {
    let before = set(&one_cluster(SCALED));
    let (lb_config, mut after) = (lb_config_of(&before), before.clone());
    // As a new version of this program would write it: the text and, with it, the name.
    for (path, old, new) in [
        ("21-lb-config.yaml", "# One thread", "# A single thread"),
        ("21-lb-config.yaml", lb_config.as_str(), "buildkitd-lb-config-0123456789"),
        ("30-lb-deployment.yaml", lb_config.as_str(), "buildkitd-lb-config-0123456789"),
    ] {
        after = edited(&after, path, old, new);
    }
    let found = judged(&before, &after);
    assert_eq!(classes(&found), ["rolls-load-balancer"], "{found:#?}");
    assert_eq!(paths(&found[0]), ["ConfigMap/buildkitd-lb-config, only in comments"]);
}

#[test]
fn a_longer_build_rolls_both_and_the_builders_wait() {
    let found = by_config(SCALED, &format!("{SCALED}      max_build_minutes: 60\n"));
    // The comment in 10-nodepools.yaml names the grace period.
    assert_eq!(classes(&found), ["rolls-load-balancer", "rolls-builders", "no-effect"], "{found:#?}");
    let one = the(&found, Class::RollsBuilders, "Deployment/buildkitd-amd64");
    assert_eq!(one.numbers["drain_minutes"], 135, "the old pods have the old grace period");
    assert!(one.advice.as_deref().is_some_and(|advice| advice.contains("second run")), "{:?}", one.advice);
}

#[test]
fn immutable_fields_are_reported_as_such() {
    for (path, old, new, object) in [
        (
            "40-deployments.yaml",
            "    matchLabels:\n      app: buildkitd",
            "    matchLabels:\n      app: builder",
            "Deployment/buildkitd-amd64",
        ),
        ("31-services.yaml", "  clusterIP: None\n", "", "Service/buildkitd-amd64-pods"),
        (
            "31-services.yaml",
            "  type: ClusterIP\n  selector",
            "  type: ClusterIP\n  ipFamilies: [IPv6]\n  selector",
            "Service/buildkitd-amd64",
        ),
        (
            "10-nodepools.yaml",
            "group: karpenter.k8s.aws",
            "group: karpenter.example",
            "NodePool/buildkit-amd64-m6id-24xlarge",
        ),
        ("10-nodepools.yaml", "  weight: 100", "  replicas: 3", "NodePool/buildkit-amd64-m6id-24xlarge"),
    ] {
        let found = by_hand(path, old, new);
        let one = the(&found, Class::ImmutableField, object);
        assert!(!one.reasons.is_empty() && one.advice.is_some(), "{one:#?}");
        assert_eq!(found[0].class, Class::ImmutableField, "{found:#?}");
    }
}

#[test]
fn switching_autoscaling_says_how_to_deploy_it() {
    let fixed = "      amd64_replicas: 6\n      arm64_replicas: 6\n";
    let on = by_config(fixed, SCALED);
    let one = the(&on, Class::Autoscaling, "Deployment/buildkitd-amd64");
    assert_eq!((&one.numbers["from"], &one.numbers["to"]), (&json!("fixed"), &json!("keda")));
    assert!(one.advice.as_deref().is_some_and(|advice| advice.contains("hands over the current replicas")), "{one:#?}");
    let off = by_config(SCALED, fixed);
    let one = the(&off, Class::Autoscaling, "Deployment/buildkitd-amd64");
    assert_eq!((&one.numbers["from"], &one.numbers["to"]), (&json!("keda"), &json!("fixed")));
    assert!(
        one.advice.as_deref().is_some_and(|advice| advice.contains("deletes ScaledObject/buildkitd-amd64")),
        "{one:#?}"
    );
    for found in [&on, &off] {
        let scaled_object =
            |consequence: &&Consequence| consequence.objects.iter().any(|object| object.starts_with("ScaledObject/"));
        let deleted: Vec<_> = found.iter().filter(|one| one.class == Class::Deletes).filter(scaled_object).collect();
        assert_eq!(deleted, Vec::<&Consequence>::new(), "shown as the end of autoscaling");
    }
}

#[test]
fn bounds_are_reported_with_nodes_and_cost() {
    let with = |rest: &str| format!("      autoscaling: {{enabled: true, arm64_max: 8, arm64_min: 2, {rest}}}\n");
    let found = by_config(&with("amd64_min: 2, amd64_max: 8"), &with("amd64_min: 4, amd64_max: 16, amd64_fallback: 6"));
    let one = the(&found, Class::Capacity, "ScaledObject/buildkitd-amd64");
    assert_eq!(
        one.what,
        "amd64: min 2 -> 4, max 8 -> 16, fallback none -> 6, nodes at min 1 -> 2, nodes at max 4 -> 8, cost at min $5.70/h -> $11.39/h, cost at max $22.78/h -> $45.56/h, node ceiling 8 -> 16"
    );
    assert_eq!(one.numbers["usd_per_hour_at_max_new"], 45.5616);
    assert_eq!(one.numbers["fallback_old"], Value::Null);
    let down = by_config(&with("amd64_min: 2, amd64_max: 8"), &with("amd64_min: 2, amd64_max: 6"));
    let one = the(&down, Class::Capacity, "ScaledObject/buildkitd-amd64");
    assert!(one.advice.as_deref().is_some_and(|advice| advice.contains("beyond the new maximum")), "{one:#?}");
    let fixed = by_config("      amd64_replicas: 4\n", "      amd64_replicas: 8\n");
    let one = the(&fixed, Class::Capacity, "Deployment/buildkitd-amd64");
    assert_eq!(one.what, "amd64: pods 4 -> 8, nodes 2 -> 4, cost $11.39/h -> $22.78/h, node ceiling 4 -> 8");
}

#[test]
fn an_unknown_price_stays_unknown() {
    let before = set(&one_cluster("      amd64_replicas: 4\n"));
    let after = set(&one_cluster("      amd64_replicas: 8\n"));
    let found = consequences(&before, &after, None).unwrap_or_else(|error| panic!("{error:#}"));
    let one = the(&found, Class::Capacity, "Deployment/buildkitd-amd64");
    assert_eq!(one.what, "amd64: pods 4 -> 8, nodes 2 -> 4, node ceiling 4 -> 8");
}

#[test]
fn access_that_opens_or_closes_is_reported_by_peer_and_port() {
    let with = |clients: &str| format!("{SCALED}      client_namespaces: {clients}\n");
    let found = by_config(&with("[arc-runners]"), &with("[arc-runners, dev]"));
    assert_eq!(classes(&found), ["opens-access"], "{found:#?}");
    assert_eq!(
        found[0].what,
        "pods app=buildkitd-lb now also accept connections from namespace dev on 1234/TCP and 2234/TCP and 3234/TCP"
    );
    let found = by_config(&with("[arc-runners, dev]"), &with("[arc-runners]"));
    assert_eq!(classes(&found), ["closes-access"], "{found:#?}");
    for (old, new, class, what) in [
        (
            "    - from:\n        - podSelector:\n            matchLabels:\n              app: buildkitd-lb\n      ports",
            "    - ports",
            "opens-access",
            "from everybody on 1234/TCP",
        ),
        ("        - port: 9090\n          protocol: TCP\n", "", "opens-access", "every port"),
        (
            "    - from:\n        - namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: \"monitoring\"\n      ports:\n        - port: 9090",
            "    - from:\n        - ipBlock: {cidr: 0.0.0.0/0}\n      ports:\n        - port: 9090",
            "opens-access",
            "0.0.0.0/0 on 9090/TCP",
        ),
    ] {
        let found = by_hand("32-networkpolicies.yaml", old, new);
        assert_eq!(found[0].class.name(), class, "{found:#?}");
        assert!(found[0].what.contains(what), "{}", found[0].what);
    }
}

#[test]
fn pods_that_no_policy_selects_any_more_are_open_to_everybody() {
    let before = set(&one_cluster(SCALED));
    let mut after = before.clone();
    let file =
        after.iter_mut().find(|file| file.path == "32-networkpolicies.yaml").unwrap_or_else(|| panic!("no policies"));
    file.text = file.text.replace("app: buildkitd\n  policyTypes", "app: nothing\n  policyTypes");
    let found = judged(&before, &after);
    assert_eq!(found[0].class, Class::OpensAccess);
    assert!(found[0].what.contains("no NetworkPolicy selects pods app=buildkitd any longer"), "{}", found[0].what);
}

#[test]
fn a_guard_that_falls_opens_access() {
    for (path, old, new, what) in [
        ("30-lb-deployment.yaml", "      automountServiceAccountToken: false\n", "", "has a token for the API server"),
        (
            "30-lb-deployment.yaml",
            "allowPrivilegeEscalation: false",
            "privileged: true",
            "container haproxy is privileged",
        ),
        ("30-lb-deployment.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "write to its root"),
        ("30-lb-deployment.yaml", "drop: [ALL]", "add: [NET_ADMIN]", "NET_ADMIN"),
        ("30-lb-deployment.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "may run as root"),
        ("30-lb-deployment.yaml", "type: RuntimeDefault", "type: Unconfined", "no seccomp profile"),
        (
            "40-deployments.yaml",
            "      enableServiceLinks: false\n",
            "      enableServiceLinks: false\n      hostNetwork: true\n",
            "node's network",
        ),
        ("40-deployments.yaml", "emptyDir: {}", "hostPath: {path: /mnt}", "mounts /mnt from the node"),
        ("10-nodepools.yaml", "httpPutResponseHopLimit: 1", "httpPutResponseHopLimit: 2", "node role's credentials"),
        ("10-nodepools.yaml", "httpTokens: required", "httpTokens: optional", "without a token"),
        ("10-nodepools.yaml", "encrypted: true", "encrypted: false", "not encrypted"),
        ("21-lb-config.yaml", "bind 127.0.0.1:8404", "bind :8404", "accepts connections on port 8404"),
    ] {
        let found = by_hand(path, old, new);
        let opened: Vec<&Consequence> = found.iter().filter(|one| one.class == Class::OpensAccess).collect();
        assert!(opened.iter().any(|one| one.what.contains(what)), "{new}: {found:#?}");
    }
    let tls = format!("{SCALED}      mtls_secret: buildkit-tls\n");
    let off = by_config(&tls, SCALED);
    assert!(off[0].class == Class::OpensAccess && off[0].what.contains("without TLS"), "{off:#?}");
    let on = by_config(SCALED, &tls);
    assert!(on[0].class == Class::ClosesAccess && on[0].what.contains("certificate"), "{on:#?}");
}

/// What builders need from their surroundings is in their pods' template: a change of it rolls them.
#[test]
fn a_change_of_the_builders_surroundings_rolls_them() {
    let one = |block: &str| by_config(SCALED, &format!("{SCALED}      builder: {{{block}}}\n"));
    for block in [
        "env: {A: b}",
        "proxy: {https: 'http://a.example'}",
        "ca_certificates: {config_map: a}",
        "service_account: {name: a}",
        "volumes: {a: {secret: a, mount_path: /a}}",
        "toml: {debug: true}",
        "toml: {registry: {a.example: {ca: [/a]}}}",
    ] {
        let found = one(block);
        for object in ["Deployment/buildkitd-amd64", "Deployment/buildkitd-arm64"] {
            the(&found, Class::RollsBuilders, object);
        }
        assert!(found.iter().all(|one| one.class != Class::RollsLoadBalancer), "{block}: {found:#?}");
    }
    let found = one("image_pull_secrets: [a]");
    the(&found, Class::RollsBuilders, "Deployment/buildkitd-amd64");
    the(&found, Class::RollsLoadBalancer, "Deployment/buildkitd-lb");
    for (block, opened) in [
        ("service_account: {name: a, token: true}", "has a token for the API server"),
        ("volumes: {a: {host_path: /mnt, mount_path: /a}}", "mounts /mnt from the node"),
        ("toml: {insecure-entitlements: [security.insecure]}", "ask for the entitlement security.insecure get it"),
        ("toml: {registry: {a.example: {insecure: true}}}", "pulled without verified TLS"),
    ] {
        let found = one(block);
        let mut opens = found.iter().filter(|one| one.class == Class::OpensAccess);
        assert!(opens.any(|one| one.what.contains(opened)), "{block}: {found:#?}");
    }
}

#[test]
fn a_service_for_runners_outside_opens_access_and_its_class_cannot_change() {
    let with =
        |service: &str| format!("{SCALED}      mtls_secret: a\n      load_balancer: {{service: {{{service}}}}}\n");
    let without = format!("{SCALED}      mtls_secret: a\n");
    let found = by_config(&without, &with("source_ranges: [10.1.0.0/16]"));
    let opened = the(&found, Class::OpensAccess, "NetworkPolicy/buildkitd-lb-ingress");
    assert!(opened.what.contains("10.1.0.0/16 on 1234/TCP"), "{}", opened.what);
    let opened = the(&found, Class::OpensAccess, "Service/buildkitd-external");
    assert!(opened.what.contains("from outside of the cluster"), "{}", opened.what);
    the(&found, Class::Creates, "Service/buildkitd-external");
    assert!(found.iter().all(|one| one.class != Class::RollsLoadBalancer), "{found:#?}");
    // Another network instead.
    let found = by_config(&with("source_ranges: [10.1.0.0/16]"), &with("source_ranges: [10.2.0.0/16]"));
    the(&found, Class::OpensAccess, "NetworkPolicy/buildkitd-lb-ingress");
    the(&found, Class::ClosesAccess, "NetworkPolicy/buildkitd-lb-ingress");
    the(&found, Class::InPlace, "Service/buildkitd-external");
    let of_class = |class: &str| with(&format!("source_ranges: [10.1.0.0/16], class: {class}"));
    the(&by_config(&of_class("a"), &of_class("b")), Class::ImmutableField, "Service/buildkitd-external");
    let found = by_config(&with("source_ranges: [10.1.0.0/16]"), &without);
    the(&found, Class::Deletes, "Service/buildkitd-external");
    the(&found, Class::ClosesAccess, "NetworkPolicy/buildkitd-lb-ingress");
}

#[test]
fn an_added_or_removed_architecture_is_reported_object_by_object() {
    let one = format!("{SCALED}      architectures: [amd64]\n");
    let gone = by_config(SCALED, &one);
    for object in [
        "Deployment/buildkitd-arm64",
        "NodePool/buildkit-arm64-m8gd-24xlarge",
        "EC2NodeClass/buildkit-arm64",
        "Service/buildkitd-arm64",
        "ScaledObject/buildkitd-arm64",
    ] {
        the(&gone, Class::Deletes, object);
    }
    let come = by_config(&one, SCALED);
    the(&come, Class::Creates, "Deployment/buildkitd-arm64");
    assert!(come.iter().all(|consequence| consequence.class != Class::Deletes), "{come:#?}");
}

#[test]
fn a_fleet_that_moves_to_another_namespace_is_reported_as_one_move() {
    let found = by_config(SCALED, &format!("{SCALED}      namespace: builds\n"));
    let moved: Vec<&Consequence> = found.iter().filter(|one| one.class == Class::Deletes).collect();
    assert_eq!(moved.len(), 1, "{found:#?}");
    assert!(moved[0].what.starts_with("the fleet moves from namespace buildkit to builds: "), "{}", moved[0].what);
    assert!(found.iter().all(|one| one.class != Class::Creates), "{found:#?}");
}

#[test]
fn labels_are_applied_in_place_and_told_once_for_all_objects() {
    let found = by_config(SCALED, &format!("{SCALED}      extra_labels: {{team: ci}}\n"));
    assert_eq!(classes(&found), ["in-place"], "{found:#?}");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].objects.len() > 20, "{found:#?}");
    assert_eq!(paths(&found[0]), ["metadata.labels.team"]);
}

#[test]
fn comments_and_the_order_of_keys_have_no_effect() {
    for (path, old, new) in [
        ("10-nodepools.yaml", "# Named after its instance type", "# Called after its instance type"),
        (
            "31-services.yaml",
            "  type: ClusterIP\n  selector:\n    app: buildkitd-lb\n",
            "  selector:\n    app: buildkitd-lb\n  type: ClusterIP\n",
        ),
    ] {
        let found = by_hand(path, old, new);
        assert_eq!(classes(&found), ["no-effect"], "{found:#?}");
        assert_eq!(found[0].objects, [path]);
    }
}

#[test]
fn a_difference_that_no_field_shows_is_named_all_the_same() {
    for (path, old, new, object) in [
        (
            "31-services.yaml",
            "    - name: buildkit\n      port: 1234\n      targetPort: buildkit\n      protocol: TCP\n    - name: metrics\n      port: 9090\n      targetPort: metrics\n      protocol: TCP\n",
            "    - name: metrics\n      port: 9090\n      targetPort: metrics\n      protocol: TCP\n    - name: buildkit\n      port: 1234\n      targetPort: buildkit\n      protocol: TCP\n",
            "Service/buildkitd-amd64-pods",
        ),
        ("21-lb-config.yaml", "# One thread", "# A single thread", "ConfigMap/buildkitd-lb-config"),
    ] {
        let found = by_hand(path, old, new);
        assert_eq!(classes(&found), ["no-effect"], "{found:#?}");
        assert_eq!(found[0].objects, [object]);
    }
}

#[test]
fn another_order_of_a_pods_lists_rolls_it() {
    let found = by_hand(
        "40-deployments.yaml",
        "            - name: config\n              mountPath: /etc/buildkit-fleet\n              readOnly: true\n            - name: drain\n              mountPath: /opt/drain\n              readOnly: true\n",
        "            - name: drain\n              mountPath: /opt/drain\n              readOnly: true\n            - name: config\n              mountPath: /etc/buildkit-fleet\n              readOnly: true\n",
    );
    assert_eq!(classes(&found), ["rolls-builders"], "{found:#?}");
    assert_eq!(paths(&found[0]), ["spec.template, in the order of a list"]);
}

/// Fields that a sentence of a consequence speaks of, and not its list of reasons: the words that must stand there.
const SPOKEN: &[(&str, &[&str])] = &[
    ("spec.minReplicaCount", &["min ", "pool"]),
    ("spec.maxReplicaCount", &["max ", "pool"]),
    ("spec.fallback", &["fallback "]),
    ("spec.replicas", &["pods ", "fixed at", "scales "]),
    ("spec.limits.nodes", &["node ceiling"]),
    ("spec.limits.cpu", &["node ceiling"]),
    ("metadata.annotations.buildkit-fleet/pods-per-node", &["instance types"]),
    // The hash of the content in the name of a ConfigMap.
    ("metadata.name", &["replaced"]),
    ("spec.template.spec.volumes[config].configMap.name", &["replaced"]),
    ("spec.template.spec.volumes[drain].configMap.name", &["replaced"]),
    ("spec.ingress", &["accept connections"]),
    ("spec.podSelector", &["accept connections"]),
];

/// Asserts that every field that differs, as an independent comparison finds it, is shown: as a reason, by a sentence, or
/// as part of a ConfigMap that a roll names.
fn all_is_reported(what: &str, before: &[SetFile], after: &[SetFile], found: &[Consequence]) {
    let read = |files: &[SetFile]| {
        buildkit_fleet::manifests::objects::Objects::read(files).unwrap_or_else(|error| panic!("{error:#}"))
    };
    let (old, new) = (read(before), read(after));
    let reasons: Vec<String> = found.iter().flat_map(paths).map(str::to_owned).collect();
    let sentences: String = found.iter().map(|one| one.what.clone() + "\n").collect();
    for (identity, object) in new.iter() {
        let Some(earlier) = old.get(identity) else {
            assert!(
                found.iter().any(|one| one.objects.contains(&identity.short())),
                "{what}: {} is new and not named",
                identity.short()
            );
            continue;
        };
        for change in buildkit_fleet::consequences::field::changes(Some(earlier), Some(object), "") {
            let inside = format!("{}.{}", identity.short(), change.path);
            let listed = reasons.iter().any(|reason| *reason == change.path || *reason == inside);
            let spoken = SPOKEN.iter().any(|(path, words)| {
                change.path.starts_with(path) && words.iter().any(|word| sentences.contains(word))
            });
            assert!(listed || spoken, "{what}: {inside} is not shown: {found:#?}");
        }
    }
    for (identity, _) in old.iter().filter(|(identity, _)| new.get(identity).is_none()) {
        let ends = identity.kind == "ScaledObject" && sentences.contains("is fixed at");
        assert!(
            ends || found.iter().any(|one| one.objects.contains(&identity.short())),
            "{what}: {} goes and is not named",
            identity.short()
        );
    }
}

#[test]
fn every_field_that_differs_is_reported() {
    let keys = [
        "image: moby/buildkit:v0.29.0",
        "haproxy_image: haproxy:3.4-alpine",
        "max_build_minutes: 30",
        "client_namespaces: [x]",
        "monitoring_namespace: m",
        "keda_namespace: k",
        "client_connect_seconds: 30",
        "ip_family: ipv4",
        "registry_mirrors: {a.example: [b.example]}",
        "mtls_secret: s",
        "scale_down: {idle_minutes: 5}",
        "monitoring: {enabled: false}",
        "extra_labels: {a: b}",
        "lb_tolerations: []",
        "load_balancer: {priority_class: builds}",
        "load_balancer: {node_pool: {instance_type: c7i.large}}",
        "pods_per_node: 1",
        "architectures: [arm64]",
        "amd64_instance_type: m5d.24xlarge",
        "amd64_instance_types: {m6id.24xlarge: 2, m5d.24xlarge: 2}",
    ];
    let scaled = set(&one_cluster(SCALED));
    for key in keys {
        let after = set(&one_cluster(&format!("{SCALED}      {key}\n")));
        for (what, before, after) in [(key, &scaled, &after), ("back", &after, &scaled)] {
            all_is_reported(&format!("{what} {key}"), before, after, &judged(before, after));
        }
    }
    let with = |rest: &str| {
        set(&one_cluster(&format!("      autoscaling: {{enabled: true, arm64_max: 8, arm64_min: 2, {rest}}}\n")))
    };
    // A scaled pool whose bounds are one number has a fallback all the same.
    let (before, after) = (with("amd64_min: 8, amd64_max: 8, amd64_fallback: 8"), with("amd64_min: 8, amd64_max: 8"));
    all_is_reported("fallback", &before, &after, &judged(&before, &after));
    for (path, old, new) in [
        ("30-lb-deployment.yaml", "  replicas: 1\n", "  replicas: 2\n"),
        ("10-nodepools.yaml", "    cpu: 768\n", "    cpu: 700\n"),
        ("40-deployments.yaml", "  revisionHistoryLimit: 3\n", "  revisionHistoryLimit: 3\n  replicas: 50\n"),
        ("20-buildkitd-config.yaml", "DRAIN_BLIP_S", "DRAIN_BLINK_S"),
        ("00-namespace.yaml", "enforce: privileged", "enforce: baseline"),
    ] {
        let after = edited(&scaled, path, old, new);
        all_is_reported(new, &scaled, &after, &judged(&scaled, &after));
        all_is_reported(old, &after, &scaled, &judged(&after, &scaled));
    }
    let two = |first: &str| {
        set(&one_cluster(&format!(
            "      architectures: [amd64]\n      amd64_replicas: {first}\n      amd64_instance_types: {{m6id.24xlarge: 2, m6id.12xlarge: 1}}\n"
        )))
    };
    let (before, after) = (two("8"), two("16"));
    let found = judged(&before, &after);
    all_is_reported("second pool", &before, &after, &found);
    assert!(found.iter().any(|one| one.what.contains("node ceiling of m6id.12xlarge 16 -> 32")), "{found:#?}");
}

#[test]
fn a_set_for_another_eks_cluster_leaves_one_fleet_and_makes_another() {
    let before = set(&one_cluster(SCALED));
    let after = set(&one_cluster(SCALED).replace("eks-here", "eks-there"));
    let found = judged(&before, &after);
    assert_eq!(classes(&found), ["deletes", "creates"], "{found:#?}");
    let objects = support::documents(&support::render(&support::fleet(&one_cluster(SCALED), "here"))).len();
    let what = format!("the fleet moves to the cluster eks-there. On eks-here, a fleet ({objects} objects;");
    assert!(found[0].what.starts_with(&what), "{}", found[0].what);
    assert_eq!(found[1].numbers["amd64_nodes_at_max"], 4);
}

#[test]
fn what_changes_beside_a_move_is_reported_as_well() {
    let found = by_config(
        SCALED,
        &format!("{SCALED}      namespace: builds\n      mtls_secret: s\n      client_namespaces: [x]\n"),
    );
    assert!(found.iter().any(|one| one.what.contains("certificate of the CA")), "{found:#?}");
    assert!(found.iter().any(|one| one.class == Class::OpensAccess && one.what.contains("namespace x")), "{found:#?}");
    assert!(found.iter().all(|one| one.class != Class::RollsBuilders), "the pods are made anew: {found:#?}");
}

#[test]
fn another_order_of_a_node_classs_lists_replaces_nothing() {
    let two = "  blockDeviceMappings:\n    - {deviceName: /dev/xvdb, ebs: {volumeSize: 1Gi, encrypted: true}}\n";
    let before = edited(&set(&one_cluster(SCALED)), "10-nodepools.yaml", "  blockDeviceMappings:\n", two);
    let first = "    - {deviceName: /dev/xvdb, ebs: {volumeSize: 1Gi, encrypted: true}}\n";
    let after = edited(&before, "10-nodepools.yaml", first, "");
    let after = edited(&after, "10-nodepools.yaml", "  metadataOptions:", &format!("{first}  metadataOptions:"));
    let found = judged(&before, &after);
    assert_eq!(classes(&found), ["no-effect"], "{found:#?}");
}

#[test]
fn another_order_of_settings_is_no_comment() {
    let before = set(&one_cluster(SCALED));
    let (lb_config, mut after) = (lb_config_of(&before), before.clone());
    for (path, old, new) in [
        (
            "21-lb-config.yaml",
            "      option tcplog\n      option dontlognull\n",
            "      option dontlognull\n      option tcplog\n",
        ),
        ("21-lb-config.yaml", lb_config.as_str(), "buildkitd-lb-config-0123456789"),
        ("30-lb-deployment.yaml", lb_config.as_str(), "buildkitd-lb-config-0123456789"),
    ] {
        after = edited(&after, path, old, new);
    }
    let found = judged(&before, &after);
    assert_eq!(paths(&found[0]), ["ConfigMap/buildkitd-lb-config, only in the order of its settings"]);
}

#[test]
fn access_from_everybody_that_becomes_narrower_opens_nothing() {
    let narrow = set(&one_cluster(SCALED));
    let open = |selector: &str| {
        let from = "    - from:\n        - namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: \"monitoring\"\n      ports:\n        - port: 9090";
        let ports = if selector.is_empty() { "    - ports" } else { "      ports" };
        edited(&narrow, "32-networkpolicies.yaml", from, &format!("{selector}{ports}:\n        - port: 9090"))
    };
    for wide in ["", "    - from:\n        - namespaceSelector: {}\n"] {
        let found = judged(&open(wide), &narrow);
        assert_eq!(classes(&found), ["closes-access"], "{found:#?}");
    }
    // A policy that is only in the old set is the one that is named.
    let mut more = narrow.clone();
    let file =
        more.iter_mut().find(|file| file.path == "32-networkpolicies.yaml").unwrap_or_else(|| panic!("no policies"));
    file.text += "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: extra, namespace: buildkit}\nspec:\n  podSelector: {matchLabels: {app: buildkitd-lb}}\n  ingress: [{from: [{podSelector: {}}], ports: [{port: 1}]}]\n";
    let found = judged(&more, &narrow);
    assert_eq!(
        the(&found, Class::ClosesAccess, "NetworkPolicy/extra").what,
        "pods app=buildkitd-lb no longer accept connections from all pods on 1/TCP"
    );
}

#[test]
fn alerts_are_reported_by_name() {
    let found = by_config(SCALED, "      amd64_replicas: 4\n");
    let one = the(&found, Class::InPlace, "PrometheusRule/buildkitd");
    assert!(one.what.contains("removed: BuildkitMetricAbsent amd64 (warning)"), "{}", one.what);
    let (_, changed) = one.what.split_once("; ").unwrap_or_else(|| panic!("{}", one.what));
    assert_eq!(
        changed,
        "changed: BuildkitBelowMax amd64 (warning), BuildkitBelowMax arm64 (warning), BuildkitClientsWaiting amd64 (warning), BuildkitClientsWaiting arm64 (warning), BuildkitPinnedAtMax amd64 (warning), BuildkitPinnedAtMax arm64 (warning)"
    );
}

#[test]
fn a_version_that_ignores_more_of_the_demand_is_reported_as_capacity() {
    let old = one_cluster(SCALED);
    let found = judged(&set(&old), &set(&old.replace("1.35", "1.34")));
    let one = the(&found, Class::Capacity, "ScaledObject/buildkitd-amd64");
    assert_eq!(
        one.what,
        "the pool targets 0.9 builds per pod instead of 1, so the same demand needs 11 % more pods; the HPA ignores 10 % of the demand, before none"
    );
}

#[test]
fn a_guard_says_in_which_order_both_sides_roll() {
    let guarded = format!("{SCALED}      builder: {{one_build_guard: require}}\n");
    let of_lb = |found: &[Consequence]| {
        let one = the(found, Class::RollsLoadBalancer, "Deployment/buildkitd-lb");
        (one.what, one.advice.unwrap_or_default())
    };
    let on = by_config(SCALED, &guarded);
    let (what, advice) = of_lb(&on);
    assert!(what.contains("finds only builders that have the guard"), "{what}");
    assert!(advice.contains("rolls the builders first"), "{advice}");
    let builders = the(&on, Class::RollsBuilders, "Deployment/buildkitd-amd64").advice.unwrap_or_default();
    assert!(builders.contains("rolls the builders first") && !builders.contains("load balancer first"), "{builders}");
    the(&on, Class::OpensAccess, "NetworkPolicy/buildkitd-ingress");

    let (what, advice) = of_lb(&by_config(&guarded, SCALED));
    assert!(what.contains("may meanwhile put a second build"), "{what}");
    assert!(advice.contains("rolls the load balancer first"), "{advice}");

    let (what, advice) = of_lb(&by_config(&guarded, &format!("{guarded}      client_retry_pause_seconds: 30\n")));
    assert!(what.contains("builders refuse a second build meanwhile"), "{what}");
    assert!(advice.contains("also under load"), "{advice}");

    for (delivery, by_hand) in [("argocd", "sync its Application"), ("flux", "resume its Kustomization")] {
        let [off, on] = [SCALED, &guarded].map(|keys| format!("{keys}      delivery: {delivery}\n"));
        let (_, advice) = of_lb(&by_config(&off, &on));
        assert!(advice.starts_with(by_hand) && advice.contains("once all builders have rolled"), "{advice}");
        let (_, advice) = of_lb(&by_config(&on, &off));
        assert!(advice.contains("as soon as this is merged"), "{advice}");
    }
}
