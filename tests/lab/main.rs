//! The rendered load balancer in a real HAProxy and the rendered scripts in a real shell, on loopback addresses.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the suite uses all that is shared")]
mod support;

mod client;
mod dns;
mod haproxy;
mod pods;
mod ports;

mod arrivals;
mod builds;
mod config;
mod drain;
mod guard;
mod metrics;
mod names;
mod queue;
mod start;
mod which_pod;
