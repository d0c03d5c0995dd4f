//! The sets that were applied: saved, listed, and written out to roll back.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{FIXED, Lab, SCALED, support};

/// Another set.
fn variant() -> String {
    format!("{SCALED}      http_registries: [mirror.example]\n")
}

fn history(lab: &Lab, arguments: &[&str]) -> Vec<Value> {
    let run = lab.deploy(&[&["--history", "--format", "json"], arguments].concat());
    assert_eq!(run.code, 0, "{}", run.said);
    let found: Value = serde_json::from_str(&run.said).unwrap_or_else(|error| panic!("{error}: {}", run.said));
    found["revisions"].as_array().cloned().unwrap_or_default()
}

fn revisions(lab: &Lab) -> Vec<u64> {
    history(lab, &[]).iter().filter_map(|revision| revision["revision"].as_u64()).collect()
}

/// The files of a set, with its checksums.
fn files(set: &Path) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(set)
        .unwrap_or_else(|error| panic!("{}: {error}", set.display()))
        .map(|entry| entry.unwrap_or_else(|error| panic!("{error}")))
        .map(|entry| (entry.file_name().display().to_string(), fs::read_to_string(entry.path()).unwrap_or_default()))
        .filter(|(name, _)| name != ".lock")
        .collect();
    files.sort();
    files
}

fn sh(script: &str, directory: &Path) -> String {
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(directory).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn each_set_that_was_applied_is_saved_once_and_rolling_back_is_applying_it() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    let first = files(&lab.path("generated/here"));
    lab.generate(&variant());
    lab.forget_changes();
    assert_eq!((lab.deploy(&["--dry-run"]).code, lab.changes().len()), (0, 0));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("saved the set as revision 2"), "{}", run.said);
    lab.forget_changes();
    assert_eq!((lab.deploy(&[]).code, lab.changes().len()), (0, 0), "the same set again");

    let found = history(&lab, &[]);
    let live: Vec<(&Value, &Value)> = found.iter().map(|revision| (&revision["revision"], &revision["live"])).collect();
    assert_eq!(live, [(&json!(1), &json!(false)), (&json!(2), &json!(true))]);
    assert_eq!(found[0]["changed"].as_array().map(Vec::len), Some(first.len() - 1), "all, but for the checksums");
    assert_eq!(found[1]["changed"], json!(["20-buildkitd-config.yaml", "40-deployments.yaml"]));
    assert_eq!(found[1]["origin"], "set");
    let run = lab.deploy(&["--history"]);
    let lines: Vec<&str> = run.said.lines().collect();
    assert!(lines[0].starts_with("REVISION  APPLIED (UTC)        STATUS      ORIGIN   CHANGED FILES"), "{}", run.said);
    assert!(lines[1].starts_with("1         2026-01-01 00:"), "{}", run.said);
    assert!(lines[2].starts_with("2 ") && lines[2].contains("  live        set      "), "{}", run.said);

    // Into the current directory, where that name is free.
    let run = lab.deploy(&["--history", "1"]);
    assert_eq!(run.code, 0, "{}", run.said);
    for words in
        ["buildkit-fleet diff here --against revision-1\n", "./deploy.sh here --dir revision-1 --context here\n"]
    {
        assert!(run.said.contains(words), "{words}: {}", run.said);
    }
    assert_eq!(files(&lab.path("revision-1/here")), first);
    let run = lab.deploy(&["--history", "1"]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("revision-1/here already exists"), "{}", run.said);
    let run = lab.deploy(&["--history", "9", "--out", "elsewhere"]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("revision 9 not found: namespace buildkit has 1, 2"), "{}", run.said);
    assert_eq!(lab.changes(), [""; 0], "all of this only reads");

    let run = lab.deploy(&["--dir", "revision-1"]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(revisions(&lab), [1, 2, 3]);
    let sums = |revision: u64| {
        lab.object("Secret", &format!("buildkit-fleet-set-{revision}")).unwrap_or_default()["data"]["SHA256SUMS"]
            .clone()
    };
    assert!(sums(3) == sums(1) && sums(3) != sums(2));
}

