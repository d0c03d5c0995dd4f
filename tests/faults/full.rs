//! A disk that is full: a tmpfs of every size at which publishing may stop, and writes that find no space from one on.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::place::Transition;
use crate::strace::{changing, generate_with};
use crate::support::not_tried;
use crate::support::program::{code, run, scratch, stderr};
use crate::tally::Tally;

/// A tmpfs in a mount namespace of its own, which ends with the shell that holds it.
pub(crate) struct Tmpfs {
    holder: Child,
    answers: BufReader<ChildStdout>,
    /// Where this process sees it.
    pub(crate) path: PathBuf,
    _below: tempfile::TempDir,
}

/// Mounts what its first line says, and again with the options of every further line. Named in full: what
/// mount adds by itself, uid among it, a user namespace may not change.
const HOLD: &str = r#"
read -r options
mount -t tmpfs -o "$options" none "$1" && echo mounted
while read -r options; do mount -i -t tmpfs -o "remount,$options" none "$1" && echo mounted || echo failed; done
"#;

impl Tmpfs {
    pub(crate) fn mount(options: &str) -> Result<Self, String> {
        let below = scratch();
        let mut unshare = Command::new("unshare");
        unshare.args(if is_root() { ["-m"].as_slice() } else { &["-r", "-m"] }).args(["sh", "-c", HOLD, "sh"]);
        unshare.arg(below.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = unshare.spawn().map_err(|error| format!("unshare: {error}"))?;
        let answers = holder.stdout.take().map(BufReader::new).ok_or("no stdout")?;
        let path = PathBuf::from(format!("/proc/{}/root{}", holder.id(), below.path().display()));
        let mut tmpfs = Tmpfs { holder, answers, path, _below: below };
        if tmpfs.send(options) { Ok(tmpfs) } else { Err("neither root nor a user namespace may mount here".to_owned()) }
    }

    pub(crate) fn remount(&mut self, options: &str) {
        assert!(self.send(options), "cannot remount with {options}");
    }

    fn send(&mut self, options: &str) -> bool {
        let mut line = String::new();
        let sent = self.holder.stdin.as_mut().is_some_and(|stdin| writeln!(stdin, "{options}").is_ok());
        sent && self.answers.read_line(&mut line).is_ok() && line == "mounted\n"
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().is_ok_and(|meta| meta.uid() == 0)
}

/// Publishes where `small` leaves room for a part only, looks, makes room and publishes again. Tells whether it failed.
fn publish_in(transition: &Transition, tally: &mut Tally, small: &str, roomy: &str) -> Option<bool> {
    let mut tmpfs = match Tmpfs::mount(roomy) {
        Ok(tmpfs) => tmpfs,
        Err(why) => {
            not_tried(&format!("a small tmpfs, {}", transition.name), &why);
            return None;
        }
    };
    transition.put_into(&tmpfs.path);
    tmpfs.remount(small);
    let output = run(&tmpfs.path, &["generate"]);
    let survived = transition.is_reported(&tmpfs.path, &output).and_then(|()| {
        // All that needs room comes before the old set goes.
        let kept = output.status.success() || crate::place::whole_sets(&tmpfs.path.join("generated")) == transition.old;
        if kept { Ok(()) } else { Err("the old set is not whole any more".to_owned()) }
    });
    tmpfs.remount(roomy);
    let full = !output.status.success();
    tally.count(small, survived.and_then(|()| transition.recovers(&tmpfs.path)));
    Some(full)
}

/// Bytes and inodes of what is there before, as tmpfs counts them: whole pages.
fn used(transition: &Transition) -> (u64, u64) {
    let place = transition.place();
    let files = crate::place::tree(place.path());
    let pages = files.values().map(|(_, _, holds)| holds.len().div_ceil(4096)).sum::<usize>();
    (pages as u64 * 4, files.len() as u64)
}

#[test]
fn a_disk_that_fills_up_at_any_page() {
    for transition in [Transition::first(), Transition::change(), Transition::growth()] {
        let mut tally = Tally::of(format!("tmpfs with room for fewer pages than needed, {}", transition.name));
        let (kib, _) = used(&transition);
        let mut full = 0;
        // None but the last is large enough.
        for room in (0..=96).step_by(4) {
            match publish_in(&transition, &mut tally, &format!("size={}k", kib + room), "size=1m") {
                Some(true) => full += 1,
                Some(false) => break,
                None => return,
            }
        }
        tally.end(3);
        assert!(full > 1, "the disk was never full");
    }
}

#[test]
fn a_disk_without_inodes() {
    for transition in [Transition::first(), Transition::change(), Transition::growth()] {
        let mut tally = Tally::of(format!("tmpfs with fewer inodes than needed, {}", transition.name));
        let (_, inodes) = used(&transition);
        let mut full = 0;
        for more in 0..24 {
            let small = format!("nr_inodes={}", inodes + more);
            match publish_in(&transition, &mut tally, &small, "nr_inodes=1000") {
                Some(true) => full += 1,
                Some(false) => break,
                None => return,
            }
        }
        tally.end(2);
        assert!(full > 1, "inodes never ran out");
    }
}

#[test]
fn a_disk_that_stays_full_from_any_write_on() {
    for transition in [Transition::first(), Transition::change()] {
        let mut tally = Tally::of(format!("ENOSPC from one write on to the end, {}", transition.name));
        for position in changing(&transition).iter().filter(|position| position.call == "write") {
            let place = transition.place();
            let when = format!("{}+", position.number);
            // Writes to stderr fail as well, so that nothing can be said.
            let output = generate_with(place.path(), "write", "error=ENOSPC", &when);
            let survived = match code(&output) {
                3 => transition.whole(place.path()).and_then(|()| transition.recovers(place.path())),
                other => Err(format!("exit code {other}: {}", stderr(&output))),
            };
            tally.count(&position.line, survived);
        }
        tally.end(5);
    }
}

#[test]
fn a_read_only_file_system() {
    let mut tally = Tally::of("read-only file system");
    for (name, transition) in [("first", Transition::first()), ("change", Transition::change())] {
        let mut tmpfs = match Tmpfs::mount("size=1m") {
            Ok(tmpfs) => tmpfs,
            Err(why) => return not_tried("read-only file system", &why),
        };
        transition.put_into(&tmpfs.path);
        tmpfs.remount("ro");
        let output = run(&tmpfs.path, &["generate"]);
        let survived = match code(&output) {
            3 => transition.is_reported(&tmpfs.path, &output),
            other => Err(format!("exit code {other}")),
        };
        let check = code(&run(&tmpfs.path, &["generate", "--check"]));
        let checked = if check == 1 { Ok(()) } else { Err(format!("--check ends with {check}")) };
        let untouched = crate::place::whole_sets(&tmpfs.path.join("generated")) == transition.old;
        tmpfs.remount("rw");
        let mended = transition.recovers(&tmpfs.path);
        tally.count(name, survived.and(checked).and(mended));
        assert!(untouched);
        // Nothing to change: nothing to write.
        tmpfs.remount("ro");
        for args in [["generate"].as_slice(), &["generate", "--check"]] {
            let output = run(&tmpfs.path, args);
            let survived = match code(&output) {
                0 => Ok(()),
                other => Err(format!("exit code {other}: {}", stderr(&output))),
            };
            tally.count(format!("{name}, current, {args:?}"), survived);
        }
    }
    tally.end(6);
}
