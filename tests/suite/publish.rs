//! A process that dies at any step of publishing leaves a set that is refused, or the complete old one, or the
//! complete new one; the next run mends it.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use buildkit_fleet::manifests::set::SetFile;
use buildkit_fleet::publish::compare::compare;
use buildkit_fleet::publish::exchange::publish;

use crate::support;

const CHILD: &str = "PUBLISH_TEST_CHILD";

fn file(path: &'static str, body: &str) -> SetFile {
    let text = format!(
        "# {path}\n# Made by buildkit-fleet from clusters.here.buildkit over defaults.buildkit.\nbody: {body}\n"
    );
    SetFile { path: path.to_owned(), text }
}

/// One file stays, one changes, one goes, one comes.
fn old_set() -> Vec<SetFile> {
    vec![file("00-a.yaml", "same"), file("10-b.yaml", "old"), file("50-c.yaml", "old")]
}

fn new_set() -> Vec<SetFile> {
    vec![file("00-a.yaml", "same"), file("10-b.yaml", "new"), file("60-d.yaml", "new")]
}

fn set_by_name(name: &str) -> Vec<SetFile> {
    match name {
        "old" => old_set(),
        "new" => new_set(),
        _ => Vec::new(),
    }
}

/// What a reader does before it applies anything: `sha256sum --strict --check`, and no unlisted manifest.
fn verified(dir: &Path) -> Option<BTreeMap<String, String>> {
    let sums = std::fs::read_to_string(dir.join("SHA256SUMS")).ok()?;
    let check =
        Command::new("sha256sum").args(["--strict", "--check", "--quiet", "SHA256SUMS"]).current_dir(dir).output();
    if !check.unwrap_or_else(|error| panic!("sha256sum: {error}")).status.success() {
        return None;
    }
    let listed: Vec<&str> = sums.lines().map(|line| &line[66..]).collect();
    let present = support::walk(dir)
        .into_iter()
        .map(|path| path.display().to_string())
        .filter(|path| Path::new(path).extension().is_some_and(|ending| ending == "yaml"));
    let texts: BTreeMap<String, String> = present
        .map(|path| (path.clone(), std::fs::read_to_string(dir.join(path)).unwrap_or_default()))
        .filter(|(path, _)| !path.starts_with('.'))
        .collect();
    (texts.keys().map(String::as_str).eq(listed.iter().copied())).then_some(texts)
}

fn texts(set: &[SetFile]) -> BTreeMap<String, String> {
    set.iter().map(|file| (file.path.clone(), file.text.clone())).collect()
}

/// Not a test by itself: the process that is killed. It publishes a set and dies at the given step.
#[test]
fn child_that_publishes_and_dies() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let mut parts = order.splitn(3, ' ');
    let (set, step, dir) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut left: usize = step.parse().unwrap_or_else(|_| panic!("{order}"));
    let result = publish(Path::new(dir), &set_by_name(set), &mut |_| {
        if left == 0 {
            // SIGKILL: no destructor runs, nothing is flushed.
            let _ = Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        }
        left -= 1;
    });
    result.unwrap_or_else(|error| panic!("{error:#}"));
}

