//! The simulator: against formulas, against traces of the real parts, and as properties over fleets drawn at random.

use buildkit_fleet::fleet::hpa::ScalingRules;
use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::simulation::aim::Aim;
use buildkit_fleet::simulation::arrivals::{Arrival, Arrivals};
use buildkit_fleet::simulation::duration::{Length, Spread};
use buildkit_fleet::simulation::engine;
use buildkit_fleet::simulation::model::{
    Assumptions, ClientKind, Growth, LOOK_MS, Model, QUIET_MS, VALIDATION_MS, Window,
};
use buildkit_fleet::simulation::outcome::{RunResult, Summary};
use buildkit_fleet::simulation::runs::all;
use buildkit_fleet::simulation::series::{Point, Series};
use buildkit_fleet::values::arch::Arch;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::support::{self, unless_it_hangs};

pub(crate) const SECOND: u64 = 1_000;
pub(crate) const MINUTE: u64 = 60_000;
const HOUR: u64 = 3_600_000;
/// Longer than any run, and far from overflow.
const FOR_EVER: u64 = 366 * 24 * HOUR;

pub(crate) fn plain() -> Assumptions {
    Assumptions {
        client: ClientKind::BuildctlRetry,
        budget: Length::minutes(30),
        pod_start: always(30 * SECOND),
        node_start: always(150 * SECOND),
        no_capacity: Vec::new(),
        metric_out: Vec::new(),
        lost_after: None,
    }
}

pub(crate) fn always(ms: u64) -> Spread {
    Spread::Always(Length(ms))
}

fn model_of(fleet: &Fleet) -> Model {
    let pool = fleet.pools.iter().find(|pool| pool.arch == Arch::Amd64).unwrap_or_else(|| panic!("no amd64"));
    Model::new(fleet, pool, &plain()).unwrap_or_else(|error| panic!("{error}"))
}

/// The amd64 pool of a cluster of the shipped clusters.yaml.
fn shipped(cluster: &str) -> Model {
    model_of(&support::fleet(&support::shipped(), cluster))
}

fn staging() -> Model {
    shipped("arc-staging")
}

/// 2 to 360 pods.
fn production() -> Model {
    shipped("arc-cbr-production")
}

pub(crate) fn sleeping() -> Model {
    model_of(&support::fleet(&support::read("tests/inputs/sleeping.yaml"), "sleeping"))
}

/// Clients that keep their place in the queue for ever: each counts once.
fn patient(model: Model) -> Model {
    let mut model = Model { queue_ms: FOR_EVER, hold_ms: FOR_EVER, ..model };
    model.client.connect_ms = FOR_EVER;
    model.client.budget_ms = FOR_EVER;
    model
}

/// Shrinks at the first look without demand, so that a run is short and has a point for each second.
fn at_once_down(model: Model) -> Model {
    let mut model = model;
    keda(&mut model, |behavior, _| {
        (behavior.down.stabilization_s, behavior.down.percent, behavior.down.period_s) = (0, 100, 15);
    });
    model
}

/// Pods are ready a millisecond after Karpenter collected them, so that they follow the HPA step by step.
fn instant(model: Model) -> Model {
    Model { pod_start: always(1), node_start: always(1), ..model }
}

fn burst(builds: u64, duration_ms: u64) -> Arrivals {
    Arrivals::burst(builds, always(duration_ms)).unwrap_or_else(|error| panic!("{error}"))
}

fn poisson(per_hour: f64, hours: f64, duration: Spread) -> Arrivals {
    Arrivals::poisson(per_hour, hours, duration).unwrap_or_else(|error| panic!("{error}"))
}

fn recorded(model: &Model, arrivals: &Arrivals) -> (RunResult, Vec<Point>) {
    let (outcome, series) = engine::run(model, arrivals, 1, 0, Aim::Record);
    (outcome, series.points)
}

fn unrecorded(model: &Model, arrivals: &Arrivals, seed: u64, run: u64) -> RunResult {
    engine::run(model, arrivals, seed, run, Aim::Outcome).0
}

/// Numbers of ready pods, each time that it changes.
fn steps(points: &[Point]) -> Vec<(u64, u32)> {
    let mut steps: Vec<(u64, u32)> = points.iter().map(|point| (point.at_ms, point.ready)).collect();
    steps.dedup_by_key(|(_, ready)| *ready);
    steps
}

fn heights(points: &[Point]) -> Vec<u32> {
    steps(points).into_iter().map(|(_, ready)| ready).collect()
}

fn keda(model: &mut Model, change: impl FnOnce(&mut buildkit_fleet::fleet::hpa::Behavior, &mut Option<u32>)) {
    let Growth::Keda { behavior, fallback, .. } = &mut model.growth else { panic!("a fixed pool") };
    change(behavior, fallback);
}

// ---- queueing

/// Mean wait in M/M/c: Erlang's C over the rate at which the queue gets shorter. `offered` is in builders.
fn erlang_wait_ms(builders: u32, offered: f64, mean_ms: f64) -> f64 {
    // Erlang's B, by its recursion.
    let blocked = (1..=builders).fold(1.0, |b, n| offered * b / (f64::from(n) + offered * b));
    let load = offered / f64::from(builders);
    let waits = blocked / (1.0 - load * (1.0 - blocked));
    waits * mean_ms / (f64::from(builders) - offered)
}

