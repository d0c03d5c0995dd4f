//! drain.sh as a pod runs it: under busybox sh, with busybox alone on PATH.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::dns::eventually;
use crate::support;

/// The script of the rendered ConfigMap, in a directory with busybox's applets.
struct Drain {
    directory: TempDir,
    command: Command,
}

pub(crate) fn busybox() -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/bin", "/usr/bin"])
        .map(|dir| Path::new(dir).join("busybox"))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("no busybox on PATH: run ./tests/run, which installs it, or apt-get install busybox"))
}

impl Drain {
    /// Scaled down: 6 idle polls of 200 ms, and 300 ms for a connection to count.
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
        command.arg(directory.path().join("drain.sh")).env_clear().env("PATH", &bin).envs([
            ("DRAIN_PORT_HEX", format!("{port:04X}")),
            ("DRAIN_POLL_S", "0.2".to_owned()),
            ("DRAIN_QUIET_POLLS", "6".to_owned()),
            ("DRAIN_BLIP_S", "0.3".to_owned()),
            ("DRAIN_CAP_S", "60".to_owned()),
            ("DRAIN_LOG", "/nonexistent/log".to_owned()),
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Drain { directory, command }
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
        let child = self.command.spawn().expect("busybox runs");
        Running { child, start: Instant::now(), _directory: self.directory }
    }
}

struct Running {
    child: Child,
    start: Instant,
    _directory: TempDir,
}

impl Running {
    fn is_held_for(&mut self, time: Duration) -> bool {
        !eventually(time, || self.child.try_wait().is_ok_and(|status| status.is_some()))
    }

    /// Ends with exit code 0 within this time.
    fn ends_within(&mut self, time: Duration) -> bool {
        eventually(time, || self.child.try_wait().is_ok_and(|status| status.is_some_and(|status| status.success())))
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

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn an_idle_pod_is_let_go_after_its_quiet_time() {
    let (_listener, port) = listen();
    let mut drain = Drain::new(port).start();
    assert!(drain.ends_within(secs(10.0)));
    assert!(drain.start.elapsed() > secs(1.0), "six polls and five pauses");
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
        assert!(drain.is_held_for(secs(3.0)), "{client}: {:?}", drain.said());
        drop((connection, accepted));
        assert!(drain.ends_within(secs(10.0)), "{client}: {:?}", drain.said());
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
    assert!(Drain::new(port).start().ends_within(secs(10.0)));
}

#[test]
fn blips_do_not_hold_the_pod() {
    // At every look there is a connection, and never the same for as long as a build's.
    let row = |port: u32| {
        format!(
            "{HEADER}{LISTENING}   1: 00000000000000000000000000000000:04D2 00000000000000000000000000000000:{port:04X} 01 00000000:00000000 00:00000000 00000000     0        0 1\n"
        )
    };
    let drain = Drain::new(1234).with_tables(&[("tcp6", &row(5000))]);
    let table = drain.directory.path().join("net/tcp6");
    std::thread::spawn(move || {
        for port in 5001..6000 {
            let next = table.with_extension("next");
            if fs::write(&next, row(port)).and_then(|()| fs::rename(&next, &table)).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let mut drain = drain.start();
    assert!(drain.ends_within(secs(20.0)), "{:?}", drain.said());
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
    std::thread::sleep(secs(0.2));
    let mut drain = Drain::new(port).start();
    assert!(drain.is_held_for(secs(5.0)), "{:?}", drain.said());
    over.store(true, Ordering::SeqCst);
    assert!(drain.ends_within(secs(10.0)));
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
        assert!(drain.is_held_for(secs(1.5)), "{name}");
        let _ = drain.child.kill();
        assert!(drain.said().contains(&"drain: cannot read the connections".to_owned()), "{name}");
    }
    let mut drain = Drain::new(1234).with_tables(&[("tcp6", &listening), ("tcp", HEADER)]).start();
    assert!(drain.ends_within(secs(10.0)), "a good table lets go: {:?}", drain.said());
}

#[test]
fn without_awk_the_pod_is_held() {
    let (_listener, port) = listen();
    let drain = Drain::new(port);
    fs::remove_file(drain.directory.path().join("bin/awk")).expect("removed");
    assert!(drain.start().is_held_for(secs(2.0)));
}

#[test]
fn the_wait_ends_before_the_grace_period() {
    let (listener, port) = listen();
    let _connection = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let _accepted = listener.accept().expect("accepted");
    let mut drain = Drain::new(port).env("DRAIN_CAP_S", "4").start();
    assert!(drain.is_held_for(secs(1.0)));
    assert!(drain.ends_within(secs(10.0)));
    assert!(drain.said().last().is_some_and(|line| line.contains("still 1 connected after 4 s")));
}

#[test]
fn the_port_is_the_one_that_buildkitd_listens_on() {
    let script = include_str!("../../templates/drain.sh");
    assert!(script.contains(&format!("DRAIN_PORT_HEX:-{:04X}", 1234)));
}
