//! DNS: how many pods fit, and what an outage or a change of addresses does.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use buildkit_fleet::fleet::dns::discovery_name;
use buildkit_fleet::values::arch::Arch;

use crate::client::{Client, Wait};
use crate::dns::Mood;
use crate::haproxy::{Lab, replace_line};
use crate::pods::address;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn with_max(max: u32) -> String {
    format!("      architectures: [amd64]\n      autoscaling: {{enabled: true, amd64_min: 2, amd64_max: {max}}}\n")
}

#[test]
fn all_of_360_and_of_1000_pods_are_up() {
    for count in [360, 1000] {
        let lab = Lab::start(&with_max(u32::try_from(count).expect("few")));
        lab.pods.start_everywhere();
        lab.set_pods(Arch::Amd64, (0..count).map(address));
        lab.wait_for_up(Arch::Amd64, count);
    }
}

#[test]
fn growing_past_290_pods_loses_none() {
    let lab = Lab::start(&with_max(360));
    lab.pods.start_everywhere();
    lab.set_pods(Arch::Amd64, (0..280).map(address));
    lab.wait_for_up(Arch::Amd64, 280);
    lab.set_pods(Arch::Amd64, (0..300).map(address));
    let fewest = fewest_up_for(&lab, secs(10));
    assert!(fewest >= 280, "{fewest} pods were UP at the worst");
    lab.wait_for_up(Arch::Amd64, 300);
}

#[test]
fn over_udp_at_8192_bytes_none_of_360_pods_is_up() {
    let lab = Lab::start_edited(&with_max(360), |config| {
        let config = replace_line(&config, "\"tcp@$DNS_SERVER:", "\"$DNS_SERVER:");
        let config = replace_line(&config, "  hold other 1h\n", "  hold other 10s\n");
        replace_line(&config, "accepted_payload_size 65535", "accepted_payload_size 8192")
    });
    lab.pods.start_everywhere();
    lab.set_pods(Arch::Amd64, (0..100).map(address));
    lab.wait_for_up(Arch::Amd64, 100);
    lab.set_pods(Arch::Amd64, (0..360).map(address));
    // `hold other` keeps the old ones for its 10 s.
    lab.wait_for_up(Arch::Amd64, 0);
}

fn fewest_up_for(lab: &Lab, length: Duration) -> usize {
    let start = Instant::now();
    let mut fewest = usize::MAX;
    while start.elapsed() < length {
        fewest = fewest.min(lab.up(Arch::Amd64));
        std::thread::sleep(Duration::from_millis(200));
    }
    fewest
}

fn begin_outage(lab: &Lab, mood: Mood) {
    lab.pods.start_everywhere();
    lab.set_pods(Arch::Amd64, (0..50).map(address));
    lab.wait_for_up(Arch::Amd64, 50);
    lab.dns.be(mood);
}

/// Fewest pods UP during an outage of this kind and length.
fn outage(lab: &Lab, mood: Mood, length: Duration) -> usize {
    begin_outage(lab, mood);
    fewest_up_for(lab, length)
}

// `hold timeout` and `hold refused` promise an hour; HAProxy's defaults end at 30 s, which these outages outlast.

#[test]
fn a_dns_server_that_says_nothing_loses_no_pod() {
    assert_eq!(outage(&Lab::start(&with_max(64)), Mood::Silent, secs(45)), 50);
}

#[test]
fn a_dns_server_that_refuses_loses_no_pod() {
    assert_eq!(outage(&Lab::start(&with_max(64)), Mood::Refuses, secs(45)), 50);
}

#[test]
fn a_dns_service_without_endpoints_loses_no_pod() {
    assert_eq!(outage(&Lab::start(&with_max(64)), Mood::HangsUp, secs(45)), 50);
}

#[test]
fn without_the_hold_line_a_refusing_dns_server_empties_the_fleet() {
    let lab = Lab::start_edited(&with_max(64), |config| replace_line(&config, "  hold refused 1h\n", ""));
    begin_outage(&lab, Mood::Refuses);
    lab.wait_for_up(Arch::Amd64, 0);
}

#[test]
fn without_the_hold_lines_a_silent_dns_server_empties_the_fleet() {
    let lab = Lab::start_edited(&with_max(64), |config| replace_line(&config, "  hold timeout 1h\n", ""));
    begin_outage(&lab, Mood::Silent);
    lab.wait_for_up(Arch::Amd64, 0);
}

#[test]
fn a_dns_server_that_fails_for_a_minute_loses_no_pod() {
    assert_eq!(outage(&Lab::start(&with_max(64)), Mood::Fails, secs(60)), 50);
}

