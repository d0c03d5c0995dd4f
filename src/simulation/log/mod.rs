//! From the load balancer's log to the builds that arrived.

pub mod builds;
pub mod censoring;
pub mod connection;
pub mod lines;
pub mod wrapper;
