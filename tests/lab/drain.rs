//! drain.sh as a pod runs it: under busybox sh, with busybox alone on PATH.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::dns::eventually;
use crate::support;

/// The script of the rendered ConfigMap, in a directory with busybox's applets.
struct Drain {
    directory: TempDir,
    /// Functions of the shell that runs the script. They come before its applets: a static busybox takes those whatever
    /// is on PATH.
    before: String,
    command: Command,
}

/// Seconds of a pause between two polls, and of a look that a connection must outlast.
const POLL: &str = "0.2";
const BLIP: &str = "0.3";

/// Each sleep is on record, so that a test goes by what the script has done.
const SLEEP: &str = r#"sleep() { echo "$1" >>"$SLEPT"; command sleep "$1"; }"#;

pub(crate) fn busybox() -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/bin", "/usr/bin"])
        .map(|dir| Path::new(dir).join("busybox"))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("no busybox on PATH: run ./tests/run, which installs it, or apt-get install busybox"))
}

impl Drain {
    /// Scaled down: 6 idle polls.
    fn new(port: u16) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let files = support::render(&support::fleet(&support::one_cluster(""), "here"));
        let script = support::object(&files, "ConfigMap", "buildkitd-drain")["data"]["drain.sh"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        fs::write(directory.path().join("drain.sh"), script).expect("written");
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).expect("created");
        for applet in ["sh", "awk", "sleep", "date"] {
            std::os::unix::fs::symlink(busybox(), bin.join(applet)).expect("linked");
        }
        let mut command = Command::new(bin.join("sh"));
        command.env_clear().env("PATH", &bin).env("SLEPT", directory.path().join("slept")).envs([
            ("DRAIN_PORT_HEX", format!("{port:04X}")),
            ("DRAIN_POLL_S", POLL.to_owned()),
            ("DRAIN_QUIET_POLLS", "6".to_owned()),
            ("DRAIN_BLIP_S", BLIP.to_owned()),
            ("DRAIN_CAP_S", "60".to_owned()),
            ("DRAIN_LOG", "/nonexistent/log".to_owned()),
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Drain { directory, before: SLEEP.to_owned(), command }
    }

    fn with_function(mut self, function: &str) -> Self {
        self.before = format!("{}\n{function}", self.before);
        self
    }

    fn env(mut self, key: &str, value: &str) -> Self {
        self.command.env(key, value);
        self
    }

    /// With tables of our own in place of the kernel's.
    fn with_tables(self, tables: &[(&str, &str)]) -> Self {
        let net = self.directory.path().join("net");
        fs::create_dir(&net).expect("created");
        for (name, text) in tables {
            fs::write(net.join(name), text).expect("written");
        }
        let net = net.display().to_string();
        self.env("DRAIN_NET", &net)
    }

    fn start(mut self) -> Running {
        let script = self.directory.path().join("drain.sh");
        let child = self.command.args(["-c", &format!("{}\n. \"$0\"", self.before)]).arg(script).spawn();
        Running { child: child.expect("busybox runs"), directory: self.directory }
    }
}

struct Running {
    child: Child,
    directory: TempDir,
}

impl Running {
    fn pauses(&self) -> usize {
        let slept = fs::read_to_string(self.directory.path().join("slept")).unwrap_or_default();
        slept.lines().filter(|seconds| *seconds == POLL).count()
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Goes on for so many polls more. After 6 that are idle it would have ended.
    fn is_held_for(&mut self, polls: usize) -> bool {
        let until = self.pauses() + polls;
        eventually(|| self.pauses() >= until || self.has_ended()) && !self.has_ended()
    }

    /// Ends, with exit code 0.
    fn ends(&mut self) -> bool {
        eventually(|| self.has_ended()) && self.child.wait().is_ok_and(|status| status.success())
    }

    fn said(&mut self) -> Vec<String> {
        let lines = |pipe: Option<Box<dyn std::io::Read>>| {
            pipe.map(|pipe| BufReader::new(pipe).lines().map_while(Result::ok).collect::<Vec<_>>())
        };
        let stdout = self.child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read>);
        let stderr = self.child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read>);
        [lines(stdout), lines(stderr)].into_iter().flatten().flatten().collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A listener as buildkitd has it, on `[::]`, which takes IPv4 as well.
fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a listener");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

#[test]
fn an_idle_pod_is_let_go_after_its_quiet_time() {
    let (_listener, port) = listen();
    let mut drain = Drain::new(port).start();
    assert!(drain.ends());
    assert_eq!(drain.pauses(), 5, "between six polls");
    let said = drain.said();
    assert_eq!(
        said,
        ["drain: waiting for the running build, at most 60 s", "drain: idle", "drain: idle for 6 polls of 0.2 s: done"]
    );
}

#[test]
fn a_connection_holds_the_pod_and_its_end_releases_it() {
    for client in ["127.0.0.1", "[::1]"] {
        let (listener, port) = listen();
        let address: SocketAddr = format!("{client}:{port}").parse().expect("an address");
        let connection = TcpStream::connect(address).expect("connected");
        let accepted = listener.accept().expect("accepted");
        let mut drain = Drain::new(port).start();
        assert!(drain.is_held_for(8), "{client}: {:?}", drain.said());
        drop((connection, accepted));
        assert!(drain.ends(), "{client}: {:?}", drain.said());
        assert!(drain.said().contains(&"drain: 1 connected".to_owned()));
    }
}

#[test]
fn a_half_closed_connection_is_no_build() {
    // The client is gone and the daemon has not closed yet: buildkitd cancels such a build.
    let (listener, port) = listen();
    let connection = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let _accepted = listener.accept().expect("accepted");
    drop(connection);
    assert!(Drain::new(port).start().ends());
}

#[test]
fn blips_do_not_hold_the_pod() {
    // At every look there is a connection, and never the same for as long as a build's: the script sleeps in between.
    let table = format!(
        "{HEADER}{LISTENING}   1: 00000000000000000000000000000000:04D2 00000000000000000000000000000000:%04X 01 00000000:00000000 00:00000000 00000000     0        0 1\n"
    );
    let mut drain = Drain::new(1234)
        .with_tables(&[("tcp6", &table.replace("%04X", "1000"))])
        .env("TABLE", &table)
        .with_function(
            r#"far_end=5000
            sleep() {
                echo "$1" >>"$SLEPT"
                command sleep "$1"
                far_end=$((far_end + 1))
                printf "$TABLE" "$far_end" >"$DRAIN_NET/tcp6"
            }"#,
        )
        .start();
    assert!(drain.ends(), "{:?}", drain.said());
    let slept = fs::read_to_string(drain.directory.path().join("slept")).unwrap_or_default();
    let looks: Vec<&str> = slept.lines().collect();
    assert_eq!(looks.iter().filter(|seconds| **seconds == BLIP).count(), 6, "a connection at each look: {looks:?}");
}

#[test]
fn builds_one_after_the_other_hold_the_pod() {
    let (listener, port) = listen();
    std::thread::spawn(move || {
        let mut last = None;
        for connection in listener.incoming() {
            drop(last.replace(connection));
        }
    });
    let over = Arc::new(AtomicBool::new(false));
    let last_build = Arc::clone(&over);
    std::thread::spawn(move || {
        while !last_build.load(Ordering::SeqCst) {
            let connection = TcpStream::connect(("127.0.0.1", port));
            std::thread::sleep(Duration::from_millis(1500));
            drop(connection);
        }
    });
    let mut drain = Drain::new(port).start();
    assert!(drain.is_held_for(10), "{:?}", drain.said());
    over.store(true, Ordering::SeqCst);
    assert!(drain.ends());
}

const HEADER: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const LISTENING: &str = "   0: 00000000000000000000000000000000:04D2 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1\n";

#[test]
fn what_cannot_be_understood_holds_the_pod() {
    let listening = format!("{HEADER}{LISTENING}");
    let garbled_state = listening.replace(" 0A ", " ZZ ");
    let cases: [(&str, &[(&str, &str)]); 7] = [
        ("no table", &[]),
        ("an empty table", &[("tcp6", "")]),
        ("no listener", &[("tcp6", HEADER)]),
        ("another header", &[("tcp6", &listening.replace("local_address", "adresse_locale"))]),
        ("a garbled line", &[("tcp6", &format!("{listening}garbage\n"))]),
        ("a garbled state", &[("tcp6", &garbled_state)]),
        ("one good and one garbled table", &[("tcp6", &listening), ("tcp", "<html>\n")]),
    ];
    for (name, tables) in cases {
        let mut drain = Drain::new(1234).with_tables(tables).start();
        assert!(drain.is_held_for(7), "{name}");
        let _ = drain.child.kill();
        assert!(drain.said().contains(&"drain: cannot read the connections".to_owned()), "{name}");
    }
    let mut drain = Drain::new(1234).with_tables(&[("tcp6", &listening), ("tcp", HEADER)]).start();
    assert!(drain.ends(), "a good table lets go: {:?}", drain.said());
}

#[test]
fn without_awk_the_pod_is_held() {
    let (_listener, port) = listen();
    let mut drain = Drain::new(port).with_function("awk() { return 127; }").start();
    assert!(drain.is_held_for(7));
    let _ = drain.child.kill();
    assert!(drain.said().contains(&"drain: cannot read the connections".to_owned()));
}

#[test]
fn the_wait_ends_before_the_grace_period() {
    let (listener, port) = listen();
    let _connection = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let _accepted = listener.accept().expect("accepted");
    let mut drain = Drain::new(port).env("DRAIN_CAP_S", "4").start();
    assert!(drain.ends());
    assert_eq!(
        drain.said(),
        [
            "drain: waiting for the running build, at most 4 s",
            "drain: 1 connected",
            "drain: still 1 connected after 4 s: buildkitd finishes what it can on SIGTERM"
        ]
    );
}

#[test]
fn the_port_is_the_one_that_buildkitd_listens_on() {
    let script = include_str!("../../templates/drain.sh");
    assert!(script.contains(&format!("|| DRAIN_PORT_HEX={:04X} ", 1234)));
}
