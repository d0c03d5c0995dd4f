//! Names of objects that more than one place speaks of. The templates write them out.

/// The load balancer's Deployment and its pods.
pub const LB: &str = "buildkitd-lb";
/// Its Service for metrics.
pub const LB_METRICS: &str = "buildkitd-lb-metrics";
/// Its ConfigMap.
pub const LB_CONFIG: &str = "buildkitd-lb-config";
/// What scrapes KEDA's operator, in its own namespace.
pub const KEDA_MONITOR: &str = "buildkitd-keda-operator";
