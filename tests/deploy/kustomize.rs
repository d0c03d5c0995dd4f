//! Overlays of kustomize, applied as a set is.

use std::fs;

use serde_json::{Value, json};

use super::{FIXED, Lab, Run, SCALED, support, without_hash};

/// A fleet, with an overlay that changes its objects.
struct Overlay {
    lab: Lab,
}

impl Overlay {
    fn new(buildkit: &str, change: impl FnOnce(&mut Vec<Value>)) -> Self {
        let overlay = Overlay { lab: Lab::new(buildkit) };
        overlay.build(buildkit, change);
        overlay
    }

    /// What the overlay builds from now on. kustomize sorts the keys of each object, and here also the objects.
    fn build(&self, buildkit: &str, change: impl FnOnce(&mut Vec<Value>)) {
        self.lab.generate(buildkit);
        let source = support::one_cluster(buildkit);
        let mut objects = support::objects(&support::render(&support::fleet(&source, "here")));
        change(&mut objects);
        support::program::write(self.lab.directory.path(), "overlay/built.yaml", support::kustomized(objects));
        support::program::write(self.lab.directory.path(), "clusters.yaml", source);
    }

    fn deploy(&self, arguments: &[&str]) -> Run {
        let [overlay, config] = ["overlay", "clusters.yaml"].map(|name| self.lab.path(name).display().to_string());
        self.lab.deploy(&[&["--kustomize", &overlay, "--config", &config], arguments].concat())
    }
}

/// The objects of each apply, without hashes.
fn applied(lab: &Lab) -> Vec<Vec<String>> {
    let of = |line: &String| line.split(' ').skip(2).map(|object| without_hash(object).to_owned()).collect();
    lab.changes().iter().filter(|line| line.starts_with("apply ")).map(of).collect()
}

#[test]
fn an_overlay_is_applied_in_the_order_of_the_set_and_the_second_run_changes_nothing() {
    let of_set = Lab::new(SCALED);
    assert_eq!(of_set.deploy(&[]).code, 0);
    let overlay = Overlay::new(SCALED, |objects| {
        for object in objects.iter_mut() {
            object["metadata"]["labels"]["team"] = json!("ci");
        }
        objects.push(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a-tls", "namespace": "buildkit"}}),
        );
        objects.push(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "buildkitd-web", "namespace": "buildkit"}, "spec": {"replicas": 1}}));
    });
    let run = overlay.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("2 ignored: no invariant is broken"), "{}", run.said);
    let mut order = applied(&overlay.lab);
    assert_eq!(order.remove(2), ["Secret/a-tls", "Deployment/buildkitd-web"], "behind the nodes");
    let sorted = |applies: Vec<Vec<String>>| -> Vec<Vec<String>> {
        applies
            .into_iter()
            .map(|mut names| {
                names.sort();
                names
            })
            .collect()
    };
    assert_eq!(sorted(order), sorted(applied(&of_set)));
    assert_eq!(
        overlay.lab.object("Deployment", "buildkitd-lb").unwrap_or_default()["metadata"]["labels"]["team"],
        "ci"
    );
    overlay.lab.forget_changes();
    let run = overlay.deploy(&["--prune"]);
    assert_eq!((run.code, overlay.lab.changes().len()), (0, 0), "{}", run.said);
    assert!(run.said.contains("nothing to apply"), "{}", run.said);

    // It is saved as it was applied: to roll back to it needs neither the overlay nor kustomize.
    let run = overlay.lab.deploy(&["--history"]);
    assert!(run.said.contains("  live        overlay  "), "{}", run.said);
    assert_eq!(overlay.lab.deploy(&["--history", "1"]).code, 0);
    let run = overlay.lab.deploy(&["--dir", "revision-1"]);
    assert_eq!((run.code, overlay.lab.changes().len()), (0, 0), "{}", run.said);
    assert!(run.said.contains("nothing to apply"), "{}", run.said);
}