#[test]
fn what_rolling_back_undoes_is_what_diff_shows_against_the_written_set() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    assert_eq!(lab.deploy(&["--history", "1"]).code, 0);
    let now = support::one_cluster(&variant());
    fs::write(lab.path("clusters.yaml"), now).unwrap_or_else(|error| panic!("{error}"));
    let output = Command::new(env!("CARGO_BIN_EXE_buildkit-fleet"))
        .args(["diff", "here", "--against", "revision-1"])
        .current_dir(lab.path(""))
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("+    [registry.\"mirror.example\"]"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nothing_that_prunes_takes_a_saved_set_for_an_object_of_the_set() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.forget_changes();
    let run = lab.deploy(&["--prune"]);
    assert_eq!((run.code, lab.changes().len()), (0, 0), "{}", run.said);
    let secret = lab.object("Secret", "buildkit-fleet-set-1").unwrap_or_default();
    assert_eq!((&secret["type"], &secret["immutable"]), (&json!("buildkit-fleet/set"), &json!(true)));
    assert_ne!(secret["metadata"]["labels"]["app.kubernetes.io/managed-by"], "buildkit-fleet");
    let packed = secret["data"]["set.tar.gz"].as_str().unwrap_or_default();
    let listed = sh(&format!("base64 -d <<<'{packed}' | tar -tvzf -"), &lab.path(""));
    assert!(listed.lines().count() > 10 && listed.lines().all(|line| line.contains(" 0/0 ")), "an owner: {listed}");
}

#[test]
fn the_last_ten_are_kept() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    for number in 2..=12 {
        let mut secret = lab.object("Secret", "buildkit-fleet-set-1").unwrap_or_default();
        secret["metadata"]["name"] = json!(format!("buildkit-fleet-set-{number}"));
        lab.put(&secret);
    }
    // Of somebody else, and not of the type.
    let mut other = lab.object("Secret", "buildkit-fleet-set-1").unwrap_or_default();
    other["metadata"]["name"] = json!("buildkit-fleet-set-99");
    other["type"] = json!("Opaque");
    lab.put(&other);
    lab.generate(&variant());
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(revisions(&lab), (4..=13).collect::<Vec<u64>>());
    assert!(lab.object("Secret", "buildkit-fleet-set-99").is_some());
}

#[test]
fn of_two_runs_at_once_the_second_takes_the_next_number() {
    let lab = Lab::new(SCALED);
    lab.set("created-by-others", "b3RoZXIK b3RoZXIx");
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("saved the set as revision 3"), "{}", run.said);
    assert_eq!(revisions(&lab), [1, 2, 3]);
}

#[test]
fn a_run_that_may_not_save_the_set_says_so_and_succeeds() {
    for (setting, value) in [("no-secrets", "1"), ("forbidden", "secrets")] {
        let lab = Lab::new(SCALED);
        lab.set(setting, value);
        let run = lab.deploy(&[]);
        assert_eq!(run.code, 0, "{setting}: {}", run.said);
        let lines: Vec<&str> = run.said.lines().filter(|line| line.contains("is not saved for --history")).collect();
        assert!(matches!(lines[..], [line] if line.contains("secrets is forbidden")), "{setting}: {}", run.said);
        fs::remove_file(lab.path("cluster").join(setting)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(lab.deploy(&["--history"]).said, "no set is saved in namespace buildkit\n");
        // The next run does, though it applies nothing.
        assert_eq!(lab.deploy(&[]).code, 0);
        assert_eq!(revisions(&lab), [1], "{setting}");
    }
}

#[test]
fn a_set_that_no_secret_can_hold_is_not_saved() {
    let lab = Lab::new(FIXED);
    let mut state: u64 = 88_172_645_463_325_252;
    let mut digits = String::new();
    while digits.len() < 3_000_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let _ = write!(digits, "{state:016x}");
    }
    let set = lab.path("generated/here");
    let object = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: large, namespace: buildkit}}\ndata: {{a: \"{digits}\"}}\n"
    );
    fs::write(set.join("15-large.yaml"), object).unwrap_or_else(|error| panic!("{error}"));
    sh("sha256sum 15-large.yaml >>SHA256SUMS", &set);
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("is not saved for --history: packed, it has 1"), "{}", run.said);
    assert!(run.said.contains("and a Secret holds 1048576"), "{}", run.said);
}

#[test]
fn a_set_whose_builders_never_became_ready_is_saved() {
    let lab = Lab::new(SCALED);
    lab.set("pods-pending", "buildkitd-arm64");
    assert_eq!(lab.deploy(&["--timeout", "1s"]).code, 5);
    assert_eq!(revisions(&lab), [1]);
}