#[test]
fn patient_builds_on_a_fixed_pool_wait_as_long_as_erlang_says() {
    assert!((erlang_wait_ms(1, 0.5, 1.0) - 1.0).abs() < 1e-12, "M/M/1: rho / (1 - rho)");
    // Builders, load, millions of builds: enough that the standard error is below 1 %.
    for (builders, load, millions) in [(1, 0.5, 1.0), (1, 0.7, 1.2), (4, 0.5, 2.0), (4, 0.8, 2.5), (20, 0.8, 2.5)] {
        let mut model = patient(staging());
        (model.growth, model.slots) = (Growth::Fixed(builders), builders);
        let offered = load * f64::from(builders);
        let per_hour = offered * 360.0;
        let builds = poisson(per_hour, millions * 1e6 / 2.0 / per_hour, Spread::Exponential(Length(10 * SECOND)));
        let summary = all(&model, &builds, 1, 2);
        let expected = erlang_wait_ms(builders, offered, 10_000.0);
        let off = summary.total.waits.mean_ms() / expected - 1.0;
        assert!(off.abs() < 0.03, "{builders} builders at {load}: {expected} ms, off by {off}");
        assert_eq!(summary.total.waits.count(), summary.total.arrived);
    }
}

#[test]
fn sixteen_builds_on_two_to_eight_builders_wait_as_long_as_by_hand() {
    // By hand: 2 at once, 6 after 3 min, 2 after 20, 6 after 23: 12.25 min on average, and the last ends at 43 min.
    let mut model = staging();
    let summary = all(&model, &burst(16, 20 * MINUTE), 1, 50);
    let minutes = |ms: f64| ms / 60_000.0;
    let (wait, makespan) = (minutes(summary.total.waits.mean_ms()), minutes(summary.mean(summary.total.makespan_ms)));
    assert!((12.25..13.25).contains(&wait) && (43.0..44.0).contains(&makespan), "{wait}, {makespan}");
    assert_eq!(summary.total.finished, 16 * 50);
    model.client.budget_ms = 10 * MINUTE;
    let summary = all(&model, &burst(16, 20 * MINUTE), 1, 50);
    assert_eq!((summary.total.finished, summary.total.gave_up), (8 * 50, 8 * 50));
}

#[test]
fn the_ninth_build_of_eight_builders_waits_for_another_to_end_and_without_scaling_the_tail_fails() {
    let mut model = staging();
    let nine = burst(9, 10 * MINUTE);
    for run in 0..20 {
        let outcome = unrecorded(&model, &nine, 1, run);
        assert_eq!((outcome.finished, outcome.peak_pods), (9, 8));
        let longest = outcome.waits.max_ms();
        // At most one whole cycle of the client after the first builder is free.
        assert!((10 * MINUTE..=10 * MINUTE + 15 * SECOND).contains(&longest), "{longest}");
        let eighth = outcome.waits.percentile_ms(88).unwrap_or(u64::MAX);
        assert!((182 * SECOND..=182 * SECOND + 45 * SECOND).contains(&eighth), "{eighth}");
    }
    // Two at a time, at 0, 10 and 20 min, while the others try.
    (model.growth, model.client.budget_ms) = (Growth::Fixed(2), 25 * MINUTE);
    let outcome = unrecorded(&model, &nine, 1, 0);
    assert_eq!((outcome.finished, outcome.gave_up, outcome.peak_pods), (6, 3, 2));
}

/// Mean and greatest number of connections that wait, of 8 clients on 2 busy builders.
fn waiting_of_eight(kind: ClientKind) -> (f64, u32) {
    let mut model = Model { growth: Growth::Fixed(2), ..staging() };
    (model.client.kind, model.client.budget_ms) = (kind, HOUR);
    let (_, points) = recorded(&model, &burst(10, 33 * MINUTE));
    // From when the first ghosts are gone to when the builders fall free.
    let queued: Vec<u32> =
        points.iter().filter(|point| (MINUTE..33 * MINUTE).contains(&point.at_ms)).map(|point| point.queued).collect();
    assert!(queued.len() > 900);
    let sum: u32 = queued.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let mean = f64::from(sum) / queued.len() as f64;
    (mean, queued.iter().copied().max().unwrap_or(0))
}

#[test]
fn a_client_counts_for_as_long_as_its_connections_stand_in_the_queue() {
    // Connections of 31 s in a cycle: 20 s and a pause of 12 to 15 s; 20 s and 1 s; twice 20 s, 1 s and the pause.
    for (kind, connections, cycle_s) in [
        (ClientKind::BuildctlRetry, 1.0, 20.0 + 13.5),
        (ClientKind::BuildctlWait, 1.0, 21.0),
        (ClientKind::BuildxRetry, 2.0, 20.0 + 1.0 + 20.0 + 13.5),
    ] {
        let (mean, most) = waiting_of_eight(kind);
        let expected = 8.0 * connections * 31.0 / cycle_s;
        assert!((mean - expected).abs() < 0.15, "{kind:?}: {mean} instead of {expected}");
        // One that comes back after the shortest pause is not counted twice.
        assert!(most <= 8 || kind != ClientKind::BuildctlRetry, "{kind:?}: {most}");
    }
}

