//! Symbolic links that lead out of the output directory. A file is never written, made or removed through one; a directory
//! that somebody put elsewhere by a link is followed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::obstacles::{Must, Publish, Refuse, meet};
use crate::place::{Transition, tree};
use crate::support::program::{code, run, stderr, write};
use crate::tally::Tally;

fn ok<T>(result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Puts a link in place of `path`: to somebody's file, to a copy of what was there, to nothing, to itself.
fn link(dir: &Path, path: &str, to: &str) {
    let (path, own) = (dir.join(path), dir.join("outside/own"));
    let target = match to {
        "somebody's file" => {
            write(dir, "outside/own", "precious: true\n");
            own
        }
        "a copy" => {
            if path.is_dir() {
                ok(fs::rename(&path, dir.join("outside/moved")));
                dir.join("outside/moved")
            } else {
                ok(fs::copy(&path, &own));
                own
            }
        }
        "somebody's directory" => {
            write(dir, "outside/own/mine.txt", "precious\n");
            own
        }
        "nothing" => own,
        "nothing in a directory that is not there" => dir.join("outside/own/deep/file"),
        _ => path.clone(),
    };
    if path.is_dir() {
        ok(fs::remove_dir_all(&path));
    } else if path.symlink_metadata().is_ok() {
        ok(fs::remove_file(&path));
    }
    ok(symlink(target, path));
}

#[test]
fn no_file_is_written_through_a_link() {
    let change = Transition::change();
    let mut tally = Tally::of("symbolic link out of the directory, in place of a file");
    let own = "somebody's file";
    let nowhere = "nothing in a directory that is not there";
    let cases: &[(&str, &str, Must)] = &[
        ("40-deployments.yaml", own, Refuse),
        ("40-deployments.yaml", "a copy", Publish),
        ("40-deployments.yaml", "nothing", Publish),
        ("40-deployments.yaml", nowhere, Publish),
        ("40-deployments.yaml", "itself", Refuse),
        ("40-deployments.yaml", "somebody's directory", Refuse),
        ("00-namespace.yaml", own, Refuse),
        ("00-namespace.yaml", "a copy", Publish),
        ("00-namespace.yaml", "nothing", Publish),
        ("50-scaledobjects.yaml", own, Refuse),
        ("50-scaledobjects.yaml", "a copy", Publish),
        ("50-scaledobjects.yaml", "nothing", Publish),
        ("50-scaledobjects.yaml", "itself", Refuse),
        ("SHA256SUMS", own, Refuse),
        ("SHA256SUMS", "a copy", Publish),
        ("SHA256SUMS", "nothing", Publish),
        ("SHA256SUMS", "itself", Refuse),
        ("SHA256SUMS", "somebody's directory", Refuse),
        (".pending", own, Refuse),
        (".pending", "nothing", Publish),
        (".pending", nowhere, Publish),
        (".pending", "itself", Refuse),
        (".lock", own, Refuse),
        (".lock", "a copy", Refuse),
        (".lock", "nothing", Refuse),
        (".lock", nowhere, Refuse),
        (".lock", "itself", Refuse),
        (".lock", "somebody's directory", Refuse),
        (".40-deployments.yaml.tmp", own, Publish),
        (".40-deployments.yaml.tmp", "nothing", Publish),
        (".40-deployments.yaml.tmp", "itself", Publish),
        (".40-deployments.yaml.tmp", "somebody's directory", Publish),
        (".SHA256SUMS.tmp", own, Publish),
        (".pending.tmp", own, Publish),
        (".pending.tmp", "nothing", Publish),
    ];
    for (name, to, must) in cases {
        let path = format!("generated/here/{name}");
        let put_back = |dir: &Path| {
            let there = dir.join(&path);
            if there.is_symlink() {
                ok(fs::remove_file(there));
            }
        };
        let survived = meet(&change, *must, &path, |dir| link(dir, &path, to), put_back);
        tally.count(format!("{name} leads to {to}"), survived);
    }
    // Current but for a link: the link goes, also where it leads to the same bytes.
    let current = Transition::first();
    for name in ["40-deployments.yaml", "SHA256SUMS"] {
        let place = current.place();
        ok(fs::create_dir(place.path().join("outside")));
        assert_eq!(code(&run(place.path(), &["generate"])), 0);
        link(place.path(), &format!("generated/here/{name}"), "a copy");
        let before = tree(&place.path().join("outside"));
        let check = code(&run(place.path(), &["generate", "--check"]));
        let survived = current.recovers(place.path()).and_then(|()| {
            let replaced = !place.path().join("generated/here").join(name).is_symlink();
            let kept = tree(&place.path().join("outside")) == before;
            if replaced && kept && check == 1 {
                Ok(())
            } else {
                Err(format!("replaced: {replaced}, outside kept: {kept}, --check: {check}"))
            }
        });
        tally.count(format!("{name} leads to its own bytes"), survived);
    }
    tally.end(cases.len() + 2);
}

#[test]
fn a_directory_is_followed_where_there_is_one() {
    let change = Transition::change();
    let mut tally = Tally::of("symbolic link in place of a directory");
    for path in ["generated", "generated/here"] {
        for (to, must) in [
            ("a copy", Publish),
            ("nothing", Refuse),
            ("nothing in a directory that is not there", Refuse),
            ("itself", Refuse),
            ("somebody's file", Refuse),
        ] {
            let put_back = |dir: &Path| {
                if to != "a copy" {
                    ok(fs::remove_file(dir.join(path)));
                }
            };
            tally
                .count(format!("{path} leads to {to}"), meet(&change, must, path, |dir| link(dir, path, to), put_back));
        }
    }
    let path = "generated/here";
    let to = "somebody's directory";
    let put_back = |dir: &Path| ok(fs::remove_file(dir.join(path)));
    tally.count(
        "generated/here leads to files of others",
        meet(&change, Refuse, path, |dir| link(dir, path, to), put_back),
    );
    // A cluster that left the file: what is behind the link is its owner's.
    let removal = Transition::removal();
    let place = removal.place();
    ok(fs::create_dir(place.path().join("outside")));
    link(place.path(), "generated/gone", "a copy");
    let before = tree(&place.path().join("outside"));
    let output = run(place.path(), &["generate"]);
    let survived =
        if code(&output) == 0 && tree(&place.path().join("outside")) == before { Ok(()) } else { Err(stderr(&output)) };
    tally.count("generated/gone leads to a copy", survived);
    tally.end(12);
}
