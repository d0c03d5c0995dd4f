//! From a fleet to the text of its manifests, and the invariants that every set keeps.

pub mod address;
pub mod alerts;
pub mod check;
pub mod list;
pub mod names;
pub mod objects;
pub mod pool_view;
pub mod render;
pub mod scrape;
pub mod set;
pub mod setting;
pub mod view;
