//! What `init --argocd` and `init --flux` print, and which parts of a set it takes.

use std::collections::BTreeSet;

use buildkit_fleet::consequences::cluster::consequences;
use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::manifests::list::KUSTOMIZATION;
use buildkit_fleet::manifests::render::Renderer;
use serde::Deserialize;
use serde_yaml::Value;

use crate::kustomize::{built, short, with_kubectl, write};
use crate::support;
use crate::support::program::{code, plain, run, scratch, stderr, stdout};

fn fleet(delivery: &str, buildkit: &str) -> Fleet {
    support::fleet(&support::one_cluster(&format!("{buildkit}      delivery: {delivery}\n")), "here")
}

const SCALED: &str = "      autoscaling: {enabled: true, amd64_max: 8, arm64_max: 8}\n";

fn printed(fleet: &Fleet) -> Vec<Value> {
    let text = Renderer::new().and_then(|renderer| renderer.render_delivery(fleet, "generated/here"));
    let text = text.unwrap_or_else(|error| panic!("{error:#}")).unwrap_or_else(|| panic!("nothing for a script"));
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error}: {text}")))
        .collect()
}

/// Where an Application or a Kustomization of Flux has its patches: both tools add them to the kustomization.yaml of the
/// directory.
fn patches(object: &Value) -> &Value {
    if object["kind"] == "Application" {
        &object["spec"]["source"]["kustomize"]["patches"]
    } else {
        &object["spec"]["patches"]
    }
}

#[test]
fn each_part_of_a_set_is_taken_by_one_of_them_in_apply_order() {
    with_kubectl(|kubectl| {
        for (delivery, count) in [("argocd", 2), ("flux", 3)] {
            let fleet = fleet(delivery, SCALED);
            let set = short(&support::documents(&support::render(&fleet)));
            let mut taken = Vec::new();
            let all = printed(&fleet);
            assert_eq!(all.len(), count, "{delivery}");
            for object in &all {
                let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
                write(&fleet, dir.path());
                let path = dir.path().join(KUSTOMIZATION);
                let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
                let mut list: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
                list["patches"] = patches(object).clone();
                let text = serde_yaml::to_string(&list).unwrap_or_else(|error| panic!("{error}"));
                std::fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
                let part = short(&built(kubectl, dir.path()));
                assert!(!part.is_empty(), "{object:?}");
                assert!(set.iter().filter(|one| part.contains(one)).eq(&part), "{delivery}: {part:?}");
                let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                let kinds: BTreeSet<&str> = part.iter().filter_map(|one| one.split('/').next()).collect();
                if name.ends_with("-load-balancer") {
                    assert_eq!(kinds, BTreeSet::from(["ConfigMap", "Deployment", "ResourceQuota"]), "{part:?}");
                    assert!(part.contains(&"Deployment/buildkitd-lb".to_owned()), "{part:?}");
                } else if name.ends_with("-scaling") {
                    assert_eq!(kinds, BTreeSet::from(["ScaledObject"]));
                }
                taken.extend(part);
            }
            let sorted = |mut all: Vec<String>| {
                all.sort();
                all
            };
            assert_eq!(sorted(taken), sorted(set), "{delivery}");
        }
    });
}

/// The load balancer rolls by hand only, and nothing waits for what is suspended: Flux would wait for ever.
#[test]
fn the_load_balancer_is_never_synced_by_itself() {
    let argocd = printed(&fleet("argocd", SCALED));
    assert_eq!(argocd[0]["spec"]["syncPolicy"]["automated"]["selfHeal"], true);
    assert!(argocd[1]["spec"]["syncPolicy"].get("automated").is_none());
    let flux = printed(&fleet("flux", SCALED));
    let suspended: Vec<&Value> =
        flux.iter().filter(|one| one["spec"]["suspend"] == true).map(|one| &one["metadata"]["name"]).collect();
    assert_eq!(suspended, [&Value::from("buildkit-here-load-balancer")]);
    let depended: Vec<&Value> = flux
        .iter()
        .filter_map(|one| one["spec"]["dependsOn"].as_sequence())
        .flatten()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(depended, [&flux[0]["metadata"]["name"]]);
    assert_eq!(flux[0]["spec"]["healthChecks"][0]["name"], "buildkitd-lb");
}

