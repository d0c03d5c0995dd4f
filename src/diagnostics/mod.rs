//! What is wrong with the input: rules, problems with their places, and how they are reported.

pub mod escape;
pub mod json;
pub mod problem;
pub mod report;
pub mod rule;
pub mod snippet;
pub mod span;
pub mod suggest;
pub mod words;
