//! Builds: one for each pod, whatever comes and goes around them.

use std::thread;
use std::time::Duration;

use buildkit_fleet::fleet::capabilities::OLDEST_HAPROXY;
use buildkit_fleet::values::arch::Arch;

use crate::client::{Client, Wait};
use crate::dns::eventually;
use crate::haproxy::{Lab, http_get, replace_line, version};
use crate::pods::address;
use crate::support::not_tried;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// 60 clients over the three frontends within two seconds, each building for half a second to a second and a half.
fn burst(lab: &Lab) -> Vec<thread::JoinHandle<bool>> {
    let ports = [lab.ports.amd64, lab.ports.arm64, lab.ports.all];
    (0..60)
        .map(|n| {
            let port = ports[n % 3];
            thread::spawn(move || {
                let n = u64::try_from(n).expect("few");
                thread::sleep(millis(n * 35));
                let client = Client::build(port);
                let served = client.is_served();
                thread::sleep(millis(500 + n * 137 % 1000));
                served
            })
        })
        .collect()
}

#[test]
fn no_pod_ever_has_two_builds() {
    let lab = Lab::start("");
    let (amd64, arm64) = (0..12, 20..26);
    let joining = version() >= OLDEST_HAPROXY;
    if joining {
        // Pods join while clients are queued: the case that HAProxy before 3.2 gets wrong.
        lab.with_pods(Arch::Amd64, [address(0)]);
        lab.with_pods(Arch::Arm64, [address(20)]);
    } else {
        not_tried(
            "one build for each pod while pods join",
            &format!("HAProxy {} lacks the fix, which {OLDEST_HAPROXY} has; tried with pods that stay", version()),
        );
        lab.with_pods(Arch::Amd64, amd64.clone().map(address));
        lab.with_pods(Arch::Arm64, arm64.clone().map(address));
    }
    let clients = burst(&lab);
    if joining {
        for n in 1..12 {
            thread::sleep(millis(400));
            lab.pods.start(address(n));
            lab.set_pods(Arch::Amd64, (0..=n).map(address));
            if n < 6 {
                lab.pods.start(address(20 + n));
                lab.set_pods(Arch::Arm64, (20..=20 + n).map(address));
            }
        }
    }
    let served = clients.into_iter().map(|client| client.join().expect("a client runs to its end"));
    assert!(served.into_iter().all(|served| served), "a client was not served\n{}", lab.log());
    assert_eq!(lab.pods.served(), 60);
    assert_eq!(lab.pods.most_at_once(), 1);
}

/// Two clients at a time on two idle pods, 300 times. With `nbthread 2`, HAProxy 2.6.12 and 3.2.26 strand a few of them
/// in the queue until its timeout.
#[test]
fn no_client_waits_beside_an_idle_pod() {
    let lab = Lab::start("      architectures: [amd64]\n");
    lab.with_pods(Arch::Amd64, [address(0), address(1)]);
    for round in 0..300 {
        let clients = [Client::build(lab.ports.amd64), Client::build(lab.ports.amd64)];
        for client in &clients {
            // One that is stranded is closed by `timeout queue`: the other one builds until then, and frees no pod.
            assert_eq!(client.outcome(), Wait::Served, "round {round}\n{}", lab.log());
        }
        drop(clients);
        let idle = || lab.pods.running(address(0)) + lab.pods.running(address(1)) == 0;
        assert!(eventually(idle), "round {round}: a pod still builds");
    }
}

#[test]
fn without_maxconn_a_pod_gets_two_builds() {
    let lab = Lab::start_edited("      architectures: [amd64]\n", |config| replace_line(&config, " maxconn 1\n", "\n"));
    lab.with_pods(Arch::Amd64, [address(0)]);
    let clients = [Client::build(lab.ports.amd64), Client::build(lab.ports.amd64)];
    assert!(clients.iter().all(Client::is_served));
    assert_eq!(lab.pods.most_at_once(), 2);
}

