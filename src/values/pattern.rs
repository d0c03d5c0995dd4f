//! Text with a rule: a type for each, which accepts what a regular expression matches.

use regex_lite::Regex;

/// A label of DNS (RFC 1123), which most names of Kubernetes are made of.
pub(super) const DNS_LABEL: &str = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";

/// A type for each name: what is expected, the pattern, the longest, examples, further conditions, a remedy.
macro_rules! names {
    ($(
        $(#[doc = $doc:literal])* $name:ident: $expected:literal,
        pattern $pattern:expr, longest $longest:literal, examples $examples:expr $(, and $check:expr)? $(, remedy $remedy:expr)?;
    )*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub fn accepts(text: &str) -> bool {
                static PATTERN: std::sync::LazyLock<regex_lite::Regex> =
                    std::sync::LazyLock::new(|| $crate::values::pattern::compile(&$pattern));
                text.len() <= $longest && PATTERN.is_match(text) $(&& $check(text))?
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = String;

            fn try_from(text: &str) -> Result<Self, String> {
                if Self::accepts(text) { Ok($name(text.to_owned())) } else { Err($crate::values::pattern::names!(@remedy text $(, $remedy)?)) }
            }
        }

        impl $crate::input::layer::Scalar for $name {
            fn shape() -> $crate::input::shape::Shape {
                $crate::input::shape::Shape::Text($crate::input::shape::Text {
                    expected: $expected.to_owned(),
                    pattern: $pattern.to_owned(),
                    longest: $longest,
                    examples: $examples,
                    or_number: false,
                })
            }

            fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
                Self::try_from(text)
            }
        }
    )* };
    (@remedy $text:ident) => {
        String::new()
    };
    (@remedy $text:ident, $remedy:expr) => {
        $remedy($text)
    };
}
pub(crate) use names;

/// Compiles a regular expression. The JSON Schema contains the same text.
pub(crate) fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns are constants, which tests compile")
}
