//! Every message as it is printed, and the promise that each rule has one.

use std::collections::BTreeSet;

use crate::bad_inputs::cases;
use crate::support;
use crate::support::one_cluster;

#[test]
fn every_message_prints_as_recorded() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/messages");
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
    for rule in buildkit_fleet::diagnostics::rule::ALL {
        assert!(broken.contains(rule.id) || elsewhere.contains(&rule.id), "no input breaks `{}`", rule.id);
    }
}

#[test]
fn every_recorded_message_is_still_produced() {
    let mut expected: BTreeSet<String> = cases().iter().map(|(name, ..)| format!("{name}.snap")).collect();
    expected.extend(
        ["summary-of-the-shipped-file", "plan-of-the-shipped-file", "diff-of-a-change"]
            .map(|shown| format!("{shown}.snap")),
    );
    let recorded: BTreeSet<String> = support::walk(&support::repository().join("snapshots/messages"))
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    support::recorded_are(recorded, &expected);
}

#[test]
fn rule_ids_are_unique_and_kebab_case() {
    let mut seen = BTreeSet::new();
    for rule in buildkit_fleet::diagnostics::rule::ALL {
        assert!(seen.insert(rule.id), "`{}` stands twice", rule.id);
        assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", rule.id);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let id = |bytes: &[u8]| {
        let (_, problems) = buildkit_fleet::resolve::read::read_bytes(bytes);
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
fn a_warning_that_nothing_was_written_for_is_reported_once() {
    let cluster =
        |name: &str| format!("  {name}: {{cluster_name: {name}, region: us-east-1, modules: [karpenter, buildkit]}}\n");
    let source = format!("clusters:\n{}{}{}", cluster("a"), cluster("b"), cluster("c"));
    assert_eq!(support::rules_broken(&source), ["ami-floats"]);
    assert!(support::messages(&source)[0].contains("affects `a`, `b` and `c`"));
}

#[test]
fn images_are_read_as_kubernetes_reads_them() {
    use buildkit_fleet::values::image::Image;
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
        "a__b.c/d",
        "-a",
        "a\nb",
    ] {
        assert!(Image::try_from(bad).is_err(), "{bad}");
    }
}

#[test]
fn names_are_read_as_kubernetes_reads_them() {
    use buildkit_fleet::values::name::{LabelKey, LabelText, Namespace, RegistryHost, SecretName};
    let long = |count: usize| "a".repeat(count);
    let dns = |labels: usize| vec![long(63); labels].join(".");
    let of = |prefix: &str| format!("{prefix}/x");
    assert!(Namespace::accepts(&long(63)) && !Namespace::accepts(&long(64)));
    assert!(
        !Namespace::accepts("a.b")
            && !Namespace::accepts("-a")
            && !Namespace::accepts("a\n")
            && !Namespace::accepts("")
    );
    assert!(SecretName::accepts(&dns(3)) && !SecretName::accepts(&dns(4)) && !SecretName::accepts("a..b"));
    assert!(
        LabelText::accepts("")
            && LabelText::accepts("A_b.c")
            && !LabelText::accepts("a_")
            && !LabelText::accepts("a/b")
    );
    assert!(LabelKey::accepts(&of(&dns(3))) && !LabelKey::accepts(&of(&dns(4))) && !LabelKey::accepts(&of("A")));
    assert!(RegistryHost::accepts("a:65535/b") && !RegistryHost::accepts("a:65536") && !RegistryHost::accepts("a:0"));
    assert!(
        !RegistryHost::accepts(&of(&dns(4))) && !RegistryHost::accepts(&format!("a/{}", vec![long(64); 4].join("/")))
    );
    for (url, name) in [("https://mirror.example/", "mirror.example"), ("http://index.docker.io", "docker.io")] {
        assert_eq!(RegistryHost::try_from(url), Err(format!("did you mean `{name}`?")));
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
    let source = "defaults:\n  eks_version: 1.35\n  keda: {chart_version: 2.20.2}\n  buildkit:\n    replicas_per_arch: 9\n    amd64_instance_types: {m6id.24xlarge: 2, m5d.24xlarge: 2}\n    scale_down: {pods: 7}\n    extra_labels: {a: one, b: two}\nclusters:\n  here:\n    cluster_name: here\n    region: us-east-1\n    modules: [karpenter, buildkit]\n    buildkit:\n      arm64_replicas: 3\n      amd64_instance_types: {m6id.12xlarge: 1}\n      scale_down: {percent: 5}\n      extra_labels: {b: three}\n";
    let fleet = support::fleet(source, "here");
    let pods: Vec<u32> = fleet.pools.iter().map(|pool| pool.scaling.peak()).collect();
    assert_eq!(pods, [9, 3]);
    assert_eq!(fleet.pools[0].placement.node_types().len(), 1);
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
    let names: Vec<&str> =
        fleet.pools[0].placement.node_types().iter().map(|entry| entry.instance.name.as_str()).collect();
    assert_eq!(names, ["c6id.24xlarge"]);
}

#[test]
fn a_type_without_a_number_takes_the_general_one() {
    let fleet =
        support::fleet(&one_cluster("      pods_per_node: 4\n      amd64_instance_types: {m6id.24xlarge: }\n"), "here");
    assert_eq!(fleet.pools[0].placement.node_types()[0].pods_per_node, 4);
}
