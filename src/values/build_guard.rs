//! Whether a pod itself refuses a second build.

use crate::input::layer::Scalar;
use crate::input::shape::Shape;

/// `one_build_guard`, as clusters.yaml has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuildGuard {
    /// The load balancer alone counts.
    #[default]
    Off,
    /// A pod that cannot refuse a second build does not start.
    Require,
}

impl BuildGuard {
    pub fn is_required(self) -> bool {
        self == BuildGuard::Require
    }
}

impl Scalar for BuildGuard {
    fn shape() -> Shape {
        Shape::OneOf(&["off", "require"])
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        match text {
            "off" => Ok(BuildGuard::Off),
            "require" => Ok(BuildGuard::Require),
            _ => Err(String::new()),
        }
    }
}
