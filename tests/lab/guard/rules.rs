//! guard.sh by itself: what its rules let in, and how it fails.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::thread;
use std::time::Duration;

use crate::dns::eventually;
use crate::guard::inside::{Needs, isolated};
use crate::guard::pod::Pod;
use crate::guard::traffic::Build;
use crate::guard::world::{Family, World, run, within};
use crate::haproxy::search;

const BUILDS: u16 = 1234;
const CHECKS: u16 = 8406;
const METRICS: u16 = 9090;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Whether a stranger's check is answered: from a namespace without a build.
fn answers_a_stranger(pod: &Pod) -> bool {
    let program = Path::new("/bin/sh");
    let look = format!("exec 3<>/dev/tcp/{}/{CHECKS}", pod.address);
    let output = within("stranger", program).args(["-c", "exec bash -c \"$0\"", &look]).output();
    output.is_ok_and(|output| output.status.success())
}

fn takes_one_build_at_a_time(family: Family) {
    let world = World::new(family);
    let pod = Pod::start(&world, 0);
    world.namespace("stranger", 7);
    let build = Build::ask(pod.port(BUILDS)).expect("an idle pod takes a build");
    for _ in 0..200 {
        assert!(TcpStream::connect(pod.port(BUILDS)).is_err(), "a second connection was taken");
    }
    for _ in 0..5 {
        // A refused SYN is counted for two ticks of the kernel: until then, the next one passes for the owner's.
        thread::sleep(Duration::from_millis(100));
        assert!(!answers_a_stranger(&pod), "a stranger's check is answered");
    }
    assert!(TcpStream::connect(pod.port(METRICS)).is_ok(), "metrics are nobody's business");
    assert!(build.is_alive());
    drop(build);
    assert!(eventually(|| Build::ask(pod.port(BUILDS)).is_some()), "the next build");
    assert!(eventually(|| answers_a_stranger(&pod)), "an idle pod answers everybody's check");
}

#[test]
fn a_pod_takes_one_build_at_a_time_over_ipv4() {
    isolated("rules::a_pod_takes_one_build_at_a_time_over_ipv4", Needs::Rules, || {
        takes_one_build_at_a_time(Family::V4);
    });
}

#[test]
fn a_pod_takes_one_build_at_a_time_over_ipv6() {
    isolated("rules::a_pod_takes_one_build_at_a_time_over_ipv6", Needs::Rules, || {
        takes_one_build_at_a_time(Family::V6);
    });
}

#[test]
fn the_owner_of_a_build_is_told_that_its_pod_is_there() {
    isolated("rules::the_owner_of_a_build_is_told_that_its_pod_is_there", Needs::Rules, || {
        let world = World::new(Family::V4);
        let pod = Pod::start(&world, 0);
        let _build = Build::ask(pod.port(BUILDS)).expect("an idle pod takes a build");
        assert!(TcpStream::connect(pod.port(CHECKS)).is_ok());
    });
}

#[test]
fn nobody_builds_on_the_port_for_checks() {
    isolated("rules::nobody_builds_on_the_port_for_checks", Needs::Rules, || {
        let world = World::new(Family::V4);
        let pod = Pod::start(&world, 0);
        let mut stream = TcpStream::connect(pod.port(CHECKS)).expect("answered");
        stream.set_read_timeout(Some(Duration::from_secs(2))).expect("set");
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("sent");
        assert!(stream.read(&mut [0]).is_err(), "an answer on the port for checks");
        assert_eq!(pod.seen().checks, 0, "the connection came to stand");
    });
}

#[test]
fn steps_of_a_build_reach_their_own_pod_by_loopback() {
    isolated("rules::steps_of_a_build_reach_their_own_pod_by_loopback", Needs::Rules, || {
        let world = World::new(Family::V4);
        let pod = Pod::start(&world, 0);
        let build = Build::ask(pod.port(BUILDS)).expect("a build");
        for loopback in ["127.0.0.1", "::1"] {
            let look = format!("exec 3<>/dev/tcp/{loopback}/{BUILDS}");
            let output = within(&pod.name, "bash").args(["-c", &look]).output().expect("bash runs");
            assert!(output.status.success(), "{loopback}: {}", said(&output));
        }
        assert!(build.is_alive());
        assert!(TcpStream::connect(pod.port(BUILDS)).is_err());
    });
}

