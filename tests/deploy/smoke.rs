//! The smoke builds of `deploy.sh --verify`: what runs where, what is said of it, and that nothing is left.

use std::fs;

use serde_json::{Value, json};

use super::context::on_a_terminal;
use super::verify::{checks, well};
use super::{Lab, Run, SCALED};

/// The builds of a run: architecture, status and detail.
fn builds(run: &Run) -> Vec<[String; 3]> {
    let rows = checks(run).into_iter().filter(|row| row[0] == "build");
    rows.map(|[_, object, status, detail]| {
        let arch = object.trim_start_matches("tcp://buildkitd-").split('.').next().unwrap_or_default().to_owned();
        [arch, status, detail]
    })
    .collect()
}

fn smoke(lab: &Lab, arguments: &[&str]) -> Run {
    lab.forget_changes();
    let run = lab.deploy(&[&["--verify", "--format", "json"], arguments].concat());
    let changes = lab.changes();
    let of = |verb: &str| changes.iter().filter(|change| change.starts_with(verb)).count();
    assert_eq!(of("create Job/"), of("delete Job/"), "no Job is left: {changes:?}");
    assert_eq!(of("create Job/") + of("delete Job/"), changes.len(), "nothing else changes: {changes:?}");
    run
}

/// The Job that was created last.
fn job(lab: &Lab) -> Value {
    let text = fs::read_to_string(lab.path("cluster/created")).unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn of_status(run: &Run, status: &str) -> Vec<String> {
    builds(run).into_iter().filter(|build| build[1] == status).map(|[arch, ..]| arch).collect()
}

#[test]
fn a_build_runs_on_each_architecture_from_a_namespace_of_clients() {
    let lab = well();
    let run = smoke(&lab, &[]);
    assert_eq!((run.code, of_status(&run, "ok")), (0, vec!["amd64".to_owned(), "arm64".to_owned()]), "{}", run.said);
    assert!(lab.changes().iter().all(|change| !change.starts_with("create") || change.ends_with(" in arc-runners")));
    let job = job(&lab);
    // Kubernetes' own type loses no field of it.
    let typed: k8s_openapi::api::batch::v1::Job =
        serde_json::from_value(job.clone()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(serde_json::to_value(&typed).unwrap_or_else(|error| panic!("{error}")), job);
    let pod = &job["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let command: Vec<&str> = container["command"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(command.windows(2).any(|pair| pair == ["--addr", "tcp://buildkitd-arm64.buildkit:1234"]), "{command:?}");
    assert!(!command.contains(&"--tlscert"), "{command:?}");
    let pool = lab.object("Deployment", "buildkitd-arm64").unwrap_or_default();
    assert_eq!(container["image"], pool["spec"]["template"]["spec"]["containers"][0]["image"]);
    // Bounded, tried once, and forgotten even if this script is killed.
    assert_eq!(
        (&job["spec"]["activeDeadlineSeconds"], &job["spec"]["backoffLimit"]),
        (&Value::from(122), &Value::from(0))
    );
    assert!(job["spec"]["ttlSecondsAfterFinished"].is_u64());
    // The restricted Pod Security Standard.
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    assert_eq!(container["securityContext"]["capabilities"]["drop"][0], "ALL");
    assert!(
        pod["volumes"].as_array().is_some_and(|volumes| volumes.iter().all(|volume| volume.get("emptyDir").is_some()))
    );
    let run = smoke(&lab, &["--smoke", "amd64", "--smoke-namespace", "ci"]);
    assert_eq!((run.code, of_status(&run, "ok")), (0, vec!["amd64".to_owned()]), "{}", run.said);
    assert!(lab.changes()[0].ends_with(" in ci"), "{:?}", lab.changes());
}

#[test]
fn what_the_job_runs_is_a_whole_build() {
    let lab = well();
    smoke(&lab, &[]);
    // The container's own command, with a program in place of buildctl and another place for /tmp.
    let work = lab.path("work");
    fs::create_dir_all(work.join("bin")).unwrap_or_else(|error| panic!("{error}"));
    let program = work.join("bin/buildctl");
    fs::write(&program, "#!/bin/sh\necho \"$@\"\ncat context/Dockerfile\n").unwrap_or_else(|error| panic!("{error}"));
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, executable).unwrap_or_else(|error| panic!("{error}"));
    let job = job(&lab);
    let command = job["spec"]["template"]["spec"]["containers"][0]["command"].as_array().cloned().unwrap_or_default();
    let command: Vec<String> = command
        .iter()
        .filter_map(Value::as_str)
        .map(|word| word.replace("cd /tmp", &format!("cd {}", work.display())))
        .collect();
    let output = std::process::Command::new(&command[0])
        .args(&command[1..])
        .env("PATH", format!("{}:/usr/bin:/bin", work.join("bin").display()))
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("--addr tcp://buildkitd-arm64.buildkit:1234 --wait --timeout"), "{output:?}");
    assert!(said.ends_with("\nFROM scratch\nCOPY file /file\n"), "{output:?}");
    assert!(fs::read(work.join("context/file")).is_ok_and(|file| !file.is_empty()));
}

#[test]
fn a_build_that_fails_shows_its_log() {
    let lab = well();
    lab.set("smoke", "fails");
    let run = smoke(&lab, &["--smoke", "arm64"]);
    assert_eq!((run.code, of_status(&run, "failed")), (7, vec!["arm64".to_owned()]), "{}", run.said);
    assert!(run.said.contains("failed: buildctl ended with 1"), "{}", run.said);
    assert!(run.said.contains("  the log of job/buildkit-fleet-smoke-arm64-"), "{}", run.said);
}

#[test]
fn a_build_that_does_not_end_is_given_up() {
    let lab = well();
    lab.set("smoke", "hangs");
    let run = smoke(&lab, &["--smoke", "amd64"]);
    assert_eq!((run.code, of_status(&run, "failed")), (7, vec!["amd64".to_owned()]), "{}", run.said);
    assert!(run.said.contains("has not ended after"), "{}", run.said);
}

#[test]
fn a_first_installation_on_a_terminal_offers_builds() {
    let created = |lab: &Lab| lab.changes().iter().filter(|change| change.starts_with("create Job/")).count();
    let lab = Lab::new(SCALED);
    let (code, said) = on_a_terminal(&lab, "", "y\ny\n");
    assert_eq!((code, created(&lab)), (0, 2), "{said}");
    assert!(said.contains("Run a small build on each architecture"), "{said}");
    assert!(said.contains("tcp://buildkitd-amd64.buildkit:1234"), "{said}");
    // Not a second time, and not where nothing is asked.
    let (code, said) = on_a_terminal(&lab, "", "y\ny\n");
    assert_eq!((code, created(&lab)), (0, 2), "{said}");
    let lab = Lab::new(SCALED);
    assert_eq!((lab.deploy(&["--yes"]).code, created(&lab)), (0, 0));
}

#[test]
fn a_pod_that_never_runs_says_nothing_of_the_fleet() {
    let lab = well();
    for (state, reason) in [
        ("pulls", "ImagePullBackOff Back-off pulling image"),
        ("waits", "Unschedulable 0/3 nodes"),
        ("quota", "exceeded quota"),
    ] {
        if state == "quota" {
            lab.put(&json!({"kind": "Event", "type": "Warning", "metadata": {"name": "of-the-job"},
                "message": "Error creating: pods is forbidden: exceeded quota: pods"}));
        }
        lab.set("smoke", state);
        let run = smoke(&lab, &["--smoke", "amd64"]);
        assert_eq!((run.code, of_status(&run, "not known")), (0, vec!["amd64".to_owned()]), "{}", run.said);
        assert!(run.said.contains(reason), "{state}: {}", run.said);
    }
}

#[test]
fn a_user_that_may_only_read_has_the_checks_without_builds() {
    let lab = well();
    lab.set("read-only", "1");
    let run = smoke(&lab, &[]);
    assert_eq!((run.code, of_status(&run, "not known").len()), (0, 2), "{}", run.said);
    assert!(run.said.contains("not tried: Error from server (Forbidden)"), "{}", run.said);
    lab.set("no-namespace", "arc-runners");
    fs::remove_file(lab.path("cluster/read-only")).unwrap_or_else(|error| panic!("{error}"));
    let run = smoke(&lab, &[]);
    assert_eq!((run.code, of_status(&run, "not known").len()), (0, 2), "{}", run.said);
}

#[test]
fn a_pool_that_may_sleep_is_woken_only_when_asked() {
    let lab = Lab::new("      autoscaling: {enabled: true, amd64_min: 0, amd64_max: 8, arm64_min: 1, arm64_max: 8}\n");
    assert_eq!(lab.deploy(&[]).code, 0);
    let run = smoke(&lab, &[]);
    assert_eq!(
        (of_status(&run, "not known"), of_status(&run, "ok")),
        (vec!["amd64".to_owned()], vec!["arm64".to_owned()]),
        "{}",
        run.said
    );
    let run = smoke(&lab, &["--smoke", "amd64"]);
    assert_eq!(of_status(&run, "ok"), ["amd64"], "{}", run.said);
}

#[test]
fn builders_that_want_certificates_are_tried_with_those_of_a_client() {
    let lab = Lab::new(&format!("{SCALED}      mtls_secret: certificates\n"));
    assert_eq!(lab.deploy(&[]).code, 0);
    let run = smoke(&lab, &[]);
    assert_eq!(of_status(&run, "not known"), ["amd64", "arm64"], "{}", run.said);
    let run = smoke(&lab, &["--smoke-secret", "client"]);
    assert_eq!(of_status(&run, "ok"), ["amd64", "arm64"], "{}", run.said);
    let pod = &job(&lab)["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"][1]["secret"]["secretName"], "client");
    let command = pod["containers"][0]["command"].to_string();
    for word in [
        "\"--tlscacert\",\"/certificates/ca.crt\"",
        "\"--tlscert\",\"/certificates/tls.crt\"",
        "\"--tlskey\",\"/certificates/tls.key\"",
    ] {
        assert!(command.contains(word), "{command}");
    }
}