/// Publishes in a process of its own that is killed before the given step. Tells whether it was.
fn publish_and_die(set: &str, step: usize, dir: &Path) -> bool {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let output = Command::new(program)
        .args(["--exact", "publish::child_that_publishes_and_dies", "--nocapture"])
        .env(CHILD, format!("{set} {step} {}", dir.display()))
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    let killed = output.status.signal() == Some(9);
    assert!(killed || output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    killed
}

/// Kills the publication of `after` over `before` at every step, and looks at what is left each time.
fn kill_everywhere(before: &str, after: &str) -> usize {
    let (old, new) = (texts(&set_by_name(before)), texts(&set_by_name(after)));
    for step in 0.. {
        let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let dir = scratch.path().join("here");
        if before != "none" {
            publish(&dir, &set_by_name(before), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
        }
        let killed = publish_and_die(after, step, &dir);
        if let Some(seen) = verified(&dir) {
            assert!(
                seen == old || seen == new,
                "step {step}: a set that is neither old nor new verifies: {:?}",
                seen.keys()
            );
        }
        if !killed {
            assert_eq!(verified(&dir).unwrap_or_default(), new);
            return step;
        }
        // The next run mends it, from either side.
        publish(&dir, &set_by_name(after), &mut |_| {}).unwrap_or_else(|error| panic!("step {step}: {error:#}"));
        assert_eq!(verified(&dir).unwrap_or_default(), new, "step {step}: not mended");
        let left: Vec<String> = if dir.exists() {
            support::walk(&dir).iter().map(|path| path.display().to_string()).collect()
        } else {
            Vec::new()
        };
        let strange: Vec<&String> =
            left.iter().filter(|path| path.contains("tmp") || path.contains("pending")).collect();
        assert!(strange.is_empty(), "step {step}: left behind {strange:?}");
    }
    unreachable!("a publication has an end")
}

#[test]
fn killed_at_any_step_of_the_first_publication() {
    assert!(kill_everywhere("none", "new") > 15);
}

#[test]
fn killed_at_any_step_of_a_change() {
    assert!(kill_everywhere("old", "new") > 15);
}

#[test]
fn killed_at_any_step_of_a_removal() {
    assert!(kill_everywhere("old", "gone") > 8);
}

#[test]
fn a_crash_between_two_changes_leaves_nothing_of_the_first() {
    // Dies while publishing `new` over `old`; the next run wants `old` again.
    for step in 0..25 {
        let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let dir = scratch.path().join("here");
        publish(&dir, &old_set(), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
        publish_and_die("new", step, &dir);
        publish(&dir, &old_set(), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(verified(&dir).unwrap_or_default(), texts(&old_set()), "step {step}");
    }
}

#[test]
fn an_unchanged_set_touches_nothing() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let dir = scratch.path().join("here");
    publish(&dir, &old_set(), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    let stamp = || {
        use std::os::unix::fs::MetadataExt;
        let files = support::walk(&dir);
        files
            .iter()
            .map(|path| dir.join(path).metadata().map(|meta| (meta.ino(), meta.mtime_nsec(), meta.ctime_nsec())).ok())
            .collect::<Vec<_>>()
    };
    let before = stamp();
    assert!(compare(&dir, &old_set()).is_ok_and(|comparison| comparison.is_clean()));
    publish(&dir, &old_set(), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(before, stamp());
}

#[test]
fn a_lost_or_edited_list_is_put_right() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let dir = scratch.path().join("here");
    publish(&dir, &old_set(), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    let sums = std::fs::read_to_string(dir.join("SHA256SUMS")).unwrap_or_default();
    std::fs::write(dir.join("SHA256SUMS"), sums.replace(&sums[..8], "00000000"))
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(compare(&dir, &old_set()).is_ok_and(|comparison| !comparison.is_clean()));
    publish(&dir, &old_set(), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(verified(&dir).unwrap_or_default(), texts(&old_set()));
}

#[test]
fn a_list_that_leads_out_of_the_directory_is_refused() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let dir = scratch.path().join("here");
    std::fs::create_dir(&dir).unwrap_or_else(|error| panic!("{error}"));
    let victim = scratch.path().join("victim.yaml");
    std::fs::write(&victim, &file("00-a.yaml", "victim").text).unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(dir.join("SHA256SUMS"), format!("{}  ../victim.yaml\n", "0".repeat(64)))
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(publish(&dir, &new_set(), &mut |_| {}).is_err());
    assert!(victim.exists());
}

#[test]
fn a_link_in_place_of_a_file_is_replaced_and_not_followed() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let dir = scratch.path().join("here");
    publish(&dir, &old_set(), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    let outside = scratch.path().join("outside");
    std::fs::write(&outside, &new_set()[1].text).unwrap_or_else(|error| panic!("{error}"));
    std::fs::remove_file(dir.join("10-b.yaml")).unwrap_or_else(|error| panic!("{error}"));
    std::os::unix::fs::symlink(&outside, dir.join("10-b.yaml")).unwrap_or_else(|error| panic!("{error}"));
    publish(&dir, &new_set(), &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(!dir.join("10-b.yaml").is_symlink());
    assert_eq!(std::fs::read_to_string(&outside).unwrap_or_default(), new_set()[1].text);
}

#[test]
fn two_publishers_at_once_end_in_one_whole_set() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let dir = scratch.path().join("here");
    std::thread::scope(|scope| {
        for set in [old_set(), new_set(), old_set(), new_set()] {
            let dir = &dir;
            scope.spawn(move || {
                for _ in 0..10 {
                    publish(dir, &set, &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
                }
            });
        }
    });
    let seen = verified(&dir).unwrap_or_default();
    assert!(seen == texts(&old_set()) || seen == texts(&new_set()));
}
