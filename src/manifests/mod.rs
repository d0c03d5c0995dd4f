//! Renders the manifests of a fleet, and checks their invariants.

pub mod address;
pub(crate) mod alert;
pub mod alerts;
mod builder_view;
pub mod check;
mod checksum;
pub mod dashboard;
pub mod filters;
pub mod index;
pub mod list;
pub mod names;
pub mod objects;
pub mod patch;
mod pool_alerts;
pub mod pool_view;
pub mod render;
pub mod scrape;
mod series;
mod service_view;
pub mod set;
pub mod setting;
mod toml_view;
pub mod view;
mod write;
