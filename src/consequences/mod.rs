//! What follows from the difference of two sets of objects for the fleet that runs.

pub mod capacity;
pub mod classify;
pub mod cluster;
pub mod consequence;
pub mod field;
