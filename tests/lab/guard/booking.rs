//! One build for each pod, through two load balancers that know nothing of each other.

use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use crate::dns::eventually;
use crate::guard::inside::{Needs, isolated, measured};
use crate::guard::pod::{Pod, total};
use crate::guard::traffic::{Build, build_until};
use crate::guard::world::{Family, Lb, World};

/// Pods, and two load balancers that see them.
fn two_load_balancers(world: &World, pods: &[Pod]) -> [Lb; 2] {
    let lbs = [1, 2].map(|n| Lb::start(world, n));
    for lb in &lbs {
        lb.wait_for_up(pods.len());
    }
    lbs
}

fn saturate(family: Family, builds: usize) {
    let world = World::new(family);
    let pods = world.pods(6);
    let lbs = two_load_balancers(&world, &pods);
    let lost = build_until(builds, 10, &lbs.each_ref().map(Lb::builds), &pods);
    let seen = total(&pods);
    measured(&format!("{family:?}: {} builds, {} on a busy pod, {lost} clients sent away", seen.builds, seen.double));
    assert_eq!(seen.double, 0, "of {} builds", seen.builds);
    assert_eq!(seen.checks, 0, "connections on the port for checks");
    assert_eq!(lost, 0, "clients were sent away\n{}\n{}", lbs[0].log(), lbs[1].log());
    for lb in &lbs {
        assert!(lb.log().contains(" bk_amd64/"), "a load balancer had no builds");
    }
}

#[test]
fn thousands_of_builds_through_two_load_balancers_share_no_pod() {
    isolated("booking::thousands_of_builds_through_two_load_balancers_share_no_pod", Needs::LoadBalancer, || {
        saturate(Family::V4, 2_000);
    });
}

#[test]
fn builds_over_ipv6_share_no_pod() {
    isolated("booking::builds_over_ipv6_share_no_pod", Needs::LoadBalancer, || saturate(Family::V6, 1_000));
}

/// Pods that answer checks like the others, and have no rules.
fn unguarded(world: &World, count: u16) -> Vec<Pod> {
    let mut pods: Vec<Pod> = (0..count).map(|n| Pod::create(world, n)).collect();
    pods.iter_mut().for_each(Pod::start_builder);
    world.publish(&pods);
    pods
}

/// The tests above could fail.
#[test]
fn without_the_rules_builds_share_pods() {
    isolated("booking::without_the_rules_builds_share_pods", Needs::LoadBalancer, || {
        let world = World::new(Family::V4);
        let pods = unguarded(&world, 6);
        let lbs = two_load_balancers(&world, &pods);
        build_until(300, 10, &lbs.each_ref().map(Lb::builds), &pods);
        let seen = total(&pods);
        measured(&format!("without rules: {} builds, {} on a busy pod", seen.builds, seen.double));
        assert!(seen.double > 10, "{seen:?}");
    });
}

#[test]
fn without_the_rules_a_roll_puts_builds_on_busy_pods() {
    isolated("booking::without_the_rules_a_roll_puts_builds_on_busy_pods", Needs::LoadBalancer, || {
        let world = World::new(Family::V4);
        let pods = unguarded(&world, 6);
        assert!(roll(&pods, &world) > 0);
    });
}

/// New clients that come while the load balancer rolls, and how many of them got a busy pod. The builds of before live.
fn roll(pods: &[Pod], world: &World) -> usize {
    let old = Lb::start(world, 1);
    old.wait_for_up(pods.len());
    let before: Vec<Build> = (0..4).map(|_| Build::ask(old.builds()).expect("a build")).collect();
    old.soft_stop();
    let new = Lb::start(world, 2);
    // The first ones come before it knows any pod.
    thread::scope(|scope| {
        for _ in 0..25 {
            scope.spawn(|| {
                let build = Build::insist(new.builds());
                thread::sleep(Duration::from_millis(300));
                assert!(build.is_alive());
            });
        }
    });
    assert!(before.iter().all(Build::is_alive), "a roll cut builds");
    let double = total(pods).double;
    measured(&format!("a roll over 4 busy of {} pods: {double} of 25 new builds on a busy pod", pods.len()));
    drop(before);
    // The pods of the old builds are the new load balancer's at once.
    new.wait_for_up(pods.len());
    double
}

#[test]
fn a_roll_under_load_puts_no_build_on_a_busy_pod() {
    isolated("booking::a_roll_under_load_puts_no_build_on_a_busy_pod", Needs::LoadBalancer, || {
        let world = World::new(Family::V4);
        let pods = world.pods(6);
        assert_eq!(roll(&pods, &world), 0);
    });
}

