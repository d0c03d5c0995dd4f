//! What an invariant looks at: the manifests alone, or also what clusters.yaml asks for.

use crate::manifests::check::findings::{Finding, Findings};
use crate::manifests::check::set::{Manifests, RenderedFleet};

/// What finds the places where an invariant does not hold.
#[derive(Clone, Copy, Debug)]
pub enum Needs {
    /// Manifests show by themselves whether it holds.
    #[expect(private_interfaces, reason = "only invariants are made of these")]
    Manifests(fn(&Manifests, &mut Findings)),
    /// They show a part; the rest depends on what clusters.yaml asks for.
    #[expect(private_interfaces, reason = "only invariants are made of these")]
    Both(fn(&Manifests, &mut Findings), fn(&RenderedFleet, &mut Findings)),
    #[expect(private_interfaces, reason = "only invariants are made of these")]
    Fleet(fn(&RenderedFleet, &mut Findings)),
}

impl Needs {
    /// Where it does not hold. Without the fleet, only what the manifests show is looked at.
    pub(super) fn find(
        self,
        manifests: &Manifests,
        set: Option<&RenderedFleet>,
    ) -> impl Iterator<Item = Finding> + use<> {
        let mut found = Findings::default();
        if let Needs::Manifests(look) | Needs::Both(look, _) = self {
            look(manifests, &mut found);
        }
        if let (Needs::Fleet(look) | Needs::Both(_, look), Some(set)) = (self, set) {
            look(set, &mut found);
        }
        found.into_iter()
    }
}
