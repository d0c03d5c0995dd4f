//! What a roll would do to running builds: how they are counted, and what deploy.sh says before it rolls.

use serde_json::json;

use super::{Lab, SCALED};

/// A fleet with builds, and a set that rolls its load balancer.
fn about_to_roll(sessions: &str) -> Lab {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.set("sessions", sessions);
    lab.generate(&format!("{SCALED}      client_retry_pause_seconds: 1\n"));
    lab
}

#[test]
fn builds_are_counted_without_a_program_in_the_image() {
    let lab = about_to_roll("3");
    lab.set("no-wget", "1");
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 4, "{}", run.said);
    assert!(run.said.contains("the load balancer would roll: 3 builds are running or waiting"), "{}", run.said);
    lab.set("sessions", "1");
    let run = lab.deploy(&[]);
    assert!(run.said.contains("the load balancer would roll: 1 build is running or waiting"), "{}", run.said);
    lab.set("sessions", "0");
    lab.set("page-cut", "1");
    assert_eq!(lab.deploy(&[]).code, 4, "half a page is no count");
    std::fs::remove_file(lab.path("cluster/page-cut")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(lab.deploy(&[]).code, 0, "an idle fleet rolls");
}

#[test]
fn a_right_that_is_missing_is_named() {
    let lab = about_to_roll("0");
    lab.set("no-exec", "1");
    lab.set("no-port-forward", "1");
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 4, "{}", run.said);
    for words in ["builds cannot be counted", "(Forbidden)", "\"pods/exec\"", "\"pods/portforward\""] {
        assert!(run.said.contains(words), "{words}: {}", run.said);
    }
    assert!(!run.said.contains("an unknown number"), "{}", run.said);
    std::fs::remove_file(lab.path("cluster/no-port-forward")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(lab.deploy(&[]).code, 0, "either right is enough");
}

/// A pod of the generator that this one replaces: it is killed after 30 s, with its build.
fn old_pod(app: &str) -> serde_json::Value {
    json!({"kind": "Pod", "metadata": {"name": format!("{app}-old"), "namespace": "buildkit", "labels": {"app": app}},
        "spec": {"terminationGracePeriodSeconds": 30, "containers": [{"name": app}]}})
}

#[test]
fn a_roll_that_cuts_builds_needs_a_word_of_its_own() {
    for (app, change) in [
        ("buildkitd-lb", "      client_retry_pause_seconds: 1\n"),
        ("buildkitd", "      http_registries: [mirror.example]\n"),
    ] {
        let lab = Lab::new(SCALED);
        assert_eq!(lab.deploy(&[]).code, 0);
        lab.set("sessions", "3");
        lab.generate(&format!("{SCALED}{change}"));
        let run = lab.deploy(&["--force-roll"]);
        assert_eq!(run.code, 0, "{app}: the set's own pods wait for their builds\n{}", run.said);

        let lab = Lab::new(SCALED);
        assert_eq!(lab.deploy(&[]).code, 0);
        let pod = if app == "buildkitd-lb" { "buildkitd-lb-1".to_owned() } else { format!("{app}-old") };
        let mut old = old_pod(app);
        old["metadata"]["name"] = json!(pod);
        lab.put(&old);
        lab.forget_changes();
        lab.generate(&format!("{SCALED}{change}"));
        lab.set("sessions", "3");
        for arguments in [&["--force-roll"][..], &[]] {
            let run = lab.deploy(arguments);
            assert_eq!((run.code, lab.changes().len()), (4, 0), "{app}: {}", run.said);
            assert!(run.said.contains("1 of 1 pods are killed 30 s after they are replaced"), "{app}: {}", run.said);
            assert!(run.said.contains("use --wait-idle MIN, or --cut-builds"), "{app}: {}", run.said);
        }
        let run = lab.deploy(&["--cut-builds"]);
        assert_eq!(run.code, 0, "{app}: {}", run.said);
        assert!(run.said.contains("rolled: 1 of 1 pods are killed") && !run.said.contains("stop after their builds"));
    }
}

#[test]
fn a_builder_without_the_drain_script_does_not_wait_for_its_build() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    let mut old = old_pod("buildkitd");
    old["spec"]["terminationGracePeriodSeconds"] = json!(8100);
    lab.put(&old);
    lab.set("sessions", "3");
    lab.generate(&format!("{SCALED}      http_registries: [mirror.example]\n"));
    let run = lab.deploy(&["--force-roll"]);
    assert_eq!(run.code, 4, "{}", run.said);
    assert!(run.said.contains("1 of 1 pods have no drain.sh and do not wait"), "{}", run.said);
    lab.set("sessions", "0");
    assert_eq!(lab.deploy(&[]).code, 0, "an idle fleet rolls, whatever its pods are");
}

#[test]
fn builders_do_not_roll_while_an_earlier_roll_of_the_load_balancer_goes_on() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    // An earlier run gave up on this rollout: the old pod still serves.
    let mut lb = lab.object("Deployment", "buildkitd-lb").unwrap_or_default();
    lb["status"]["replicas"] = json!(2);
    lab.put(&lb);
    lab.set("sessions", "3");
    lab.forget_changes();
    lab.generate(&format!("{SCALED}      http_registries: [mirror.example]\n"));
    std::thread::scope(|scope| {
        let run = scope.spawn(|| lab.deploy(&["--force-roll"]));
        while !lab.changes().iter().any(|line| line.contains("ConfigMap/buildkitd-config-amd64")) && !run.is_finished()
        {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        lb["status"]["replicas"] = json!(1);
        lab.put(&lb);
        let run = run.join().unwrap_or_else(|_| panic!("deploy"));
        assert_eq!(run.code, 6, "{}", run.said);
        assert!(run.said.contains("the rollout of buildkitd-lb from an earlier run is not complete"), "{}", run.said);
    });
    assert!(!lab.changes().iter().any(|line| line.contains("Deployment/buildkitd-amd64")), "{:?}", lab.changes());
    assert_eq!(lab.deploy(&["--force-roll"]).code, 0);
    assert!(lab.changes().iter().any(|line| line.contains("Deployment/buildkitd-amd64")));
}
