//! Every message as it is printed, and the promise that each rule has one.

mod support;

use std::collections::BTreeSet;

use support::one_cluster;

#[expect(clippy::too_many_lines, reason = "a table")]
/// A name for the snapshot, the rules that the input breaks, and the input.
fn cases() -> Vec<(&'static str, &'static [&'static str], String)> {
    let scaled = |rest: &str| one_cluster(&format!("      autoscaling: {{enabled: true, {rest}}}\n"));
    let versioned = |keda: &str, eks: &str, rest: &str| {
        format!(
            "clusters:\n  here:\n    cluster_name: eks-here\n    region: us-east-1\n{keda}{eks}    modules: [keda, buildkit]\n    buildkit:\n      ami_alias: al2023@v20250123\n      autoscaling: {{enabled: true, amd64_max: 8, arm64_max: 8{rest}}}\n"
        )
    };
    let file = |text: &str| text.to_owned();
    vec![
        ("empty", &["empty-file"], file("")),
        ("only-comments", &["empty-file"], file("# nothing\n")),
        ("not-yaml", &["yaml-syntax"], file("clusters: [a\n")),
        ("binary", &["yaml-syntax"], file("\u{0}\u{1}\u{2}ELF")),
        ("tab-indent", &["yaml-syntax"], file("clusters:\n\there: {}\n")),
        ("second-document", &["second-document"], file("clusters: {}\n---\nclusters: {}\n")),
        ("scalar-at-the-top", &["wrong-shape"], file("hello\n")),
        ("no-clusters", &["clusters-required"], file("defaults: {}\n")),
        ("null-clusters", &["clusters-required"], file("clusters:\n")),
        ("no-cluster", &["clusters-required"], file("clusters: {}\n")),
        ("alias-bomb", &["alias-expansion"], alias_bomb()),
        ("nested-brackets", &["yaml-syntax"], "[".repeat(100_000)),
        (
            "alias-in-ours",
            &["ami-floats", "alias-not-read"],
            file(
                "x: &b {replicas_per_arch: 2}\nclusters:\n  here:\n    cluster_name: a\n    region: us-east-1\n    modules: [buildkit]\n    buildkit: *b\n",
            ),
        ),
        ("merge-key", &["alias-not-read"], file("x: &b {region: us-east-1}\nclusters:\n  here:\n    <<: *b\n")),
        ("tag", &["alias-not-read"], one_cluster("      namespace: !!str builds\n")),
        ("duplicate-key", &["duplicate-key"], one_cluster("      pods_per_node: 2\n      pods_per_node: 4\n")),
        ("duplicate-cluster", &["duplicate-key"], file("clusters:\n  a: {}\n  a: {}\n")),
        ("unknown-key", &["unknown-key"], one_cluster("      replicas_per_arc: 2\n")),
        ("unknown-key-nothing-near", &["unknown-key"], one_cluster("      scale_down: {speed: 3}\n")),
        ("list-for-number", &["wrong-shape"], one_cluster("      pods_per_node: [2]\n")),
        ("null-for-number", &["wrong-shape"], one_cluster("      pods_per_node:\n")),
        ("number-for-list", &["wrong-shape"], one_cluster("      client_namespaces: arc-runners\n")),
        ("zero-replicas", &["invalid-value"], one_cluster("      replicas_per_arch: 0\n")),
        ("negative", &["invalid-value"], one_cluster("      replicas_per_arch: -1\n")),
        ("fraction", &["invalid-value"], one_cluster("      replicas_per_arch: 2.0\n")),
        ("exponent", &["invalid-value"], one_cluster("      replicas_per_arch: 1e400\n")),
        ("octal", &["invalid-value"], one_cluster("      replicas_per_arch: 010\n")),
        ("quoted-number", &["invalid-value"], one_cluster("      replicas_per_arch: \"8\"\n")),
        ("yes-for-true", &["invalid-value"], one_cluster("      monitoring: {enabled: yes}\n")),
        ("too-many-pods-per-node", &["invalid-value"], one_cluster("      pods_per_node: 36\n")),
        ("bad-namespace", &["invalid-value"], one_cluster("      namespace: Builds\n")),
        ("injection-namespace", &["invalid-value"], one_cluster("      namespace: \"a\\nkind: Secret\"\n")),
        ("injection-image", &["invalid-value"], one_cluster("      image: \"a:1\\\" # {{ x }}\"\n")),
        ("bad-arch", &["invalid-value"], one_cluster("      architectures: [x86_64]\n")),
        ("no-arch", &["invalid-value"], one_cluster("      architectures: []\n")),
        ("nobody-builds", &["invalid-value"], one_cluster("      client_namespaces: []\n")),
        (
            "bad-mirror",
            &["invalid-value"],
            one_cluster("      registry_mirrors: {registry.example: [\"https://mirror.example\"]}\n"),
        ),
        ("bad-registry", &["invalid-value"], one_cluster("      registry_mirrors: {\"a b\": [mirror.example]}\n")),
        (
            "bad-ami",
            &["invalid-value"],
            one_cluster("").replace("al2023@v20250123", "bottlerocket@latest").as_str().into(),
        ),
        (
            "bad-toleration",
            &["invalid-value"],
            one_cluster("      lb_tolerations: [{operator: Exists, key: a, value: b}]\n"),
        ),
        ("bad-label-key", &["invalid-value"], one_cluster("      extra_labels: {\"a b\": c}\n")),
        ("bad-cluster-name", &["invalid-value"], one_cluster("").replace("eks-here", "\"a'; rm -rf /\"")),
        ("long-cluster-name", &["invalid-value"], one_cluster("").replace("eks-here", &"a".repeat(55))),
        ("bad-region", &["invalid-value"], one_cluster("").replace("us-east-1", "us_east_1")),
        ("bad-version", &["invalid-value"], one_cluster("").replace("2.20.2", "latest")),
        ("path-as-cluster", &["invalid-value"], one_cluster("").replace("  here:", "  ../../etc:")),
        (
            "reserved-label",
            &["reserved-label", "reserved-label"],
            one_cluster("      extra_labels: {app: mine, app.kubernetes.io/name: mine}\n"),
        ),
        (
            "no-region-and-more",
            &["region-required", "image-not-pinned", "reserved-label"],
            one_cluster("      image: moby/buildkit\n      extra_labels: {app: x}\n")
                .replace("    region: us-east-1\n", ""),
        ),
        (
            "no-name-no-region",
            &["cluster-name-required", "region-required"],
            file("clusters:\n  here:\n    modules: [buildkit]\n    buildkit: {ami_alias: al2023@v20250123}\n"),
        ),
        ("case-collision", &["output-path-collision"], file("clusters:\n  Prod: {}\n  prod: {}\n")),
        ("max-required", &["autoscaling-max-required"], scaled("amd64_min: 2, amd64_max: 8")),
        ("max-refused-is-told-once", &["invalid-value"], scaled("amd64_max: many, arm64_min: 2, arm64_max: 8")),
        ("misspelt-defaults", &["misspelt-top-level"], format!("default: {{}}\n{}", one_cluster(""))),
        ("module-not-listed", &["module-not-listed"], one_cluster("").replace("[keda, buildkit]", "[keda, Buildkit]")),
        ("no-modules", &["module-not-listed"], one_cluster("").replace("    modules: [keda, buildkit]\n", "")),
        (
            "same-cluster-twice",
            &["same-cluster-twice"],
            format!("{}{}", one_cluster(""), one_cluster("").replace("clusters:\n  here:", "  there:")),
        ),
        (
            "bounds-without-enabled",
            &["autoscaling-not-enabled"],
            one_cluster("      autoscaling: {amd64_min: 2, amd64_fallback: 3}\n"),
        ),
        ("system-namespace", &["invalid-value"], one_cluster("      namespace: kube-system\n")),
        ("empty-mirrors", &["invalid-value"], one_cluster("      registry_mirrors: {registry.example: []}\n")),
        ("one-nodepool-name-for-two", &["nodepool-name-collision"], colliding_types()),
        ("uneven-numa", &["invalid-value"], one_cluster("      instance_specs: {m6id.24xlarge: {numa_nodes: 5}}\n")),
        (
            "unused-incomplete-spec",
            &["instance-spec-incomplete"],
            one_cluster("      instance_specs: {m6id.24xlrge: {numa_nodes: 2}}\n"),
        ),
        (
            "hardly-any-nvme",
            &["instance-type-without-nvme"],
            one_cluster(
                "      amd64_instance_type: m6id.24xlarge\n      instance_specs: {m6id.24xlarge: {local_nvme_gb: 1}}\n",
            ),
        ),
        ("bad-image-path", &["invalid-value"], one_cluster("      image: Moby/BuildKit..x:v1\n")),
        ("min-above-max", &["min-above-max"], scaled("amd64_min: 10, amd64_max: 8, arm64_max: 8, arm64_min: 2")),
        (
            "fallback-out-of-bounds",
            &["fallback-out-of-bounds"],
            scaled("amd64_min: 2, amd64_max: 8, amd64_fallback: 9, arm64_min: 2, arm64_max: 8"),
        ),
        (
            "keda-missing",
            &["autoscaling-needs-keda"],
            scaled("amd64_min: 2, amd64_max: 8, arm64_min: 2, arm64_max: 8").replace("[keda, buildkit]", "[buildkit]"),
        ),
        (
            "keda-after",
            &["autoscaling-needs-keda"],
            scaled("amd64_min: 2, amd64_max: 8, arm64_min: 2, arm64_max: 8")
                .replace("[keda, buildkit]", "[buildkit, keda]"),
        ),
        (
            "types-beside-type",
            &["instance-types-exclusive"],
            one_cluster("      amd64_instance_type: m6id.24xlarge\n      amd64_instance_types: {m6id.24xlarge: 2}\n"),
        ),
        (
            "pods-per-node-over-default-types",
            &["instance-types-exclusive"],
            format!(
                "defaults:\n  buildkit:\n    amd64_instance_types: {{m6id.24xlarge: 2}}\n{}",
                one_cluster("      amd64_pods_per_node: 1\n")
            ),
        ),
        ("no-types", &["instance-types-empty"], one_cluster("      amd64_instance_types: {}\n")),
        ("unknown-type", &["instance-type-unknown"], one_cluster("      amd64_instance_type: m6i.24xlarge\n")),
        ("unknown-family", &["instance-type-unknown"], one_cluster("      amd64_instance_type: t3.micro\n")),
        (
            "incomplete-spec",
            &["instance-spec-incomplete"],
            one_cluster(
                "      amd64_instance_type: x1.builder\n      instance_specs: {x1.builder: {arch: amd64, vcpu: 8}}\n",
            ),
        ),
        ("wrong-arch", &["instance-type-wrong-arch"], one_cluster("      amd64_instance_type: m7gd.16xlarge\n")),
        (
            "no-nvme",
            &["instance-type-without-nvme"],
            one_cluster(
                "      amd64_instance_type: m6i.24xlarge\n      instance_specs: {m6i.24xlarge: {arch: amd64, vcpu: 96, memory_mib: 393216, local_nvme_gb: 0, eni_max_pods: 737, numa_nodes: 2}}\n",
            ),
        ),
        (
            "long-type",
            &["nodepool-name-too-long"],
            one_cluster(&format!(
                "      amd64_instance_type: x.{0}\n      instance_specs: {{x.{0}: {{arch: amd64, vcpu: 48, memory_mib: 393216, local_nvme_gb: 900, eni_max_pods: 234}}}}\n",
                "a".repeat(42)
            )),
        ),
        ("many-types", &["too-many-instance-types"], many_types()),
        ("pod-too-small", &["pod-too-small"], one_cluster("      amd64_instance_type: c6id.large\n")),
        (
            "does-not-fit",
            &["pod-does-not-fit"],
            one_cluster("      amd64_instance_types: {m6id.24xlarge: 2, m6id.12xlarge: 2}\n"),
        ),
        ("numa-three", &["numa-misfit"], one_cluster("      amd64_pods_per_node: 3\n")),
        ("numa-unknown", &["numa-unknown"], one_cluster("      amd64_instance_type: i3en.24xlarge\n")),
        ("dns-too-large", &["dns-answer-too-large"], one_cluster("      amd64_replicas: 2400\n")),
        ("old-haproxy", &["haproxy-too-old"], one_cluster("      haproxy_image: haproxy:3.1-alpine\n")),
        ("unknown-haproxy", &["haproxy-version-unknown"], one_cluster("      haproxy_image: haproxy:lts-alpine\n")),
        ("unpinned-image", &["image-not-pinned"], one_cluster("      image: moby/buildkit:latest\n")),
        (
            "old-keda",
            &["keda-version-unsupported"],
            versioned("    keda: {chart_version: 2.15.1}\n", "    eks_version: 1.35\n", ", amd64_min: 2, arm64_min: 2"),
        ),
        (
            "no-keda-version",
            &["keda-version-missing"],
            versioned("", "    eks_version: 1.35\n", ", amd64_min: 2, arm64_min: 2"),
        ),
        (
            "no-eks-version",
            &["eks-version-missing"],
            versioned("    keda: {chart_version: 2.20.2}\n", "", ", amd64_min: 2, arm64_min: 2"),
        ),
        (
            "old-kubernetes",
            &["kubernetes-version-untested"],
            versioned(
                "    keda: {chart_version: 2.20.2}\n",
                "    eks_version: \"1.30\"\n",
                ", amd64_min: 2, arm64_min: 2",
            ),
        ),
        (
            "fallback-on-2.16",
            &["fallback-unsafe"],
            versioned(
                "    keda: {chart_version: 2.16.1}\n",
                "    eks_version: 1.35\n",
                ", amd64_min: 2, arm64_min: 2, amd64_fallback: 4",
            ),
        ),
        (
            "fallback-on-2.17",
            &["fallback-unsafe"],
            versioned(
                "    keda: {chart_version: 2.17.2}\n",
                "    eks_version: 1.35\n",
                ", amd64_min: 2, arm64_min: 2, arm64_fallback: 4",
            ),
        ),
        (
            "idle-part-of-a-node",
            &["min-leaves-node-idle"],
            scaled("amd64_min: 3, amd64_max: 8, arm64_min: 2, arm64_max: 8"),
        ),
        ("floating-ami", &["ami-floats"], one_cluster("").replace("al2023@v20250123", "al2023@latest")),
        (
            "wrong-default-is-told-once",
            &["ami-floats", "unknown-key"],
            file(
                "defaults:\n  buildkit: {replicas: 3}\nclusters:\n  a: {cluster_name: a, region: us-east-1, modules: [buildkit]}\n  b: {cluster_name: b, region: us-east-1, modules: [buildkit]}\n",
            ),
        ),
        (
            "many-at-once",
            &[
                "invalid-value",
                "unknown-key",
                "invalid-value",
                "invalid-value",
                "autoscaling-max-required",
                "invalid-value",
            ],
            file(
                "clusters:\n  here:\n    cluster_name: eks-here\n    region: nowhere\n    modules: [keda, buildkit]\n    eks_version: 1.35\n    keda: {chart_version: 2.20.2}\n    buildkit:\n      imag: x\n      namespace: A\n      pods_per_node: two\n      ami_alias: al2023@v20250123\n      autoscaling:\n        enabled: true\n        amd64_max: 4.5\n",
            ),
        ),
    ]
}

fn alias_bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        text.extend([format!("a{level}: &a{level} [{inner}]\n")]);
    }
    text + "clusters: {}\n"
}

