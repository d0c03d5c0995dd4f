//! Every manifest of every shipped cluster as a snapshot, and of inputs that use the keys the shipped file does not.

use std::collections::BTreeSet;

use buildkit_fleet::manifests::set::SetFile;

use crate::support;

/// Inputs beside the shipped file, with the files that show what they are about.
const VARIANTS: &[(&str, &[&str])] = &[
    ("sleeping", &["50-scaledobjects.yaml", "60-monitoring.yaml"]),
    ("amd64-only", &["21-lb-config.yaml", "31-services.yaml", "32-networkpolicies.yaml"]),
    (
        "every-key",
        &[
            "00-namespace.yaml",
            "10-nodepools.yaml",
            "20-buildkitd-config.yaml",
            "21-lb-config.yaml",
            "30-lb-deployment.yaml",
            "31-services.yaml",
            "32-networkpolicies.yaml",
            "40-deployments.yaml",
            "50-scaledobjects.yaml",
            "60-monitoring.yaml",
            "61-dashboard.yaml",
        ],
    ),
    ("company", &["20-buildkitd-config.yaml", "31-services.yaml", "32-networkpolicies.yaml", "40-deployments.yaml"]),
    (
        "own-nodes",
        &[
            "00-namespace.yaml",
            "20-buildkitd-config.yaml",
            "30-lb-deployment.yaml",
            "40-deployments.yaml",
            "61-dashboard.yaml",
        ],
    ),
    ("argocd", ALL_BUT_SCRAPES),
    ("flux", ALL_BUT_SCRAPES),
    ("keda-2.16", &["50-scaledobjects.yaml"]),
    ("keda-2.17", &["50-scaledobjects.yaml"]),
    ("keda-2.18-kubernetes-1.34", &["50-scaledobjects.yaml"]),
    ("root-cache", &["10-nodepools.yaml", "20-buildkitd-config.yaml", "40-deployments.yaml"]),
];

/// What each delivery is told of every kind of object.
const ALL_BUT_SCRAPES: &[&str] = &[
    "00-namespace.yaml",
    "10-nodepools.yaml",
    "20-buildkitd-config.yaml",
    "21-lb-config.yaml",
    "30-lb-deployment.yaml",
    "31-services.yaml",
    "40-deployments.yaml",
    "50-scaledobjects.yaml",
];

fn snapshot(set: &str, file: &SetFile) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("../../snapshots/{set}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(file.path.as_str(), file.text));
}

#[test]
fn shipped_clusters_render_as_recorded() {
    for fleet in support::fleets(&support::shipped()) {
        for file in support::render(&fleet) {
            snapshot(fleet.key.as_str(), &file);
        }
    }
}

#[test]
fn variants_render_as_recorded() {
    for (variant, files) in VARIANTS {
        let fleet = support::fleet(&support::read(&format!("tests/inputs/{variant}.yaml")), variant);
        for file in support::render(&fleet).iter().filter(|file| files.contains(&file.path.as_str())) {
            snapshot(&format!("variants/{variant}"), file);
        }
    }
}

/// A snapshot that nothing writes any more would be reviewed for nothing.
#[test]
fn every_recorded_manifest_is_still_rendered() {
    let mut expected = BTreeSet::new();
    for fleet in support::fleets(&support::shipped()) {
        expected.extend(support::render(&fleet).iter().map(|file| format!("{}/{}.snap", fleet.key, file.path)));
    }
    for (variant, files) in VARIANTS {
        expected.extend(files.iter().map(|file| format!("variants/{variant}/{file}.snap")));
    }
    let recorded: BTreeSet<String> = support::walk(&support::repository().join("snapshots"))
        .iter()
        .map(|path| path.display().to_string())
        .filter(|path| !path.starts_with("messages/"))
        .collect();
    support::recorded_are(recorded, &expected);
}

