//! Whose cluster a context is, and what deploy.sh asks before it creates anything.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Lab, SCALED, support};

/// What deploy.sh says with this context, when it refuses it.
fn refusal(lab: &Lab, arguments: &[&str]) -> Option<String> {
    let run = lab.deploy(&[arguments, &["--dry-run"]].concat());
    assert!([0, 3].contains(&run.code), "{arguments:?}: {}", run.said);
    (run.code == 3).then_some(run.said)
}

#[test]
fn a_cluster_of_the_same_name_in_another_region_is_refused() {
    let lab = Lab::new(SCALED);
    // By the name of the entry, or else by the address of the API server.
    for context in ["west", "eksctl-west", "plain-west", "new-west"] {
        let said = refusal(&lab, &["--context", context]).unwrap_or_else(|| panic!("{context} is accepted"));
        assert!(said.contains("these manifests are for eks-here in us-east-1"), "{context}: {said}");
    }
}

#[test]
fn a_cluster_is_recognised_by_the_names_that_other_tools_write() {
    let lab = Lab::new(SCALED);
    for context in ["here", "eksctl", "plain", "kind", "k3d"] {
        assert_eq!(refusal(&lab, &["--context", context]), None, "{context}");
    }
    let said = refusal(&lab, &["--context", "gke"]).unwrap_or_default();
    assert!(
        said.contains("is cluster gke_project_us-central1_eks-here, but these manifests are for eks-here"),
        "{said}"
    );
}

#[test]
fn another_cluster_is_accepted_only_by_its_name() {
    let lab = Lab::new(SCALED);
    let entry = "arn:aws:eks:us-east-1:1:cluster/not-eks-here";
    assert_eq!(refusal(&lab, &["--context", "there", "--accept-cluster", entry]), None);
    let said = refusal(&lab, &["--context", "there", "--accept-cluster", "not-eks-here"]).unwrap_or_default();
    assert!(said.contains("not not-eks-here as --accept-cluster says"), "{said}");
    assert!(refusal(&lab, &["--context", "here", "--accept-cluster", entry]).is_some(), "the current one is another");
}

#[test]
fn a_namespace_with_the_fleet_of_another_cluster_is_left_alone() {
    let lab = Lab::new(SCALED);
    lab.put(&json!({"kind": "Namespace", "metadata": {"name": "buildkit",
        "annotations": {"buildkit-fleet/cluster-name": "eks-here", "buildkit-fleet/region": "us-west-2"}}}));
    // An entry that says nothing of a region.
    let run = lab.deploy(&["--context", "plain"]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
    assert!(run.said.contains("holds the fleet of eks-here in us-west-2"), "{}", run.said);
    assert_eq!(refusal(&lab, &["--context", "plain", "--accept-cluster", "eks-here"]), None);
}

#[test]
fn a_directory_that_is_not_a_set_is_refused_in_plain_words() {
    for file in [None, Some("31-services.yaml")] {
        let lab = Lab::new(SCALED);
        let set = lab.path("generated/here");
        let sums = fs::read_to_string(set.join("SHA256SUMS")).unwrap_or_default();
        for name in sums.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name) {
            if Some(name) != file {
                fs::remove_file(set.join(name)).unwrap_or_else(|error| panic!("{error}"));
            }
        }
        let kept: String = sums.lines().filter(|line| file.is_some_and(|file| line.ends_with(file))).collect();
        fs::write(set.join("SHA256SUMS"), if kept.is_empty() { kept } else { kept + "\n" })
            .unwrap_or_else(|error| panic!("{error}"));
        let run = lab.deploy(&[]);
        assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
        assert!(run.said.contains("is not a set of manifests: it has no 00-namespace.yaml"), "{}", run.said);
        assert_eq!(run.said.trim().lines().count(), 1, "another program's error: {}", run.said);
    }
}

/// deploy.sh on a terminal where this is typed, and what it prints.
pub(super) fn on_a_terminal(lab: &Lab, arguments: &str, typed: &str) -> (i32, String) {
    let command = format!(
        "{}/deploy.sh here --dir {} {arguments}",
        support::repository().display(),
        lab.path("generated").display()
    );
    let path = format!("{}:{}", lab.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let input = lab.path("typed");
    fs::write(&input, typed).unwrap_or_else(|error| panic!("{error}"));
    let output = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("PATH", path)
        .env("FAKE_CLUSTER", lab.path("cluster"))
        .env("DEPLOY_POLL_S", "0.1")
        .stdin(fs::File::open(&input).map_or_else(|error| panic!("{error}"), Stdio::from))
        .output()
        .unwrap_or_else(|error| panic!("script: {error}"));
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_first_installation_shows_what_it_creates_and_asks_on_a_terminal() {
    let lab = Lab::new(SCALED);
    let (code, said) = on_a_terminal(&lab, "", "n\n");
    assert_eq!((code, lab.changes().len()), (3, 0), "{said}");
    for words in
        ["NodePool/buildkit-amd64-m6id-24xlarge", "ScaledObject/buildkitd-arm64", "Create these objects? [y/N]"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (code, said) = on_a_terminal(&lab, "--yes", "n\n");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Namespace/buildkit") && !said.contains("Create these objects?"), "{said}");
    // Only the first time.
    let (code, said) = on_a_terminal(&lab, "", "");
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("first installation"), "{said}");
    let lab = Lab::new(SCALED);
    let (code, said) = on_a_terminal(&lab, "", "y\n");
    assert_eq!(code, 0, "{said}");
}
