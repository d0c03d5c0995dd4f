//! What stands where a file or a directory of the set belongs: directories, pipes, sockets, files of others, edits.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::place::{Transition, has_remedy, tree};
use crate::support::program::{stderr, unless_it_hangs, write};
use crate::tally::Tally;

/// What a run must do.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Must {
    /// Exit code 3, the path named, nothing touched.
    Refuse,
    /// Exit code 0, the set whole.
    Publish,
}
pub(crate) use Must::{Publish, Refuse};

/// Runs the program where something is in the way, and again when it is gone. `outside` is below the place and no
/// affair of the program.
pub(crate) fn meet(
    transition: &Transition,
    must: Must,
    path: &str,
    put: impl Fn(&Path),
    take_away: impl Fn(&Path),
) -> Result<(), String> {
    let place = transition.place();
    fs::create_dir(place.path().join("outside")).unwrap_or_else(|error| panic!("{error}"));
    put(place.path());
    let before = tree(place.path());
    // A pipe would be waited for without end.
    let run = |args: &[&str]| unless_it_hangs(place.path(), args);
    let check = run(&["generate", "--check"]);
    if !matches!(check.status.code(), Some(1 | 3)) {
        return Err(format!("--check ends with {}: {}", check.status, stderr(&check)));
    }
    if tree(place.path()) != before {
        return Err("--check changed something".to_owned());
    }
    let output = run(&["generate"]);
    let (code, message) = (output.status.code(), stderr(&output));
    match must {
        Refuse if code != Some(3) => return Err(format!("exit code {code:?} where 3 is right: {message}")),
        Refuse if !message.contains(path) || !has_remedy(&message) => return Err(format!("message: {message}")),
        Refuse => {
            let mut after = tree(place.path());
            after.retain(|path, _| before.contains_key(path) || !path.ends_with(".lock"));
            if after != before {
                let differs: Vec<_> = after.iter().filter(|(path, held)| before.get(*path) != Some(held)).collect();
                return Err(format!("refused and yet changed: {differs:?}"));
            }
        }
        Publish if code != Some(0) => return Err(format!("exit code {code:?} where 0 is right: {message}")),
        Publish => transition.done(place.path())?,
    }
    let outside = |tree: std::collections::BTreeMap<std::path::PathBuf, _>| -> Vec<_> {
        tree.into_iter().filter(|(path, _)| path.starts_with(place.path().join("outside/own"))).collect()
    };
    if outside(tree(place.path())) != outside(before) {
        return Err("what is outside was changed".to_owned());
    }
    take_away(place.path());
    transition.recovers(place.path())
}

fn away(path: &Path) {
    let result = if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    if let Err(error) = result {
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}: {error}", path.display());
    }
}

/// Things that are no regular file.
const THINGS: [&str; 4] = ["empty directory", "directory", "pipe", "socket"];

pub(crate) fn put(thing: &str, path: &Path) {
    away(path);
    match thing {
        "pipe" => {
            assert!(Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success()));
        }
        "socket" => drop(UnixListener::bind(path).unwrap_or_else(|error| panic!("{error}"))),
        _ => {
            fs::create_dir(path).unwrap_or_else(|error| panic!("{error}"));
            if thing == "directory" {
                write(path, "mine.txt", "precious\n");
            }
        }
    }
}

#[test]
fn what_is_no_file_where_a_file_belongs_is_refused_and_kept() {
    let mut tally = Tally::of("directory, pipe or socket in place of a file of the set");
    let changed = "40-deployments.yaml";
    let names = [changed, "00-namespace.yaml", "50-scaledobjects.yaml", "SHA256SUMS", ".pending", ".lock"];
    let temporary = [".40-deployments.yaml.tmp", ".SHA256SUMS.tmp", ".pending.tmp"];
    let change = Transition::change();
    for name in names.into_iter().chain(temporary) {
        for thing in THINGS {
            // A name that is kept for what is half written is anybody's only as a directory.
            let must = if temporary.contains(&name) && !thing.contains("directory") { Publish } else { Refuse };
            let path = format!("generated/here/{name}");
            let survived = meet(&change, must, &path, |dir| put(thing, &dir.join(&path)), |dir| away(&dir.join(&path)));
            tally.count(format!("{name} is a {thing}"), survived);
        }
    }
    tally.end(36);
}

