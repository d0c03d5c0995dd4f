//! Output: data to stdout, messages to stderr, tables and wrapped text.

pub mod output;
pub mod progress;
pub mod table;
pub mod wrap;
