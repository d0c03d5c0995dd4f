//! The rendered load balancer, run by a real HAProxy: its ConfigMap's start.sh and haproxy.cfg, with the ports and
//! the DNS port changed and nothing else.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use buildkit_fleet::fleet::capabilities::HaproxyCapabilities;
use buildkit_fleet::fleet::dns::discovery_name;
use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::values::arch::Arch;
use buildkit_fleet::values::version::Version;
use tempfile::TempDir;

use crate::client::Client;
use crate::dns::{Dns, eventually};
use crate::pods::Pods;
use crate::ports::free_port;
use crate::support::{self, HANGS};

/// The program: `HAPROXY_BIN`, or the one on PATH. A missing one fails the tests.
pub(crate) fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("HAPROXY_BIN") {
        let named = PathBuf::from(named);
        assert!(named.is_file(), "HAPROXY_BIN names {}, which is no file", named.display());
        return named;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/sbin", "/sbin"]);
    places.map(|dir| Path::new(dir).join("haproxy")).find(|program| program.is_file()).unwrap_or_else(|| {
        panic!("no haproxy on PATH: run ./tests/run, which installs it, or apt-get install haproxy, or set HAPROXY_BIN")
    })
}

/// Its version, `HAProxy version 2.6.12-1+deb12u4 2026/10/17`. The first to ask tells it to whoever runs the tests.
pub(crate) fn version() -> Version {
    static VERSION: OnceLock<Version> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let output = Command::new(binary()).arg("-v").output().expect("haproxy -v runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let number =
            text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).unwrap_or_default();
        support::note(&format!("the lab ran HAProxy {number}, {}", binary().display()));
        let mut parts =
            number.split(['.', '-']).map(|part| part.parse().unwrap_or_else(|_| panic!("no version in {text}")));
        let (major, minor) = (parts.next().expect("a major"), parts.next().expect("a minor"));
        Version::new(major, minor)
    })
}

/// The fleet's configuration as this HAProxy understands it, and the script that starts it.
pub(crate) fn rendered(fleet: &Fleet) -> (String, String) {
    let mut fleet = fleet.clone();
    fleet.lb.can = HaproxyCapabilities::of(version());
    let files = support::render(&fleet);
    let config = support::object(&files, "ConfigMap", "buildkitd-lb-config");
    let text =
        |key: &str| config["data"][key].as_str().unwrap_or_else(|| panic!("no {key} in the ConfigMap")).to_owned();
    (text("haproxy.cfg"), text("start.sh"))
}

/// Ports of this run in place of the rendered ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) amd64: u16,
    pub(crate) arm64: u16,
    pub(crate) all: u16,
    pub(crate) health: u16,
    pub(crate) metrics: u16,
    stats: u16,
    pods: u16,
    dns: u16,
}

/// The only edits between the rendered configuration and the one that runs. A line that is not there fails.
fn adapt(config: &str, ports: &Ports, fleet: &Fleet) -> String {
    let mut edits = vec![
        (":::1234 v4v6".to_owned(), format!(":::{} v4v6", ports.all)),
        (":::8405 v4v6".to_owned(), format!(":::{} v4v6", ports.health)),
        ("bind 127.0.0.1:8404".to_owned(), format!("bind 127.0.0.1:{}", ports.stats)),
        (":::9404 v4v6".to_owned(), format!(":::{} v4v6", ports.metrics)),
        ("tcp@$DNS_SERVER:53\"".to_owned(), format!("tcp@$DNS_SERVER:{}\"", ports.dns)),
        ("udp \"$DNS_SERVER:53\"".to_owned(), format!("udp \"$DNS_SERVER:{}\"", ports.dns)),
    ];
    for pool in &fleet.pools {
        let port = if pool.arch == Arch::Amd64 { ports.amd64 } else { ports.arm64 };
        edits.push((format!(":::{} v4v6", pool.arch.lb_port()), format!(":::{port} v4v6")));
        let name = discovery_name(pool.arch, &fleet.namespace, fleet.builder.one_build_guard);
        edits.push((format!("@{name}:1234 check "), format!("@{name}:{} check ", ports.pods)));
    }
    edits.iter().fold(config.to_owned(), |config, (from, to)| replace_line(&config, from, to))
}

