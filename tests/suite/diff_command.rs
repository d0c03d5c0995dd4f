//! The command `diff` as its users run it: what it compares with, what it prints, how it ends.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support;
use crate::support::program::{code, program, run, scratch, stderr, stdout, with_shipped, write};

const TWO: &str = "clusters:\n  a:\n    cluster_name: eks-a\n    region: us-east-1\n    modules: [karpenter, buildkit]\n    buildkit: {ami_alias: al2023@v20260714, amd64_replicas: 4}\n  b:\n    cluster_name: eks-b\n    region: us-east-1\n    modules: [karpenter, buildkit]\n    buildkit: {ami_alias: al2023@v20260714}\n";

fn git(dir: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(dir)
        .args(["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("git: {error}"));
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn json(dir: &Path, arguments: &[&str]) -> (i32, Value) {
    let mut all = vec!["diff", "--format", "json"];
    all.extend(arguments);
    let output = run(dir, &all);
    let found = serde_json::from_str(&stdout(&output)).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
    (code(&output), found)
}

fn statuses(found: &Value) -> Vec<String> {
    let clusters = found["clusters"].as_array().unwrap_or_else(|| panic!("{found}"));
    clusters.iter().map(|one| format!("{} {}", one["cluster"], one["status"]).replace('"', "")).collect()
}

#[test]
fn what_was_just_generated_differs_in_nothing() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    for format in ["text", "json", "markdown"] {
        let output = run(dir.path(), &["diff", "--format", format]);
        assert_eq!(
            (code(&output), stderr(&output).as_str()),
            (0, "no differences from generated (its manifests)\n"),
            "{format}"
        );
    }
    assert_eq!(stdout(&run(dir.path(), &["diff"])), "");
    let shown = stdout(&run(dir.path(), &["diff", "--format", "markdown"]));
    assert!(shown.contains("No manifest changes."), "{shown}");
}

#[test]
fn of_two_earlier_names_of_one_fleet_the_first_is_the_renamed_one() {
    let dir = scratch();
    // Naming a cluster leaves the sets of other names alone.
    for name in ["late", "early"] {
        write(dir.path(), "clusters.yaml", TWO.replace("  a:\n", &format!("  {name}:\n")));
        assert_eq!(code(&run(dir.path(), &["generate", "b", name])), 0);
    }
    write(dir.path(), "clusters.yaml", TWO.replace("  a:\n", "  now:\n").replace("eks-b", "eks-new"));
    let (ended, found) = json(dir.path(), &[]);
    assert_eq!(
        (ended, statuses(&found)),
        (1, vec!["now changed".to_owned(), "b changed".to_owned(), "late removed".to_owned()])
    );
    let renamed = &found["clusters"][0]["consequences"];
    assert!(renamed.to_string().contains("early is renamed to now"), "{renamed}");
}

#[test]
fn without_anything_to_compare_with_it_is_trouble() {
    let dir = with_shipped();
    let output = run(dir.path(), &["diff"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("run `buildkit-fleet generate` first"), "{}", stderr(&output));
    let output = run(dir.path(), &["diff", "--against", "nowhere"]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("`nowhere` is not a directory with manifests of buildkit-fleet"),
        "{}",
        stderr(&output)
    );
    git(dir.path(), &["init", "-q"]);
    let output = run(dir.path(), &["diff", "--against", "nowhere"]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("neither a directory with manifests of buildkit-fleet nor a revision"),
        "{}",
        stderr(&output)
    );
    run(dir.path(), &["generate"]);
    let output = run(dir.path(), &["diff", "--against", "generated/arc-staging"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("give its parent directory"), "{}", stderr(&output));
}

#[test]
fn a_refused_file_exits_3_and_a_misspelt_cluster_exits_2() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", TWO);
    run(dir.path(), &["generate"]);
    for (name, hint) in [("zebra", "expected one of a, b"), ("aa", "did you mean `a`?")] {
        let output = run(dir.path(), &["diff", name]);
        assert_eq!(code(&output), 2);
        let shown = format!("cluster `{name}` not found: {hint}\n");
        assert!(stderr(&output).contains(&shown), "{}", stderr(&output));
    }
    assert_eq!(code(&run(dir.path(), &["diff", "--format", "html"])), 2);
    write(dir.path(), "clusters.yaml", TWO.replace("replicas", "replicass"));
    let output = run(dir.path(), &["diff"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("did you mean `amd64_replicas`?"), "{}", stderr(&output));
}

#[test]
fn clusters_that_come_change_go_and_stay() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", TWO);
    run(dir.path(), &["generate"]);
    let changed =
        TWO.replace("  b:", "  c:").replace("eks-b", "eks-c").replace("amd64_replicas: 4", "amd64_replicas: 8");
    write(dir.path(), "clusters.yaml", changed);
    let (ended, found) = json(dir.path(), &[]);
    assert_eq!(ended, 1);
    assert_eq!(statuses(&found), ["a changed", "c added", "b removed"]);
    assert_eq!(found["same"], false);
    let clusters = &found["clusters"];
    assert_eq!(clusters[1]["consequences"][0]["class"], "creates");
    let what = clusters[2]["consequences"][0]["what"].as_str().unwrap_or_default();
    assert!(what.contains("is no longer in the file; applying the rest deletes none of it"), "{what}");
    assert!(clusters[0]["files"].as_array().is_some_and(|files| {
        files
            .iter()
            .all(|file| file["status"] == "changed" && file["diff"].as_str().is_some_and(|diff| diff.contains("@@ ")))
    }));
    // One that only the other side has may be named, and one that stayed is the same.
    assert_eq!(statuses(&json(dir.path(), &["b"]).1), ["b removed"]);
    write(dir.path(), "clusters.yaml", TWO);
    assert_eq!(json(dir.path(), &["a"]).0, 0);
}

#[test]
fn a_revision_is_read_from_its_committed_sets() {
    let dir = scratch();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    // In a directory below the top of the repository, where paths are relative to.
    let work = dir.path().join("infra/builds");
    write(&work, "clusters.yaml", TWO);
    run(&work, &["generate"]);
    // The revision's clusters.yaml makes something else than the sets beside it, and is not asked.
    write(&work, "clusters.yaml", TWO.replace("amd64_replicas: 4", "amd64_replicas: 20"));
    write(dir.path(), "infra/builds/generated-elsewhere/a/00-namespace.yaml", "# Made by buildkit-fleet from x\n");
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    // Without the sets on disk.
    std::fs::remove_dir_all(work.join("generated")).unwrap_or_else(|error| panic!("{error}"));
    write(&work, "clusters.yaml", TWO.replace("amd64_replicas: 4", "amd64_replicas: 6"));
    let (ended, found) = json(&work, &["--against", "main"]);
    assert_eq!((ended, &found["against"]), (1, &Value::from("main")));
    assert_eq!(statuses(&found), ["a changed", "b same"]);
    let what = found["clusters"][0]["consequences"][0]["what"].as_str().unwrap_or_default();
    assert_eq!(what, "amd64: pods 4 -> 6, nodes 2 -> 3, cost $11.39/h -> $17.09/h, node ceiling 4 -> 6");
    write(&work, "clusters.yaml", TWO);
    for revision in ["main", "HEAD", "HEAD~0", "refs/heads/main"] {
        assert_eq!(json(&work, &["--against", revision]).0, 0, "{revision}");
    }
    let absolute = work.join("generated").display().to_string();
    assert_eq!(json(&work, &["--against", "main", "--out", &absolute]).0, 0);
}

#[test]
fn a_revision_without_sets_is_read_from_its_clusters_yaml() {
    let dir = scratch();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    write(dir.path(), "clusters.yaml", TWO);
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    assert_eq!(json(dir.path(), &["--against", "main"]).0, 0);
    write(dir.path(), "clusters.yaml", TWO.replace("eks-b", "eks-bb"));
    let (ended, found) = json(dir.path(), &["--against", "main"]);
    assert_eq!(ended, 1);
    assert_eq!(statuses(&found), ["a same", "b changed"]);
    // A revision whose file is refused says so, with its own name and place; the change that mends it is shown all the same.
    write(dir.path(), "clusters.yaml", TWO.replace("replicas", "replicass"));
    git(dir.path(), &["commit", "-q", "-a", "-m", "two"]);
    write(dir.path(), "clusters.yaml", TWO);
    let output = run(dir.path(), &["diff", "--against", "main", "--format", "markdown"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("--> main:clusters.yaml:6:45"), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("clusters.yaml of main is refused: every fleet is shown as new"),
        "{}",
        stdout(&output)
    );
    // And one without the file.
    git(dir.path(), &["rm", "-q", "-f", "clusters.yaml"]);
    git(dir.path(), &["commit", "-q", "-m", "three", "--allow-empty"]);
    write(dir.path(), "clusters.yaml", TWO);
    let output = run(dir.path(), &["diff", "--against", "main"]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("main has neither manifests below generated nor a file clusters.yaml"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_name_that_looks_like_an_option_is_no_option_of_git() {
    let dir = with_shipped();
    git(dir.path(), &["init", "-q"]);
    let output = run(dir.path(), &["diff", "--against=--output=stolen"]);
    assert_eq!(code(&output), 3);
    assert!(!dir.path().join("stolen").exists());
}

#[test]
fn markdown_fits_a_comment_whatever_changes() {
    let dir = scratch();
    let many = |ami: &str| {
        let cluster = |n: u32| {
            format!(
                "  cluster-{n}:\n    cluster_name: eks-{n}\n    region: us-east-1\n    modules: [karpenter, buildkit]\n    buildkit: {{ami_alias: {ami}, amd64_replicas: {}}}\n",
                n % 50 + 1
            )
        };
        format!("clusters:\n{}", (0..300).map(cluster).collect::<String>())
    };
    write(dir.path(), "clusters.yaml", many("al2023@v20260714"));
    git(dir.path(), &["init", "-q", "-b", "main"]);
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    write(dir.path(), "clusters.yaml", many("al2023@v20260625"));
    let output = run(dir.path(), &["diff", "--against", "main", "--format", "markdown"]);
    let shown = stdout(&output);
    assert_eq!(code(&output), 1);
    assert!(shown.chars().count() < 60_000, "{}", shown.chars().count());
    assert!(shown.contains("**replaces-nodes**"), "{shown}");
    // Clusters with the same consequences are shown together, and what does not fit is counted.
    assert!(shown.contains("#### `cluster-0`, `cluster-1`, `cluster-50`"), "{}", &shown[..600]);
    assert!(shown.contains("do not fit here"), "{shown}");
    assert_eq!(shown.matches("<details>").count(), shown.matches("</details>").count());
}

#[test]
fn a_file_on_disk_cannot_break_out_of_the_comment_or_the_terminal() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", TWO);
    run(dir.path(), &["generate"]);
    let path = "generated/a/31-services.yaml";
    let text = std::fs::read_to_string(dir.path().join(path)).unwrap_or_else(|error| panic!("{error}"));
    let hostile = text.replacen("targetPort: all", "targetPort: \"\\e[31m```</details>@everybody`` \"", 1);
    write(dir.path(), path, hostile);
    let shown = stdout(&run(dir.path(), &["diff", "a", "--format", "markdown"]));
    let consequences = shown.split("<details>").next().unwrap_or_default();
    assert!(!consequences.contains('\u{1b}') && !consequences.contains("\n```"), "{consequences}");
    assert!(shown.contains("````diff"), "{shown}");
    let text = stdout(&run(dir.path(), &["diff", "a"]));
    assert!(!text.contains('\u{1b}'), "{text}");
}

/// Text that shows another order of characters than it has, or hides some, and control characters.
#[test]
fn a_file_on_disk_cannot_hide_text_in_a_diff() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", TWO);
    run(dir.path(), &["generate"]);
    let path = "generated/a/31-services.yaml";
    let text = std::fs::read_to_string(dir.path().join(path)).unwrap_or_else(|error| panic!("{error}"));
    let odd = "a\u{202e}b\u{200b}c\u{2066}d\u{ad}e\u{feff}f\u{e0041}g";
    let hostile = text.replacen("targetPort: all", &format!("targetPort: \"{odd}\""), 1);
    write(dir.path(), path, format!("# {odd} \u{1b}[31m \u{9b}2J\r\n{hostile}"));
    let check = ["generate", "--check", "--format"];
    for args in [
        &["diff", "a"][..],
        &["diff", "a", "--format", "markdown"],
        &[check[0], check[1], check[2], "text"],
        &[check[0], check[1], check[2], "github"],
    ] {
        let output = run(dir.path(), args);
        let text = stdout(&output) + &stderr(&output);
        assert!(text.contains("\\u{202e}b\\u{200b}c\\u{2066}d\\u{ad}e\\u{feff}f\\u{e0041}g"), "{args:?}: {text}");
        let seen = |c: char| odd.contains(c) && !c.is_ascii() || matches!(c, '\u{1b}' | '\u{9b}' | '\r');
        assert!(!text.contains(seen), "{args:?}: {text:?}");
    }
}

#[test]
fn what_was_edited_by_hand_into_nonsense_is_reported_and_stops_nothing_else() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", TWO);
    run(dir.path(), &["generate"]);
    let path = "generated/a/31-services.yaml";
    let text = std::fs::read_to_string(dir.path().join(path)).unwrap_or_else(|error| panic!("{error}"));
    write(dir.path(), path, text + "\n]: [\n");
    let (ended, found) = json(dir.path(), &[]);
    assert_eq!((ended, statuses(&found)), (1, vec!["a changed".to_owned(), "b same".to_owned()]));
    let consequence = &found["clusters"][0]["consequences"][0];
    assert_eq!((&consequence["class"], &consequence["grave"]), (&Value::from("unjudged"), &Value::from(true)));
    assert!(
        consequence["what"].as_str().is_some_and(|what| what.contains("31-services.yaml is not valid YAML")),
        "{consequence}"
    );
}

#[test]
fn a_cluster_that_is_only_called_otherwise_is_the_same_fleet() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", TWO);
    run(dir.path(), &["generate"]);
    for name in ["A", "renamed"] {
        write(
            dir.path(),
            "clusters.yaml",
            TWO.replace("  a:", &format!("  {name}:")).replace("amd64_replicas: 4", "amd64_replicas: 6"),
        );
        let (_, found) = json(dir.path(), &[]);
        assert_eq!(statuses(&found), [format!("{name} changed"), "b same".to_owned()]);
        let shown: Vec<&str> = found["clusters"][0]["consequences"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["class"].as_str())
            .collect();
        assert_eq!(shown, ["capacity", "in-place", "no-effect"], "{found:#}");
    }
}

#[test]
fn the_filter_does_not_choose_what_is_read() {
    let dir = scratch();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    write(dir.path(), "clusters.yaml", TWO);
    run(dir.path(), &["generate", "b"]);
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    for arguments in [&["--against", "main"][..], &["--against", "main", "a"]] {
        assert_eq!(statuses(&json(dir.path(), arguments).1)[0], "a added", "{arguments:?}");
    }
}

#[test]
fn a_directory_without_sets_does_not_hide_a_revision() {
    let dir = scratch();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    write(dir.path(), "clusters.yaml", TWO);
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    write(dir.path(), "main/notes.txt", "nothing of ours");
    let (ended, found) = json(dir.path(), &["--against", "main"]);
    assert_eq!((ended, &found["read"]), (0, &Value::from("its clusters.yaml")));
}

#[test]
fn the_repository_is_the_one_around_the_files() {
    let dir = scratch();
    let repository = dir.path().join("repository");
    write(&repository, "sub/clusters.yaml", TWO);
    git(&repository, &["init", "-q", "-b", "main"]);
    git(&repository, &["add", "-A"]);
    git(&repository, &["commit", "-q", "-m", "one"]);
    // From outside, and with the environment of a hook.
    let from_outside = run(
        dir.path(),
        &["diff", "--config", "repository/sub/clusters.yaml", "--out", "repository/sub/generated", "--against", "main"],
    );
    assert_eq!(code(&from_outside), 0, "{}", stderr(&from_outside));
    let in_hook = program(&repository.join("sub"), &["diff", "--against", "main"])
        .env("GIT_DIR", repository.join(".git"))
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(code(&in_hook), 0, "{}", stderr(&in_hook));
}

#[cfg(unix)]
#[test]
fn a_file_that_became_a_link_is_compared_with_the_file_that_it_was() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", TWO);
    git(dir.path(), &["init", "-q", "-b", "main"]);
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    write(dir.path(), "real/clusters.yaml", TWO);
    std::fs::remove_file(dir.path().join("clusters.yaml")).unwrap_or_else(|error| panic!("{error}"));
    std::os::unix::fs::symlink("real/clusters.yaml", dir.path().join("clusters.yaml"))
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(json(dir.path(), &["--against", "main"]).0, 0);
}

#[test]
fn another_region_has_other_prices_and_no_other_manifest_but_its_name_in_the_namespace() {
    let dir = scratch();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    write(dir.path(), "clusters.yaml", TWO);
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    write(dir.path(), "clusters.yaml", TWO.replacen("us-east-1", "us-west-1", 1));
    let (ended, found) = json(dir.path(), &["--against", "main"]);
    let files = found["clusters"][0]["files"].as_array().cloned().unwrap_or_default();
    let paths: Vec<&str> = files.iter().filter_map(|file| file["path"].as_str()).collect();
    assert_eq!((ended, paths), (1, vec!["00-namespace.yaml"]), "{files:?}");
    let consequences = found["clusters"][0]["consequences"].as_array().cloned().unwrap_or_default();
    let what: Vec<&str> = consequences.iter().filter_map(|consequence| consequence["what"].as_str()).collect();
    assert_eq!(
        what,
        [
            "amd64: cost $11.39/h -> $13.41/h",
            "arm64: cost $11.07/h -> unknown",
            "costs are now those of us-west-1 instead of us-east-1",
            "the region of the cluster is us-west-1, it was us-east-1",
            "only labels or annotations change; nothing restarts"
        ]
    );
}

#[test]
fn the_worst_is_on_top_of_the_comment_and_everything_is_counted() {
    let dir = scratch();
    let many = |ami: &str, last: &str| {
        let cluster = |n: u32| {
            let more = if n == 299 { last } else { "" };
            format!(
                "  cluster-{n}:\n    cluster_name: eks-{n}\n    region: us-east-1\n    modules: [karpenter, buildkit]\n    buildkit: {{ami_alias: {ami}, amd64_replicas: {}{more}}}\n",
                n + 1
            )
        };
        format!("clusters:\n{}", (0..300).map(cluster).collect::<String>())
    };
    write(dir.path(), "clusters.yaml", many("al2023@v20260714", ""));
    git(dir.path(), &["init", "-q", "-b", "main"]);
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    let clients: Vec<String> = (0..700).map(|n| format!("client-{n}")).collect();
    write(
        dir.path(),
        "clusters.yaml",
        many("al2023@v20260625", &format!(", client_namespaces: [arc-runners, {}]", clients.join(", "))),
    );
    let shown = stdout(&run(dir.path(), &["diff", "--against", "main", "--format", "markdown"]));
    assert!(shown.chars().count() < 60_000, "{}", shown.chars().count());
    let head: String = shown.chars().take(1_500).collect();
    assert!(head.contains("Of 300 clusters: 🔴 opens-access in 1, 🔴 replaces-nodes in 300."), "{head}");
    assert!(
        head.contains("#### `cluster-299`") && head.contains("and 690 more") || head.contains("690 more"),
        "{head}"
    );
    assert!(shown.contains("run `buildkit-fleet diff --against main`"), "{}", &shown[shown.len() - 300..]);
}

#[test]
fn color_is_for_terminals_and_for_who_asks() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", TWO);
    run(dir.path(), &["generate"]);
    write(dir.path(), "clusters.yaml", TWO.replace("amd64_replicas: 4", "amd64_replicas: 6"));
    assert!(!stdout(&run(dir.path(), &["diff"])).contains('\u{1b}'));
    let colored = stdout(&run(dir.path(), &["diff", "--color", "always"]));
    assert!(colored.contains("\u{1b}[1m\u{1b}[33mcapacity\u{1b}[0m") && colored.contains("\u{1b}[32m+"), "{colored}");
    let quiet = program(dir.path(), &["diff"]).env("NO_COLOR", "1").output().unwrap_or_else(|error| panic!("{error}"));
    assert!(!stdout(&quiet).contains('\u{1b}'));
}

#[test]
fn the_text_of_a_change_reads_as_recorded() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    let changed = support::shipped()
        .replace("amd64_max: 360", "amd64_max: 400")
        .replace("al2023@v20260714", "al2023@v20260625")
        .replace(
            "    client_namespaces: [arc-runners]\n",
            "    client_namespaces: [arc-runners, release]\n    max_build_minutes: 150\n",
        );
    write(dir.path(), "clusters.yaml", changed);
    let shown = stdout(&run(dir.path(), &["diff", "arc-cbr-production"]));
    let consequences = shown.split("\n--- a/").next().unwrap_or_default();
    insta::with_settings!({snapshot_path => "../../snapshots/messages", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("diff-of-a-change", consequences);
    });
}

