//! Every expression of the dashboard in a real Prometheus, which scrapes the rendered load balancer in a real HAProxy and
//! pages of the other exporters.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the suite uses all that is shared")]
mod support;

#[path = "../lab/client.rs"]
#[expect(dead_code, reason = "the lab uses all of it")]
mod client;
#[path = "../lab/dns.rs"]
#[expect(dead_code, reason = "the lab uses all of it")]
mod dns;
#[path = "../lab/haproxy.rs"]
#[expect(dead_code, reason = "the lab uses all of it")]
mod haproxy;
#[path = "../lab/pods.rs"]
#[expect(dead_code, reason = "the lab uses all of it")]
mod pods;
#[path = "../lab/ports.rs"]
mod ports;

mod expected;
mod pages;
mod prometheus;

mod data;