#[test]
fn the_combined_frontend_fills_both_architectures_and_is_counted_in_each() {
    let lab = Lab::start("");
    lab.with_pods(Arch::Amd64, [address(0), address(1)]);
    lab.with_pods(Arch::Arm64, [address(20)]);
    let direct: Vec<Client> = (0..2).map(|_| Client::build(lab.ports.amd64)).collect();
    assert!(direct.iter().all(Client::is_served), "{}", lab.log());
    // Both amd64 pods are busy: the next one goes to arm64, the one after waits for the first architecture.
    let third = Client::build(lab.ports.all);
    assert!(third.is_served());
    assert_eq!(lab.pods.running(address(20)), 1);
    let fourth = Client::build(lab.ports.all);
    assert_eq!(fourth.wait(millis(1500)), Wait::StillWaiting);
    assert_eq!((lab.sessions(Arch::Amd64), lab.sessions(Arch::Arm64)), (3, 1));
    assert_eq!(lab.pods.most_at_once(), 1);
}

/// One pod builds for the first client, the other has crashed and is still listed when the second one comes.
fn beside_a_crashed_pod(lab: &Lab) -> (Client, Client) {
    lab.with_pods(Arch::Amd64, [address(0), address(1)]);
    let first = Client::build(lab.ports.amd64);
    assert!(first.is_served());
    let crashed = if lab.pods.running(address(0)) == 1 { address(1) } else { address(0) };
    lab.pods.crash(crashed);
    (first, Client::build(lab.ports.amd64))
}

#[test]
fn a_crashed_pod_does_not_fail_a_client_while_another_frees_in_time() {
    let lab = Lab::start("      architectures: [amd64]\n");
    let (first, second) = beside_a_crashed_pod(&lab);
    assert_eq!(second.wait(millis(3000)), Wait::StillWaiting, "{}", lab.log());
    drop(first);
    assert_eq!(second.outcome(), Wait::Served, "{}", lab.log());
}

#[test]
fn without_observing_errors_a_crashed_pod_burns_a_clients_tries() {
    let lab = Lab::start_edited("      architectures: [amd64]\n", |config| {
        replace_line(&config, " observe layer4 error-limit 1 on-error mark-down", "")
    });
    let (first, second) = beside_a_crashed_pod(&lab);
    assert_eq!(second.outcome(), Wait::Closed, "{}", lab.log());
    // Its tries went to the crashed pod, in no time beside the 35 s for which it would be held.
    let end = lab.end_of(&second);
    assert!(end.state == "SC" && end.waited_ms < 2_500 && !end.server.ends_with("<NOSRV>"), "{end:?}");
    assert!(first.is_alive(), "the other pod has not been free meanwhile");
}

#[test]
fn sigusr1_leaves_builds_alone_and_ends_with_the_last_one() {
    // 2.6.12 goes on for ever after a soft stop while it has a DNS server over TCP; over UDP it ends at once.
    let over_udp = version() < OLDEST_HAPROXY;
    if over_udp {
        not_tried(
            "the end after SIGUSR1 with DNS over TCP",
            &format!("HAProxy {} goes on for ever, {OLDEST_HAPROXY} ends; tried with DNS over UDP", version()),
        );
    }
    let mut lab = Lab::start_edited("      architectures: [amd64]\n", |config| {
        if over_udp { replace_line(&config, "\"tcp@$DNS_SERVER:", "\"$DNS_SERVER:") } else { config }
    });
    lab.with_pods(Arch::Amd64, [address(0)]);
    let build = Client::build(lab.ports.amd64);
    assert!(build.is_served());
    lab.signal("-USR1");
    let port = lab.ports.amd64;
    let refused = || std::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).is_err();
    assert!(eventually(refused), "it still listens");
    thread::sleep(Duration::from_secs(4));
    assert!(build.is_alive(), "{}", lab.log());
    assert!(!lab.has_ended());
    drop(build);
    assert!(eventually(|| lab.has_ended()), "{}", lab.log());
}

#[test]
fn at_the_limit_of_a_frontend_health_and_metrics_still_answer() {
    // The process's limit comes down to little more than one frontend's, so that one can be filled here.
    let lab = Lab::start_edited("      architectures: [amd64]\n", |config| {
        replace_line(&config, "  maxconn 4096\n", "  maxconn 1100\n")
    });
    // More than the frontend takes; the rest stays in the kernel's queue.
    let clients: Vec<Client> = (0..1_100).map(|_| Client::build(lab.ports.amd64)).collect();
    let full = || lab.sessions(Arch::Amd64) >= 1_000;
    assert!(eventually(full), "{} sessions", lab.sessions(Arch::Amd64));
    let health = http_get(lab.ports.health, "/healthz").map(|(status, _)| status);
    assert_eq!(health, Some(200), "{}", lab.log());
    // The answer did not wait for a place: none has become free, the metrics have answered as well.
    assert!(full(), "{} sessions", lab.sessions(Arch::Amd64));
    drop(clients);
}