/// KEDA acts on the highest sample. Plain buildx dials again within one build, and counts twice until its first connection
/// is let go.
#[test]
fn a_burst_grows_the_fleet_to_one_pod_for_each_build() {
    let mut model = production();
    model.client.budget_ms = HOUR;
    for (kind, peaks) in [(ClientKind::BuildctlRetry, 100..=100), (ClientKind::BuildxRetry, 101..=200)] {
        model.client.kind = kind;
        let outcome = unrecorded(&model, &burst(100, 20 * MINUTE), 5, 0);
        assert!(peaks.contains(&outcome.peak_pods), "{kind:?}: {}", outcome.peak_pods);
    }
}

#[test]
fn nobody_waits_while_a_builder_is_idle_and_first_come_is_first_served() {
    // One every 10 s on one builder, each for a minute.
    let model = Model { growth: Growth::Fixed(1), ..patient(staging()) };
    let four = [0, 10, 20, 30].map(|at_s| Arrival { at_ms: at_s * SECOND, duration_ms: MINUTE });
    let outcome = unrecorded(&model, &Arrivals::Recorded(four.to_vec()), 1, 0);
    let waits = [25, 50, 75, 100].map(|percent| outcome.waits.percentile_ms(percent).unwrap_or(u64::MAX) / SECOND);
    assert_eq!(waits, [0, 50, 100, 150]);
    assert_eq!((outcome.makespan_ms, outcome.settled_ms), (4 * MINUTE, 4 * MINUTE));
}

// ---- scaling

#[test]
fn a_burst_raises_the_replicas_as_the_rendered_policies_say() {
    let mut model = at_once_down(instant(patient(production())));
    let (_, points) = recorded(&model, &burst(360, 10 * MINUTE));
    let up = |points: &[Point]| {
        let rising: Vec<u32> = heights(points);
        rising[..=rising.iter().position(|pods| Some(pods) == rising.iter().max()).unwrap_or(0)].to_vec()
    };
    assert_eq!(up(&points), [2, 62, 124, 248, 360]);
    let times: Vec<u64> = steps(&points)[1..5].iter().map(|(at_ms, _)| *at_ms).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 15 * SECOND) && times[0] <= 18 * SECOND, "{times:?}");

    keda(&mut model, |behavior, _| behavior.up.pods = 4);
    let (_, points) = recorded(&model, &burst(360, 10 * MINUTE));
    assert_eq!(up(&points), [2, 6, 12, 24, 48, 96, 192, 360]);
    let last_ms = steps(&points)[7].0;
    assert!((90 * SECOND..=108 * SECOND).contains(&last_ms), "{last_ms}");
}

#[test]
fn a_tolerance_of_a_tenth_stops_a_burst_of_200_at_192() {
    for (tolerance, most) in [(0.1, 192), (0.0, 200)] {
        let mut model = instant(patient(production()));
        keda(&mut model, |behavior, _| behavior.up = ScalingRules { pods: 4, tolerance, ..behavior.up });
        let outcome = unrecorded(&model, &burst(200, HOUR), 1, 0);
        assert_eq!((outcome.peak_pods, outcome.finished), (most, 200), "{tolerance}");
    }
}

#[test]
fn an_idle_pool_of_100_shrinks_every_20_minutes_by_10_pods_or_a_fifth() {
    let (outcome, points) = recorded(&instant(patient(production())), &burst(100, 5 * MINUTE));
    let all = steps(&points);
    let top = all.iter().position(|(_, ready)| *ready == 100).unwrap_or_else(|| panic!("never 100: {all:?}"));
    let down = &all[top..];
    assert_eq!(down.iter().map(|(_, ready)| *ready).collect::<Vec<_>>(), [100, 80, 64, 51, 40, 30, 20, 10, 2]);
    for pair in down[1..].windows(2) {
        let apart = pair[1].0 - pair[0].0;
        // A look every 15 s, a point every 16 s.
        assert!((20 * MINUTE - 16 * SECOND..=20 * MINUTE + 31 * SECOND).contains(&apart), "{apart} ms: {down:?}");
    }
    let last_ms = down[8].0 - outcome.makespan_ms;
    assert!((159 * MINUTE..=163 * MINUTE).contains(&last_ms), "{last_ms}");
}