/// Kinds that deploy.sh lists and, with --prune, deletes when a set no longer has them; never the Namespace.
#[test]
fn deploy_sh_prunes_every_kind_that_is_rendered() {
    let script = support::read("deploy.sh");
    let listed = script.split("split(\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let mut rendered = BTreeSet::from(["Namespace".to_owned()]);
    for input in [support::shipped(), support::read("tests/inputs/every-key.yaml")] {
        for fleet in support::fleets(&input) {
            let documents = support::documents(&support::render(&fleet));
            rendered.extend(documents.iter().filter_map(|document| document["kind"].as_str().map(str::to_owned)));
        }
    }
    let listed: BTreeSet<String> = listed.split(' ').chain(["Namespace"]).map(str::to_owned).collect();
    assert_eq!(listed, rendered, "`leftovers` of deploy.sh lists, and `resource` names, the kinds that may be pruned");
}

#[test]
fn shipped_file_has_the_four_fleets_and_one_cluster_without() {
    let (outcomes, problems) = buildkit_fleet::resolve::read::read_bytes(support::shipped().as_bytes());
    assert!(!problems.has_errors());
    let described: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            buildkit_fleet::resolve::resolved::Resolved::Fleet(fleet) => {
                let pools: Vec<String> =
                    fleet.pools.iter().map(|pool| format!("{:?} {:?}", pool.scaling, pool.placement.pod())).collect();
                format!("{} {}", fleet.key, pools.join(" "))
            }
            buildkit_fleet::resolve::resolved::Resolved::Skipped { cluster, .. } => format!("{cluster} skipped"),
        })
        .collect();
    let amd = "PodSize { vcpu: 42, gib: 155 }";
    let arm = "PodSize { vcpu: 14, gib: 51 }";
    let keda =
        |min, max, fallback| format!("Keda {{ bounds: Bounds {{ min: {min}, max: {max} }}, fallback: {fallback} }}");
    let production = format!("{} {amd} {} {arm}", keda(2, 360, "Some(32)"), keda(4, 30, "Some(8)"));
    assert_eq!(
        described,
        [
            format!("arc-staging {} {amd} {} {arm}", keda(2, 8, "None"), keda(4, 8, "None")),
            format!("arc-cbr-production {production}"),
            format!("meta-prod-aws-ue1 {production}"),
            format!("arc-cbr-production-uw1 Fixed {{ replicas: 32 }} {amd} Fixed {{ replicas: 8 }} {arm}"),
            "platform-tools skipped".to_owned(),
        ]
    );
}

#[test]
fn a_small_change_of_max_leaves_the_load_balancer_alone() {
    let render = |max: u32| {
        let source =
            support::one_cluster(&format!("      autoscaling: {{enabled: true, amd64_max: {max}, arm64_max: 8}}\n"));
        let files = support::render(&support::fleet(&source, "here"));
        files.into_iter().filter(|file| file.path.contains("-lb-")).collect::<Vec<_>>()
    };
    assert_eq!(render(65), render(96));
    assert_ne!(render(96), render(97));
}

#[test]
fn a_new_order_of_types_renames_no_nodepool() {
    let names = |types: &str| {
        let source =
            support::one_cluster(&format!("      architectures: [amd64]\n      amd64_instance_types: {{{types}}}\n"));
        let files = support::render(&support::fleet(&source, "here"));
        let pools = support::documents(&files).into_iter().filter(|document| document["kind"] == "NodePool");
        pools.map(|pool| pool["metadata"]["name"].as_str().map(str::to_owned)).collect::<BTreeSet<_>>()
    };
    assert_eq!(names("m6id.24xlarge: 2, m5d.24xlarge: 2"), names("m5d.24xlarge: 2, m6id.24xlarge: 2"));
}

#[test]
fn the_name_of_each_config_map_follows_the_text_that_the_pod_reads_and_no_other() {
    let names = |buildkit: &str| {
        let files = support::render(&support::fleet(&support::one_cluster(buildkit), "here"));
        ["buildkitd-lb", "buildkitd-amd64", "buildkitd-arm64"].map(|name| {
            let volumes = &support::object(&files, "Deployment", name)["spec"]["template"]["spec"]["volumes"];
            volumes[0]["configMap"]["name"].as_str().map(str::to_owned)
        })
    };
    let base = names("      {}\n".trim_start_matches("      {}\n"));
    let toml = names("      http_registries: [mirror.example]\n");
    assert!(base.iter().all(Option::is_some), "{base:?}");
    assert_eq!(base[0], toml[0]);
    assert_ne!(base[1], toml[1]);
    assert_ne!(base[2], toml[2]);
    let lb = names("      client_retry_pause_seconds: 1\n");
    assert_ne!(base[0], lb[0]);
    assert_eq!(base[1..], lb[1..]);
    let arm = names("      arm64_pods_per_node: 1\n");
    assert_eq!(base[..2], arm[..2]);
    assert_ne!(base[2], arm[2]);
}

#[test]
fn the_examples_are_accepted_without_a_message() {
    let mut seen = 0;
    for path in support::walk(&support::repository().join("examples")) {
        let name = format!("examples/{}", path.display());
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let source = support::read(&name);
        assert_eq!(support::messages(&source), [""; 0], "{name}");
        for fleet in support::fleets(&source) {
            support::render(&fleet);
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
}