/// Replaces text that must stand exactly once.
pub(crate) fn replace_line(config: &str, from: &str, to: &str) -> String {
    assert_eq!(config.matches(from).count(), 1, "expected `{from}` once in:\n{config}");
    config.replace(from, to)
}

/// A running load balancer with its DNS server and its pods.
pub(crate) struct Lab {
    pub(crate) fleet: Fleet,
    pub(crate) dns: Dns,
    pub(crate) pods: Pods,
    pub(crate) ports: Ports,
    child: Child,
    directory: TempDir,
}

impl Lab {
    /// A fleet with these keys under `buildkit`, with both names known and no pod.
    pub(crate) fn start(buildkit: &str) -> Self {
        Self::start_edited(buildkit, |config| config)
    }

    /// The same, with a line of the configuration broken on purpose.
    pub(crate) fn start_edited(buildkit: &str, edit: impl Fn(String) -> String) -> Self {
        let fleet = support::fleet(&support::one_cluster(buildkit), "here");
        for _ in 0..3 {
            let mut lab = Self::spawn(fleet.clone(), &edit);
            let health = lab.ports.health;
            let healthy = || http_get(health, "/healthz").is_some_and(|(status, _)| status == 200);
            if eventually(|| healthy() || lab.has_ended()) && !lab.has_ended() {
                return lab;
            }
            // Between the choice of a port and its use, another process may have taken it.
            let log = lab.log();
            assert!(log.contains("cannot bind"), "haproxy is not healthy: {:?}\n{log}", lab.child.try_wait());
        }
        panic!("no free ports");
    }

    fn spawn(fleet: Fleet, edit: &impl Fn(String) -> String) -> Self {
        let dns = Dns::start();
        let [amd64, arm64, all, health, metrics, stats, pods] = std::array::from_fn(|_| free_port());
        let ports = Ports { amd64, arm64, all, health, metrics, stats, pods, dns: dns.port };
        let (config, script) = rendered(&fleet);
        let config = edit(adapt(&config, &ports, &fleet));

        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        for pool in &fleet.pools {
            dns.set(&discovery_name(pool.arch, &fleet.namespace, fleet.builder.one_build_guard), []);
        }
        let resolv = "# the pod's\nsearch here\nnameserver 127.0.0.1\nnameserver 192.0.2.1\n";
        let child = launch(Command::new("/bin/sh"), path, &config, &script, resolv);
        Lab { fleet, dns, pods: Pods::new(pods), ports, child, directory }
    }

    /// What the load balancer wrote of this client's connection when that ended.
    pub(crate) fn end_of(&self, client: &Client) -> End {
        let here = format!(":{} [", client.port());
        let find = || self.log().lines().find(|line| line.contains(&here)).and_then(End::read);
        assert!(eventually(|| find().is_some()), "no end of the client on port {}:\n{}", client.port(), self.log());
        find().expect("it was there")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// What DNS says of an architecture's pods from now on.
    pub(crate) fn set_pods(&self, arch: Arch, addresses: impl IntoIterator<Item = Ipv4Addr>) {
        let name = discovery_name(arch, &self.fleet.namespace, self.fleet.builder.one_build_guard);
        self.dns.set(&name, addresses.into_iter().map(crate::pods::mapped));
    }

    /// Starts pods, lets DNS name them, and waits until all are UP.
    pub(crate) fn with_pods(&self, arch: Arch, addresses: impl IntoIterator<Item = Ipv4Addr>) {
        let addresses: Vec<Ipv4Addr> = addresses.into_iter().collect();
        for address in &addresses {
            self.pods.start(*address);
        }
        self.set_pods(arch, addresses.iter().copied());
        self.wait_for_up(arch, addresses.len());
    }

    pub(crate) fn wait_for_up(&self, arch: Arch, count: usize) {
        let up = eventually(|| self.up(arch) == count);
        assert!(up, "{} of {count} {} pods are UP\n{}", self.up(arch), arch.name(), self.log());
    }

    /// A sample of HAProxy's exporter, by its backend.
    pub(crate) fn metric(&self, name: &str, arch: Arch) -> usize {
        let (_, page) = http_get(self.ports.metrics, "/metrics?scope=backend").unwrap_or_default();
        let start = format!("{name}{{proxy=\"bk_{}\"}} ", arch.name());
        let sample =
            page.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("no {start} in\n{page}"));
        sample.trim().parse().unwrap_or_else(|_| panic!("{sample} is no count"))
    }