#[test]
fn tcp_that_stalls_beside_udp_loses_no_pod_of_a_fleet_that_udp_cannot_name() {
    let lab = Lab::start(&with_max(360));
    lab.pods.start_everywhere();
    lab.set_pods(Arch::Amd64, (0..340).map(address));
    lab.wait_for_up(Arch::Amd64, 340);
    lab.dns.be(Mood::TcpStalls);
    assert_eq!(fewest_up_for(&lab, secs(45)), 340);
    // All right again when TCP is back.
    lab.dns.be(Mood::Answers);
    lab.set_pods(Arch::Amd64, (0..345).map(address));
    lab.wait_for_up(Arch::Amd64, 345);
}

#[test]
fn with_a_short_hold_a_stalled_tcp_empties_such_a_fleet() {
    let lab =
        Lab::start_edited(&with_max(360), |config| replace_line(&config, "  hold other 1h\n", "  hold other 10s\n"));
    lab.pods.start_everywhere();
    lab.set_pods(Arch::Amd64, (0..340).map(address));
    lab.wait_for_up(Arch::Amd64, 340);
    lab.dns.be(Mood::TcpStalls);
    lab.wait_for_up(Arch::Amd64, 0);
}

#[test]
fn pods_that_join_a_small_fleet_are_seen_while_tcp_stalls() {
    let lab = Lab::start(&with_max(64));
    begin_outage(&lab, Mood::TcpStalls);
    lab.set_pods(Arch::Amd64, (0..55).map(address));
    lab.wait_for_up(Arch::Amd64, 55);
}

#[test]
fn without_the_udp_line_they_are_not() {
    let lab = Lab::start_edited(&with_max(64), |config| {
        let line =
            config.lines().find(|line| line.starts_with("  nameserver udp ")).expect("the line").to_owned() + "\n";
        replace_line(&config, &line, "")
    });
    begin_outage(&lab, Mood::TcpStalls);
    lab.set_pods(Arch::Amd64, (0..55).map(address));
    std::thread::sleep(secs(20));
    assert_eq!(lab.up(Arch::Amd64), 50);
}

#[test]
fn a_load_balancer_that_starts_while_tcp_stalls_finds_its_pods() {
    let lab = Lab::start(&with_max(64));
    lab.dns.be(Mood::TcpStalls);
    lab.pods.start_everywhere();
    lab.set_pods(Arch::Amd64, (0..50).map(address));
    lab.wait_for_up(Arch::Amd64, 50);
}

#[test]
fn an_address_that_leaves_dns_cuts_no_build_and_gets_no_more() {
    let lab = Lab::start("      architectures: [amd64]\n");
    lab.with_pods(Arch::Amd64, [address(0), address(1)]);
    let build = Client::build(lab.ports.amd64);
    assert!(build.is_served());
    let (leaves, stays) =
        if lab.pods.running(address(0)) == 1 { (address(0), address(1)) } else { (address(1), address(0)) };
    lab.set_pods(Arch::Amd64, [stays]);
    lab.wait_for_up(Arch::Amd64, 1);
    std::thread::sleep(secs(5));
    assert!(build.is_alive(), "{}", lab.log());
    let next = Client::build(lab.ports.amd64);
    assert!(next.is_served(), "{}", lab.log());
    assert_eq!((lab.pods.running(leaves), lab.pods.running(stays)), (1, 1));
    assert!(build.is_alive());
    // Idle again, and still not used: it left.
    drop(build);
    let third = Client::build(lab.ports.amd64);
    assert_eq!(third.wait(secs(3)), Wait::StillWaiting, "{}", lab.log());
    assert_eq!(lab.pods.running(leaves), 0);
    drop(next);
    assert!(third.is_served(), "{}", lab.log());
}

#[test]
fn pods_with_ipv4_addresses_alone_are_up_on_the_default_family() {
    let lab = Lab::start("      architectures: [amd64]\n");
    for n in 0..3 {
        lab.pods.start(address(n));
    }
    let name = discovery_name(Arch::Amd64, &lab.fleet.namespace, lab.fleet.builder.one_build_guard);
    lab.dns.set(&name, (0..3).map(|n| IpAddr::V4(address(n))));
    lab.wait_for_up(Arch::Amd64, 3);
    std::thread::sleep(secs(8));
    assert_eq!(lab.up(Arch::Amd64), 3, "{}", lab.log());
}

#[test]
fn a_new_address_in_the_slot_of_a_running_build_waits_for_its_end() {
    // Why a rollout at the peak finds its fresh pods idle: HAProxy counts slots, not addresses.
    let lab = Lab::start("      architectures: [amd64]\n");
    lab.with_pods(Arch::Amd64, [address(0)]);
    let build = Client::build(lab.ports.amd64);
    assert!(build.is_served());
    lab.pods.start(address(1));
    lab.set_pods(Arch::Amd64, [address(1)]);
    std::thread::sleep(secs(4));
    let next = Client::build(lab.ports.amd64);
    assert_eq!(next.wait(secs(3)), Wait::StillWaiting, "{}", lab.log());
    assert!(build.is_alive());
    drop(build);
    assert!(next.is_served(), "{}", lab.log());
    assert_eq!(lab.pods.running(address(1)), 1);
}
