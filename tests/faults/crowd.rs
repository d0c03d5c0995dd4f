//! Two generators at once, and readers meanwhile, as processes of their own.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::place::{Set, Transition, whole_set, whole_sets};
use crate::support::program::{program, scratch, stderr, write};
use crate::tally::Tally;

/// What deploy.sh does with a set before it applies anything, into a directory of its own.
const TAKE: &str = r#"
set -u
if [ "$2" = locked ]; then
  exec 9<"$1/.lock" || exit 9
  flock -s -w 10 9 || exit 9
fi
cp "$1/SHA256SUMS" . 2>/dev/null || exit 9
listed=$(sed 's/^[0-9a-f]*  //' SHA256SUMS | LC_ALL=C sort)
present=$(cd "$1" && for file in *; do [ "$file" = SHA256SUMS ] || echo "$file"; done | LC_ALL=C sort)
[ "$listed" = "$present" ] || exit 9
for file in $listed; do cp "$1/$file" . 2>/dev/null || exit 9; done
sha256sum --strict --check --quiet SHA256SUMS 2>/dev/null || exit 9
"#;

/// The set that a reader takes; none where it refuses.
fn take(dir: &Path, how: &str) -> Option<Set> {
    let work = scratch();
    let output: Output = Command::new("sh")
        .args(["-c", TAKE, "sh", &dir.display().to_string(), how])
        .current_dir(work.path())
        .output()
        .unwrap_or_else(|error| panic!("sh: {error}"));
    output.status.success().then(|| whole_set(work.path())).flatten()
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
    let dir = place.path().join("generated/here");
    let over = AtomicBool::new(false);
    let mut generators = Tally::of("two generators at once, rounds");
    let mut locked = Tally::of("a reader with the lock, sets taken while generators run");
    let mut unlocked = Tally::of("a reader without the lock, looks while generators run");
    let refused = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let read = |how: &'static str, tally: &mut Tally| {
            let mut round = 0;
            while !over.load(Ordering::Relaxed) {
                round += 1;
                let survived = match take(&dir, how) {
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
        for round in 0..120 {
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
    generators.end(100);
    locked.end(20);
    unlocked.end(20);
}

#[test]
fn a_generator_that_removes_a_cluster_and_one_that_writes_it_end_in_one_state() {
    let transition = Transition::removal();
    let place = transition.place();
    write(place.path(), "old.yaml", crate::place::two_clusters());
    let mut tally = Tally::of("one generator removes a cluster that another writes, rounds");
    for round in 0..60 {
        let (mine, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| generate(place.path(), "old.yaml"));
            (generate(place.path(), "clusters.yaml"), other.join().unwrap_or_else(|_| panic!("round {round}")))
        });
        tally.count(round, mine.and(other).and_then(|()| transition.whole(place.path())));
    }
    tally.count("at the end", transition.mends(place.path()));
    tally.end(61);
}

#[test]
fn a_lock_that_is_held_is_waited_for_and_then_named() {
    let transition = Transition::change();
    let place = transition.place();
    let mut tally = Tally::of("another process holds the lock");
    for (how, seconds, code) in [("-s", "1", 0), ("-x", "1", 0), ("-s", "14", 3)] {
        let lock = place.path().join("generated/here/.lock").display().to_string();
        let mut holder = Command::new("flock")
            .args([how, &lock, "sleep", seconds])
            .spawn()
            .unwrap_or_else(|error| panic!("flock: {error}"));
        std::thread::sleep(std::time::Duration::from_millis(300));
        let output = program(place.path(), &["generate"]).output().unwrap_or_else(|error| panic!("{error}"));
        let survived = if output.status.code() == Some(code) {
            transition.told(place.path(), &output)
        } else {
            Err(format!("{}: {}", output.status, stderr(&output)))
        };
        let _ = holder.wait();
        tally.count(format!("{how} for {seconds} s"), survived.and_then(|()| transition.mends(place.path())));
        // The next one has something to change again.
        write(place.path(), "old.yaml", crate::place::scaled());
        generate(place.path(), "old.yaml").unwrap_or_else(|why| panic!("{why}"));
    }
    tally.end(3);
}
