//! What precedes an apply by somebody else: Argo CD, Flux, kubectl.

use std::process::Command;

use serde_json::{Value, json};

use super::{FIXED, Lab, SCALED};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const PAUSED: &str = "autoscaling.keda.sh/paused-replicas";

impl Lab {
    /// A sync of the set as it is now, by this manager: every file, and then what the set no longer has.
    fn sync(&self, manager: &str) {
        let dir = self.path("generated/here");
        let is_manifest =
            |file: &std::path::PathBuf| file.extension().is_some() && !file.ends_with("kustomization.yaml");
        let mut files: Vec<_> = super::support::walk(&dir).into_iter().filter(is_manifest).collect();
        files.sort();
        for file in &files {
            let manager = format!("--field-manager={manager}");
            self.kubectl(&[
                "apply",
                "--server-side",
                "--force-conflicts",
                &manager,
                "-f",
                &dir.join(file).display().to_string(),
            ]);
        }
        if !files.iter().any(|file| file.ends_with("50-scaledobjects.yaml")) {
            for name in ["buildkitd-amd64", "buildkitd-arm64"] {
                if self.object("ScaledObject", name).is_some() {
                    self.kubectl(&["delete", "scaledobjects.keda.sh", name]);
                }
            }
        }
    }

    fn kubectl(&self, arguments: &[&str]) {
        let status = Command::new(self.path("bin/kubectl"))
            .args(arguments)
            .env("FAKE_CLUSTER", self.path("cluster"))
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.is_ok_and(|status| status.success()), "{arguments:?}");
    }

    fn paused(&self, name: &str) -> Value {
        self.object("ScaledObject", name).unwrap_or_default()["metadata"]["annotations"][PAUSED].clone()
    }

    fn has_hpa(&self, name: &str) -> bool {
        self.object("HorizontalPodAutoscaler", &format!("keda-hpa-{name}")).is_some()
    }
}

#[test]
fn a_sync_to_keda_by_any_manager_keeps_the_fleet_after_the_hand_over() {
    for manager in ["argocd-controller", "kustomize-controller", "buildkit-fleet", "somebody"] {
        let lab = Lab::new(FIXED);
        lab.sync(manager);
        let without = lab.copy();
        without.watch("buildkitd-amd64");
        without.generate(SCALED);
        without.sync(manager);
        assert_eq!(without.lowest("buildkitd-amd64"), 1, "{manager}: what the hand-over is for");

        lab.watch("buildkitd-amd64");
        lab.watch("buildkitd-arm64");
        lab.generate(SCALED);
        lab.forget_changes();
        let run = lab.deploy(&["--hand-over"]);
        assert_eq!(run.code, 0, "{manager}: {}", run.said);
        assert!(run.said.contains("hold 6 replicas of Deployment/buildkitd-amd64"), "{}", run.said);
        assert!(run.said.contains("handed over; now merge the new set"), "{}", run.said);
        assert_eq!(
            lab.changes(),
            [
                "apply buildkit-fleet-replicas Deployment/buildkitd-amd64",
                "apply buildkit-fleet-replicas Deployment/buildkitd-arm64"
            ],
            "and nothing more"
        );
        // Until the merge, the old set is applied again and again.
        lab.generate(FIXED);
        lab.sync(manager);
        lab.generate(SCALED);
        lab.sync(manager);
        lab.sync(manager);
        assert_eq!((lab.lowest("buildkitd-amd64"), lab.lowest("buildkitd-arm64")), (6, 4), "{manager}");
        assert!(lab.has_hpa("buildkitd-amd64"));
    }
}

