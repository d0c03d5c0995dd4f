//! CPU architectures of the fleet.

use serde::Serialize;

use crate::input::layer::Scalar;
use crate::input::shape::Shape;

/// An architecture. Everything is written in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    pub const ALL: [Arch; 2] = [Arch::Amd64, Arch::Arm64];

    /// As Kubernetes and Go spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Arch::Amd64 => "amd64",
            Arch::Arm64 => "arm64",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|arch| arch.name() == name)
    }

    /// Port of the load balancer's frontend.
    pub const fn lb_port(self) -> u16 {
        match self {
            Arch::Amd64 => 3234,
            Arch::Arm64 => 2234,
        }
    }

    /// Prefix of the server slots in haproxy.cfg.
    pub const fn slot_prefix(self) -> &'static str {
        match self {
            Arch::Amd64 => "amd",
            Arch::Arm64 => "arm",
        }
    }
}

impl Scalar for Arch {
    fn shape() -> Shape {
        Shape::OneOf(&["amd64", "arm64"])
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        Arch::named(text).ok_or_else(|| match text {
            "x86_64" => "write `amd64`".to_owned(),
            "aarch64" => "write `arm64`".to_owned(),
            _ => String::new(),
        })
    }
}
