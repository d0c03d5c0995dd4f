//! A directory with a clusters.yaml and what was published from an earlier one; what verifies in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::one_cluster;
use crate::support::program::{code, run, scratch, stderr, write};

/// Files of a set with their texts.
pub(crate) type Set = BTreeMap<String, String>;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_buildkit-fleet");

/// The pools are fixed: no 50-scaledobjects.yaml.
pub(crate) fn fixed() -> String {
    one_cluster("      namespace: builds\n")
}

/// KEDA scales: one file more than `fixed`, three that differ.
pub(crate) fn scaled() -> String {
    one_cluster(
        "      namespace: builds\n      autoscaling: {enabled: true, amd64_min: 1, amd64_max: 8, amd64_fallback: 4, arm64_min: 1, arm64_max: 8, arm64_fallback: 4}\n",
    )
}

/// `fixed` and a second cluster.
pub(crate) fn two_clusters() -> String {
    let second = fixed().replace("clusters:\n", "").replace("here", "gone");
    format!("{}\n{second}", fixed().trim_end())
}

/// From one clusters.yaml to another.
pub(crate) struct Transition {
    pub(crate) name: &'static str,
    before: TempDir,
    pub(crate) old: BTreeMap<String, Set>,
    pub(crate) new: BTreeMap<String, Set>,
}

impl Transition {
    pub(crate) fn new(name: &'static str, before: Option<&str>, after: &str) -> Self {
        let end = scratch();
        write(end.path(), "clusters.yaml", after);
        assert_eq!(code(&run(end.path(), &["generate"])), 0);
        let start = scratch();
        if let Some(before) = before {
            write(start.path(), "clusters.yaml", before);
            let output = run(start.path(), &["generate"]);
            assert_eq!(code(&output), 0, "{}", stderr(&output));
        }
        write(start.path(), "clusters.yaml", after);
        let (old, new) = (whole_sets(&start.path().join("generated")), whole_sets(&end.path().join("generated")));
        assert_ne!(old, new);
        Transition { name, before: start, old, new }
    }

    pub(crate) fn first() -> Self {
        Self::new("first publication", None, &fixed())
    }

    pub(crate) fn change() -> Self {
        Self::new("change with a file less", Some(&scaled()), &fixed())
    }

    pub(crate) fn growth() -> Self {
        Self::new("change with a file more", Some(&fixed()), &scaled())
    }

    pub(crate) fn removal() -> Self {
        Self::new("removal of a cluster", Some(&two_clusters()), &fixed())
    }

    /// A new copy of the start, in which the next run makes the transition.
    pub(crate) fn place(&self) -> TempDir {
        let place = scratch();
        self.put_into(place.path());
        // Also for another user.
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap_or_else(|error| panic!("{error}"));
        place
    }

    pub(crate) fn put_into(&self, dir: &Path) {
        copy(self.before.path(), dir);
    }

    /// Whether every set that verifies is the whole old or the whole new one.
    pub(crate) fn whole(&self, dir: &Path) -> Result<(), String> {
        for (cluster, set) in whole_sets(&dir.join("generated")) {
            if Some(&set) != self.old.get(&cluster) && Some(&set) != self.new.get(&cluster) {
                let files: Vec<&String> = set.keys().collect();
                return Err(format!("a set of {cluster} that is neither old nor new verifies: {files:?}"));
            }
        }
        Ok(())
    }

    /// Whether the new set is there, whole and nothing beside it.
    pub(crate) fn done(&self, dir: &Path) -> Result<(), String> {
        let out = dir.join("generated");
        if whole_sets(&out) != self.new {
            return Err(format!("not the complete new set: {:?}", tree(&out).keys()));
        }
        let strange: Vec<PathBuf> = tree(&out)
            .into_keys()
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                // A removal that dies before its last step leaves an empty directory, which may be anybody's.
                (name.starts_with('.') && name != ".lock") || (name == "gone" && fs::remove_dir(path).is_err())
            })
            .collect();
        if strange.is_empty() { Ok(()) } else { Err(format!("left behind: {strange:?}")) }
    }

    /// Whether the next run ends well, with the new set whole and nothing beside it.
    pub(crate) fn recovers(&self, dir: &Path) -> Result<(), String> {
        let output = run(dir, &["generate"]);
        if output.status.code() != Some(0) {
            return Err(format!("the next run ends with {}: {}", output.status, stderr(&output)));
        }
        self.done(dir).map_err(|why| format!("after the next run: {why}"))
    }

    /// What must hold after a run with a fault in it that was not killed: either it went well, or it says what and where.
    pub(crate) fn is_reported(&self, dir: &Path, output: &Output) -> Result<(), String> {
        let message = stderr(output);
        match output.status.code() {
            Some(0) => self.done(dir).map_err(|why| format!("exit code 0, {why}")),
            Some(3) if message.contains("panicked") => Err(message),
            Some(3) if message.contains("generated") && has_remedy(&message) => self.whole(dir),
            Some(3) => Err(format!("the message names no path or no remedy: {message}")),
            _ => Err(format!("ended with {}: {message}", output.status)),
        }
    }
}

/// Whether a message says what to do.
pub(crate) fn has_remedy(message: &str) -> bool {
    let errors = message.lines().filter(|line| line.starts_with("error: "));
    errors.clone().count() == 1
        && errors.into_iter().all(|line| {
            ["run again", "move it away", "remove it", "choose another", "wait for it to finish"]
                .iter()
                .any(|remedy| line.contains(remedy))
        })
}

/// The sets below a directory that a deploy would take: `sha256sum --strict --check`, and no unlisted manifest.
pub(crate) fn whole_sets(out: &Path) -> BTreeMap<String, Set> {
    let Ok(clusters) = fs::read_dir(out) else { return BTreeMap::new() };
    clusters
        .filter_map(|entry| {
            let dir = entry.unwrap_or_else(|error| panic!("{error}")).path();
            Some((dir.file_name()?.to_string_lossy().into_owned(), whole_set(&dir)?))
        })
        .collect()
}

pub(crate) fn whole_set(dir: &Path) -> Option<Set> {
    let sums = fs::read_to_string(dir.join("SHA256SUMS")).ok()?;
    let check =
        Command::new("sha256sum").args(["--strict", "--check", "--quiet", "SHA256SUMS"]).current_dir(dir).output();
    if !check.unwrap_or_else(|error| panic!("sha256sum: {error}")).status.success() {
        return None;
    }
    let mut set = Set::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("{error}")) {
        let name = entry.unwrap_or_else(|error| panic!("{error}")).file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && name != "SHA256SUMS" {
            set.insert(name.clone(), fs::read_to_string(dir.join(name)).unwrap_or_default());
        }
    }
    sums.lines().map(|line| &line[66..]).eq(set.keys().map(String::as_str)).then_some(set)
}

/// Everything below a path, links not followed: kind and mode, owner, and what it holds.
pub(crate) fn tree(path: &Path) -> BTreeMap<PathBuf, (u32, u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let Ok(meta) = path.symlink_metadata() else { return found };
    let mut holds = Vec::new();
    if meta.is_symlink() {
        holds = fs::read_link(path).unwrap_or_default().into_os_string().into_encoded_bytes();
    } else if meta.is_file() {
        holds = fs::read(path).unwrap_or_default();
    } else if meta.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            found.extend(tree(&entry.path()));
        }
    }
    found.insert(path.to_owned(), (meta.mode(), meta.uid(), holds));
    found
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{error}")) {
        let entry = entry.unwrap_or_else(|error| panic!("{error}"));
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap_or_else(|error| panic!("{}: {error}", to.display()));
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", to.display()));
        }
    }
}