#[test]
fn without_a_metric_the_pool_is_frozen_or_raised_to_its_fallback_and_never_lowered() {
    let out = vec![Window { from_ms: 0, to_ms: HOUR }];
    let mut model = Model { metric_out: out, ..instant(patient(production())) };
    let within = |points: &[Point], from_ms, to_ms| {
        let inside = |point: &&Point| (from_ms..to_ms).contains(&point.at_ms);
        heights(&points.iter().filter(inside).copied().collect::<Vec<_>>())
    };
    let (_, points) = recorded(&model, &burst(200, 2 * HOUR));
    assert_eq!(within(&points, 0, HOUR), [2, 32], "32 is the fallback of clusters.yaml");
    let brief = Model { metric_out: vec![Window { from_ms: 0, to_ms: 5 * MINUTE }], ..at_once_down(model.clone()) };
    let (_, seconds) = recorded(&brief, &burst(200, 10 * MINUTE));
    // The fourth look in a row, of which the first is within 15 s; a second to Karpenter's batch, another to the next point.
    let raised_ms = steps(&seconds)[1].0;
    assert!((46 * SECOND..=62 * SECOND).contains(&raised_ms), "{raised_ms}");

    keda(&mut model, |_, fallback| *fallback = None);
    let (outcome, points) = recorded(&model, &burst(200, 2 * HOUR));
    assert_eq!(within(&points, 0, HOUR), [2]);
    assert_eq!((outcome.peak_pods, outcome.finished), (200, 200), "and grows when it can read again");

    // 200 busy pods fall idle while the metric is out.
    for fallback in [Some(32), None] {
        model.metric_out = vec![Window { from_ms: 10 * MINUTE, to_ms: 10 * HOUR }];
        keda(&mut model, |_, shown| *shown = fallback);
        let (_, points) = recorded(&model, &burst(200, 15 * MINUTE));
        assert_eq!(within(&points, 10 * MINUTE, 10 * HOUR), [200], "{fallback:?}");
        assert_eq!(points.last().map(|point| point.ready), Some(2));
    }
}

#[test]
fn a_pool_at_zero_scales_up_for_a_build_and_back_to_no_pod_and_no_node() {
    let model = sleeping();
    for run in 0..20 {
        let outcome = unrecorded(&model, &burst(1, 20 * MINUTE), 1, run);
        assert_eq!((outcome.finished, outcome.peak_pods, outcome.peak_nodes), (1, 1, 1));
        // A batch, a node, a pod and DNS; before that a poll, after that a client's pause.
        let wait = outcome.waits.max_ms();
        assert!((182 * SECOND..=(182 + 10 + 15) * SECOND).contains(&wait), "{wait}");
        // 45 idle minutes since the last poll with demand, the minute in which the pod ends, Karpenter's 5 minutes from then,
        // its next look, and 15 s.
        let after = outcome.settled_ms - outcome.makespan_ms;
        let least = 45 * MINUTE + QUIET_MS + 5 * MINUTE + VALIDATION_MS - 10 * SECOND;
        assert!((least..=least + 20 * SECOND + LOOK_MS).contains(&after), "{after}");
        assert_eq!(outcome.idle_node_ms.iter().sum::<u64>(), after);
    }
    let (_, points) = recorded(&model, &burst(1, 20 * MINUTE));
    let end = points.last().copied().unwrap_or_default();
    assert_eq!((end.ready, end.draining, end.nodes), (0, 0, 0));
    // Of clients that keep their place: 182 s and what is left to the next poll.
    let patient = patient(model.clone());
    let waits: Vec<u64> = (0..20).map(|run| unrecorded(&patient, &burst(1, MINUTE), 1, run).waits.max_ms()).collect();
    assert!(waits.iter().all(|wait| (182 * SECOND..=192 * SECOND).contains(wait)), "{waits:?}");
    let mut hasty = model;
    hasty.client.budget_ms = MINUTE;
    assert_eq!(unrecorded(&hasty, &burst(1, 20 * MINUTE), 1, 0).gave_up, 1);
}

#[test]
fn pods_that_build_are_drained_and_their_builds_end_unless_the_grace_is_over() {
    // 8 builds end, one goes on: of 8 pods, those that go may be building.
    let all_builds = |long_ms| {
        let mut builds = vec![Arrival { at_ms: 0, duration_ms: 10 * MINUTE }; 8];
        builds.push(Arrival { at_ms: 0, duration_ms: long_ms });
        Arrivals::Recorded(builds)
    };
    let mut model = staging();
    let fine: Vec<RunResult> = (0..40).map(|run| unrecorded(&model, &all_builds(100 * MINUTE), 1, run)).collect();
    assert!(fine.iter().all(|outcome| (outcome.finished, outcome.cut) == (9, 0)));
    model.grace_ms = 10 * MINUTE;
    let cut: Vec<RunResult> = (0..40).map(|run| unrecorded(&model, &all_builds(100 * MINUTE), 1, run)).collect();
    assert!(cut.iter().any(|outcome| outcome.cut > 0) && cut.iter().any(|outcome| outcome.cut == 0));
    assert!(cut.iter().all(|outcome| outcome.finished + outcome.failed == 9));
}

#[test]
fn a_build_whose_builder_is_lost_begins_again_twice_and_under_buildctl_wait_never() {
    // Builders last a minute on average, builds an hour: as good as none ends.
    for (kind, begins) in [(ClientKind::BuildctlRetry, 3), (ClientKind::BuildxRetry, 3), (ClientKind::BuildctlWait, 1)]
    {
        let mut model = Model { lost_after: Some(Length::minutes(1)), ..patient(staging()) };
        model.client.kind = kind;
        let outcome = unrecorded(&model, &burst(20, HOUR), 1, 0);
        assert_eq!((outcome.failed, outcome.cut), (20, 20 * begins), "{kind:?}");
        assert_eq!(outcome.waits.count(), 20, "the first wait counts");
    }
}

