//! What `init --argocd` and `init --flux` print, and which parts of a set it takes.

use std::collections::BTreeSet;

use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::manifests::list::KUSTOMIZATION;
use buildkit_fleet::manifests::render::Renderer;
use serde::Deserialize;
use serde_yaml::Value;

use crate::kustomize::{built, short, with_kubectl, write};
use crate::support;
use crate::support::program::{code, run, scratch, stderr, stdout};

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
