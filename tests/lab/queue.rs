//! Clients that wait: how long they are held, that they are counted, and that the fleet can wake from zero.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use buildkit_fleet::values::arch::Arch;

use crate::client::{Client, Wait};
use crate::haproxy::{Lab, replace_line};
use crate::pods::address;

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

const FOUR_AND_TWO: &str = "      client_connect_seconds: 4\n      client_retry_pause_seconds: 2\n";

#[test]
fn a_queued_client_gets_a_slot_that_frees_at_half_of_its_patience() {
    let lab = Lab::start(FOUR_AND_TWO);
    lab.with_pods(Arch::Amd64, [address(0)]);
    let busy = Client::build(lab.ports.amd64);
    assert!(busy.is_served());
    let waiting = Client::build(lab.ports.amd64);
    assert_eq!(waiting.wait(secs(2.0)), Wait::StillWaiting);
    drop(busy);
    // Not served at once, it would be closed after 5 s: nothing else frees a slot.
    assert_eq!(waiting.outcome(), Wait::Served, "{}", lab.log());
}

#[test]
fn a_queued_client_is_held_longer_than_it_waits_itself() {
    let lab = Lab::start(FOUR_AND_TWO);
    lab.with_pods(Arch::Amd64, [address(0)]);
    let busy = Client::build(lab.ports.amd64);
    assert!(busy.is_served());
    let waiting = Client::build(lab.ports.amd64);
    assert_eq!(waiting.outcome(), Wait::Closed);
    let end = lab.end_of(&waiting);
    assert!(end.state == "sQ" && end.waited_ms > 4_500, "{end:?}, expected 5 s in the queue");
}

#[test]
fn without_the_queue_line_a_client_is_dropped_early() {
    let lab = Lab::start_edited(FOUR_AND_TWO, |config| replace_line(&config, "  timeout queue 5s\n", ""));
    lab.with_pods(Arch::Amd64, [address(0)]);
    let busy = Client::build(lab.ports.amd64);
    assert!(busy.is_served());
    let waiting = Client::build(lab.ports.amd64);
    assert_eq!(waiting.outcome(), Wait::Closed);
    let end = lab.end_of(&waiting);
    assert!(end.state == "sQ" && end.waited_ms < 4_000, "{end:?}");
}

/// Mean of the scale signal with 4 busy pods and 12 clients that wait 6 s, leave, and pause 4 s, over two cycles.
fn mean_signal(lab: &Lab) -> f64 {
    const BUSY: usize = 4;
    const WAITING: usize = 12;
    lab.with_pods(Arch::Amd64, (0..BUSY).map(address));
    let builds: Vec<Client> = (0..BUSY).map(|_| Client::build(lab.ports.amd64)).collect();
    assert!(builds.iter().all(Client::is_served));
    let over = Arc::new(AtomicBool::new(false));
    let port = lab.ports.amd64;
    let clients: Vec<_> = (0..WAITING)
        .map(|n| {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                // Spread over one cycle.
                thread::sleep(secs(10.0) * u32::try_from(n).expect("few") / 12);
                let mut cycle = Instant::now();
                while !over.load(Ordering::SeqCst) {
                    let client = Client::build(port);
                    let waited = client.wait(secs(6.0));
                    drop(client);
                    // A client that was dropped early comes back after its pause, too. One that was not, when its cycle
                    // is over: what a busy machine adds to each does not add up.
                    cycle = if waited == Wait::StillWaiting { cycle + secs(10.0) } else { Instant::now() + secs(4.0) };
                    thread::sleep(cycle.saturating_duration_since(Instant::now()));
                }
            })
        })
        .collect();
    thread::sleep(secs(12.0));
    let mut samples = Vec::new();
    let start = Instant::now();
    while start.elapsed() < secs(20.0) {
        samples.push(lab.sessions(Arch::Amd64));
        thread::sleep(secs(0.1));
    }
    over.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().expect("a client runs to its end");
    }
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let mean = samples.iter().sum::<usize>() as f64 / samples.len() as f64;
    mean
}