fn colliding_types() -> String {
    let row = "{arch: amd64, vcpu: 48, memory_mib: 393216, local_nvme_gb: 900, eni_max_pods: 234}";
    one_cluster(&format!(
        "      amd64_instance_types: {{x.y-z: 2, x-y.z: 2}}\n      instance_specs: {{x.y-z: {row}, x-y.z: {row}}}\n"
    ))
}

fn many_types() -> String {
    let names: Vec<String> = (0..101).map(|n| format!("x{n}.builder")).collect();
    let row = "{arch: amd64, vcpu: 48, memory_mib: 393216, local_nvme_gb: 900, eni_max_pods: 234}";
    let specs: Vec<String> = names.iter().map(|name| format!("{name}: {row}")).collect();
    let types: Vec<String> = names.iter().map(|name| format!("{name}: 2")).collect();
    one_cluster(&format!(
        "      amd64_instance_types: {{{}}}\n      instance_specs: {{{}}}\n",
        types.join(", "),
        specs.join(", ")
    ))
}

#[test]
fn every_message_prints_as_recorded() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/messages");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let wrong: Vec<String> = cases()
        .iter()
        .filter(|(_, rules, source)| support::rules_broken(source) != *rules)
        .map(|(name, rules, source)| format!("{name}: {:?}, expected {rules:?}", support::rules_broken(source)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (name, _, source) in cases() {
        // Some inputs are long on purpose; their one line would be all of the snapshot.
        let text: String = support::messages(&source)
            .join("\n\n")
            .lines()
            .map(|line| if line.len() > 400 { format!("{} [...]\n", &line[..200]) } else { format!("{line}\n") })
            .collect();
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

#[test]
fn every_rule_has_an_input_that_breaks_it() {
    let broken: BTreeSet<&str> = cases().iter().flat_map(|(_, rules, _)| rules.iter().copied()).collect();
    // These two need bytes, not text: `bytes_that_are_no_text_are_refused`.
    let elsewhere = ["not-utf8", "file-too-large"];
    for rule in buildkit_fleet::rule::ALL {
        assert!(broken.contains(rule.id) || elsewhere.contains(&rule.id), "no input breaks `{}`", rule.id);
    }
}

#[test]
fn every_recorded_message_is_still_told() {
    let mut expected: BTreeSet<String> = cases().iter().map(|(name, ..)| format!("{name}.snap")).collect();
    expected.insert("summary-of-the-shipped-file.snap".to_owned());
    let recorded: BTreeSet<String> = support::walk(&support::repository().join("snapshots/messages"))
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(recorded, expected);
}

#[test]
fn rule_ids_are_unique_and_kebab_case() {
    let mut seen = BTreeSet::new();
    for rule in buildkit_fleet::rule::ALL {
        assert!(seen.insert(rule.id), "`{}` stands twice", rule.id);
        assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", rule.id);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let id = |bytes: &[u8]| {
        let (_, problems) = buildkit_fleet::input::read_bytes(bytes);
        problems.into_sorted().iter().map(|problem| problem.rule.id).collect::<Vec<_>>()
    };
    assert_eq!(id(b"clusters: \xff\xfe\n"), ["not-utf8"]);
    assert_eq!(id(&vec![b' '; (64 << 20) + 1]), ["file-too-large"]);
}

#[test]
fn a_file_from_a_windows_editor_is_read_like_any_other() {
    let unix = support::shipped();
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    let render = |source: &str| support::fleets(source).iter().flat_map(support::render).collect::<Vec<_>>();
    assert_eq!(render(&unix), render(&windows));
}

#[test]
fn places_are_right_behind_a_byte_order_mark_and_wide_characters() {
    let source =
        format!("\u{feff}# ünïcödé 🦀\r\n{}", one_cluster("      pods_per_node: 99 # 🦀\n").replace('\n', "\r\n"));
    let message = &support::messages(&source)[0];
    assert!(message.contains("--> clusters.yaml:11:22"), "{message}");
}

#[test]
fn foreign_blocks_may_hold_anything() {
    let foreign = "    base: &base {a: 1, a: 2, ? [x, y] : z, t: !Ref thing, n: ~}\n    harbor: *base\n    other: {<<: *base}\n    eks: 0755\n";
    let source = one_cluster("").replace("    region:", &format!("{foreign}    region:"));
    assert_eq!(support::rules_broken(&source), Vec::<&str>::new(), "{:?}", support::messages(&source));
}

#[test]
fn clusters_without_the_module_are_not_judged() {
    let source = "clusters:\n  kind:\n    region: my laptop\n    cluster_name: *n\n    keda: 1\n    modules: [base]\n  bare:\n    region: [1]\n";
    let source = &format!("names: &n x\n{source}");
    assert_eq!(support::errors(source), Vec::<&str>::new(), "{:?}", support::messages(source));
}

#[test]
fn a_warning_that_nothing_was_written_for_is_told_once() {
    let cluster = |name: &str| format!("  {name}: {{cluster_name: {name}, region: us-east-1, modules: [buildkit]}}\n");
    let source = format!("clusters:\n{}{}{}", cluster("a"), cluster("b"), cluster("c"));
    assert_eq!(support::rules_broken(&source), ["ami-floats"]);
    assert!(support::messages(&source)[0].contains("concerns `a`, `b` and `c`"));
}

#[test]
fn images_are_read_as_kubernetes_reads_them() {
    use buildkit_fleet::fleet::image::Image;
    for good in [
        "a",
        "moby/buildkit:v0.32.2",
        "registry.example:5000/a-b/c_d__e.f:V_1.0-x",
        "localhost/a",
        "a/b/c",
        "10.0.0.1:80/a",
    ] {
        assert!(Image::try_from(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "A/b",
        "a..b",
        "a/",
        "/a",
        "a:b:c/x:3",
        "a b",
        "a:",
        "a:-x",
        "registry.example:x/a",
        "a@sha256:0",
        "a_/b",
        "-a",
        "a\nb",
    ] {
        assert!(Image::try_from(bad).is_err(), "{bad}");
    }
}

#[test]
fn any_label_key_that_kubernetes_takes_is_rendered() {
    let fleet = support::fleet(&one_cluster("      extra_labels: {\"1\": a, on: b, \"null\": c, y: d}\n"), "here");
    let files = support::render(&fleet);
    let lb = support::object(&files, "Deployment", "buildkitd-lb");
    for (key, value) in [("1", "a"), ("on", "b"), ("null", "c"), ("y", "d")] {
        assert_eq!(lb["metadata"]["labels"][key], value);
        assert!(lb["spec"]["template"]["metadata"]["labels"].get(key).is_none(), "a label must not roll pods");
    }
}

#[test]
fn disk_shares_count_the_pods_that_the_scheduler_may_place() {
    let toml = |buildkit: &str| {
        let files = support::render(&support::fleet(&one_cluster(buildkit), "here"));
        support::object(&files, "ConfigMap", "buildkitd-config-amd64")["data"]["buildkitd.toml"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    // One is declared on m6id.16xlarge, two fit.
    assert!(
        toml("      amd64_instance_types: {m6id.8xlarge: 1, m6id.16xlarge: 1}\n").contains("maxUsedSpace = \"35%\"")
    );
    assert!(
        toml("      amd64_instance_types: {m6id.24xlarge: 2, m6id.12xlarge: 1}\n").contains("maxUsedSpace = \"35%\"")
    );
    assert!(
        toml("      amd64_instance_type: m6id.24xlarge\n      amd64_pods_per_node: 4\n")
            .contains("maxUsedSpace = \"17%\"")
    );
}

#[test]
fn a_cluster_value_wins_over_the_default_leaf_by_leaf() {
    let source = "defaults:\n  eks_version: 1.35\n  keda: {chart_version: 2.20.2}\n  buildkit:\n    replicas_per_arch: 9\n    amd64_instance_types: {m6id.24xlarge: 2, m5d.24xlarge: 2}\n    scale_down: {pods: 7}\n    extra_labels: {a: one, b: two}\nclusters:\n  here:\n    cluster_name: here\n    region: us-east-1\n    modules: [buildkit]\n    buildkit:\n      arm64_replicas: 3\n      amd64_instance_types: {m6id.12xlarge: 1}\n      scale_down: {percent: 5}\n      extra_labels: {b: three}\n";
    let fleet = support::fleet(source, "here");
    let pods: Vec<u32> = fleet.pools.iter().map(|pool| pool.scaling.peak()).collect();
    assert_eq!(pods, [9, 3]);
    assert_eq!(fleet.pools[0].plan.entries.len(), 1);
    assert_eq!((fleet.scale_down.pods, fleet.scale_down.percent, fleet.scale_down.idle_minutes), (7, 5, 20));
    let labels: Vec<(&str, &str)> =
        fleet.extra_labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(labels, [("a", "one"), ("b", "three")]);
}

#[test]
fn a_type_of_the_cluster_wins_over_the_types_of_the_defaults() {
    let source = format!(
        "defaults:\n  buildkit:\n    amd64_instance_types: {{m6id.24xlarge: 2, m5d.24xlarge: 2}}\n{}",
        one_cluster("      amd64_instance_type: c6id.24xlarge\n")
    );
    let fleet = support::fleet(&source, "here");
    let names: Vec<&str> = fleet.pools[0].plan.entries.iter().map(|entry| entry.instance.name.as_str()).collect();
    assert_eq!(names, ["c6id.24xlarge"]);
}

#[test]
fn a_type_without_a_number_takes_the_general_one() {
    let fleet =
        support::fleet(&one_cluster("      pods_per_node: 4\n      amd64_instance_types: {m6id.24xlarge: }\n"), "here");
    assert_eq!(fleet.pools[0].plan.first().pods_per_node, 4);
}
