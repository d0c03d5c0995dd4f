//! From layers of configuration to fleets, and the rules across keys and clusters.

pub mod ami;
pub mod architectures;
pub mod builder;
pub mod cache_volume;
mod dashboard;
pub mod external_service;
pub mod file;
pub mod fleet;
pub mod images;
pub mod instance_plan;
pub mod instance_rules;
pub mod instances;
pub mod keys;
pub mod modules;
pub mod nodes;
mod placement;
mod pool_rules;
mod provisioner;
pub mod read;
pub mod registries;
pub mod resolved;
pub mod rules;
pub mod scaling;
mod substitution;
pub mod toml;
mod toml_keys;
pub mod volumes;
