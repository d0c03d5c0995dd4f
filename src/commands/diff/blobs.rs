//! Reads the contents of git's objects, some at a time, with `git cat-file`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};

/// Names of objects that fit into a pipe together (4096 bytes at least) while git does not read: it does not while it
/// waits for its answers to be read.
const NAMES_AT_ONCE: usize = 32;

/// The objects of a repository. Each thread that reads has a process of its own.
pub(super) struct Contents {
    top: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

impl Contents {
    pub(super) fn of(top: &Path) -> Self {
        Contents { top: top.to_owned(), idle: Mutex::default() }
    }

    /// The contents of objects, in order.
    pub(super) fn read(&self, objects: &[&str]) -> Result<Vec<Vec<u8>>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = idle.map_or_else(|| Reader::start(&self.top), Ok)?;
        let mut found = Vec::with_capacity(objects.len());
        for some in objects.chunks(NAMES_AT_ONCE) {
            reader.ask(some)?;
            for _ in some {
                found.push(reader.answer()?);
            }
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        Ok(found)
    }
}

/// A process that answers each name of an object with its content.
struct Reader {
    git: Child,
    names: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reader {
    fn start(top: &Path) -> Result<Self> {
        let mut git = command(top, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run git")?;
        let names = git.stdin.take().context("cannot write to git")?;
        let answers = BufReader::new(git.stdout.take().context("cannot read from git")?);
        Ok(Reader { git, names, answers })
    }

    fn ask(&mut self, objects: &[&str]) -> Result<()> {
        let lines: String = objects.iter().flat_map(|object| [*object, "\n"]).collect();
        self.names.write_all(lines.as_bytes()).context("cannot write to git")
    }

    fn answer(&mut self) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        self.answers.read_until(b'\n', &mut head).context("cannot read from git")?;
        if head.pop().is_none() {
            return self.ended();
        }
        let head = String::from_utf8_lossy(&head);
        let size: usize = head
            .rsplit(' ')
            .next()
            .and_then(|size| size.parse().ok())
            .ok_or_else(|| anyhow!("unexpected output of git cat-file: `{head}`"))?;
        let mut content = Vec::new();
        // With the line end that follows.
        let wanted = size as u64 + 1;
        (&mut self.answers).take(wanted).read_to_end(&mut content).context("cannot read from git")?;
        if content.len() <= size {
            return self.ended();
        }
        content.truncate(size);
        Ok(content)
    }

    /// Why there is no answer.
    fn ended<T>(&mut self) -> Result<T> {
        let status = self.git.wait().context("cannot read from git")?;
        if !status.success() {
            bail!("git cat-file failed");
        }
        bail!("the output of git cat-file ended early")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It only reads, and may be in the middle of an answer that nobody waits for.
        let _ = self.git.kill();
        let _ = self.git.wait();
    }
}

/// The repository is the one that contains the files, not one from the environment of a hook.
pub(super) fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(dir).args(arguments);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command
}
