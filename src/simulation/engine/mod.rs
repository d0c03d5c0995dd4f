//! One run: clients arrive, the balancer assigns them builders, KEDA and the HPA follow the balancer's count, and pods
//! and nodes are added and removed.

mod builders;
mod clients;
mod events;
mod run;
mod scaling;

use crate::fleet::hpa::{Hpa, SYNC_MS};
use crate::simulation::aim::Aim;
use crate::simulation::arrivals::Arrivals;
use crate::simulation::balancer::Balancer;
use crate::simulation::cluster::pool::PoolState;
use crate::simulation::engine::run::Run;
use crate::simulation::model::{Growth, Model};
use crate::simulation::outcome::RunResult;
use crate::simulation::random::{Random, Stream};
use crate::simulation::schedule::{Event, Schedule};
use crate::simulation::series::Series;

/// Runs the model on the arrivals of one run.
pub fn run(model: &Model, arrivals: &Arrivals, seed: u64, run: u64, aim: Aim) -> (RunResult, Series) {
    let random = |purpose| Random::new(seed, run, purpose);
    let pods = model.pods_at_rest();
    let mut phases = random(Stream::Phases);
    let hpa = match model.growth {
        Growth::Fixed(_) => None,
        Growth::Keda { behavior, .. } => Some(Hpa::new(behavior, pods)),
    };
    let mut state = Run {
        model,
        now_ms: 0,
        plan: Schedule::default(),
        arrivals: arrivals.of_run(seed, run).peekable(),
        first_ms: None,
        builds: Vec::new(),
        vacant: Vec::new(),
        open: 0,
        balancer: Balancer::new(model.slots, model.queue_ms, model.hold_ms),
        cluster: PoolState::new(model, random),
        hpa,
        failures: 0,
        active_ms: 0,
        clients: random(Stream::Clients),
        outcome: RunResult::default(),
        last_end: None,
        aim,
        series: (aim == Aim::Record).then(Series::default),
    };
    for pod in state.cluster.at_rest(pods, &mut state.plan) {
        state.appear(pod);
    }
    state.outcome.peak_pods = state.cluster.ready;
    state.outcome.peak_nodes = state.cluster.known_nodes();
    state.outcome.nodes_before = state.cluster.nodes_by_type();
    if let Growth::Keda { behavior, .. } = model.growth {
        state.plan.at(phases.below(SYNC_MS), Event::HpaLooks);
        if behavior.bounds.min() == 0 {
            state.plan.at(phases.below(model.polling_ms), Event::KedaPolls);
        }
    }
    if aim == Aim::Record {
        state.plan.at(0, Event::Sample);
    }
    state.go();
    (state.outcome, state.series.unwrap_or_default())
}
