//! What an invariant looks at: the manifests alone, or also what clusters.yaml asks for.

use crate::manifests::check::findings::{Finding, Findings};
use crate::manifests::check::set::{Manifests, RenderedFleet};

/// What finds the places where an invariant does not hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Needs {
    /// Manifests show by themselves whether it holds.
    Manifests(fn(&Manifests, &mut Findings)),
    /// They show a part; the rest depends on what clusters.yaml asks for.
    Both(fn(&Manifests, &mut Findings), fn(&RenderedFleet, &mut Findings)),
    Fleet(fn(&RenderedFleet, &mut Findings)),
}

/// How much of an invariant manifests show by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    All,
    Part,
    Nothing,
}

impl Needs {
    pub(super) fn shown(self) -> Extent {
        match self {
            Needs::Manifests(_) => Extent::All,
            Needs::Both(..) => Extent::Part,
            Needs::Fleet(_) => Extent::Nothing,
        }
    }

    /// Where it does not hold. Without the fleet, only what the manifests show is looked at.
    pub(super) fn find(
        self,
        manifests: &Manifests,
        set: Option<&RenderedFleet>,
    ) -> impl Iterator<Item = Finding> + use<> {
        let mut found = Findings::default();
        // What was asked for comes first: a message may show one place only.
        if let (Needs::Fleet(look) | Needs::Both(_, look), Some(set)) = (self, set) {
            look(set, &mut found);
        }
        if let Needs::Manifests(look) | Needs::Both(look, _) = self {
            look(manifests, &mut found);
        }
        found.into_iter()
    }
}