#[test]
fn more_clusters_than_are_compared_together_come_in_their_order() {
    const CLUSTERS: usize = 600;
    let changed = [0, 63, 64, 511, 512, 599];
    let dir = scratch();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    let config = |changed: &[usize]| -> String {
        let cluster = |n| {
            let replicas = if changed.contains(&n) { 6 } else { 4 };
            format!(
                "  c{n:03}:\n    cluster_name: eks-{n}\n    region: us-east-1\n    modules: [buildkit]\n    buildkit: {{ami_alias: al2023@v20250123, amd64_replicas: {replicas}}}\n"
            )
        };
        std::iter::once("clusters:\n".to_owned()).chain((0..CLUSTERS).map(cluster)).collect()
    };
    write(dir.path(), "clusters.yaml", config(&[]));
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    write(dir.path(), "clusters.yaml", config(&changed));
    let names: Vec<String> = changed.iter().map(|n| format!("c{n:03}")).collect();

    let text = stdout(&run(dir.path(), &["diff", "--against", "main"]));
    assert!(text.starts_with(&format!("{}\n", names.join(", "))), "{text}");
    let mut shown: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("--- a/")?.split('/').next()).collect();
    shown.dedup();
    assert_eq!(shown, names);

    let printed = stdout(&run(dir.path(), &["diff", "--against", "main", "--format", "json"]));
    let found: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(printed, format!("{found:#}\n"), "it is indented as a whole");
    let status = |n| format!("c{n:03} {}", if changed.contains(&n) { "changed" } else { "same" });
    assert_eq!(statuses(&found), (0..CLUSTERS).map(status).collect::<Vec<_>>());

    let comment = stdout(&run(dir.path(), &["diff", "--against", "main", "--format", "markdown"]));
    assert!(comment.contains("Of 600 clusters: 🟡 capacity in 6, ⚪ in-place in 6.\n"), "{comment}");
    assert!(comment.contains("594 clusters unchanged.\n"), "{comment}");
}

