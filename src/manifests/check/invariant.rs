//! An invariant: a statement that always holds, and what it is for.

use crate::manifests::check::needs::{Extent, Needs};

/// A statement that always holds.
#[derive(Debug)]
pub struct Invariant {
    pub id: &'static str,
    pub says: &'static str,
    pub purpose: Purpose,
    pub(super) needs: Needs,
}

/// What an invariant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It protects builds or those who run them, and holds of patched manifests too. What happens where it is broken.
    Protects(&'static str),
    /// It proves that the templates write what was asked for: patches may write something else.
    Templates,
}

impl Invariant {
    /// How much of it is held without a fleet.
    pub fn shown(&self) -> Extent {
        self.needs.shown()
    }
}
