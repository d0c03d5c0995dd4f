//! The consequences of a difference between two sets of objects for the running fleet.

mod advice;
pub mod capacity;
pub mod classify;
pub mod cluster;
pub mod consequence;
pub mod field;
mod retirement;