#[test]
fn a_second_run_keeps_counting_the_build_that_runs() {
    isolated("rules::a_second_run_keeps_counting_the_build_that_runs", Needs::Rules, || {
        let world = World::new(Family::V4);
        let mut pod = Pod::start(&world, 0);
        let build = Build::ask(pod.port(BUILDS)).expect("a build");
        // It cannot try the rules while buildkitd listens, and says so.
        let output = pod.guard(&[]);
        assert!(!output.status.success() && said(&output).contains("port 1234 is in use"), "{}", said(&output));
        assert!(TcpStream::connect(pod.port(BUILDS)).is_err(), "a second connection was taken");
        drop(build);
        pod.crash();
        let output = pod.guard(&[]);
        assert!(output.status.success(), "{}", said(&output));
        let lists = within(&pod.name, "iptables").args(["-w", "-S"]).env("PATH", search(Path::new("/bin"))).output();
        let lists = said(&lists.expect("iptables runs"));
        assert_eq!(lists.matches("-A ONE-BUILD").count(), 2, "{lists}");
        assert_eq!(lists.matches("-A INPUT").count(), 1, "{lists}");
    });
}

/// What guard.sh says in a pod of which something is missing. The edit gets a directory that comes first on PATH.
fn fails(world: &World, n: u16, edit: impl Fn(&Pod, &Path)) -> String {
    let pod = Pod::create(world, n);
    let first = world.directory.path().join(&pod.name);
    std::fs::create_dir(&first).expect("created");
    edit(&pod, &first);
    let output = pod.guard_command(&[]).env("PATH", search(&first)).output().expect("busybox runs");
    assert!(!output.status.success(), "{}", said(&output));
    let said = said(&output);
    assert!(said.contains("one_build_guard: off"), "{said}");
    said
}

fn stand_in(dir: &Path, program: &str, script: &str) {
    let path = dir.join(program);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
}

#[test]
fn a_pod_that_cannot_refuse_a_second_build_does_not_start_and_says_why() {
    isolated("rules::a_pod_that_cannot_refuse_a_second_build_does_not_start_and_says_why", Needs::Rules, || {
        let world = World::new(Family::V4);
        let missing = fails(&world, 0, |_, dir| stand_in(dir, "iptables", "echo 'no chain/target/match' >&2; exit 1"));
        assert!(missing.contains("iptables cannot set the rules: no chain/target/match"), "{missing}");
        // A program that takes every rule, and a kernel that does nothing of it.
        let idle = fails(&world, 1, |_, dir| stand_in(dir, "iptables", "exit 0"));
        assert!(idle.contains("a second connection over 10.77.3.233 was taken, expected: refused"), "{idle}");
        // Somebody else's rule lets nothing in.
        let closed = fails(&world, 2, |pod, _| {
            run(
                "nsenter",
                &[
                    &format!("--net=/run/netns/{}", pod.name),
                    "/usr/sbin/iptables",
                    "-w",
                    "-A",
                    "INPUT",
                    "-p",
                    "tcp",
                    "--dport",
                    "1234",
                    "-j",
                    "DROP",
                ],
            );
        });
        assert!(closed.contains("a first connection over 10.77.3.234 was unanswered, expected: taken"), "{closed}");
    });
}

#[test]
fn a_node_without_ipv6_is_enough_for_a_pod_without() {
    isolated("rules::a_node_without_ipv6_is_enough_for_a_pod_without", Needs::Rules, || {
        let world = World::new(Family::V4);
        let pod = Pod::create(&world, 0);
        let dir = world.directory.path().join("none");
        std::fs::create_dir(&dir).expect("created");
        stand_in(&dir, "ip6tables", "echo 'Address family not supported by protocol' >&2; exit 3");
        let output = pod.guard_command(&[]).env("PATH", search(&dir)).output().expect("busybox runs");
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("no rules for IPv6, of which the pod has no address"), "{}", said(&output));
        let output = pod.guard_command(&["refuse"]).env("PATH", search(&dir)).output().expect("busybox runs");
        assert!(output.status.success(), "{}", said(&output));
    });
}