#[test]
fn a_silent_client_takes_no_pod() {
    let lab = Lab::start("      architectures: [amd64]\n");
    lab.with_pods(Arch::Amd64, [address(0)]);
    let silent = Client::silent(lab.ports.amd64);
    thread::sleep(millis(1500));
    assert_eq!((lab.sessions(Arch::Amd64), lab.pods.served()), (0, 0));
    let build = Client::build(lab.ports.amd64);
    assert!(build.is_served(), "the pod is free for a real client");
    // By `inspect-delay`: `timeout client` is hours away.
    assert_eq!(silent.outcome(), Wait::Closed);
    assert_eq!(lab.pods.served(), 1);
}

/// Seconds until the kernel's keepalive probe on a connection from or to this port, for both its ends that HAProxy has.
fn keepalive_s(lab: &Lab, local: u16, remote: u16) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default()
        + &std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let ends = |word: &str, port: u16| word.ends_with(&format!(":{port:04X}"));
    let row = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|row| row.len() > 5 && (local == 0 || ends(row[1], local)) && ends(row[2], remote) && row[3] == "01");
    let row = row.unwrap_or_else(|| panic!("no connection {local} -> {remote}\n{}", lab.log()));
    // tr:tm->when: timer 02 is keepalive, in hundredths of a second.
    let (timer, when) = row[5].split_once(':')?;
    (timer == "02").then(|| u64::from_str_radix(when, 16).ok().map(|when| when / 100)).flatten()
}

#[test]
fn both_sides_of_a_build_are_probed_within_a_minute() {
    let lab = Lab::start("      architectures: [amd64]\n");
    lab.with_pods(Arch::Amd64, [address(0)]);
    let build = Client::build(lab.ports.amd64);
    assert!(build.is_served());
    // The timer of data in flight hides the one of keepalive for a moment.
    let probed = || {
        let client = keepalive_s(&lab, lab.ports.amd64, build.port());
        let pod = keepalive_s(&lab, 0, lab.pods.port);
        [client, pod].iter().all(|seconds| seconds.is_some_and(|seconds| seconds <= 60))
    };
    assert!(eventually(probed), "the kernel's default is 7200 s");
}

/// A pod that takes a build, greets, and then reads no more: what is sent to it stays in flight, as to one that vanished.
fn becomes_deaf(lab: &Lab) -> Client {
    let listener = std::net::TcpListener::bind((address(0), lab.pods.port)).expect("the pod's address is free");
    thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let mut byte = [0];
            if matches!(std::io::Read::read(&mut stream, &mut byte), Ok(1)) {
                let _ = std::io::Write::write_all(&mut stream, crate::pods::GREETING);
                held.push(stream);
            }
        }
    });
    lab.set_pods(Arch::Amd64, [address(0)]);
    lab.wait_for_up(Arch::Amd64, 1);
    let build = Client::build(lab.ports.amd64);
    assert!(build.is_served(), "{}", lab.log());
    build.flood();
    build
}

#[test]
fn a_builder_that_takes_no_more_bytes_is_given_up() {
    let lab = Lab::start_edited("      architectures: [amd64]\n", |config| {
        replace_line(&config, " resolve-prefer ipv6 tcp-ut 2m ", " resolve-prefer ipv6 tcp-ut 2s ")
    });
    let build = becomes_deaf(&lab);
    assert_eq!(build.outcome(), Wait::Closed, "{}", lab.log());
}

#[test]
fn without_tcp_ut_it_is_not() {
    let lab = Lab::start_edited("      architectures: [amd64]\n", |config| {
        replace_line(&config, " resolve-prefer ipv6 tcp-ut 2m ", " resolve-prefer ipv6 ")
    });
    let build = becomes_deaf(&lab);
    assert_eq!(build.wait(Duration::from_secs(15)), Wait::StillWaiting, "{}", lab.log());
}

#[test]
fn what_becomes_of_a_server_is_written_once() {
    let lab = Lab::start("      architectures: [amd64]\n");
    lab.with_pods(Arch::Amd64, [address(0)]);
    lab.pods.crash(address(0));
    lab.wait_for_up(Arch::Amd64, 0);
    let log = lab.log();
    for event in ["is UP/READY (resolves again)", "bk_amd64/amd1 is DOWN"] {
        assert_eq!(log.matches(event).count(), 1, "{event}:\n{log}");
    }
}
