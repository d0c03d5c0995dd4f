//! What applies a set.

use serde::Serialize;

use crate::input::layer::Scalar;
use crate::input::shape::Shape;

/// How a set gets to its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// deploy.sh, or kubectl by hand.
    Script,
    ArgoCd,
    Flux,
}

impl Delivery {
    /// As in clusters.yaml.
    pub const fn name(self) -> &'static str {
        match self {
            Delivery::Script => "script",
            Delivery::ArgoCd => "argocd",
            Delivery::Flux => "flux",
        }
    }
}

/// What Flux's `postBuild` changes in a text, where it does: `${NAME}` becomes a value or nothing, `$$` becomes `$`. A
/// name without braces stays (fluxcd/pkg, envsubst/parse).
pub fn substituted(text: &str) -> Option<&'static str> {
    ["${", "$$"].into_iter().find(|part| text.contains(part))
}

impl Scalar for Delivery {
    fn shape() -> Shape {
        Shape::OneOf(&["script", "argocd", "flux"])
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        match text {
            "script" => Ok(Delivery::Script),
            "argocd" => Ok(Delivery::ArgoCd),
            "flux" => Ok(Delivery::Flux),
            _ => Err(String::new()),
        }
    }
}