#[test]
fn a_saved_set_that_was_tampered_with_is_not_written_out() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    let start = lab.object("Secret", "buildkit-fleet-set-1").unwrap_or_default();
    let packed = start["data"]["set.tar.gz"].as_str().unwrap_or_default().to_owned();
    let work = lab.path("work");
    // Each changes the files that are packed again, or the checksums. A link's content would be what it leads to.
    for (what, change, words) in [
        ("a file changed", "echo '# more' >>31-services.yaml", "its files and its SHA256SUMS differ"),
        (
            "a file is a link",
            "ln -sf ../secret 31-services.yaml; (cd ..; sha256sum secret) | sed 's/ secret/ 31-services.yaml/' >sum; sed -i '/31-services/d' SHA256SUMS; cat sum >>SHA256SUMS; rm sum",
            "its files and its SHA256SUMS differ",
        ),
        ("a file is missing", "rm 31-services.yaml", "it has no 31-services.yaml"),
        (
            "a path upwards",
            "sed -i 's|  31-services.yaml|  ../../31-services.yaml|' SHA256SUMS",
            "does not list plain names",
        ),
        (
            "an absolute path",
            "sed -i 's|  31-services.yaml|  /tmp/31-services.yaml|' SHA256SUMS",
            "does not list plain names",
        ),
        ("an option", "sed -i 's|  31-services.yaml|  --to-command=x.yaml|' SHA256SUMS", "does not list plain names"),
        ("no checksums", ": >SHA256SUMS", "does not list plain names"),
    ] {
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(work.join("set")).unwrap_or_else(|error| panic!("{error}"));
        fs::write(work.join("secret"), "a: b\n").unwrap_or_else(|error| panic!("{error}"));
        let script = format!(
            "base64 -d <<<'{packed}' | tar -xzf - -C set; cd set; {change}; base64 -w0 SHA256SUMS >../sums; tar -czf - * | base64 -w0 >../packed"
        );
        sh(&script, &work);
        let mut secret = start.clone();
        for (key, file) in [("SHA256SUMS", "sums"), ("set.tar.gz", "packed")] {
            secret["data"][key] = json!(fs::read_to_string(work.join(file)).unwrap_or_default());
        }
        lab.put(&secret);
        let run = lab.deploy(&["--history", "1", "--out", "out"]);
        assert_eq!(run.code, 3, "{what}: {}", run.said);
        assert!(
            run.said.contains(&format!("revision 1 is damaged: {words}")) || run.said.contains(words),
            "{what}: {}",
            run.said
        );
        assert!(!lab.path("out").exists(), "{what}");
    }
    let mut secret = start.clone();
    secret["data"]["set.tar.gz"] = json!("bm90IGEgdGFy");
    lab.put(&secret);
    assert_eq!(lab.deploy(&["--history", "1", "--out", "out"]).code, 3, "no tar");
}

/// As after the cluster has left clusters.yaml.
fn without_a_set(lab: &Lab) {
    fs::remove_dir_all(lab.path("generated")).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_fleet_without_a_set_is_found_on_its_cluster() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    without_a_set(&lab);
    assert_eq!(revisions(&lab), [1]);
    let run = lab.deploy(&["--history", "1"]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(lab.path("revision-1/here/SHA256SUMS").is_file());

    let run = lab.deploy(&["--history", "--context", "there"]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("but namespace buildkit on it holds the fleet of eks-here in us-east-1"), "{}", run.said);

    let mut second = lab.object("Namespace", "buildkit").unwrap_or_default();
    second["metadata"]["name"] = json!("second");
    lab.put(&second);
    let run = lab.deploy(&["--history"]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("has several fleets, in the namespaces buildkit second: choose one"), "{}", run.said);
    assert_eq!(history(&lab, &["--namespace", "buildkit"]).len(), 1);
    let run = lab.deploy(&["--history", "--namespace", "third"]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("namespace third on the cluster of context here has no fleet"), "{}", run.said);

    let mut secret = lab.object("Secret", "buildkit-fleet-set-1").unwrap_or_default();
    secret["metadata"]["annotations"]["buildkit-fleet/cluster"] = json!("another");
    lab.put(&secret);
    let run = lab.deploy(&["--history", "--namespace", "buildkit"]);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("holds the fleet that was applied as another, not here"), "{}", run.said);
}

#[test]
fn a_wrong_command_line_of_the_history_exits_2() {
    let lab = Lab::new(FIXED);
    for arguments in [
        &["--history", "0"][..],
        &["--history", "1234567890"],
        &["--history", "--out", "x"],
        &["--history", "1", "--format", "json"],
        &["--history", "--prune"],
        &["--history", "--verify"],
        &["--history", "--namespace", "a/b"],
        &["--out", "x"],
        &["--namespace", "x"],
    ] {
        assert_eq!(lab.deploy(arguments).code, 2, "{arguments:?}");
    }
}
