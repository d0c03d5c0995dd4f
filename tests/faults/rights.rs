//! Directories and files that this user may not write or read. Root may everything, so that root runs the program as
//! another user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Output};

use crate::full::is_root;
use crate::place::{PROGRAM, Transition, has_remedy, tree};
use crate::support::not_tried;
use crate::support::program::{scratch, stderr};
use crate::tally::Tally;

const SOMEBODY: u32 = 65_534;
const OTHER: u32 = 65_533;

/// The program as a user without rights of root. The program is copied where that user may read it.
fn as_user(dir: &Path, args: &[&str]) -> Output {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        let user = SOMEBODY.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups", PROGRAM]);
        command
    } else {
        Command::new(PROGRAM)
    };
    command.args(args).current_dir(dir).output().unwrap_or_else(|error| panic!("setpriv: {error}"))
}

fn give(path: &Path, user: u32) {
    if !is_root() {
        return;
    }
    for path in tree(path).keys() {
        if !path.is_symlink() {
            chown(path, Some(user), Some(user)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_may_not_be_written_or_read_is_named() {
    let mut tally = Tally::of("no right to write or to read, as a user who is not root");
    for (transition, path, without, back) in [
        (Transition::first(), ".", 0o555, 0o755),
        (Transition::change(), "generated", 0o000, 0o755),
        (Transition::change(), "generated/here", 0o555, 0o755),
        (Transition::change(), "generated/here", 0o444, 0o755),
        (Transition::change(), "generated/here", 0o000, 0o755),
        (Transition::change(), "generated/here/.lock", 0o000, 0o644),
        (Transition::change(), "generated/here/.lock", 0o444, 0o644),
        (Transition::change(), "generated/here/SHA256SUMS", 0o000, 0o644),
        (Transition::change(), "generated/here/40-deployments.yaml", 0o000, 0o644),
        (Transition::change(), "generated/here/00-namespace.yaml", 0o000, 0o644),
        (Transition::removal(), "generated", 0o555, 0o755),
        (Transition::removal(), "generated/gone", 0o555, 0o755),
        (Transition::removal(), "generated/gone/SHA256SUMS", 0o000, 0o644),
        (Transition::removal(), "generated/gone/40-deployments.yaml", 0o000, 0o644),
    ] {
        let place = transition.place();
        give(place.path(), SOMEBODY);
        mode(&place.path().join(path), without);
        let output = as_user(place.path(), &["generate"]);
        mode(&place.path().join(path), back);
        let survived = transition.is_reported(place.path(), &output).and_then(|()| transition.whole(place.path()));
        tally.count(format!("{path} {without:o}"), survived.and_then(|()| transition.recovers(place.path())));
    }
    // A directory that may not be looked into may be anybody's, such as lost+found.
    let removal = Transition::removal();
    let place = removal.place();
    give(place.path(), SOMEBODY);
    let gone = place.path().join("generated/gone");
    let before = tree(&gone);
    mode(&gone, 0o000);
    let output = as_user(place.path(), &["generate"]);
    mode(&gone, 0o755);
    let survived = if output.status.success() && tree(&gone) == before { Ok(()) } else { Err(stderr(&output)) };
    tally.count("generated/gone 0", survived.and_then(|()| removal.recovers(place.path())));
    let place = Transition::change().place();
    give(place.path(), SOMEBODY);
    mode(&place.path().join("clusters.yaml"), 0o000);
    let output = as_user(place.path(), &["generate"]);
    let message = stderr(&output);
    let survived = match output.status.code() {
        Some(3) if message.contains("clusters.yaml") && has_remedy(&message) => Ok(()),
        code => Err(format!("exit code {code:?}: {message}")),
    };
    tally.count("clusters.yaml may not be read", survived);
    // Nothing to change, nothing to write.
    let current = Transition::first();
    let place = current.place();
    give(place.path(), SOMEBODY);
    assert_eq!(as_user(place.path(), &["generate"]).status.code(), Some(0));
    for path in ["generated/here", "generated"] {
        mode(&place.path().join(path), 0o555);
    }
    for args in [["generate"].as_slice(), &["generate", "--check"]] {
        let before = tree(place.path());
        let output = as_user(place.path(), args);
        let touched = tree(place.path()) != before;
        let fine = output.status.success() && !touched;
        let survived = if fine { Ok(()) } else { Err(format!("touched: {touched}, {}", stderr(&output))) };
        tally.count(format!("current and not to be written, {args:?}"), survived);
    }
    tally.end(18);
}

#[test]
fn files_of_another_user_are_replaced_or_named() {
    if !is_root() {
        return not_tried("files of another user", "only root may give files away");
    }
    let mut tally = Tally::of("files and directories of another user");
    let (change, removal) = (Transition::change(), Transition::removal());
    // The directory is ours and what is in it is another's; or the reverse; or it is shared and sticky.
    for (transition, path, dir_mode, dir_of, files_of) in [
        (&change, "generated/here", 0o755, SOMEBODY, OTHER),
        (&change, "generated/here", 0o755, OTHER, OTHER),
        (&change, "generated/here", 0o755, OTHER, SOMEBODY),
        (&change, "generated/here", 0o1777, OTHER, OTHER),
        (&change, "generated/here", 0o777, OTHER, OTHER),
        (&removal, "generated/gone", 0o755, SOMEBODY, OTHER),
        (&removal, "generated/gone", 0o755, OTHER, OTHER),
        (&removal, "generated/gone", 0o1777, OTHER, OTHER),
    ] {
        let place = transition.place();
        give(place.path(), SOMEBODY);
        let dir = place.path().join(path);
        give(&dir, files_of);
        chown(&dir, Some(dir_of), Some(dir_of)).unwrap_or_else(|error| panic!("{error}"));
        mode(&dir, dir_mode);
        let output = as_user(place.path(), &["generate"]);
        let survived = transition.is_reported(place.path(), &output);
        tally.count(
            format!("{path}: directory of {dir_of} {dir_mode:o}, files of {files_of}"),
            survived.and_then(|()| transition.recovers(place.path())),
        );
    }
    // One file of another user in a sticky directory: it may be read and not replaced.
    for file in tree(&change.place().path().join("generated/here")).keys() {
        let Some(name) = file.file_name().filter(|name| *name != "here") else { continue };
        let place = change.place();
        give(place.path(), SOMEBODY);
        let dir = place.path().join("generated/here");
        chown(&dir, Some(OTHER), Some(OTHER)).unwrap_or_else(|error| panic!("{error}"));
        mode(&dir, 0o1777);
        chown(dir.join(name), Some(OTHER), Some(OTHER)).unwrap_or_else(|error| panic!("{error}"));
        let output = as_user(place.path(), &["generate"]);
        let survived = change.is_reported(place.path(), &output).and_then(|()| change.recovers(place.path()));
        tally.count(format!("{} of another user, sticky directory", name.display()), survived);
    }
    tally.end(20);
}

#[test]
fn a_file_that_nobody_may_change_is_named() {
    let case = "immutable file or directory (chattr +i)";
    let probe = scratch();
    let attribute = |change: &str, path: &Path| {
        Command::new("chattr").arg(change).arg(path).output().is_ok_and(|output| output.status.success())
    };
    if !attribute("+i", probe.path()) {
        return not_tried(case, "chattr does not work here");
    }
    assert!(attribute("-i", probe.path()));
    let mut tally = Tally::of(case);
    for (transition, path) in [
        (Transition::change(), "generated/here"),
        (Transition::change(), "generated/here/40-deployments.yaml"),
        (Transition::change(), "generated/here/50-scaledobjects.yaml"),
        (Transition::change(), "generated/here/SHA256SUMS"),
        (Transition::change(), "generated/here/.lock"),
        (Transition::removal(), "generated"),
        (Transition::removal(), "generated/gone"),
        (Transition::removal(), "generated/gone/.lock"),
        (Transition::removal(), "generated/gone/40-deployments.yaml"),
    ] {
        let place = transition.place();
        let path = place.path().join(path);
        assert!(attribute("+i", &path));
        let output = crate::support::program::run(place.path(), &["generate"]);
        let after = transition.is_reported(place.path(), &output);
        assert!(attribute("-i", &path));
        tally.count(path.display(), after.and_then(|()| transition.recovers(place.path())));
    }
    tally.end(9);
}
