//! Reads files of a git revision with the installed `git`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::manifests::set::SetFile;

/// One commit of the repository that contains a file.
pub(super) struct Revision {
    top: PathBuf,
    commit: String,
}

impl Revision {
    /// The commit that the name refers to in the repository of a file; `None` if there is no such commit.
    pub(super) fn find(name: &str, near: &Path) -> Result<Option<Self>> {
        let dir = near.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let top = git(dir, &["rev-parse", "--show-toplevel"])
            .with_context(|| format!("{} is not in the work tree of a git repository", near.display()))?;
        let top = String::from_utf8(top).context("the repository's path is not UTF-8")?;
        let top = PathBuf::from(top.trim_end_matches('\n'));
        // A name that starts with a dash is still a revision, and a file of that name is not.
        let spec = format!("{name}^{{commit}}");
        let Ok(commit) = git(&top, &["rev-parse", "--verify", "--quiet", "--end-of-options", &spec]) else {
            return Ok(None);
        };
        let commit = String::from_utf8_lossy(&commit).trim().to_owned();
        Ok(Some(Revision { top, commit }))
    }

    /// A local path relative to the repository, with `/`: as given, and with symbolic links resolved, since the revision
    /// may contain either.
    fn inside(&self, path: &Path) -> Result<Vec<String>> {
        let absolute =
            std::path::absolute(path).with_context(|| format!("cannot resolve the path {}", path.display()))?;
        let top = self.top.canonicalize().with_context(|| format!("cannot read {}", self.top.display()))?;
        let (name, dir) = (absolute.file_name(), absolute.parent());
        let as_written = name.zip(dir).map(|(name, dir)| followed(dir).join(name));
        let mut found: Vec<String> = Vec::new();
        for path in as_written.into_iter().chain([followed(&absolute)]) {
            let Ok(inside) = path.strip_prefix(&top) else { continue };
            let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
            let inside = parts.ok_or_else(|| anyhow!("{} is not UTF-8", path.display()))?.join("/");
            if !found.contains(&inside) {
                found.push(inside);
            }
        }
        if found.is_empty() {
            bail!("{} is outside the git repository {}, so it has no revisions", path.display(), top.display());
        }
        Ok(found)
    }

    /// The bytes of a file; `None` if the revision has no such file.
    pub(super) fn file(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        for inside in self.inside(path)? {
            if let [(object, _)] = self.list(&inside)?.as_slice() {
                return Ok(self.blobs(std::slice::from_ref(object))?.pop());
            }
        }
        Ok(None)
    }

    /// Every YAML file below a directory, with its path relative to it.
    pub(super) fn files_below(&self, dir: &Path) -> Result<Vec<SetFile>> {
        let mut below = String::new();
        let mut listed = Vec::new();
        for inside in self.inside(dir)? {
            below = if inside.is_empty() { inside } else { format!("{inside}/") };
            listed = self.list(&below)?;
            if !listed.is_empty() {
                break;
            }
        }
        listed.retain(|(_, path)| Path::new(path).extension().is_some_and(|extension| extension == "yaml"));
        let objects: Vec<String> = listed.iter().map(|(object, _)| object.clone()).collect();
        let texts = self.blobs(&objects)?;
        Ok(listed
            .into_iter()
            .zip(texts)
            .map(|((_, path), text)| SetFile {
                path: path.strip_prefix(&below).unwrap_or(&path).to_owned(),
                text: String::from_utf8_lossy(&text).into_owned(),
            })
            .collect())
    }

    /// Object id and path of every file at or below a path of the revision; of all files if the path is empty.
    fn list(&self, path: &str) -> Result<Vec<(String, String)>> {
        let mut arguments = vec!["ls-tree", "-r", "-z", "--full-tree", &self.commit];
        if !path.is_empty() {
            arguments.extend(["--", path]);
        }
        let listing = String::from_utf8_lossy(&git(&self.top, &arguments)?).into_owned();
        let entry = |line: &str| {
            let (mode, path) = line.split_once('\t')?;
            let mut words = mode.split(' ');
            let (mode, kind, object) = (words.next()?, words.next()?, words.next()?);
            // The content of a symbolic link is a path, not a manifest.
            (kind == "blob" && mode != "120000").then(|| (object.to_owned(), path.to_owned()))
        };
        Ok(listing.split('\0').filter(|line| !line.is_empty()).filter_map(entry).collect())
    }

    /// The contents of blobs, in order, read by a single process.
    fn blobs(&self, objects: &[String]) -> Result<Vec<Vec<u8>>> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let mut child = command(&self.top, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run git")?;
        let mut input = child.stdin.take().context("cannot write to git")?;
        let wanted = objects.iter().flat_map(|object| [object, "\n"]).collect::<String>();
        // In a separate thread: git answers before it has read everything, and both pipes have a limited size.
        let writer = std::thread::spawn(move || input.write_all(wanted.as_bytes()));
        let output = child.wait_with_output().context("cannot read from git")?;
        if !output.status.success() || writer.join().is_err() {
            bail!("git cat-file failed");
        }
        let mut rest = output.stdout.as_slice();
        let mut found = Vec::with_capacity(objects.len());
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let size: usize = head
                .rsplit(' ')
                .next()
                .and_then(|size| size.parse().ok())
                .ok_or_else(|| anyhow!("unexpected output of git cat-file: `{head}`"))?;
            let body =
                rest.get(end + 1..end + 1 + size).ok_or_else(|| anyhow!("the output of git cat-file ended early"))?;
            found.push(body.to_vec());
            rest = rest.get(end + 2 + size..).unwrap_or_default();
        }
        anyhow::ensure!(found.len() == objects.len(), "git cat-file did not return every file");
        Ok(found)
    }
}

/// Resolves symbolic links in the part of a path that exists: the rest may exist in the revision.
fn followed(path: &Path) -> PathBuf {
    let mut existing = path;
    let mut rest = Vec::new();
    loop {
        if let Ok(real) = existing.canonicalize() {
            return std::iter::once(real.as_os_str()).chain(rest.into_iter().rev()).collect();
        }
        let (Some(name), Some(parent)) = (existing.file_name(), existing.parent()) else { return path.to_owned() };
        rest.push(name);
        existing = parent;
    }
}

/// The repository is the one that contains the files, not one from the environment of a hook.
fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(dir).args(arguments);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command
}

/// The output of git. An error contains git's own message.
fn git(dir: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = command(dir, arguments).output().context("cannot run git, which --against with a revision needs")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
