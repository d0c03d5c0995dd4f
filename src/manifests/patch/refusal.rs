//! Why a patch cannot be applied.

use std::fmt;

/// Why a patch cannot be applied, whatever the invariants say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No object has its kind and name. `known` are those that there are, as `Kind/name`.
    NoTarget { target: String, known: Vec<String> },
    /// Its merge or one of its operations does not go with the object.
    Inapplicable { object: String, why: String },
    /// It changes what an object is found by.
    Identity { object: String, field: &'static str },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoTarget { target, .. } => write!(f, "the patch of {target} matches no object"),
            Refusal::Inapplicable { object, why } => write!(f, "the patch cannot be applied to {object}: {why}"),
            Refusal::Identity { object, field } => write!(f, "the patch changes `{field}` of {object}"),
        }
    }
}

impl std::error::Error for Refusal {}
