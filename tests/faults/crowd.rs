//! Two generators at once, and readers meanwhile, as processes of their own.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::obstacles::put;
use crate::place::{Set, Transition, whole_set, whole_sets};
use crate::support::program::{program, scratch, stderr, write};
use crate::support::{HANGS, repository};
use crate::tally::Tally;

/// The set that deploy.sh takes before it applies anything, by its own function; none where it refuses. `unlocked`: as
/// where there is no flock.
pub(crate) fn take(place: &Path, how: &str) -> Option<Set> {
    let work = scratch();
    let deploy = repository().join("deploy.sh").display().to_string();
    let script = r#"
        set -uo pipefail
        source <(sed -n '/^EXIT_/p; /^say()/p; /^die()/,/^}/p; /^check_sums()/,/^)/p; /^take_set()/,/^}/p' "$1")
        dir=$2/generated cluster=here set_dir=$3/set
        if [ "$4" = unlocked ]; then command() { [ "$2" != flock ] && builtin command "$@"; }; fi
        take_set
    "#;
    let paths = [place, work.path()].map(|path| path.display().to_string());
    let output = Command::new("timeout")
        .args(["-s", "KILL", &HANGS.as_secs().to_string()])
        .args(["bash", "-c", script, "bash", &deploy, &paths[0], &paths[1], how])
        .output()
        .unwrap_or_else(|error| panic!("bash: {error}"));
    match output.status.code() {
        Some(0) => {
            Some(whole_set(&work.path().join("set")).unwrap_or_else(|| panic!("deploy.sh took what does not verify")))
        }
        // Refused, or a file went while it was copied.
        Some(1 | 3) => None,
        // No set that anybody wants.
        _ => Some(Set::from([(output.status.to_string(), stderr(&output))])),
    }
}

#[test]
fn deploy_takes_a_whole_set_and_waits_for_no_pipe() {
    let change = Transition::change();
    let mut tally = Tally::of("deploy.sh takes a set with something else in place of a file");
    let place = change.place();
    let taken = take(place.path(), "locked");
    tally.count("whole", if taken.as_ref() == change.old.get("here") { Ok(()) } else { Err(format!("{taken:?}")) });
    for name in ["40-deployments.yaml", "SHA256SUMS", ".lock", "70-mine.yaml"] {
        for thing in ["pipe", "directory", "socket"] {
            let place = change.place();
            put(thing, &place.path().join("generated/here").join(name));
            let taken = take(place.path(), "locked");
            // Without a lock there is nobody to wait for.
            let right = if name == ".lock" { taken.as_ref() == change.old.get("here") } else { taken.is_none() };
            tally.count(format!("{name} is a {thing}"), if right { Ok(()) } else { Err(format!("{taken:?}")) });
        }
    }
    tally.end(13);
}

fn generate(dir: &Path, config: &str) -> Result<(), String> {
    let output = program(dir, &["generate", "--config", config]).output().unwrap_or_else(|error| panic!("{error}"));
    if output.status.success() { Ok(()) } else { Err(format!("{}: {}", output.status, stderr(&output))) }
}

#[test]
fn two_generators_and_their_readers_see_whole_sets() {
    let transition = Transition::change();
    let (old, new) = (&transition.old["here"], &transition.new["here"]);
    let place = transition.place();
    write(place.path(), "old.yaml", crate::place::scaled());
    let over = AtomicBool::new(false);
    let mut generators = Tally::of("two generators at once, rounds");
    let mut locked = Tally::of("deploy.sh with the lock, sets taken while generators run");
    let mut unlocked = Tally::of("deploy.sh without a lock, looks while generators run");
    let refused = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let place = &place;
        let read = |how: &'static str, tally: &mut Tally| {
            let mut round = 0;
            while !over.load(Ordering::Relaxed) {
                round += 1;
                let survived = match take(place.path(), how) {
                    Some(set) if set == *old || set == *new => Ok(()),
                    Some(_) => Err("a set that is neither old nor new verifies".to_owned()),
                    None if how == "locked" => Err("no whole set under the lock".to_owned()),
                    None => {
                        refused.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    }
                };
                tally.count(round, survived);
            }
        };
        let (locked, unlocked) = (&mut locked, &mut unlocked);
        scope.spawn(move || read("locked", locked));
        scope.spawn(move || read("unlocked", unlocked));
        for round in 0..60 {
            let other = scope.spawn(|| generate(place.path(), "old.yaml"));
            let mine = generate(place.path(), "clusters.yaml");
            let other = other.join().unwrap_or_else(|_| panic!("round {round}"));
            let left = whole_sets(&place.path().join("generated"));
            let whole = if left == transition.old || left == transition.new {
                Ok(())
            } else {
                Err("what is left is neither set".to_owned())
            };
            generators.count(round, mine.and(other).and(whole));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(refused.into_inner() > 0, "the reader without a lock never met a publication");
    generators.end(60);
    locked.end(20);
    unlocked.end(20);
}

#[test]
fn a_generator_that_removes_a_cluster_and_one_that_writes_it_end_in_one_state() {
    let transition = Transition::removal();
    let place = transition.place();
    write(place.path(), "old.yaml", crate::place::two_clusters());
    let mut tally = Tally::of("one generator removes a cluster that another writes, rounds");
    for round in 0..30 {
        let (mine, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| generate(place.path(), "old.yaml"));
            (generate(place.path(), "clusters.yaml"), other.join().unwrap_or_else(|_| panic!("round {round}")))
        });
        tally.count(round, mine.and(other).and_then(|()| transition.whole(place.path())));
    }
    tally.count("at the end", transition.recovers(place.path()));
    tally.end(31);
}

#[test]
fn a_lock_that_is_held_is_waited_for_and_then_named() {
    let transition = Transition::change();
    let place = transition.place();
    let mut tally = Tally::of("another process holds the lock");
    for (how, held, code) in [("-s", "for a moment", 0), ("-x", "for a moment", 0), ("-s", "to the end", 3)] {
        let lock = place.path().join("generated/here/.lock").display().to_string();
        // It holds the lock until its stdin ends.
        let mut holder = Command::new("flock")
            .args([how, &lock, "sh", "-c", "echo held; read -r _"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("flock: {error}"));
        let mut said = [0; 4];
        holder
            .stdout
            .as_mut()
            .unwrap_or_else(|| panic!("piped"))
            .read_exact(&mut said)
            .unwrap_or_else(|error| panic!("{error}"));
        let mut generator = program(place.path(), &["generate"]);
        let generator = generator.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut generator = generator.unwrap_or_else(|error| panic!("{error}"));
        let mut waited = true;
        if code == 0 {
            std::thread::sleep(std::time::Duration::from_secs(1));
            waited = generator.try_wait().is_ok_and(|status| status.is_none());
            drop(holder.stdin.take());
        }
        let output = generator.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
        drop(holder.stdin.take());
        let survived = if waited && output.status.code() == Some(code) {
            transition.is_reported(place.path(), &output)
        } else {
            Err(format!("waited: {waited}, {}: {}", output.status, stderr(&output)))
        };
        let _ = holder.wait();
        tally.count(format!("{how} {held}"), survived.and_then(|()| transition.recovers(place.path())));
        // The next one has something to change again.
        write(place.path(), "old.yaml", crate::place::scaled());
        generate(place.path(), "old.yaml").unwrap_or_else(|why| panic!("{why}"));
    }
    tally.end(3);
}
