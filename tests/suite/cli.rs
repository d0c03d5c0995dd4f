//! The program as its users run it.

use std::process::Command;

use crate::support;
use crate::support::program::{code, program, run, scratch, stderr, stdout, unless_it_hangs, with_shipped, write};

#[test]
fn generate_writes_four_clusters_and_says_what_they_are() {
    let dir = with_shipped();
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "", "talk goes to stderr");
    insta::with_settings!({snapshot_path => "../../snapshots/messages", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("summary-of-the-shipped-file", stderr(&output));
    });
    let mut files = support::walk(&dir.path().join("generated"));
    files.retain(|path| path.extension().is_some());
    assert_eq!(files.len(), 47);
}

#[test]
fn a_second_run_changes_nothing_and_says_so() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    let output = run(dir.path(), &["generate"]);
    assert_eq!(stderr(&output).matches("unchanged").count(), 4, "{}", stderr(&output));
    assert_eq!(code(&run(dir.path(), &["generate", "--check"])), 0);
}

#[test]
fn validate_says_whose_alerts_are_for_a_central_ruler_alone() {
    let dir = scratch();
    write(
        dir.path(),
        "clusters.yaml",
        support::one_cluster("      monitoring: {cluster_label: {name: cluster, value: here-1}}\n"),
    );
    let output = run(dir.path(), &["validate"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = "here: its alerts read only series with cluster=\"here-1\", for a Mimir or Thanos ruler";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
    for other in ["", "      monitoring: {enabled: false, cluster_label: {name: cluster, value: here-1}}\n"] {
        write(dir.path(), "clusters.yaml", support::one_cluster(other));
        let output = run(dir.path(), &["validate"]);
        assert!(code(&output) == 0 && !stderr(&output).contains("ruler"), "{}", stderr(&output));
    }
}

#[test]
fn check_writes_nothing_prints_a_diff_and_exits_1() {
    let dir = with_shipped();
    let output = run(dir.path(), &["generate", "--check"]);
    assert_eq!(code(&output), 1);
    assert!(
        stdout(&output).starts_with("--- /dev/null\n+++ b/generated/arc-staging/00-namespace.yaml\n@@"),
        "{}",
        stdout(&output)
    );
    assert!(!dir.path().join("generated").exists());

    run(dir.path(), &["generate"]);
    write(dir.path(), "clusters.yaml", support::shipped().replace("amd64_max: 8", "amd64_max: 10"));
    let output = run(dir.path(), &["generate", "--check"]);
    assert_eq!(code(&output), 1);
    let diff = stdout(&output);
    assert!(diff.contains("-  maxReplicaCount: 8\n+  maxReplicaCount: 10\n"), "{diff}");
    assert!(
        diff.contains(
            "--- a/generated/arc-staging/50-scaledobjects.yaml\n+++ b/generated/arc-staging/50-scaledobjects.yaml\n"
        ),
        "{diff}"
    );
    assert!(!diff.contains("arc-cbr-production"), "{diff}");
    assert!(!diff.contains("haproxy.cfg"), "the load balancer stays: {diff}");
}

#[test]
fn a_check_of_a_lost_list_is_drift() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    std::fs::remove_file(dir.path().join("generated/arc-staging/SHA256SUMS")).unwrap_or_else(|error| panic!("{error}"));
    let output = run(dir.path(), &["generate", "--check"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("SHA256SUMS is missing or out of date"), "{}", stderr(&output));
    assert_eq!(code(&run(dir.path(), &["generate"])), 0);
    assert_eq!(code(&run(dir.path(), &["generate", "--check"])), 0);
}

#[test]
fn a_file_that_is_no_longer_planned_is_removed_and_foreign_ones_stay() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    let cluster = dir.path().join("generated/arc-staging");
    write(&cluster, "notes.txt", "mine");
    let fixed = support::shipped().replacen("        enabled: true\n", "        enabled: false\n", 1);
    write(dir.path(), "clusters.yaml", fixed);
    let output = run(dir.path(), &["generate", "arc-staging"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("1 removed"), "{}", stderr(&output));
    assert!(!cluster.join("50-scaledobjects.yaml").exists());
    assert_eq!(std::fs::read_to_string(cluster.join("notes.txt")).unwrap_or_default(), "mine");
}

#[test]
fn a_cluster_that_left_the_file_leaves_the_disk() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    write(dir.path(), "generated/other/SHA256SUMS", format!("{}  iso.img\n", "0".repeat(64)));
    write(dir.path(), "generated/other/iso.img", "somebody else's");
    let source = support::shipped();
    let (head, rest) = source.split_once("  meta-prod-aws-ue1:").unwrap_or_else(|| panic!("no such cluster"));
    let (_, tail) = rest.split_once("  # A fixed pool").unwrap_or_else(|| panic!("no such cluster"));
    write(dir.path(), "clusters.yaml", format!("{head}  # A fixed pool{tail}"));
    assert_eq!(code(&run(dir.path(), &["generate", "--check"])), 1);
    // Naming a cluster says nothing about the others.
    run(dir.path(), &["generate", "arc-staging"]);
    assert!(dir.path().join("generated/meta-prod-aws-ue1").exists());
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(!dir.path().join("generated/meta-prod-aws-ue1").exists());
    assert!(dir.path().join("generated/other/iso.img").exists());
    assert_eq!(code(&run(dir.path(), &["generate", "--check"])), 0);
}

#[test]
fn a_set_that_cannot_be_written_keeps_no_other_back() {
    // Two sets are written one after the other, forty side by side.
    for count in [2, 40] {
        let dir = scratch();
        let cluster = |n| support::one_cluster("").replace("clusters:\n", "").replace("here", &format!("c{n}"));
        let all: String = (0..count).map(|n| cluster(n) + "\n").collect();
        write(dir.path(), "clusters.yaml", format!("clusters:\n{all}"));
        // A directory where the first set would write.
        write(dir.path(), "generated/c0/.00-namespace.yaml.tmp/mine", "");
        let output = run(dir.path(), &["generate"]);
        assert_eq!(code(&output), 3, "{}", stderr(&output));
        assert!(stderr(&output).contains("generated/c0/.00-namespace.yaml.tmp"), "{}", stderr(&output));
        assert!(!dir.path().join("generated/c0/SHA256SUMS").exists());
        for n in 1..count {
            assert!(dir.path().join(format!("generated/c{n}/SHA256SUMS")).exists(), "c{n} of {count}");
        }
    }
}

#[test]
fn another_file_with_the_same_output_directory_removes_nothing() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    let before = support::walk(&dir.path().join("generated"));
    write(dir.path(), "other.yaml", support::one_cluster(""));
    let output = run(dir.path(), &["generate", "--config", "other.yaml"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let shown = stderr(&output);
    for way in [
        "with --config",
        "another --out",
        "remove `generated/arc-cbr-production`, `generated/arc-cbr-production-uw1` and 2 more",
    ] {
        assert!(shown.contains(way), "{way}: {shown}");
    }
    // A comparison removes nothing, so it tells all the same.
    let output = run(dir.path(), &["generate", "--config", "other.yaml", "--check"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("contains only fleets that are not in this file"), "{}", stderr(&output));
    assert!(stdout(&output).contains("+++ b/generated/here/00-namespace.yaml\n"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("+++ /dev/null"), "nothing of the other file goes");
    write(dir.path(), "none.yaml", "clusters:\n  here: {modules: [base]}\n");
    for args in [&["generate", "--config", "none.yaml"][..], &["generate", "--config", "none.yaml", "--check"]] {
        assert_eq!(code(&run(dir.path(), args)), 3, "{args:?}");
    }
    assert_eq!(before, support::walk(&dir.path().join("generated")));
}

#[test]
fn a_fleet_with_another_name_in_the_file_moves_to_another_directory() {
    let dir = scratch();
    let old = support::one_cluster("");
    write(dir.path(), "clusters.yaml", &old);
    run(dir.path(), &["generate"]);
    let renamed = old.replace("  here:", "  there:");
    // In another EKS cluster or namespace it is no longer that fleet.
    for other in [
        renamed.replace("cluster_name: ", "cluster_name: other-"),
        renamed.replace("    buildkit:\n", "    buildkit:\n      namespace: other\n"),
    ] {
        assert_ne!(other, renamed);
        write(dir.path(), "clusters.yaml", other);
        assert_eq!(code(&run(dir.path(), &["generate"])), 3);
    }
    write(dir.path(), "clusters.yaml", renamed);
    let output = run(dir.path(), &["generate", "--check"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stdout(&output).contains("--- a/generated/here/00-namespace.yaml\n+++ /dev/null\n"), "{}", stdout(&output));
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(!dir.path().join("generated/here").exists() && dir.path().join("generated/there/SHA256SUMS").exists());
}

#[test]
fn checksums_of_another_tool_are_left_alone() {
    let dir = with_shipped();
    write(dir.path(), "generated/arc-staging/SHA256SUMS", format!("{}  app.tar.gz\n", "0".repeat(64)));
    write(dir.path(), "generated/arc-staging/app.tar.gz", "precious");
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("app.tar.gz is listed in SHA256SUMS but was not written by buildkit-fleet"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_copy_under_another_name_stays() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    let copied =
        Command::new("cp").args(["-r", "generated/arc-staging", "generated/before"]).current_dir(dir.path()).status();
    assert!(copied.is_ok_and(|status| status.success()));
    assert_eq!(code(&run(dir.path(), &["generate"])), 0);
    assert!(dir.path().join("generated/before/SHA256SUMS").exists());
}

#[test]
fn any_cluster_name_that_is_accepted_is_rendered() {
    for name in ["1-prod", "007", "2024-01-01", "true", "no", "a.b_c-D"] {
        let dir = scratch();
        write(dir.path(), "clusters.yaml", support::one_cluster("").replace("  here:", &format!("  {name}:")));
        let output = run(dir.path(), &["generate"]);
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
        assert_eq!(code(&run(dir.path(), &["generate", "--check"])), 0, "{name}");
    }
}

#[test]
fn what_is_no_regular_file_is_refused_and_does_not_hang() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    let file = dir.path().join("generated/arc-staging/00-namespace.yaml");
    std::fs::remove_file(&file).unwrap_or_else(|error| panic!("{error}"));
    assert!(Command::new("mkfifo").arg(&file).status().is_ok_and(|status| status.success()));
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("00-namespace.yaml is not a regular file"), "{}", stderr(&output));
}

#[test]
fn many_problems_are_printed_quickly_and_not_all() {
    let dir = scratch();
    let keys: Vec<String> = (0..4_000).map(|n| format!("    wrong{n}: 1\n")).collect();
    write(dir.path(), "clusters.yaml", format!("defaults:\n  buildkit:\n{}clusters:\n  a: {{}}\n", keys.concat()));
    // How quickly is the benchmark's to say; in quadratic time it would hang.
    let output = unless_it_hangs(dir.path(), &["validate"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("and 3,900 more problems"), "{}", &stderr(&output)[stderr(&output).len() - 200..]);
}

#[test]
fn a_full_disk_behind_the_diff_is_an_error() {
    let dir = with_shipped();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap_or_else(|error| panic!("{error}"));
    let output =
        program(dir.path(), &["generate", "--check"]).stdout(full).output().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(code(&output), 3, "{}", stderr(&output));
}

#[test]
fn a_directory_of_another_tool_is_refused() {
    let dir = with_shipped();
    write(dir.path(), "generated/arc-staging/precious.yaml", "a: b\n");
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("not written by buildkit-fleet"), "{}", stderr(&output));
    assert_eq!(support::walk(&dir.path().join("generated")).len(), 1, "nothing was written");
}

#[test]
fn refused_input_writes_nothing() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    let before = support::walk(&dir.path().join("generated"));
    write(dir.path(), "clusters.yaml", support::shipped().replace("amd64_max: 360", "amd64_max: 0"));
    for args in [&["generate"][..], &["generate", "arc-staging"], &["generate", "--check"], &["validate"]] {
        let output = run(dir.path(), args);
        assert_eq!(code(&output), 1, "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("clusters.yaml is refused: 2 errors"), "{}", stderr(&output));
    }
    assert_eq!(before, support::walk(&dir.path().join("generated")));
}

#[test]
fn odd_files_end_in_a_clear_error_each() {
    let dir = scratch();
    write(dir.path(), "empty", "");
    write(dir.path(), "binary", [0u8, 159, 146, 150, 255]);
    write(dir.path(), "not-yaml", "a: [b\n: :");
    write(dir.path(), "five-megabytes", "x".repeat(5 << 20));
    write(dir.path(), "five-megabytes-of-lines", "- x\n".repeat(5 << 18));
    write(dir.path(), "brackets", "[".repeat(100_000));
    write(dir.path(), "braces", "{a: ".repeat(100_000));
    write(dir.path(), "anchors", "a: &a [*a]\n");
    std::fs::create_dir(dir.path().join("directory")).unwrap_or_else(|error| panic!("{error}"));
    for (name, expected, words) in [
        ("empty", 1, "empty-file"),
        ("binary", 1, "not-utf8"),
        ("not-yaml", 1, "yaml-syntax"),
        ("five-megabytes", 1, "wrong-shape"),
        ("five-megabytes-of-lines", 1, "wrong-shape"),
        ("brackets", 1, "yaml-syntax"),
        ("braces", 1, "yaml-syntax"),
        ("anchors", 1, "clusters-required"),
        ("directory", 3, "cannot read directory: Is a directory (os error 21): give a file with --config"),
        (
            "missing",
            3,
            "cannot read missing: No such file or directory (os error 2): give another file with --config, or create one with `buildkit-fleet init`",
        ),
    ] {
        let output = unless_it_hangs(dir.path(), &["generate", "--config", name]);
        assert_eq!(code(&output), expected, "{name}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{name}: {}", stderr(&output));
        assert!(stderr(&output).len() < 2000, "{name}: {} bytes of message", stderr(&output).len());
    }
    assert!(!dir.path().join("generated").exists());
}

#[test]
fn a_wrong_command_line_exits_2() {
    let dir = with_shipped();
    assert_eq!(code(&run(dir.path(), &[])), 2);
    assert_eq!(code(&run(dir.path(), &["generate", "--chek"])), 2);
    let output = run(dir.path(), &["generate", "nope", "arc-stagin"]);
    assert_eq!(stderr(&output).matches("not found: ").count(), 2, "{}", stderr(&output));
    let output = run(dir.path(), &["generate", "arc-stagin"]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("cluster `arc-stagin` not found: did you mean `arc-staging`?"),
        "{}",
        stderr(&output)
    );
    assert_eq!(code(&run(dir.path(), &["--help"])), 0);
    assert_eq!(code(&run(dir.path(), &["--version"])), 0);
}

#[test]
fn a_file_that_cannot_be_written_exits_3() {
    let dir = with_shipped();
    write(dir.path(), "generated", "a file, where a directory belongs");
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("generated is not a directory"), "{}", stderr(&output));
    let dir = with_shipped();
    std::os::unix::fs::symlink("nowhere", dir.path().join("generated")).unwrap_or_else(|error| panic!("{error}"));
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("generated is a broken symbolic link"), "{}", stderr(&output));
}

#[test]
fn a_removed_directory_is_reported_with_the_reason() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    let config = support::shipped().replacen("runners, buildkit, monitoring]", "runners, buildkitd, monitoring]", 1);
    write(dir.path(), "clusters.yaml", config);
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let shown = stderr(&output) + &stdout(&output);
    assert!(
        shown.contains("arc-staging: 12 files removed, the cluster no longer has a fleet in clusters.yaml"),
        "{shown}"
    );
    assert!(shown.contains("arc-staging: skipped, `modules` does not list `buildkit`"), "{shown}");
}

#[test]
fn the_same_input_gives_the_same_bytes_everywhere() {
    let (here, there) = (with_shipped(), scratch());
    let one = run(here.path(), &["generate"]);
    assert_eq!(code(&one), 0);
    let config = here.path().join("clusters.yaml");
    let deep = there.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap_or_else(|error| panic!("{error}"));
    let other = program(&deep, &["generate", "--config", &config.display().to_string(), "--out", "../out"])
        .env_clear()
        .envs([
            ("TZ", "Pacific/Kiritimati"),
            ("HOME", "/nonexistent"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("LANG", "tr_TR.UTF-8"),
            ("USER", "x"),
        ])
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(code(&other), 0, "{}", stderr(&other));
    let (left, right) = (here.path().join("generated"), there.path().join("a/out"));
    assert_eq!(support::walk(&left), support::walk(&right));
    for path in support::walk(&left) {
        assert_eq!(std::fs::read(left.join(&path)).ok(), std::fs::read(right.join(&path)).ok(), "{}", path.display());
    }
}

#[test]
fn messages_have_no_color_outside_of_a_terminal() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", "a: [\n");
    assert!(!stderr(&run(dir.path(), &["validate"])).contains('\u{1b}'));
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let dir = with_shipped();
    let mut child = program(dir.path(), &["generate", "--check"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{error}"));
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}