// ---- nodes

/// When the first further node is launched.
fn grows_ms(points: &[Point]) -> u64 {
    let first = points[0].nodes;
    points.iter().find(|point| point.nodes > first).map_or(u64::MAX, |point| point.at_ms)
}

#[test]
fn without_capacity_the_second_type_is_used_10_seconds_later_and_the_first_is_tried_again_after_3_minutes() {
    let growing = || at_once_down(patient(production()));
    let first_out = |to_ms| Model { no_capacity: vec![(0, Window { from_ms: 0, to_ms })], ..growing() };
    let short = first_out(30 * MINUTE);
    let ten = burst(10, 10 * MINUTE);
    let (plain, usual) = recorded(&growing(), &ten);
    let (outcome, delayed) = recorded(&short, &ten);
    assert_eq!(grows_ms(&delayed) - grows_ms(&usual), 10 * SECOND);
    assert_eq!((plain.node_ms[1], plain.peak_nodes), (0, 5), "two pods on each of the first type");
    assert_eq!(outcome.peak_nodes, 9, "two pods on the first, and one on each of the second");
    assert_eq!(outcome.finished, 10);

    // Ten more builds later. Whether they get nodes of the first type tells when it was tried again.
    let later = |at_ms| {
        let builds = [0, at_ms].map(|at_ms| vec![Arrival { at_ms, duration_ms: 30 * MINUTE }; 10]);
        Arrivals::Recorded(builds.concat())
    };
    for (out_ms, again_ms, nodes) in [
        // Within its memory Karpenter does not see that there is capacity again.
        (MINUTE, 2 * MINUTE, 9 + 10),
        (MINUTE, 4 * MINUTE, 9 + 5),
        // It tries, in vain.
        (30 * MINUTE, 4 * MINUTE, 9 + 10),
    ] {
        let outcome = unrecorded(&first_out(out_ms), &later(again_ms), 1, 0);
        assert_eq!((outcome.peak_nodes, outcome.finished), (nodes, 20), "{out_ms} {again_ms}");
    }
}

#[test]
fn a_step_down_thins_nodes_before_it_empties_any() {
    // 100 pods on 50 nodes; 80 stay, taken at random of pairs: few nodes lose both.
    let (_, points) = recorded(&instant(patient(production())), &burst(100, 5 * MINUTE));
    // Ten minutes after a step its nodes are gone.
    let nodes_at = |ready| {
        let at: Vec<u32> = points.iter().filter(|point| point.ready == ready).map(|point| point.nodes).collect();
        at[at.len() * 3 / 4]
    };
    assert_eq!(nodes_at(100), 50);
    assert!((44..=50).contains(&nodes_at(80)), "{}", nodes_at(80));
    // The rest of pairs goes before any pod that is alone: 51 pods on as many nodes as there still are.
    assert!(nodes_at(51) >= 40, "{}", nodes_at(51));
}

#[test]
fn pods_beyond_the_limits_of_all_types_wait_for_room() {
    let mut model = production();
    for one in &mut model.types {
        one.limit = 2;
    }
    // 2 nodes of 2 pods and 2 of 1.
    let outcome = unrecorded(&model, &burst(12, 10 * MINUTE), 1, 0);
    assert_eq!((outcome.finished, outcome.peak_pods, outcome.peak_nodes), (12, 6, 4));
}

#[test]
fn a_pod_without_a_node_takes_the_room_of_one_that_was_drained() {
    // Room for the 8 pods of max, and for no pod that ends beside them; no node goes.
    let mut model = Model { idle_ms: FOR_EVER, ..at_once_down(patient(staging())) };
    model.types[0].limit = 4;
    let builds = [(0, 5), (0, 60), (7, 120), (7, 120)];
    let builds = builds.map(|(at, minutes)| vec![Arrival { at_ms: at * MINUTE, duration_ms: minutes * MINUTE }; 4]);
    let (outcome, points) = recorded(&model, &Arrivals::Recorded(builds.concat()));
    // At 5 min half of the pods go, some with a build of an hour. At 7 min they are wanted again.
    let at =
        |minute| points.iter().find(|point| point.at_ms >= minute * MINUTE).map(|point| (point.ready, point.draining));
    assert!(at(50).is_some_and(|(ready, draining)| draining > 0 && ready + draining == 8), "{:?}", at(50));
    assert_eq!(at(67), Some((8, 0)));
    assert_eq!((outcome.finished, outcome.peak_nodes), (16, 4));
}

// ---- what holds for every fleet

#[derive(Clone, Debug)]
struct Drawn {
    min: u32,
    more: u32,
    fallback: bool,
    fixed: bool,
    kind: ClientKind,
    budget_ms: u64,
    no_capacity: Vec<(usize, Window)>,
    metric_out: Vec<Window>,
    lost_after_ms: Option<u64>,
    grace_ms: u64,
    limits: Option<(u32, u32)>,
    arrivals: Arrivals,
}