#[test]
fn a_client_side_apply_to_keda_finds_no_replicas_that_it_could_take_away() {
    let lab = Lab::new(FIXED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.as_applied_by_a_client();
    lab.generate(SCALED);
    let applied = |name: &str| -> Value {
        let live = lab.object("Deployment", name).unwrap_or_default();
        let text = live["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap_or_default().to_owned();
        serde_json::from_str(&text).unwrap_or_default()
    };
    assert_eq!(applied("buildkitd-amd64")["spec"]["replicas"], 6, "what a client-side apply would remove");
    lab.watch("buildkitd-amd64");
    let run = lab.deploy(&["--hand-over", "--field-manager", "argocd-controller"]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("adopt Deployment/buildkitd-lb"), "{}", run.said);
    for name in ["buildkitd-amd64", "buildkitd-arm64"] {
        assert!(applied(name)["spec"].get("replicas").is_none() && applied(name)["spec"]["template"].is_object());
    }
    // The load balancer's number is in its manifest, and stays.
    assert_eq!(applied("buildkitd-lb")["spec"]["replicas"], 1);
    assert_eq!(lab.managers("buildkitd-lb"), ["argocd-controller"], "adopted for who applies next");
    assert_eq!(lab.managers("buildkitd-amd64"), ["argocd-controller", "buildkit-fleet-replicas"]);
    lab.sync("argocd-controller");
    assert_eq!(lab.lowest("buildkitd-amd64"), 6);
    assert_eq!(lab.managers("buildkitd-lb"), ["argocd-controller"]);
}

#[test]
fn a_pool_becomes_fixed_after_the_hand_over_though_the_old_set_is_healed_meanwhile() {
    let lab = Lab::new(SCALED);
    lab.sync("argocd-controller");
    lab.scaled_to("buildkitd-amd64", 40);
    lab.scaled_to("buildkitd-arm64", 8);
    // A merge first: the HPA undoes the new number. Deleting the ScaledObject first: it is healed.
    let without = lab.copy();
    without.set("hpa-wants", "40");
    without.kubectl(&["delete", "scaledobjects.keda.sh", "buildkitd-amd64"]);
    without.sync("argocd-controller");
    assert!(without.object("ScaledObject", "buildkitd-amd64").is_some());
    without.generate(FIXED);
    without.sync("argocd-controller");
    assert_eq!(without.replicas("buildkitd-amd64"), 40, "what the hand-over is for");

    lab.set("hpa-wants", "40");
    lab.generate(FIXED);
    lab.forget_changes();
    lab.watch("buildkitd-amd64");
    let run = lab.deploy(&["--hand-over", "--dry-run"]);
    assert_eq!((run.code, lab.changes().len()), (0, 0), "{}", run.said);
    assert!(run.said.contains("pause ScaledObject/buildkitd-amd64"), "{}", run.said);
    let run = lab.deploy(&["--hand-over"]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("paused ScaledObject/buildkitd-amd64 at 40 pods"), "{}", run.said);
    assert_eq!(
        lab.changes(),
        [
            "apply buildkit-fleet-replicas ScaledObject/buildkitd-amd64",
            "wait hpa/keda-hpa-buildkitd-amd64",
            "apply buildkit-fleet-replicas ScaledObject/buildkitd-arm64",
            "wait hpa/keda-hpa-buildkitd-arm64"
        ],
        "and nothing more"
    );
    assert_eq!((lab.paused("buildkitd-amd64"), lab.paused("buildkitd-arm64")), (json!("40"), json!("8")));
    assert!(!lab.has_hpa("buildkitd-amd64"));
    // Self-healing applies the old set; the pause is none of its fields.
    lab.generate(SCALED);
    lab.sync("argocd-controller");
    assert_eq!((lab.paused("buildkitd-amd64"), lab.has_hpa("buildkitd-amd64")), (json!("40"), false));
    assert_eq!(lab.lowest("buildkitd-amd64"), 40, "nothing moved the pool");
    lab.generate(FIXED);
    lab.sync("argocd-controller");
    assert_eq!((lab.replicas("buildkitd-amd64"), lab.replicas("buildkitd-arm64")), (6, 4));
    assert!(lab.object("ScaledObject", "buildkitd-amd64").is_none());
    let run = lab.deploy(&["--hand-over"]);
    assert!(run.said.contains("nothing to hand over"), "{}", run.said);
}

#[test]
fn an_hpa_that_stays_and_a_pause_that_was_left_are_named() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.generate(FIXED);
    lab.set("keda-down", "1");
    let run = lab.deploy(&["--hand-over", "--timeout", "90s"]);
    assert_eq!(run.code, 5, "{}", run.said);
    assert!(run.said.contains("hpa/keda-hpa-buildkitd-amd64 is still there after 90 s"), "{}", run.said);
    lab.generate(SCALED);
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(
        run.said
            .contains("warning: ScaledObject/buildkitd-amd64 is paused at 1 pods; to scale again: kubectl annotate"),
        "{}",
        run.said
    );
}

#[test]
fn a_hand_over_that_fails_at_any_change_can_be_run_again() {
    for (before, after) in [(FIXED, SCALED), (SCALED, FIXED)] {
        let start = Lab::new(before);
        start.sync("argocd-controller");
        if before == SCALED {
            start.scaled_to("buildkitd-amd64", 40);
        }
        let live = start.replicas("buildkitd-amd64");
        start.watch("buildkitd-amd64");
        start.generate(after);
        start.forget_changes();
        for call in 1.. {
            let lab = start.copy();
            lab.set("fail-at", &call.to_string());
            let run = lab.deploy(&["--hand-over"]);
            let hit = !lab.path("cluster/fail-at").exists();
            assert_eq!(run.code, i32::from(hit), "call {call}: {}", run.said);
            let _ = std::fs::remove_file(lab.path("cluster/fail-at"));
            let again = lab.deploy(&["--hand-over"]);
            assert_eq!(again.code, 0, "call {call}: {}", again.said);
            assert_eq!(lab.lowest("buildkitd-amd64"), live, "call {call}");
            lab.sync("argocd-controller");
            assert_eq!(lab.replicas("buildkitd-amd64"), if after == FIXED { 6 } else { live }, "call {call}");
            if !hit {
                assert!(call > 2, "few calls could fail");
                break;
            }
        }
    }
}

#[test]
fn a_hand_over_of_nothing_and_a_wrong_command_line_change_nothing() {
    let lab = Lab::new(SCALED);
    let run = lab.deploy(&["--hand-over"]);
    assert_eq!((run.code, lab.changes().len()), (0, 0), "{}", run.said);
    assert!(run.said.contains("does not exist yet: there is nothing to hand over"), "{}", run.said);
    for (arguments, words) in [
        (&["--hand-over", "--prune"][..], "are not for it"),
        (&["--hand-over", "--force-roll"], "are not for it"),
        (&["--hand-over", "--wait-idle", "5"], "are not for it"),
        (&["--field-manager", "argocd-controller"], "--field-manager is for --hand-over"),
        (&["--hand-over", "--field-manager", "a b"], "invalid value `a b` for --field-manager"),
    ] {
        let run = lab.deploy(arguments);
        assert_eq!((run.code, lab.changes().len()), (2, 0), "{arguments:?}: {}", run.said);
        assert!(run.said.contains(words), "{arguments:?}: {}", run.said);
    }
    let run = lab.deploy(&["--hand-over", "--context", "there"]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
}
