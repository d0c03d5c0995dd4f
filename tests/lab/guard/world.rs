//! A network of namespaces on a bridge: the test is beside pods and load balancers, as the runners are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Child, Command};

use buildkit_fleet::fleet::dns::discovery_name;
use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::values::arch::Arch;
use tempfile::TempDir;

use crate::dns::{Dns, eventually};
use crate::guard::pod::Pod;
use crate::haproxy::{http_get_at, launch, rendered};
use crate::support;

/// The family of all addresses of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Family {
    V4,
    V6,
}

pub(super) struct World {
    pub(super) fleet: Fleet,
    pub(super) family: Family,
    dns: Dns,
    pub(super) directory: TempDir,
}

impl World {
    /// A fleet whose builders have a guard, with an empty network.
    pub(super) fn new(family: Family) -> Self {
        run("mount", &["-t", "tmpfs", "none", "/run"]);
        for line in [
            "link set lo up",
            "link add br0 type bridge",
            "addr add 10.77.0.1/16 dev br0",
            "addr add fd77::1/64 dev br0 nodad",
            "link set br0 up",
        ] {
            ip(line);
        }
        let buildkit = "      replicas_per_arch: 8\n      builder: {one_build_guard: require}\n";
        let fleet = support::fleet(&support::one_cluster(buildkit), "here");
        let dns = Dns::on((address(family, 1), 53).into()).expect("DNS has an address of its own");
        for pool in &fleet.pools {
            dns.set(&discovery_name(pool.arch, &fleet.namespace, fleet.builder.one_build_guard), []);
        }
        World { fleet, family, dns, directory: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A namespace on the bridge, with this address.
    pub(super) fn namespace(&self, name: &str, host: u16) -> IpAddr {
        let address = address(self.family, host);
        let prefix = if self.family == Family::V4 { "16" } else { "64 nodad" };
        ip(&format!("netns add {name}"));
        ip(&format!("link add {name} type veth peer name eth0 netns {name}"));
        ip(&format!("link set {name} master br0"));
        ip(&format!("link set {name} up"));
        for line in [
            "link set lo up".to_owned(),
            format!("addr add {address}/{prefix} dev eth0"),
            "link set eth0 up".to_owned(),
        ] {
            ip(&format!("-n {name} {line}"));
        }
        address
    }

    /// What DNS lists from now on.
    pub(super) fn publish<'p>(&self, pods: impl IntoIterator<Item = &'p Pod>) {
        let name = discovery_name(Arch::Amd64, &self.fleet.namespace, self.fleet.builder.one_build_guard);
        self.dns.set(&name, pods.into_iter().map(|pod| pod.address));
    }

    /// Pods that have set their rules, and are listed.
    pub(super) fn pods(&self, count: u16) -> Vec<Pod> {
        let pods: Vec<Pod> = (0..count).map(|n| Pod::start(self, n)).collect();
        self.publish(&pods);
        pods
    }
}

/// The address of a host: 1 is the test itself.
pub(super) fn address(family: Family, host: u16) -> IpAddr {
    let [high, low] = host.to_be_bytes();
    match family {
        Family::V4 => Ipv4Addr::new(10, 77, high, low).into(),
        Family::V6 => Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, host).into(),
    }
}

/// A command that runs in a namespace.
pub(super) fn within(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}")).arg("--").arg(program);
    command
}

fn ip(line: &str) {
    run("ip", &line.split(' ').collect::<Vec<_>>());
}

pub(super) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {error}", arguments.join(" "));
}

/// A load balancer: the rendered files, unchanged.
pub(super) struct Lb {
    address: IpAddr,
    child: Child,
    directory: TempDir,
}

impl Lb {
    pub(super) fn start(world: &World, n: u16) -> Self {
        let name = format!("lb{n}");
        let address = world.namespace(&name, 100 + n);
        let (config, script) = rendered(&world.fleet);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let resolv = format!("nameserver {}\n", self::address(world.family, 1));
        let child = launch(within(&name, "/bin/sh"), directory.path(), &config, &script, &resolv);
        let lb = Lb { address, child, directory };
        let healthy = || http_get_at((address, 8405).into(), "/healthz").is_some_and(|(status, _)| status == 200);
        assert!(eventually(healthy), "HAProxy does not answer:\n{}", lb.log());
        lb
    }

    /// Where clients of amd64 connect to.
    pub(super) fn builds(&self) -> SocketAddr {
        (self.address, Arch::Amd64.lb_port()).into()
    }

    /// How many pods it sees UP.
    pub(super) fn up(&self) -> usize {
        self.metric("haproxy_backend_active_servers")
    }

    pub(super) fn sessions(&self) -> usize {
        self.metric("haproxy_backend_current_sessions")
    }

    fn metric(&self, name: &str) -> usize {
        let (_, page) = http_get_at((self.address, 9404).into(), "/metrics?scope=backend").unwrap_or_default();
        let start = format!("{name}{{proxy=\"bk_amd64\"}} ");
        let sample = page.lines().find_map(|line| line.strip_prefix(&start));
        sample.and_then(|sample| sample.trim().parse().ok()).unwrap_or_else(|| panic!("no {start} in\n{page}"))
    }

    pub(super) fn wait_for_up(&self, count: usize) {
        assert!(eventually(|| self.up() == count), "{} pods are UP, expected {count}\n{}", self.up(), self.log());
    }

    /// The image's stop signal: it listens no longer and ends after its last build.
    pub(super) fn soft_stop(&self) {
        run("kill", &["-USR1", &self.child.id().to_string()]);
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Lb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