fn windows() -> impl Strategy<Value = Vec<Window>> {
    let one =
        (0..40 * MINUTE, 1..40 * MINUTE).prop_map(|(from_ms, length)| Window { from_ms, to_ms: from_ms + length });
    prop::collection::vec(one, 0..3)
}

fn some_arrivals() -> impl Strategy<Value = Arrivals> {
    let spread = prop_oneof![
        (1..30 * MINUTE).prop_map(always),
        (1..9 * MINUTE).prop_map(|ms| Spread::Exponential(Length(ms))),
        (1..MINUTE, 1..30 * MINUTE).prop_map(|(low, more)| Spread::Evenly(Length(low), Length(low + more))),
    ];
    let record = prop::collection::vec((0..3 * HOUR, 1..30 * MINUTE), 1..40).prop_map(|mut builds| {
        builds.sort_unstable();
        builds.into_iter().map(|(at_ms, duration_ms)| Arrival { at_ms, duration_ms }).collect()
    });
    prop_oneof![
        (1_u64..40, spread.clone()).prop_map(|(builds, spread)| Arrivals::Burst { builds, duration: spread }),
        (0.2_f64..60.0, 0.1_f64..4.0, spread).prop_map(|(per_hour, hours, duration)| Arrivals::Poisson {
            per_hour,
            hours,
            duration
        }),
        record.prop_map(Arrivals::Recorded),
    ]
}

prop_compose! {
    fn drawn()(
        (min, more, fallback, fixed) in (0_u32..5, 0_u32..12, any::<bool>(), prop::bool::weighted(0.2)),
        kind in prop::sample::select(vec![ClientKind::BuildctlRetry, ClientKind::BuildctlWait, ClientKind::BuildxRetry]),
        budget_ms in prop_oneof![1..2 * MINUTE, 1..HOUR],
        no_capacity in prop::collection::vec((0_usize..2, windows()), 0..2),
        metric_out in windows(),
        lost_after_ms in prop::option::weighted(0.3, MINUTE..5 * HOUR),
        grace_ms in prop_oneof![Just(24 * HOUR), 1..20 * MINUTE],
        limits in prop::option::weighted(0.3, (0_u32..4, 0_u32..4)),
        arrivals in some_arrivals(),
    ) -> Drawn {
        let no_capacity = no_capacity.into_iter().flat_map(|(kind, all)| all.into_iter().map(move |one| (kind, one)));
        let no_capacity = no_capacity.collect();
        Drawn { min, more, fallback, fixed, kind, budget_ms, no_capacity, metric_out, lost_after_ms, grace_ms, limits, arrivals }
    }
}

impl Drawn {
    fn max(&self) -> u32 {
        (self.min + self.more).max(1)
    }

    fn model(&self) -> Model {
        let (min, max) = (self.min, self.max());
        let fallback = if self.fallback { format!(", amd64_fallback: {max}") } else { String::new() };
        let block = [
            "architectures: [amd64]",
            "amd64_instance_types: {m6id.24xlarge: 2, m6id.12xlarge: 1}",
            "scale_down: {idle_minutes: 3, pods: 2, percent: 30}",
            &format!("autoscaling: {{enabled: true, amd64_min: {min}, amd64_max: {max}{fallback}}}"),
        ];
        let block = format!("      {}\n", block.join("\n      "));
        let fleet = support::fleet(&support::one_cluster(&block), "here");
        let mut model = model_of(&fleet);
        (model.client.kind, model.client.budget_ms, model.grace_ms) = (self.kind, self.budget_ms, self.grace_ms);
        (model.no_capacity, model.metric_out) = (self.no_capacity.clone(), self.metric_out.clone());
        model.lost_after = self.lost_after_ms.map(Length);
        if let Some((first, second)) = self.limits {
            (model.types[0].limit, model.types[1].limit) = (first, second);
        }
        if self.fixed {
            model.growth = Growth::Fixed(max);
        }
        model
    }