const SIX_AND_FOUR: &str = "      client_connect_seconds: 6\n      client_retry_pause_seconds: 4\n";

#[test]
fn the_signal_counts_running_and_waiting_clients() {
    // A client that waits is counted for 8 s of its cycle of 10.
    let mean = mean_signal(&Lab::start(SIX_AND_FOUR));
    assert!((mean - 13.6).abs() <= 1.36, "the signal is {mean}, expected 13.6 within 10 %");
}

#[test]
fn without_the_queue_line_the_signal_is_wrong() {
    let lab = Lab::start_edited(SIX_AND_FOUR, |config| replace_line(&config, "  timeout queue 8s\n", ""));
    let mean = mean_signal(&lab);
    assert!((mean - 13.6).abs() > 1.36, "the signal is {mean}: this test could not fail");
}

/// The highest sample of the scale signal with 4 busy pods and 12 clients that came together, wait 6 s, and come back
/// together after the shortest pause that bk-build makes of 4 s. KEDA may act on it.
fn highest_signal(lab: &Lab) -> usize {
    lab.with_pods(Arch::Amd64, (0..4).map(address));
    let builds: Vec<Client> = (0..4).map(|_| Client::build(lab.ports.amd64)).collect();
    assert!(builds.iter().all(Client::is_served));
    let mut highest = 0;
    for _ in 0..2 {
        let start = Instant::now();
        let clients: Vec<Client> = (0..12).map(|_| Client::build(lab.ports.amd64)).collect();
        while start.elapsed() < secs(6.0) {
            highest = highest.max(lab.sessions(Arch::Amd64));
            thread::sleep(secs(0.1));
        }
        drop(clients);
        thread::sleep(secs(9.2).saturating_sub(start.elapsed()));
    }
    highest
}

#[test]
fn a_burst_of_clients_that_come_back_is_counted_once() {
    assert_eq!(highest_signal(&Lab::start(SIX_AND_FOUR)), 16);
}

#[test]
fn with_the_whole_cycle_as_the_queue_a_burst_is_counted_twice() {
    let lab = Lab::start_edited(SIX_AND_FOUR, |config| {
        replace_line(&config, "  timeout queue 8s\n", "  timeout queue 10s\n")
    });
    assert_eq!(highest_signal(&lab), 28);
}

#[test]
fn with_no_pod_clients_are_held_and_counted_and_served_when_pods_appear() {
    let lab = Lab::start("");
    let clients: Vec<Client> = (0..3).map(|_| Client::build(lab.ports.amd64)).collect();
    // Longer than a client waits by itself, 20 s.
    for client in &clients {
        let waited = client.wait(secs(7.5));
        assert_eq!(waited, Wait::StillWaiting, "{}", lab.log());
    }
    assert_eq!(lab.sessions(Arch::Amd64), 3);
    for n in 0..3 {
        lab.pods.start(address(n));
    }
    lab.set_pods(Arch::Amd64, (0..3).map(address));
    // Before the rest of their 31 s has passed, after which they would be closed.
    for client in &clients {
        assert_eq!(client.outcome(), Wait::Served, "{}", lab.log());
    }
    assert_eq!(lab.pods.most_at_once(), 1);
}

#[test]
fn without_the_hold_server_a_client_is_refused_and_never_counted() {
    let lab = Lab::start_edited("      architectures: [amd64]\n", |config| {
        replace_line(&config, "  server hold 127.0.0.1:9 backup\n", "")
    });
    let client = Client::build(lab.ports.amd64);
    assert_eq!(client.outcome(), Wait::Closed);
    let end = lab.end_of(&client);
    assert!(end.state == "SC" && end.server.ends_with("<NOSRV>") && end.waited_ms == -1, "{end:?}, never in the queue");
    assert_eq!(lab.sessions(Arch::Amd64), 0);
}
