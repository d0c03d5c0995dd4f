//! Which disk of a node holds the build cache.

use crate::input::layer::Scalar;
use crate::input::shape::Shape;

/// The disk of the build cache, as clusters.yaml names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheDisk {
    Nvme,
    Root,
}

impl Scalar for CacheDisk {
    fn shape() -> Shape {
        Shape::OneOf(&["nvme", "root"])
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        match text {
            "nvme" => Ok(CacheDisk::Nvme),
            "root" => Ok(CacheDisk::Root),
            _ => Err(String::new()),
        }
    }
}
