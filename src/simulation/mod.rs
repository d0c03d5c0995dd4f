//! Simulates builds on a fleet, without printing or command line.

pub mod aim;
pub mod arrivals;
pub mod balancer;
pub mod calendar;
pub mod choice;
pub mod cluster;
pub mod duration;
pub mod engine;
pub mod log;
pub mod model;
pub mod outcome;
pub mod random;
pub mod recommend;
pub mod record;
pub mod runs;
pub mod scenario;
pub mod schedule;
pub mod series;
pub mod verdict;
pub mod waits;