/// Argo CD must not undo what the HPA does, and must set the number of a fixed pool.
#[test]
fn replicas_are_ignored_where_an_hpa_sets_them() {
    let ignored = |buildkit: &str| {
        let all = printed(&fleet("argocd", buildkit));
        all[0]["spec"]["ignoreDifferences"].as_sequence().map_or(0, Vec::len)
    };
    assert_eq!([ignored(SCALED), ignored("      replicas_per_arch: 2\n")], [2, 0]);
    assert_eq!(printed(&fleet("flux", "      replicas_per_arch: 2\n")).len(), 2);
}

#[test]
fn init_prints_them_only_for_a_set_that_has_the_annotations() {
    let dir = scratch();
    let file = |buildkit: &str| {
        std::fs::write(dir.path().join("clusters.yaml"), support::one_cluster(buildkit))
            .unwrap_or_else(|error| panic!("{error}"));
    };
    file("      delivery: argocd\n");
    let output = run(dir.path(), &["init", "--argocd", "here"]);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    assert!(stdout(&output).contains("    path: \"generated/here\"\n"), "{}", stdout(&output));
    for (args, said) in [
        (["init", "--flux", "here"], "error: `delivery` of here is `argocd`: set `delivery: flux` and run"),
        (["init", "--argocd", "her"], "error: cluster `her` not found: did you mean `here`?"),
    ] {
        let output = run(dir.path(), &args);
        assert_eq!((code(&output), stdout(&output)), (2, String::new()), "{args:?}");
        assert!(stderr(&output).starts_with(said), "{}", stderr(&output));
    }
    file("");
    let output = run(dir.path(), &["init", "--argocd", "here"]);
    assert_eq!((code(&output), stdout(&output)), (2, String::new()));
}

/// The advice for each consequence of a change between two `buildkit` blocks, with its class.
fn advice(delivery: &str, before: &str, after: &str) -> Vec<(&'static str, String)> {
    let [old, new] = [before, after].map(|keys| support::render(&fleet(delivery, keys)));
    let found = consequences(&old, &new, None).unwrap_or_else(|error| panic!("{error:#}"));
    found.into_iter().filter_map(|one| Some((one.class.name(), one.advice?))).collect()
}