    fn holds(&self) -> TestCaseResult {
        let model = self.model();
        let (outcome, Series { points, .. }) = engine::run(&model, &self.arrivals, 7, 0, Aim::Record);
        let RunResult { arrived, finished, gave_up, failed, cut, .. } = outcome;
        prop_assert_eq!(arrived, self.arrivals.of_run(7, 0).count() as u64, "every build comes");
        prop_assert_eq!(arrived, finished + gave_up + failed, "every build is over, once");
        prop_assert!(finished <= outcome.waits.count() && outcome.waits.count() <= arrived);
        prop_assert!(failed <= cut && cut <= 3 * arrived);
        // Nothing is cut unless a builder is lost, or its grace ends before the build: none takes a day.
        prop_assert!(cut == 0 || self.lost_after_ms.is_some() || self.grace_ms < HOUR);
        prop_assert!(outcome.makespan_ms <= outcome.settled_ms);
        prop_assert!(points.iter().all(|point| point.ready <= self.max()), "no more pods than max");
        let rest = model.pods_at_rest().div_ceil(model.types[0].pods);
        let most = model.types[0].limit.max(rest) + model.types[1].limit;
        prop_assert!(outcome.peak_nodes <= most, "{} nodes of {}", outcome.peak_nodes, most);
        prop_assert!(points.iter().all(|point| point.nodes <= outcome.peak_nodes));
        if !self.fixed && self.lost_after_ms.is_none() {
            // The last point is missing where points are thinned out just then.
            let first_ms = self.arrivals.of_run(7, 0).next().map_or(0, |arrival| arrival.at_ms);
            let end = points.last().filter(|point| point.at_ms == first_ms + outcome.settled_ms);
            let end = end.copied().unwrap_or(Point { ready: self.min, ..Point::default() });
            prop_assert_eq!((end.demand, end.ready, end.draining), (0, self.min, 0), "the fleet comes to rest");
        }
        // Recording changes nothing, and a run can be repeated.
        prop_assert_eq!(
            &RunResult { places: 0, ..outcome },
            &RunResult { places: 0, ..unrecorded(&model, &self.arrivals, 7, 0) }
        );
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The engine itself asserts that no pod has two builds, and that pods and nodes are as many as they may be.
    #[test]
    fn every_build_ends_exactly_once_whatever_the_fleet_and_its_failures(drawn in drawn()) {
        drawn.holds()?;
    }
}

#[test]
fn a_run_without_builds_takes_no_time() {
    for growth in [Growth::Fixed(4), staging().growth] {
        let model = Model { growth, ..staging() };
        let outcome = recorded(&model, &Arrivals::Recorded(Vec::new())).0;
        assert_eq!((outcome.arrived, outcome.settled_ms), (0, 0));
    }
}

#[test]
fn builds_and_gaps_of_weeks_are_waited_for() {
    let day = 24 * HOUR;
    let builds = [(0, 20 * day), (60 * day, MINUTE)].map(|(at_ms, duration_ms)| Arrival { at_ms, duration_ms });
    let outcome = unrecorded(&staging(), &Arrivals::Recorded(builds.to_vec()), 1, 0);
    assert_eq!((outcome.arrived, outcome.finished, outcome.makespan_ms), (2, 2, 60 * day + MINUTE));
}

#[test]
fn idle_time_between_builds_changes_nothing_but_its_length() {
    // Multiples of the periods of all that looks: 15 s, 10 s and 5 s.
    let far_apart = |gap_ms: u64, model: &Model| {
        let at = |at_ms| vec![Arrival { at_ms, duration_ms: 10 * MINUTE }; 6];
        unrecorded(model, &Arrivals::Recorded([at(0), at(gap_ms)].concat()), 1, 0)
    };
    for model in [staging(), sleeping()] {
        let (near, far) = (far_apart(9 * HOUR, &model), far_apart(300 * 24 * HOUR, &model));
        assert_eq!((&near.waits, near.tries, near.peak_pods), (&far.waits, far.tries, far.peak_pods));
        assert_eq!(far.makespan_ms - near.makespan_ms, 300 * 24 * HOUR - 9 * HOUR);
    }
}

#[test]
fn a_seed_repeats_its_result_however_many_threads_there_are_and_another_does_not() {
    let mut model = staging();
    (model.lost_after, model.pod_start) = (Some(Length(5 * HOUR)), Spread::Evenly(Length(20 * SECOND), Length(MINUTE)));
    let day = poisson(20.0, 12.0, Spread::Exponential(Length(15 * MINUTE)));
    let of = |seed| all(&model, &day, seed, 9);
    let summary = of(5);
    assert_eq!(summary, of(5));
    assert_ne!(summary.total, of(6).total);
    // One after the other, as on one processor, and the last first.
    for order in [(0..9).collect::<Vec<u64>>(), (0..9).rev().collect()] {
        let mut alone = Summary::default();
        for run in &order {
            alone.add(&unrecorded(&model, &day, 5, *run));
        }
        assert_eq!(
            (alone.runs, alone.longest_makespan_ms, alone.runs_with_losses),
            (summary.runs, summary.longest_makespan_ms, summary.runs_with_losses)
        );
        let without_places = |total: &RunResult| RunResult { places: 0, ..total.clone() };
        assert_eq!(without_places(&alone.total), without_places(&summary.total));
    }
}

// ---- size

#[test]
fn a_day_of_a_large_fleet_and_a_hundred_thousand_builds_are_simulated_in_seconds() {
    // Optimized: 200 runs of a day of 360 pods. Unoptimized a tenth, in as much time.
    let runs = if cfg!(debug_assertions) { 20 } else { 200 };
    let day = poisson(600.0, 24.0, Spread::Exponential(Length(20 * MINUTE)));
    let summary = unless_it_hangs("a day", move || all(&production(), &day, 1, runs));
    assert!(summary.total.arrived > runs * 14_000 && summary.total.peak_pods > 200);

    let outcome = unless_it_hangs("a burst", || unrecorded(&production(), &burst(100_000, MINUTE), 1, 0));
    assert_eq!(outcome.finished + outcome.gave_up, 100_000);
}

#[test]
fn ten_times_the_hours_take_no_more_memory() {
    let places = |hours| {
        let outcome = unrecorded(&staging(), &poisson(18.0, hours, Spread::Exponential(Length(15 * MINUTE))), 1, 0);
        (outcome.places, outcome.arrived)
    };
    let ((day, few), (days, many)) = (places(240.0), places(2_400.0));
    assert!(many > 9 * few);
    // More hours have a higher peak, by chance; the heap of events doubles at times.
    assert!(days <= 2 * day, "{day}, then {days}");
}

// ---- copies

#[test]
fn the_model_has_the_numbers_of_the_rendered_manifests() {
    let fleet = support::fleet(&support::read("tests/inputs/sleeping.yaml"), "sleeping");
    let (model, files) = (model_of(&fleet), support::render(&fleet));
    let seconds = |ms: u64| ms / SECOND;

    let drain = support::read("templates/drain.sh");
    let default = |name: &str| -> u64 {
        let (_, rest) = drain.split_once(&format!("|| {name}=")).unwrap_or_else(|| panic!("no {name}"));
        rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(seconds(QUIET_MS), default("DRAIN_QUIET_POLLS") * default("DRAIN_POLL_S"));

    let pod = &support::object(&files, "Deployment", "buildkitd-amd64")["spec"]["template"]["spec"];
    assert_eq!(pod["terminationGracePeriodSeconds"], seconds(model.grace_ms));
    let names: Vec<&str> = pod["containers"][0]["env"]
        .as_sequence()
        .into_iter()
        .flatten()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert!(!names.contains(&"DRAIN_QUIET_POLLS") && !names.contains(&"DRAIN_POLL_S"), "the defaults hold: {names:?}");

    let node_pool = &support::object(&files, "NodePool", "buildkit-amd64-m6id-24xlarge")["spec"];
    assert_eq!(model.poll_ms, LOOK_MS);
    assert_eq!(node_pool["disruption"]["consolidateAfter"], format!("{}m", (model.idle_ms - VALIDATION_MS) / MINUTE));
    assert_eq!(node_pool["disruption"]["consolidationPolicy"], "WhenEmpty");
    assert_eq!(node_pool["limits"]["nodes"], model.types[0].limit);

    let scaled = |arch: &str| support::object(&files, "ScaledObject", &format!("buildkitd-{arch}"))["spec"].clone();
    let Growth::Keda { behavior, cooldown_ms, .. } = model.growth else { panic!("a fixed pool") };
    assert_eq!(scaled("amd64")["pollingInterval"], seconds(model.polling_ms));
    assert_eq!(scaled("amd64")["cooldownPeriod"], seconds(cooldown_ms));
    assert_eq!(scaled("amd64")["maxReplicaCount"], behavior.bounds.max());
    assert_eq!(scaled("arm64")["fallback"]["failureThreshold"], model.failure_threshold);

    let config = support::object(&files, "ConfigMap", "buildkitd-lb-config");
    let config = config["data"]["haproxy.cfg"].as_str().unwrap_or_else(|| panic!("no haproxy.cfg"));
    let lines: Vec<&str> = config.lines().map(|line| line.split('#').next().unwrap_or(line).trim()).collect();
    let (queue, hold) = (seconds(model.queue_ms), seconds(model.hold_ms));
    for line in [format!("timeout queue {queue}s"), format!("retries {hold}")] {
        assert!(lines.contains(&line.as_str()), "no `{line}`");
    }
    // One build for each server, and as many servers.
    let (start, end) = (format!("server-template amd {} ", model.slots), " maxconn 1");
    assert!(lines.iter().any(|line| line.starts_with(&start) && line.ends_with(end)), "no `{start}...{end}`");
}

#[test]
fn new_pods_serve_at_once_where_pods_that_drain_keep_their_slots() {
    // Four of eight builds are long. At 30 min the fleet shrinks under them, and the builds of 40 min come while pods drain:
    // a new pod that takes the slot of one waits for its build, for 70 min at most.
    let build = |at_ms, minutes| Arrival { at_ms, duration_ms: minutes * MINUTE };
    let first = (0..4).flat_map(|_| [build(0, 10), build(0, 100)]);
    let arrivals = Arrivals::Recorded(first.chain((0..6).map(|_| build(40 * MINUTE, 10))).collect());
    let fleet = support::fleet(&support::shipped(), "arc-staging");
    let open = Model::new(&fleet, &fleet.pools[0], &plain()).unwrap_or_else(|error| panic!("{error}"));
    let guarded = Model { guarded: true, ..open.clone() };
    let [open, guarded] = [open, guarded].map(|model| all(&model, &arrivals, 1, 100).total.waits);
    let p90 = |waits: &buildkit_fleet::simulation::waits::Waits| waits.percentile_ms(90).unwrap_or(u64::MAX) / SECOND;
    // A pod is ready 3.5 min after it was asked for; in the queue of a slot, builds wait for one of 10 min.
    assert!(p90(&guarded) <= 210, "{}", p90(&guarded));
    assert!(p90(&open) >= 600, "{}", p90(&open));
    assert!(guarded.mean_ms() < open.mean_ms() * 0.75);
}
