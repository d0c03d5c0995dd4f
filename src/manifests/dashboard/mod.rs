//! The dashboard for Grafana: one document, which the ConfigMap carries and `buildkit-fleet dashboard` prints.

mod builders;
mod demand;
pub mod document;
mod keda;
mod load_balancer;
mod nodes;
mod outline;
mod panel;
pub(super) mod view;

pub use crate::manifests::dashboard::outline::json;
