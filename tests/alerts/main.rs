//! The alerts in Prometheus' own promtool: each rules file is valid, each alert fires on the series that it is about and
//! stays silent on healthy ones, and each would be noticed if it were wrong.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the suite uses all that is shared")]
mod support;

mod cases;
mod promtool;
mod scene;

mod central;
mod dashboard;
mod fires;
mod wrong;