#[test]
fn a_roll_of_a_full_fleet_holds_clients_until_a_build_ends() {
    isolated("booking::a_roll_of_a_full_fleet_holds_clients_until_a_build_ends", Needs::LoadBalancer, || {
        let world = World::new(Family::V4);
        let pods = world.pods(2);
        let old = Lb::start(&world, 1);
        old.wait_for_up(2);
        let mut before: Vec<Build> = (0..2).map(|_| Build::ask(old.builds()).expect("a build")).collect();
        old.soft_stop();
        let new = Lb::start(&world, 2);
        let at = new.builds();
        let client = thread::spawn(move || Build::insist(at));
        // It counts, though no pod is UP: the fleet grows by it.
        assert!(eventually(|| new.sessions() == 1 && new.up() == 0));
        before.pop();
        assert!(client.join().expect("a build").is_alive());
        assert_eq!(total(&pods).double, 0);
    });
}

#[test]
fn of_two_clients_that_race_for_the_last_pod_one_waits() {
    isolated("booking::of_two_clients_that_race_for_the_last_pod_one_waits", Needs::LoadBalancer, || {
        let world = World::new(Family::V4);
        let pods = world.pods(1);
        let lbs = two_load_balancers(&world, &pods);
        for _ in 0..8 {
            let barrier = Barrier::new(2);
            thread::scope(|scope| {
                for lb in &lbs {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        let build = Build::insist(lb.builds());
                        thread::sleep(Duration::from_millis(50));
                        assert!(build.is_alive());
                    });
                }
            });
        }
        let seen = total(&pods);
        assert_eq!((seen.builds, seen.double), (16, 0));
    });
}

#[test]
fn a_pod_that_drains_takes_no_build_and_holds_no_place() {
    isolated("booking::a_pod_that_drains_takes_no_build_and_holds_no_place", Needs::LoadBalancer, || {
        let world = World::new(Family::V4);
        let mut pods = world.pods(2);
        let lb = Lb::start(&world, 1);
        lb.wait_for_up(2);
        let builds: Vec<Build> = (0..2).map(|_| Build::ask(lb.builds()).expect("a build")).collect();
        assert!(pods[0].guard(&["refuse"]).status.success());
        lb.wait_for_up(1);
        // A new pod comes while both are listed, one draining and one busy.
        pods.push(Pod::start(&world, 2));
        world.publish(&pods);
        lb.wait_for_up(2);
        let next = Build::ask(lb.builds()).expect("the new pod");
        assert_eq!(pods[2].seen().running, 1, "the new pod has a server of its own");
        assert!(builds.iter().all(Build::is_alive), "a draining pod keeps its build");
        drop((builds, next));
        assert!(eventually(|| total(&pods).running == 0));
        let before = pods[0].seen().builds;
        build_until(40, 4, &[lb.builds()], &pods);
        assert_eq!(pods[0].seen().builds, before, "a draining pod got a build");
        // A container that was killed and starts again is no draining pod.
        assert!(pods[0].guard(&["admit"]).status.success());
        lb.wait_for_up(3);
        assert_eq!(total(&pods).double, 0);
    });
}

#[test]
fn a_crashed_builder_is_down_and_its_pod_is_back_with_its_rules() {
    isolated("booking::a_crashed_builder_is_down_and_its_pod_is_back_with_its_rules", Needs::LoadBalancer, || {
        let world = World::new(Family::V4);
        let mut pods = world.pods(3);
        let lbs = two_load_balancers(&world, &pods);
        pods[0].crash();
        build_until(60, 4, &lbs.each_ref().map(Lb::builds), &pods);
        pods[0].start_builder();
        for lb in &lbs {
            lb.wait_for_up(3);
        }
        build_until(400, 6, &lbs.each_ref().map(Lb::builds), &pods);
        assert!(pods[0].seen().builds > 0, "it gets builds again");
        assert_eq!(total(&pods).double, 0);
    });
}

#[test]
fn scrapers_that_keep_their_connections_change_nothing() {
    isolated("booking::scrapers_that_keep_their_connections_change_nothing", Needs::LoadBalancer, || {
        let world = World::new(Family::V4);
        let pods = world.pods(2);
        let scrape = || pods.iter().map(|pod| TcpStream::connect(pod.port(9090)).expect("metrics")).collect::<Vec<_>>();
        let idle = scrape();
        let [owner, other] = two_load_balancers(&world, &pods);
        let build = Build::ask(owner.builds()).expect("a build beside a scraper");
        other.wait_for_up(1);
        let busy = scrape();
        // Several rounds of checks.
        thread::sleep(Duration::from_secs(6));
        assert_eq!((owner.up(), other.up()), (2, 1), "{}{}", owner.log(), other.log());
        let second = Build::ask(other.builds()).expect("the other pod is free");
        assert!(build.is_alive() && second.is_alive());
        drop((build, second));
        owner.wait_for_up(2);
        other.wait_for_up(2);
        drop((idle, busy));
        assert_eq!(total(&pods).double, 0);
    });
}