#[test]
fn an_overlay_that_breaks_an_invariant_is_refused_before_anything_is_asked_of_the_cluster() {
    let overlay = Overlay::new(SCALED, |objects| {
        let is_builder =
            |object: &&mut Value| object["kind"] == "Deployment" && object["metadata"]["name"] == "buildkitd-amd64";
        let builders = objects.iter_mut().find(is_builder).unwrap_or_else(|| panic!("no builders"));
        builders["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(600);
    });
    let run = overlay.deploy(&[]);
    assert_eq!((run.code, overlay.lab.changes().len()), (3, 0), "{}", run.said);
    assert!(
        run.said.contains("broken: times")
            && run.said.contains("Deployment/buildkitd-amd64 spec.template.spec.terminationGrace"),
        "{}",
        run.said
    );
    assert!(run.said.contains("was not accepted by"), "{}", run.said);
    // What does not read a cluster of the file is no overlay of its set either.
    overlay.build(SCALED, |_| {});
    fs::write(overlay.lab.path("clusters.yaml"), support::one_cluster(FIXED)).unwrap_or_else(|error| panic!("{error}"));
    let run = overlay.deploy(&[]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("broken: bounds"), "{}", run.said);
}

#[test]
fn every_protection_of_a_set_holds_for_an_overlay() {
    let labelled = |objects: &mut Vec<Value>| {
        for object in objects.iter_mut() {
            object["metadata"]["labels"]["team"] = json!("ci");
        }
    };
    let overlay = Overlay::new(FIXED, labelled);
    let run = overlay.deploy(&["--dry-run"]);
    assert_eq!((run.code, overlay.lab.changes().len()), (0, 0), "{}", run.said);
    assert!(
        run.said.contains("first installation") && run.said.contains("40-deployments.yaml: Deployment/buildkitd-amd64"),
        "{}",
        run.said
    );
    assert_eq!(overlay.deploy(&[]).code, 0);
    // Client-side applied objects are adopted, and the fleet does not shrink on its way to KEDA.
    overlay.lab.as_applied_by_a_client();
    overlay.lab.watch("buildkitd-amd64");
    overlay.build(SCALED, labelled);
    let mut run = overlay.deploy(&[]);
    if run.code == 6 {
        run = overlay.deploy(&[]);
    }
    assert_eq!((run.code, overlay.lab.lowest("buildkitd-amd64")), (0, 6), "{}", run.said);
    // A roll under load needs a decision.
    overlay.lab.set("sessions", "3");
    overlay.build(&format!("{SCALED}      client_retry_pause_seconds: 1\n"), labelled);
    let run = overlay.deploy(&[]);
    assert_eq!(run.code, 4, "{}", run.said);
    assert!(run.said.contains("the load balancer would roll: 3 builds"), "{}", run.said);
    // Back, in the order that KEDA needs.
    overlay.lab.set("sessions", "0");
    overlay.build(FIXED, labelled);
    assert_eq!(overlay.deploy(&[]).code, 0);
    assert!(overlay.lab.object("ScaledObject", "buildkitd-amd64").is_none());
    // The other cluster of the kubeconfig is not this one.
    let run = overlay.deploy(&["--context", "there"]);
    assert_eq!(run.code, 3, "{}", run.said);
}

#[test]
fn an_overlay_can_be_handed_over() {
    let overlay = Overlay::new(FIXED, |_| {});
    assert_eq!(overlay.deploy(&[]).code, 0);
    overlay.build(SCALED, |_| {});
    overlay.lab.forget_changes();
    let run = overlay.deploy(&["--hand-over"]);
    assert_eq!(run.code, 0, "{}", run.said);
    let held = ["amd64", "arm64"].map(|arch| format!("apply buildkit-fleet-replicas Deployment/buildkitd-{arch}"));
    assert_eq!(overlay.lab.changes(), held);
}

#[test]
fn what_an_overlay_needs_is_asked_for() {
    let overlay = Overlay::new(SCALED, |_| {});
    let base = overlay.lab.path("generated/here/SHA256SUMS");
    let sums = fs::read_to_string(&base).unwrap_or_default();
    fs::write(&base, sums.replacen('a', "b", 1)).unwrap_or_else(|error| panic!("{error}"));
    let run = overlay.deploy(&[]);
    assert_eq!(run.code, 3, "the base is verified: {}", run.said);
    fs::write(&base, sums).unwrap_or_else(|error| panic!("{error}"));
    fs::remove_file(overlay.lab.path("overlay/built.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let run = overlay.deploy(&[]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(
        run.said.contains("kubectl kustomize") && run.said.contains("failed: error: unable to find"),
        "{}",
        run.said
    );
    let run = overlay.lab.deploy(&["--config", "clusters.yaml"]);
    assert_eq!(run.code, 2, "{}", run.said);
    assert!(run.said.contains("--config is for --kustomize"), "{}", run.said);
}
