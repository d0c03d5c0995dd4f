//! Publishes manifests to disk: what differs, which files this program owns, and how they are replaced so that no crash
//! leaves an incomplete set that verifies.

pub mod compare;
pub mod exchange;
pub mod files;
pub mod io_error;
pub mod lock;
pub mod ownership;
pub mod read;
