//! The commands, each with its arguments, its run and its output.

pub mod arrivals;
pub mod check;
pub mod completions;
pub mod dashboard;
pub mod diff;
pub mod exit;
pub mod explain;
pub mod generate;
mod given_files;
pub mod init;
pub mod man;
pub mod options;
pub mod plan;
pub mod read;
pub mod recommend;
pub mod report;
pub mod scenario;
pub mod schema;
pub mod scripts;
pub mod select;
pub mod simulate;
pub mod skipped;
pub mod unified;
pub mod validate;
