//! Patches: what they do to manifests, and what they cannot do.

use std::collections::BTreeSet;

use buildkit_fleet::commands::explain::probe::Probe;
use buildkit_fleet::commands::explain::source::Source;
use buildkit_fleet::config::ClusterKeys;
use buildkit_fleet::input::shape::flatten;
use buildkit_fleet::input::yaml;
use buildkit_fleet::manifests::address::Field;
use buildkit_fleet::manifests::check::{ALL, Purpose};
use buildkit_fleet::manifests::patch::owned::{OWNED, Owner};
use buildkit_fleet::manifests::render::Renderer;
use buildkit_fleet::manifests::set::SetFile;

use buildkit_fleet::values::patch::NamePattern;

use crate::bad_patches::{cases, patched};
use crate::support;

/// Patches that are accepted: the patch, the object that it is of, and lines that its file then has.
const ACCEPTED: &[(&str, &str, &str)] = &[
    (
        "{target: {kind: Deployment, name: buildkitd-lb}, merge: {spec: {template: {spec: {tolerations: [{key: ci, operator: Exists, effect: NoSchedule}]}}}}}",
        "30-lb-deployment.yaml",
        "        - key: ci\n          operator: Exists\n          effect: NoSchedule\n",
    ),
    (
        "{target: {kind: Deployment, name: buildkitd-*64}, merge: {metadata: {annotations: {example.com/team: \"on\"}}}}",
        "40-deployments.yaml",
        "    example.com/team: \"on\"\n",
    ),
    (
        "{target: {kind: Deployment, name: buildkitd-amd64}, merge: {spec: {template: {spec: {containers: [{name: buildkitd, env: [{name: GODEBUG, value: netdns=go}]}]}}}}}",
        "40-deployments.yaml",
        "            - name: GODEBUG\n              value: \"netdns=go\"\n",
    ),
    (
        "{target: {kind: Deployment, name: buildkitd-amd64}, merge: {spec: {template: {spec: {containers: [{name: buildkitd, volumeMounts: [{name: ca, mountPath: /etc/ssl/own, readOnly: true}]}], volumes: [{name: ca, configMap: {name: company-ca}}]}}}}}",
        "40-deployments.yaml",
        "        - name: ca\n          configMap:\n            name: company-ca\n",
    ),
    (
        "{target: {kind: Deployment, name: buildkitd-amd64}, merge: {spec: {template: {spec: {containers: [{name: logs, image: \"busybox:1.37\", args: [sleep, infinity], resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 100m, memory: 64Mi}}}]}}}}}",
        "40-deployments.yaml",
        "          args:\n            - sleep\n            - infinity\n",
    ),
    (
        "{target: {kind: PodDisruptionBudget, name: \"*\"}, merge: {metadata: {annotations: {a: b}}}}",
        "33-poddisruptionbudgets.yaml",
        "  annotations:\n    a: b\n",
    ),
    (
        "{target: {kind: NodePool, name: \"*\"}, json: [{op: add, path: /spec/template/spec/requirements/-, value: {key: topology.kubernetes.io/zone, operator: In, values: [us-east-1a]}}]}",
        "10-nodepools.yaml",
        "        - key: topology.kubernetes.io/zone\n          operator: In\n          values:\n            - us-east-1a\n",
    ),
    (
        "{target: {kind: NodePool, name: \"*\"}, merge: {spec: {template: {spec: {requirements: [{key: topology.kubernetes.io/zone, operator: NotIn, values: [us-east-1e]}]}}}}}",
        "10-nodepools.yaml",
        "        - key: topology.kubernetes.io/zone\n          operator: NotIn\n",
    ),
    (
        "{target: {kind: EC2NodeClass, name: buildkit-amd64}, merge: {spec: {detailedMonitoring: true, tags: {ManagedBy: null}}}}",
        "10-nodepools.yaml",
        "  detailedMonitoring: true\n",
    ),
    (
        "{target: {kind: ConfigMap, name: buildkitd-lb-config}, json: [{op: add, path: /data/note, value: \"one\\ntwo\\n\"}]}",
        "21-lb-config.yaml",
        "  note: |\n    one\n    two\n",
    ),
    (
        "{target: {kind: Service, name: buildkitd-*}, merge: {metadata: {annotations: {a: \"12:30\"}}}}",
        "31-services.yaml",
        "    a: \"12:30\"\n",
    ),
    (
        "{target: {kind: ScaledObject, name: buildkitd-arm64}, merge: {spec: {maxReplicaCount: 6}}}",
        "50-scaledobjects.yaml",
        "  maxReplicaCount: 6\n",
    ),
    (
        "{target: {kind: Namespace, name: buildkit}, merge: {metadata: {labels: {team: builds}}}}",
        "00-namespace.yaml",
        "    team: builds\n",
    ),
    (
        "{target: {kind: NetworkPolicy, name: buildkitd-lb-metrics-ingress}, json: [{op: test, path: /kind, value: NetworkPolicy}, {op: add, path: /metadata/annotations, value: {a: b}}]}",
        "32-networkpolicies.yaml",
        "  annotations:\n    a: b\n",
    ),
    (
        "{target: {kind: PrometheusRule, name: \"*\"}, merge: {metadata: {labels: {release: prometheus}}}}",
        "60-monitoring.yaml",
        "    release: prometheus\n",
    ),
];

