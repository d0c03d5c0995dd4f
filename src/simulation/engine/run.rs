//! The state of one run.

use std::iter::Peekable;

use crate::fleet::hpa::Hpa;
use crate::simulation::aim::Aim;
use crate::simulation::arrivals::Builds;
use crate::simulation::balancer::Balancer;
use crate::simulation::cluster::pool::PoolState;
use crate::simulation::model::Model;
use crate::simulation::outcome::RunResult;
use crate::simulation::random::Random;
use crate::simulation::schedule::Schedule;
use crate::simulation::series::Series;

/// What a waiting client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Connect,
    GiveUp,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Build {
    /// Counts connections and starts of all builds that have had this place, so that events planned for an earlier one are
    /// ignored.
    pub(super) visit: u32,
    pub(super) came_ms: u64,
    pub(super) duration_ms: u64,
    pub(super) started: bool,
    pub(super) lost: u8,
    /// Connections made in one try.
    pub(super) connections: u8,
    pub(super) next: Next,
}

/// The state of one run.
pub(super) struct Run<'a> {
    pub(super) model: &'a Model,
    pub(super) now_ms: u64,
    pub(super) plan: Schedule,
    pub(super) arrivals: Peekable<Builds<'a>>,
    pub(super) first_ms: Option<u64>,
    pub(super) builds: Vec<Build>,
    pub(super) vacant: Vec<u32>,
    pub(super) open: u32,
    pub(super) balancer: Balancer,
    pub(super) cluster: PoolState<'a>,
    pub(super) hpa: Option<Hpa>,
    pub(super) failures: u32,
    pub(super) active_ms: u64,
    pub(super) clients: Random,
    pub(super) outcome: RunResult,
    pub(super) last_end: Option<(u64, Vec<u64>)>,
    pub(super) series: Option<Series>,
    pub(super) aim: Aim,
}
