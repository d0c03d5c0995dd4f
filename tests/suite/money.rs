//! What a burst leaves behind and costs, against an independent simulator that was written from the sources of Kubernetes,
//! KEDA, Karpenter and HAProxy, and by hand where that can be done.

use buildkit_fleet::simulation::arrivals::{Arrival, Arrivals};
use buildkit_fleet::simulation::duration::{Length, Spread};
use buildkit_fleet::simulation::engine::{self, Aim};
use buildkit_fleet::simulation::model::{Assumptions, ClientKind, LOOK_MS, Model, QUIET_MS, VALIDATION_MS};
use buildkit_fleet::simulation::runs::all;
use buildkit_fleet::values::arch::Arch;

use crate::support;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60_000;

fn always(ms: u64) -> Spread {
    Spread::Always(Length(ms))
}

/// A pool of the shipped staging cluster.
fn staging(arch: Arch) -> Model {
    let fleet = support::fleet(&support::shipped(), "arc-staging");
    let pool = fleet.pools.iter().find(|pool| pool.arch == arch).unwrap_or_else(|| panic!("no {arch:?}"));
    let assumptions = Assumptions {
        client: ClientKind::BuildctlRetry,
        budget: Length::minutes(30),
        pod_start: always(30 * SECOND),
        node_start: always(150 * SECOND),
        no_capacity: Vec::new(),
        metric_out: Vec::new(),
        lost_after: None,
    };
    Model::new(&fleet, pool, &assumptions).unwrap_or_else(|error| panic!("{error}"))
}

/// Bursts of builds of 10 min: number and start.
fn bursts(bursts: &[(usize, u64)]) -> Arrivals {
    let of = |&(builds, at_ms)| vec![Arrival { at_ms, duration_ms: 10 * MINUTE }; builds];
    Arrivals::Recorded(bursts.iter().flat_map(of).collect())
}

/// The number lies within this distance, of which the reason stands beside it.
fn near(what: &str, found: f64, expected: f64, distance: f64) {
    assert!((found - expected).abs() <= distance, "{what}: {found}, expected {expected} +- {distance}");
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[test]
fn a_burst_leaves_the_pods_that_were_there_before_it_on_their_nodes() {
    // The younger pods go first: in every run exactly the node of the four pods at rest stays. Had the pods at rest been
    // ready since the start of the run only, four of eight would be taken at random, and 1.97 nodes stay.
    let summary = all(&staging(Arch::Arm64), &bursts(&[(8, 0)]), 1, 200);
    assert_eq!((summary.total.nodes_before.iter().sum::<u64>(), summary.total.nodes_after.iter().sum()), (200, 200));
}

#[test]
fn pods_without_a_node_take_the_room_of_those_that_have_ended() {
    // The second burst meets pods that drain and nodes that are there. The other simulator says 84.1 s with a queue of
    // 35 s; a pod that clung to the node made for it would wait 97.3 s on average. 3,200 waits of up to 210 s.
    for (queue_s, expected) in [(35, 84.1), (31, 84.3)] {
        let model = Model { queue_ms: queue_s * SECOND, hold_ms: queue_s * SECOND, ..staging(Arch::Amd64) };
        let summary = all(&model, &bursts(&[(8, 0), (8, 30 * MINUTE)]), 1, 200);
        near("wait in s", summary.total.waits.mean_ms() / 1000.0, expected, 1.5);
    }
}

#[test]
fn a_node_goes_five_minutes_after_its_last_pod_has_ended() {
    // One pod at a time on a pool without a minimum's node: by hand.
    let fleet = support::fleet(&support::read("tests/inputs/sleeping.yaml"), "sleeping");
    let pool = fleet.pools.iter().find(|pool| pool.arch == Arch::Amd64).unwrap_or_else(|| panic!("no amd64"));
    let assumptions = Assumptions {
        client: ClientKind::BuildctlRetry,
        budget: Length::minutes(30),
        pod_start: always(30 * SECOND),
        node_start: always(150 * SECOND),
        no_capacity: Vec::new(),
        metric_out: Vec::new(),
        lost_after: None,
    };
    let model = Model::new(&fleet, pool, &assumptions).unwrap_or_else(|error| panic!("{error}"));
    for run in 0..20 {
        let (_, series) = engine::run(&model, &bursts(&[(1, 0)]), 1, run, Aim::Record);
        let end_of = |holds: &dyn Fn(&buildkit_fleet::simulation::series::Point) -> bool| {
            series.points.iter().filter(|point| holds(point)).map(|point| point.at_ms).max().unwrap_or(0)
        };
        let (ready, draining, node) =
            (end_of(&|point| point.ready > 0), end_of(&|point| point.draining > 0), end_of(&|point| point.nodes > 0));
        // Points are a second or two apart.
        near("the pod ends", seconds(draining - ready), seconds(QUIET_MS), 4.0);
        let (least, between) = (seconds(5 * MINUTE + VALIDATION_MS), seconds(LOOK_MS));
        near("the node goes", seconds(node - draining), least + between / 2.0, between / 2.0 + 4.0);
    }
}
