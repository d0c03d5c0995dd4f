//! Names of objects that are used in several places. The templates contain them literally.

/// The load balancer's Deployment and its pods.
pub const LB: &str = "buildkitd-lb";
/// Its Service for metrics.
pub const LB_METRICS: &str = "buildkitd-lb-metrics";
/// Its ConfigMap.
pub const LB_CONFIG: &str = "buildkitd-lb-config";
/// The ServiceMonitor of KEDA's operator, in its own namespace.
pub const KEDA_MONITOR: &str = "buildkitd-keda-operator";
