//! Patches of `buildkit.patches`: they change objects between rendering and the hashes in names.

pub mod blame;
mod bounds;
pub(super) mod documents;
mod merge;
pub mod owned;
pub mod refusal;
