//! Files of a git revision, read by the `git` of the machine.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::diff::object::SetFile;

/// One commit of the repository around the working directory.
pub(super) struct Revision {
    top: PathBuf,
    commit: String,
}

impl Revision {
    /// The commit that the name stands for; none where the name stands for none.
    pub(super) fn find(name: &str) -> Result<Option<Self>> {
        let top = git(Path::new("."), &["rev-parse", "--show-toplevel"])
            .context("this is not inside of a git repository that can be read")?;
        let top =
            PathBuf::from(String::from_utf8(top).context("the repository's path is not UTF-8")?.trim_end_matches('\n'));
        // A name that starts with a dash is a name, and a file of that name is none.
        let spec = format!("{name}^{{commit}}");
        let Ok(commit) = git(&top, &["rev-parse", "--verify", "--quiet", "--end-of-options", &spec]) else {
            return Ok(None);
        };
        let commit = String::from_utf8_lossy(&commit).trim().to_owned();
        Ok(Some(Revision { top, commit }))
    }

    /// A path of this machine as the repository has it, with `/`.
    fn inside(&self, path: &Path) -> Result<String> {
        let absolute = std::path::absolute(path).with_context(|| format!("cannot tell where {} is", path.display()))?;
        // What does not exist any more may stand in the revision: links are followed as far as there is something.
        let mut existing = absolute.as_path();
        let mut rest = Vec::new();
        let real = loop {
            if let Ok(real) = existing.canonicalize() {
                break real;
            }
            rest.extend(existing.file_name());
            existing = existing.parent().ok_or_else(|| anyhow!("cannot tell where {} is", path.display()))?;
        };
        let real: PathBuf = std::iter::once(real.as_os_str()).chain(rest.into_iter().rev()).collect();
        let top = self.top.canonicalize().with_context(|| format!("cannot read {}", self.top.display()))?;
        let inside = real.strip_prefix(&top).map_err(|_| {
            anyhow!("{} is outside of the git repository {}: it has no revisions", path.display(), top.display())
        })?;
        let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
        Ok(parts.ok_or_else(|| anyhow!("{} is not UTF-8", path.display()))?.join("/"))
    }

    /// The bytes of a file; none where the revision has no such file.
    pub(super) fn file(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let listed = self.list(&self.inside(path)?)?;
        let [(object, _)] = listed.as_slice() else { return Ok(None) };
        self.blobs(std::slice::from_ref(object))?.pop().map(Some).ok_or_else(|| anyhow!("git answered nothing"))
    }

    /// Every YAML file below a directory, by its path below it.
    pub(super) fn files_below(&self, dir: &Path) -> Result<Vec<SetFile>> {
        let inside = self.inside(dir)?;
        let below = if inside.is_empty() { String::new() } else { format!("{inside}/") };
        let mut listed = self.list(&below)?;
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

    /// Object id and path of every file at or below a path of the revision; of all of it where the path is empty.
    fn list(&self, path: &str) -> Result<Vec<(String, String)>> {
        let mut arguments = vec!["ls-tree", "-r", "-z", "--full-tree", &self.commit];
        if !path.is_empty() {
            arguments.extend(["--", path]);
        }
        let listing = String::from_utf8_lossy(&git(&self.top, &arguments)?).into_owned();
        let entry = |line: &str| {
            let (mode, path) = line.split_once('\t')?;
            let mut words = mode.split(' ');
            let (_, kind, object) = (words.next()?, words.next()?, words.next()?);
            (kind == "blob").then(|| (object.to_owned(), path.to_owned()))
        };
        Ok(listing.split('\0').filter(|line| !line.is_empty()).filter_map(entry).collect())
    }

    /// The contents of blobs, in their order, by one process for all.
    fn blobs(&self, objects: &[String]) -> Result<Vec<Vec<u8>>> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let mut child = command(&self.top, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run git")?;
        let mut input = child.stdin.take().context("git takes no input")?;
        let wanted = objects.iter().flat_map(|object| [object, "\n"]).collect::<String>();
        // By a thread of its own: git answers before it has read all, and both pipes are finite.
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
                .ok_or_else(|| anyhow!("git cat-file answered `{head}`"))?;
            let body = rest.get(end + 1..end + 1 + size).ok_or_else(|| anyhow!("git cat-file was cut off"))?;
            found.push(body.to_vec());
            rest = rest.get(end + 2 + size..).unwrap_or_default();
        }
        anyhow::ensure!(found.len() == objects.len(), "git cat-file left files out");
        Ok(found)
    }
}

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(dir).args(arguments);
    command
}

/// What git prints. An error has git's own words.
fn git(dir: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = command(dir, arguments).output().context("cannot run git, which --against with a revision needs")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