fn file<'f>(files: &'f [SetFile], path: &str) -> &'f str {
    files.iter().find(|file| file.path == path).map_or("", |file| &file.text)
}

/// The set of the cluster with these patches.
fn set(patches: &[&str]) -> Vec<SetFile> {
    support::render(&support::fleet(&patched(patches), "here"))
}

#[test]
fn accepted_patches_change_their_objects_and_no_others() {
    let plain = set(&[]);
    for (patch, path, lines) in ACCEPTED {
        let files = set(&[patch]);
        let text = file(&files, path);
        assert!(text.contains(lines), "{patch}: {text}");
        assert!(text.contains(
            "\n# Patched by patches[0] of clusters.yaml, and written without the comments of its template.\napiVersion:"
        ));
        let of_config = patch.contains("ConfigMap");
        for (old, new) in plain.iter().zip(&files).filter(|(old, _)| old.path != *path && !of_config) {
            assert_eq!(old, new, "{patch}");
        }
        // Every other object of its file, with its comments.
        let known: Vec<&str> = file(&plain, path).split("\n---\n").collect();
        let untouched = text.split("\n---\n").filter(|part| !part.contains("# Patched by"));
        untouched.for_each(|part| assert!(known.contains(&part), "{patch}: {part}"));
    }
    assert!(ACCEPTED.len() >= 15);
}

#[test]
fn a_patch_that_changes_nothing_keeps_every_value() {
    for kind in ["Deployment", "ConfigMap", "NodePool", "EC2NodeClass", "PrometheusRule", "ScaledObject", "Service"] {
        let files = set(&[&format!("{{target: {{kind: {kind}, name: \"*\"}}, merge: {{}}}}")]);
        assert_eq!(support::documents(&files), support::documents(&set(&[])), "{kind}");
    }
}

#[test]
fn a_changed_configuration_has_another_name_wherever_it_is_mounted() {
    let name = |files: &[SetFile]| {
        let map = support::object(files, "ConfigMap", "buildkitd-lb-config");
        map["metadata"]["name"].as_str().unwrap_or_default().to_owned()
    };
    let of_value = |value: &str| {
        set(&[&format!(
            "{{target: {{kind: ConfigMap, name: buildkitd-lb-config}}, json: [{{op: add, path: /data/a, value: {value}}}]}}"
        )])
    };
    let (plain, one, two) = (set(&[]), of_value("one"), of_value("two"));
    let names = [name(&plain), name(&one), name(&two)];
    assert_eq!(BTreeSet::from(names.clone()).len(), 3, "{names:?}");
    for (files, name) in [plain, one, two].iter().zip(&names) {
        let lb = support::object(files, "Deployment", "buildkitd-lb");
        assert_eq!(lb["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"].as_str(), Some(name.as_str()));
    }
    // A key that only has another name is other content.
    let moved =
        set(&["{target: {kind: ConfigMap, name: buildkitd-lb-config}, json: [{op: add, path: /data/b, value: one}]}"]);
    assert_ne!(name(&moved), names[1]);
    // Its labels are not content: nothing rolls.
    let labelled =
        set(&["{target: {kind: ConfigMap, name: buildkitd-lb-config}, merge: {metadata: {labels: {a: b}}}}"]);
    assert_eq!(name(&labelled), names[0]);
}

#[test]
fn patches_name_configurations_without_their_hash() {
    let mount = "{target: {kind: Deployment, name: buildkitd-lb}, merge: {spec: {template: {spec: {volumes: [{name: drain, configMap: {name: buildkitd-drain}}]}}}}}";
    let files = set(&[mount]);
    let drain = support::object(&files, "ConfigMap", "buildkitd-drain");
    let lb = support::object(&files, "Deployment", "buildkitd-lb");
    assert_eq!(lb["spec"]["template"]["spec"]["volumes"][1]["configMap"]["name"], drain["metadata"]["name"]);
    let asked = "{target: {kind: Deployment, name: buildkitd-lb}, json: [{op: test, path: /spec/template/spec/volumes/0/configMap/name, value: buildkitd-lb-config}]}";
    set(&[asked]);
}

