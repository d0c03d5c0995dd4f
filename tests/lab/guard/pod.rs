//! A pod: the rendered guard.sh in its namespace, then a stand-in for buildkitd.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use buildkit_fleet::fleet::model::Fleet;

use crate::dns::eventually;
use crate::drain::busybox;
use crate::guard::world::{World, within};
use crate::haproxy::search;
use crate::support;

/// What a pod saw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    ready: bool,
    pub(super) builds: usize,
    pub(super) running: usize,
    /// Builds that found another one running.
    pub(super) double: usize,
    /// Connections on the port for checks that were completed.
    pub(super) checks: usize,
}

pub(super) struct Pod {
    pub(super) name: String,
    pub(super) address: IpAddr,
    seen: Arc<Mutex<Seen>>,
    builder: Option<Child>,
    script: PathBuf,
}

impl Pod {
    pub(super) fn start(world: &World, n: u16) -> Self {
        let mut pod = Self::create(world, n);
        let output = pod.guard(&[]);
        let said = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "guard.sh in {}: {}\n{said}{error}", pod.name, output.status);
        pod.start_builder();
        pod
    }

    /// A namespace in which nothing runs, and no rule is set.
    pub(super) fn create(world: &World, n: u16) -> Self {
        let name = format!("pod{n}");
        let address = world.namespace(&name, 1000 + n);
        let script = world.directory.path().join("guard.sh");
        std::fs::write(&script, script_of(&world.fleet)).expect("written");
        Pod { name, address, seen: Arc::default(), builder: None, script }
    }

    /// Runs guard.sh as the container and its hooks do.
    pub(super) fn guard(&self, arguments: &[&str]) -> Output {
        self.guard_command(arguments).output().expect("busybox runs")
    }

    pub(super) fn guard_command(&self, arguments: &[&str]) -> Command {
        let mut command = within(&self.name, busybox());
        command
            .arg("sh")
            .arg(&self.script)
            .args(arguments)
            .env("GUARD_ADDRESSES", self.address.to_string())
            .env("GUARD_LOG", "/nonexistent/log")
            .env("PATH", search(Path::new("/bin")))
            .stdin(Stdio::null());
        command
    }

    pub(super) fn start_builder(&mut self) {
        let program = Path::new(env!("CARGO_BIN_EXE_buildkit-fleet")).with_file_name("examples").join("fake_buildkitd");
        assert!(program.is_file(), "no {}: run `cargo build --examples`, as `cargo test` does", program.display());
        let mut child =
            within(&self.name, program).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("nsenter runs");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let seen = Arc::clone(&self.seen);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut seen = locked(&seen);
                match line.split_once(' ').unwrap_or((&line, "")) {
                    ("start", others) => {
                        seen.builds += 1;
                        seen.running += 1;
                        seen.double += usize::from(others != "0");
                    }
                    ("end", _) => seen.running -= 1,
                    ("check", _) => seen.checks += 1,
                    _ => seen.ready = true,
                }
            }
        });
        self.builder = Some(child);
        assert!(eventually(|| self.seen().ready), "the stand-in for buildkitd does not start in {}", self.name);
    }

    /// The builder ends with everything that it runs; the pod and its rules stay.
    pub(super) fn crash(&mut self) {
        if let Some(mut builder) = self.builder.take() {
            let _ = builder.kill();
            let _ = builder.wait();
        }
        let mut seen = locked(&self.seen);
        seen.running = 0;
        seen.ready = false;
    }

    pub(super) fn seen(&self) -> Seen {
        *locked(&self.seen)
    }

    pub(super) fn port(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.crash();
    }
}

/// All that these pods saw.
pub(super) fn total<'p>(pods: impl IntoIterator<Item = &'p Pod>) -> Seen {
    pods.into_iter().map(Pod::seen).fold(Seen::default(), |sum, seen| Seen {
        ready: true,
        builds: sum.builds + seen.builds,
        running: sum.running + seen.running,
        double: sum.double + seen.double,
        checks: sum.checks + seen.checks,
    })
}

fn script_of(fleet: &Fleet) -> String {
    let files = support::render(fleet);
    let map = support::object(&files, "ConfigMap", "buildkitd-drain");
    map["data"]["guard.sh"].as_str().unwrap_or_else(|| panic!("no guard.sh in the ConfigMap")).to_owned()
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
