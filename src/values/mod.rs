//! Values with their own rules: a value that exists is valid.

pub mod arch;
pub mod aws;
pub mod cache_disk;
pub mod cidr;
pub mod count;
pub mod dashboard;
pub mod delivery;
pub mod docker_hub;
pub mod env;
pub mod hourly_price;
pub mod image;
pub mod instance_type;
pub mod name;
pub mod node_files;
pub mod patch;
pub mod pattern;
pub mod provisioner;
pub mod proxy;
pub mod runbook;
pub mod selector_term;
pub mod service_type;
pub mod taint;
pub mod toleration;
pub mod toml;
pub mod version;
pub mod volume;