#[test]
fn a_name_of_the_users_that_ends_like_a_hash_stays() {
    let mount = "{target: {kind: Deployment, name: buildkitd-amd64}, merge: {spec: {template: {spec: {volumes: [{name: ca, configMap: {name: corp-ca-0123456789}}]}}}}}";
    let builders = support::object(&set(&[mount]), "Deployment", "buildkitd-amd64");
    assert_eq!(builders["spec"]["template"]["spec"]["volumes"][3]["configMap"]["name"], "corp-ca-0123456789");
}

#[test]
fn patches_apply_in_order_and_each_is_named() {
    let files = set(&[
        "{target: {kind: Namespace, name: buildkit}, merge: {metadata: {labels: {a: one, b: one}}}}",
        "{target: {kind: Namespace, name: buildkit}, merge: {metadata: {labels: {a: two, b: null}}}}",
    ]);
    let text = file(&files, "00-namespace.yaml");
    assert!(text.contains("# Patched by patches[0], patches[1] of clusters.yaml"), "{text}");
    assert!(text.contains("    a: two\n") && !text.contains("    b:"), "{text}");
}

#[test]
fn two_patches_that_keep_an_invariant_together_are_accepted() {
    let resources = "resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 100m, memory: 64Mi}}";
    let sidecar = |rest: &str| {
        format!(
            "{{target: {{kind: Deployment, name: buildkitd-amd64}}, merge: {{spec: {{template: {{spec: {{containers: [{{name: logs, {rest}}}]}}}}}}}}}}"
        )
    };
    assert_eq!(support::errors(&patched(&[&sidecar("image: \"busybox:1\"")])), ["patch-breaks-invariant"]);
    assert_eq!(support::errors(&patched(&[&sidecar("image: \"busybox:1\""), &sidecar(resources)])), [""; 0]);
}

#[test]
fn a_list_of_a_cluster_replaces_that_of_defaults() {
    let default = "defaults: {buildkit: {patches: [{target: {kind: Namespace, name: buildkit}, merge: {metadata: {labels: {a: b}}}}]}}\n";
    let text = |source: &str| file(&support::render(&support::fleet(source, "here")), "00-namespace.yaml").to_owned();
    let own = "{target: {kind: Namespace, name: buildkit}, merge: {metadata: {labels: {c: d}}}}";
    let none = support::one_cluster("");
    assert!(text(&format!("{default}{none}")).contains("    a: b\n"));
    let replaced = text(&format!("{default}{}", patched(&[own])));
    assert!(replaced.contains("    c: d\n") && !replaced.contains("    a: b\n"), "{replaced}");
}

#[test]
fn every_invariant_that_protects_builds_refuses_a_patch() {
    let messages: Vec<String> = cases().iter().flat_map(|(_, _, source)| support::messages(source)).collect();
    for invariant in ALL.iter().filter(|invariant| matches!(invariant.purpose, Purpose::Protects(_))) {
        let refusal = format!("the patch breaks the invariant `{}`", invariant.id);
        assert!(messages.iter().any(|message| message.contains(&refusal)), "no patch breaks `{}`", invariant.id);
    }
}

#[test]
fn every_example_of_the_page_on_patches_is_accepted() {
    let page = support::read("docs/patches.md");
    let mut examples = 0;
    for block in page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let indented = block.lines().map(|line| format!("      {line}\n")).collect::<Vec<_>>().concat();
        let source = support::one_cluster(&format!(
            "      autoscaling: {{enabled: true, amd64_min: 2, amd64_max: 8, arm64_min: 2, arm64_max: 8}}\n{indented}"
        ));
        assert_eq!(support::errors(&source), [""; 0], "{}", support::messages(&source).join("\n"));
        let files = support::render(&support::fleet(&source, "here"));
        assert!(files.iter().any(|file| file.text.contains("# Patched by")), "{block}");
        examples += 1;
    }
    assert!(examples >= 5, "{examples}");
}