#[test]
fn every_file_of_ours_in_a_revision_is_read_and_no_other() {
    let dir = scratch();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    write(dir.path(), "clusters.yaml", TWO);
    run(dir.path(), &["generate"]);
    let ours = |n: usize| format!("# Made by buildkit-fleet from x\n{}: 1\n", "long".repeat(n * 100));
    for n in 0..100 {
        write(dir.path(), &format!("generated/gone/{n:02}.yaml"), ours(n));
    }
    // The first file of a set may be somebody else's.
    write(dir.path(), "generated/mixed/a.yaml", "a: 1\n");
    write(dir.path(), "generated/mixed/b.yaml", ours(1));
    write(dir.path(), "generated/theirs/a.yaml", "a: 1\n");
    write(dir.path(), "generated/theirs/empty.yaml", "");
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    let (ended, found) = json(dir.path(), &["--against", "main"]);
    assert_eq!((ended, &found["read"]), (1, &Value::from("its committed manifests")));
    assert_eq!(statuses(&found), ["a same", "b same", "gone removed", "mixed removed"]);
    let files = |place: usize| found["clusters"][place]["files"].as_array().cloned().unwrap_or_default();
    assert_eq!(files(2).len(), 100);
    for (n, file) in files(2).iter().enumerate() {
        assert_eq!(file["path"], format!("{n:02}.yaml"));
        let diff = file["diff"].as_str().unwrap_or_default();
        assert!(diff.ends_with(&format!("\n-{}: 1\n", "long".repeat(n * 100))), "{n}: {diff}");
    }
    let paths: Vec<Value> = files(3).iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths, ["b.yaml"]);
}
