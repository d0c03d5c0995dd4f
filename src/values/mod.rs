//! Values with their own rules: a value that exists is valid.

pub mod arch;
pub mod count;
pub mod docker_hub;
pub mod iam;
pub mod image;
pub mod instance_type;
pub mod name;
pub mod patch;
pub mod pattern;
pub mod toleration;
pub mod version;