    pub(crate) fn sessions(&self, arch: Arch) -> usize {
        self.metric("haproxy_backend_current_sessions", arch)
    }

    pub(crate) fn up(&self, arch: Arch) -> usize {
        self.metric("haproxy_backend_active_servers", arch)
    }

    /// Sends a signal to HAProxy.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()));
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.pods.stop();
    }
}

/// How a connection ended, in the words of HAProxy's TCP log. Its times run from event to event in HAProxy, not from when
/// a test got to run.
#[derive(Debug)]
pub(crate) struct End {
    /// `bk_amd64/amd1`; `<NOSRV>` where no server was left.
    pub(crate) server: String,
    /// In the queue and in tries before.
    pub(crate) waited_ms: i64,
    /// `sQ`: `timeout queue` ended it. `SC`: no server took the connection.
    pub(crate) state: String,
}

impl End {
    /// `127.0.0.1:60002 [25/Nov/2026:01:52:13.772] ft_amd64 bk_amd64/<NOSRV> 2002/-1/2001 0 sQ 2/2/1/0/0 0/2`
    fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let &[_, _, _, server, times, _, state, ..] = &words[..] else { return None };
        let waited_ms = times.split('/').next()?.parse().ok()?;
        Some(End { server: server.to_owned(), waited_ms, state: state.to_owned() })
    }
}

/// Starts HAProxy as its container does, by a shell and the files of this directory, where `log` is what it says.
pub(crate) fn launch(mut shell: Command, path: &Path, config: &str, script: &str, resolv: &str) -> Child {
    for (file, text) in [("haproxy.cfg", config), ("start.sh", script), ("resolv.conf", resolv)] {
        std::fs::write(path.join(file), text).expect("written");
    }
    std::os::unix::fs::symlink(binary(), path.join("haproxy")).expect("linked");
    let log = File::create(path.join("log")).expect("created");
    shell
        .arg(path.join("start.sh"))
        .env("PATH", search(path))
        .env("RESOLV_CONF", path.join("resolv.conf"))
        .env("HAPROXY_CFG", path.join("haproxy.cfg"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("cloned"))
        .stderr(log)
        .spawn()
        .expect("sh runs")
}

/// PATH with a directory before the rest, and with the system's programs.
pub(crate) fn search(first: &Path) -> String {
    format!("{}:{}:/usr/sbin:/sbin", first.display(), std::env::var("PATH").unwrap_or_default())
}

/// Status and body of a page on loopback.
pub(crate) fn http_get(port: u16, path: &str) -> Option<(u16, String)> {
    http_get_at((Ipv4Addr::LOCALHOST, port).into(), path)
}

pub(crate) fn http_get_at(at: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(HANGS)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    let (head, body) = page.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    Some((status, if chunked { unchunk(body)? } else { body.to_owned() }))
}

/// The body of a chunked answer: each chunk has its length in hex before it, and the last one is empty.
fn unchunk(mut body: &str) -> Option<String> {
    let mut text = String::new();
    loop {
        let (length, rest) = body.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(text);
        }
        text += rest.get(..length)?;
        body = rest.get(length + 2..)?;
    }
}