fn of_class(all: &[(&'static str, String)], class: &str) -> String {
    let found = all.iter().filter(|(of, _)| *of == class).map(|(_, advice)| advice.as_str());
    found.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_transition_has_the_command_that_must_precede_the_merge() {
    for (delivery, tool, manager) in
        [("argocd", "Argo CD", "argocd-controller"), ("flux", "Flux", "kustomize-controller")]
    {
        let to_keda = of_class(&advice(delivery, "", SCALED), "autoscaling");
        let expected = format!(
            "before you merge it, run `deploy.sh --hand-over CLUSTER --field-manager {manager}`, which holds the current replicas of buildkitd-amd64: without it, {tool} cuts the pool to 1 pod"
        );
        assert!(to_keda.starts_with(&expected), "{to_keda}");
        let to_fixed = of_class(&advice(delivery, SCALED, ""), "autoscaling");
        let pauses = format!("--field-manager {manager}`, which pauses ScaledObject/buildkitd-amd64");
        for words in [pauses.as_str(), "comes back"] {
            assert!(to_fixed.contains(words), "{to_fixed}");
        }
        assert!(!format!("{to_keda}{to_fixed}").contains("apply it with deploy.sh"));
    }
    assert!(of_class(&advice("script", "", SCALED), "autoscaling").starts_with("apply it with deploy.sh"));
}

#[test]
fn the_load_balancer_is_to_be_synced_by_hand_and_waiting_has_its_price() {
    let raised = SCALED.replace("amd64_max: 8", "amd64_max: 100");
    for (delivery, how) in [("argocd", "sync its Application by hand"), ("flux", "resume its Kustomization by hand")] {
        let found = of_class(&advice(delivery, SCALED, &raised), "rolls-load-balancer");
        assert!(found.starts_with(how), "{found}");
        // 64 slots are enough for 32 pods and as many that drain.
        assert!(found.ends_with("with its old configuration; amd64 pods beyond 64 get no builds"), "{found}");
        let other = of_class(
            &advice(delivery, SCALED, &format!("{SCALED}      max_build_minutes: 60\n")),
            "rolls-load-balancer",
        );
        assert!(other.ends_with("until then it runs as before, with its old configuration"), "{other}");
    }
    let script = of_class(&advice("script", SCALED, &raised), "rolls-load-balancer");
    assert_eq!(script, "apply it while no build is running: deploy.sh --wait-idle MIN");
}

#[test]
fn what_is_never_pruned_is_deleted_by_hand() {
    let one = "      architectures: [amd64]\n      amd64_instance_types: {m6id.24xlarge: 2}\n";
    let two = "      architectures: [amd64]\n      amd64_instance_types: {m6id.24xlarge: 2, m6id.12xlarge: 1}\n";
    for (delivery, tool) in [("argocd", "Argo CD"), ("flux", "Flux")] {
        let found = of_class(&advice(delivery, two, one), "deletes");
        let expected = format!(
            "; {tool} keeps it: `kubectl delete nodepool buildkit-amd64-m6id-12xlarge` once its last node is gone"
        );
        assert!(found.ends_with(&expected), "{found}");
        assert!(!found.contains("deploy.sh"), "{found}");
        let monitored =
            of_class(&advice(delivery, one, &format!("{one}      monitoring: {{enabled: false}}\n")), "deletes");
        assert_eq!(monitored, format!("{tool} deletes it at the next sync, if it prunes"));
        // An architecture that is given up, and the whole fleet.
        let both = of_class(&advice(delivery, "", one), "capacity");
        assert!(both.contains("its NodePools keep their nodes until they are deleted by hand"), "{both}");
    }
    assert!(of_class(&advice("script", two, one), "deletes").contains("deploy.sh --prune"));
}

/// The commands of the page's examples, as far as no cluster and no remote repository are needed.
#[test]
fn the_commands_of_the_page_work_as_they_stand_there() {
    let page = support::read("docs/gitops.md");
    let mut tried = 0;
    with_kubectl(|kubectl| {
        let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
        for block in blocks.filter(|block| block.starts_with("buildkit-fleet init ")) {
            let ours = |line: &&str| {
                !["git ", "argocd ", "flux ", "kubectl apply "].iter().any(|other| line.starts_with(other))
            };
            let script: Vec<&str> = block.lines().filter(ours).collect();
            assert!(script.len() >= 5, "{block}");
            let dir = scratch();
            let program = std::path::Path::new(env!("CARGO_BIN_EXE_buildkit-fleet"));
            let kubectl_dir = kubectl.parent().unwrap_or(kubectl);
            let path = format!(
                "{}:{}:{}",
                program.parent().unwrap_or(program).display(),
                kubectl_dir.display(),
                std::env::var("PATH").unwrap_or_default()
            );
            let output = plain("bash")
                .args(["-euo", "pipefail", "-c", &script.join("\n")])
                .env("PATH", path)
                .current_dir(dir.path())
                .output()
                .unwrap_or_else(|error| panic!("{error}"));
            let said = stderr(&output);
            assert!(output.status.success(), "{said}");
            assert!(said.contains("no invariant is broken"), "{said}");
            tried += 1;
        }
        assert_eq!(tried, 2);
    });
}