#[test]
fn a_field_that_warns_of_a_key_follows_that_key() {
    let block = "      autoscaling: {enabled: true, amd64_min: 0, amd64_max: 8, amd64_fallback: 4, arm64_max: 8, arm64_fallback: 4}\n";
    let sources = [support::one_cluster(block), support::one_cluster("      replicas_per_arch: 4\n")];
    let renderer = Renderer::new().unwrap_or_else(|error| panic!("{error:#}"));
    let mut wrong = Vec::new();
    for (kind, name, path, owner) in OWNED {
        let Owner::Key(key) = owner else { continue };
        for arch in ["amd64", "arm64"] {
            let key = format!("buildkit.{}", key.replace("{arch}", arch));
            let keys = flatten(ClusterKeys::KEYS);
            let key = keys.iter().find(|known| known.dotted() == key).unwrap_or_else(|| panic!("no key `{key}`"));
            let follows = sources.iter().any(|source| {
                let (fleet, tree) = (
                    support::fleet(source, "here"),
                    yaml::parse(source).unwrap_or_else(|problem| panic!("{}", problem.message)),
                );
                let source = Source { path: "", text: source, tree: &tree, cluster: "here" };
                let probe = Probe::new(source, &fleet, &renderer).unwrap_or_else(|error| panic!("{error:#}"));
                let influence = probe.influence(key).unwrap_or_else(|error| panic!("{error:#}"));
                let mut fields = influence.changes.iter().chain(&influence.removes).chain(&influence.adds);
                fields.any(|field| {
                    let whole = Field { path: (*path).to_owned(), ..field.clone() };
                    let named = NamePattern::try_from(*name).is_ok_and(|name| name.matches(&field.name));
                    let of_arch = !field.name.contains("64") || field.name.contains(arch) || !owner_of_arch(owner);
                    field.kind == *kind && named && of_arch && (field.is_within(&whole) || whole.is_within(field))
                })
            });
            if !follows {
                wrong.push(format!("{kind}/{name} {path} does not follow `{}`", key.dotted()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether the key is of one architecture.
fn owner_of_arch(owner: &Owner) -> bool {
    matches!(owner, Owner::Key(key) if key.contains("{arch}"))
}

#[test]
fn explain_names_the_patch_that_made_a_field() {
    let source = patched(&[
        "{target: {kind: Namespace, name: buildkit}, merge: {metadata: {labels: {a: one, b: one}}}}",
        "{target: {kind: Namespace, name: buildkit}, merge: {metadata: {labels: {a: two}}}}",
    ]);
    let (fleet, tree) =
        (support::fleet(&source, "here"), yaml::parse(&source).unwrap_or_else(|problem| panic!("{}", problem.message)));
    let renderer = Renderer::new().unwrap_or_else(|error| panic!("{error:#}"));
    let of_file = Source { path: "clusters.yaml", text: &source, tree: &tree, cluster: "here" };
    let probe = Probe::new(of_file, &fleet, &renderer).unwrap_or_else(|error| panic!("{error:#}"));
    let place = |path: &str| {
        let field = Field {
            file: "00-namespace.yaml".to_owned(),
            kind: "Namespace".to_owned(),
            name: "buildkit".to_owned(),
            path: path.to_owned(),
        };
        let patch = probe.patch_of(&field).unwrap_or_else(|error| panic!("{error:#}"));
        patch.and_then(|patch| fleet.patches.iter().position(|other| other.span == patch.span))
    };
    assert_eq!(place("metadata.labels.a"), Some(1));
    assert_eq!(place("metadata.labels.b"), Some(0));
    assert_eq!(place("metadata.name"), None);
    assert_eq!(place("metadata.labels"), Some(1));
}

#[test]
fn a_patch_in_defaults_must_match_in_one_cluster_at_least() {
    let defaults = |name: &str| {
        format!(
            "defaults: {{buildkit: {{patches: [{{target: {{kind: ScaledObject, name: {name}}}, merge: {{metadata: {{labels: {{a: b}}}}}}}}]}}}}\n"
        )
    };
    let scaled = support::one_cluster(
        "      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 8, arm64_min: 2, arm64_max: 8}\n",
    );
    let fixed = support::one_cluster("").replace("clusters:\n  here:", "  fixed:").replace("eks-here", "eks-fixed");
    let both = format!("{scaled}{fixed}");
    let source = format!("{}{both}", defaults("buildkitd-amd64"));
    assert_eq!(support::errors(&source), [""; 0]);
    for fleet in support::fleets(&source) {
        let scaled = file(&support::render(&fleet), "50-scaledobjects.yaml").contains("    a: b\n");
        assert_eq!(scaled, fleet.key.as_str() == "here");
    }
    assert_eq!(support::errors(&format!("{}{both}", defaults("none"))), ["patch-target-not-found"]);
    assert_eq!(
        support::errors(&format!("{}{}", defaults("\"*\""), support::one_cluster(""))),
        ["patch-target-not-found"]
    );
    // A cluster's own patch is for that cluster.
    let own =
        "      patches: [{target: {kind: ScaledObject, name: buildkitd-amd64}, merge: {metadata: {labels: {a: b}}}}]\n";
    assert_eq!(support::errors(&format!("{source}{own}")), ["patch-target-not-found"]);
}

#[test]
fn the_page_on_patches_names_every_fixed_field() {
    let page = support::read("docs/patches.md");
    for (kind, name, path, owner) in OWNED {
        if let Owner::Fixed(why) = owner {
            let row = format!("| {kind} | `{name}` | `{path}` | {why} |");
            assert!(page.contains(&row), "docs/patches.md lacks the row {row}");
        }
    }
}
