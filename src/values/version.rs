//! Versions of the programs that a fleet runs with.

use std::fmt;

use crate::input::layer::Scalar;
use crate::input::shape::{Shape, Text};

/// `major.minor`; patch releases do not change what can be expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
}

impl Version {
    pub const fn new(major: u32, minor: u32) -> Self {
        Version { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Scalar for Version {
    fn shape() -> Shape {
        Shape::Text(Text {
            expected: "a version, such as `\"1.35\"` or `2.20.2`".to_owned(),
            pattern: "^v?[0-9]{1,4}\\.[0-9]{1,4}([.+-].*)?$".to_owned(),
            longest: 100,
            examples: &["1.35", "2.20.2", "1.31", "2.16.1", "2.17.2", "2.18.3"],
            or_number: true,
        })
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        leading(text.strip_prefix('v').unwrap_or(text))
            .filter(|_| text.len() <= 100)
            .filter(|(_, rest)| rest.is_empty() || rest.starts_with(['.', '-', '+']))
            .map(|(version, _)| version)
            .ok_or_else(String::new)
    }
}

/// `major.minor` at the start of the text, and what follows.
pub fn leading(text: &str) -> Option<(Version, &str)> {
    let (major, rest) = text.split_once('.')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = |digits: &str| {
        (digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
    };
    Some((Version::new(number(major)?, number(&rest[..end])?), &rest[end..]))
}
