//! A set on disk: what differs, whose it is, and how it is replaced so that no crash leaves a half that verifies.

pub mod compare;
pub mod exchange;
pub mod files;
pub mod io_error;
pub mod lock;
pub mod ownership;
pub mod read;
