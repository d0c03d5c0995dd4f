//! Reads files of a git revision with the installed `git`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::commands::diff::blobs::{Contents, command};
use crate::manifests::set::SetFile;

/// One commit of the repository that contains a file.
pub(super) struct Revision {
    top: PathBuf,
    commit: String,
    contents: Contents,
}

/// One file of a revision, by the object that contains it.
pub(super) struct Blob {
    object: String,
    pub path: String,
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
        let contents = Contents::of(&top);
        Ok(Some(Revision { top, commit, contents }))
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
            if let [blob] = self.list(&inside)?.as_slice() {
                return Ok(self.contents.read(&[&blob.object])?.pop());
            }
        }
        Ok(None)
    }

    /// Every YAML file below a directory, with its path relative to it.
    pub(super) fn files_below(&self, dir: &Path) -> Result<Vec<Blob>> {
        let mut below = String::new();
        let mut listed = Vec::new();
        for inside in self.inside(dir)? {
            below = if inside.is_empty() { inside } else { format!("{inside}/") };
            listed = self.list(&below)?;
            if !listed.is_empty() {
                break;
            }
        }
        listed.retain(|blob| Path::new(&blob.path).extension().is_some_and(|extension| extension == "yaml"));
        for blob in &mut listed {
            if blob.path.starts_with(&below) {
                blob.path.drain(..below.len());
            }
        }
        Ok(listed)
    }

    /// The texts of files, in their order.
    pub(super) fn texts(&self, files: &[Blob]) -> Result<Vec<SetFile>> {
        let objects: Vec<&str> = files.iter().map(|file| file.object.as_str()).collect();
        let texts = self.contents.read(&objects)?.into_iter().map(|text| String::from_utf8_lossy(&text).into_owned());
        Ok(files.iter().zip(texts).map(|(file, text)| SetFile { path: file.path.clone(), text }).collect())
    }

    /// Object id and path of every file at or below a path of the revision; of all files if the path is empty.
    fn list(&self, path: &str) -> Result<Vec<Blob>> {
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
            (kind == "blob" && mode != "120000").then(|| Blob { object: object.to_owned(), path: path.to_owned() })
        };
        Ok(listing.split('\0').filter(|line| !line.is_empty()).filter_map(entry).collect())
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

/// The output of git. An error contains git's own message.
fn git(dir: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = command(dir, arguments).output().context("cannot run git, which --against with a revision needs")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
