//! Ports of the load balancer, and of builders.

/// The load balancer's frontend for any architecture.
pub const COMBINED_PORT: u16 = 1234;
pub const HEALTH_PORT: u16 = 8405;
pub const STATS_PORT: u16 = 8404;
pub const METRICS_PORT: u16 = 9404;
/// Where the load balancer checks builders that guard themselves. Not that of their metrics: a scraper's connection would
/// count as a build.
pub const CHECK_PORT: u16 = 8406;
