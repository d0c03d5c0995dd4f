//! The domain model: a fleet that exists is one that can be rendered.

pub mod builder;
pub mod cache_volume;
pub mod capabilities;
pub mod dns;
pub mod external_service;
pub mod formula;
pub mod hpa;
pub mod instance_plan;
pub mod model;
pub mod nodes;
pub mod placement;
pub mod ports;
pub mod scaling;
pub mod sizing;
pub mod timing;