#[test]
fn a_pipe_in_a_directory_of_a_cluster_that_left_the_file_is_not_waited_for() {
    let mut tally = Tally::of("directory, pipe or socket in the directory of a cluster that left the file");
    let removal = Transition::removal();
    for name in ["00-namespace.yaml", "SHA256SUMS", ".pending", ".lock"] {
        for thing in THINGS {
            let place = removal.place();
            put(thing, &place.path().join("generated/gone").join(name));
            let before = tree(&place.path().join("generated/gone"));
            let output = unless_it_hangs(place.path(), &["generate"]);
            // Kept, as no directory of ours or as one that cannot be read.
            let kept = tree(&place.path().join("generated/gone")) == before;
            let survived = match output.status.code() {
                Some(0 | 3) if kept => Ok(()),
                _ => Err(format!("{}: {}", output.status, stderr(&output))),
            };
            tally.count(format!("{name} is a {thing}"), survived);
        }
    }
    tally.end(16);
}

#[test]
fn a_directory_that_is_none_or_of_others_is_refused_and_kept() {
    let mut tally = Tally::of("files of others in the output directory, edits");
    let (first, change) = (Transition::first(), Transition::change());
    for path in ["generated", "generated/here"] {
        for thing in ["pipe", "socket", "file"] {
            let putting = |dir: &Path| {
                write(dir, path, "precious\n");
                if thing != "file" {
                    put(thing, &dir.join(path));
                }
            };
            let survived = meet(&first, Refuse, path, putting, |dir| away(&dir.join(path)));
            tally.count(format!("{path} is a {thing}"), survived);
        }
    }
    // Somebody's own file, where a file of ours would go, listed or not, with a list or without.
    for (name, lists) in [
        ("40-deployments.yaml", true),
        ("00-namespace.yaml", true),
        ("50-scaledobjects.yaml", true),
        ("mine.yaml", false),
        ("40-deployments.yaml", false),
    ] {
        let path = format!("generated/here/{name}");
        let putting = |dir: &Path| {
            write(dir, &path, "precious: true\n");
            if !lists {
                away(&dir.join("generated/here/SHA256SUMS"));
            }
        };
        let named = if lists { path.as_str() } else { "generated/here" };
        let survived = meet(&change, Refuse, named, putting, |dir| away(&dir.join(&path)));
        tally.count(format!("{name} is somebody's, SHA256SUMS there: {lists}"), survived);
    }
    for (name, text) in [("SHA256SUMS", "precious\n"), (".pending", "../../precious\n"), (".pending", "/etc/passwd\n")]
    {
        let path = format!("generated/here/{name}");
        let survived = meet(&change, Refuse, &path, |dir| write(dir, &path, text), |dir| away(&dir.join(&path)));
        tally.count(format!("{name} is somebody's"), survived);
    }
    // What is lost of our own comes back.
    for (name, text) in [
        ("SHA256SUMS", Some("")),
        ("SHA256SUMS", None),
        (".pending", Some("")),
        (".pending", Some("40-deployments.yaml\n")),
        ("40-deployments.yaml", Some("")),
        ("40-deployments.yaml", None),
        (".lock", None),
        (".40-deployments.yaml.tmp", Some("half a file")),
        (".SHA256SUMS.tmp", Some("")),
    ] {
        let path = format!("generated/here/{name}");
        let putting = |dir: &Path| match text {
            Some(text) => write(dir, &path, text),
            None => away(&dir.join(&path)),
        };
        tally.count(format!("{name} is {text:?}"), meet(&change, Publish, &path, putting, |_| {}));
    }
    // An edit of ours is ours still.
    let path = "generated/here/40-deployments.yaml";
    let edit = |dir: &Path| {
        let text = fs::read_to_string(dir.join(path)).unwrap_or_default();
        write(dir, path, text + "# edited\n");
    };
    tally.count("an edited manifest", meet(&change, Publish, path, edit, |_| {}));
    // A hard link to somebody's own copy: the copy stays.
    let linked = |dir: &Path| {
        let own = dir.join("outside/own");
        fs::copy(dir.join(path), &own).unwrap_or_else(|error| panic!("{error}"));
        away(&dir.join(path));
        fs::hard_link(&own, dir.join(path)).unwrap_or_else(|error| panic!("{error}"));
    };
    tally.count("a hard link", meet(&change, Publish, path, linked, |_| {}));
    tally.end(24);
}
