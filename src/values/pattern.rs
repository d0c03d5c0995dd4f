//! Text with a rule: a type for each, which accepts what a regular expression matches.

use regex_lite::Regex;

/// A label of DNS (RFC 1123), which most names of Kubernetes are made of.
pub(super) const DNS_LABEL: &str = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";

/// Names that are a subdomain of DNS (RFC 1123), such as that of a Secret.
pub(super) fn subdomain() -> String {
    format!("^{DNS_LABEL}(\\.{DNS_LABEL})*$")
}

/// Label values of Kubernetes, and the last part of qualified names.
pub(super) const LABEL_TEXT: &str = "[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";

/// Qualified names of Kubernetes, such as keys of labels and annotations: an optional subdomain and `/`, then a name.
/// `prefix_fits` checks the length of the first part.
pub(super) fn qualified_name() -> String {
    format!("^({DNS_LABEL}(\\.{DNS_LABEL})*/)?{LABEL_TEXT}$")
}

pub(super) fn prefix_fits(text: &str) -> bool {
    text.split_once('/').is_none_or(|(prefix, _)| prefix.len() <= 253)
}

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

/// A type for each choice among fixed words.
macro_rules! words {
    ($( $(#[doc = $doc:literal])* $vis:vis $name:ident: $words:expr; )*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
        $vis struct $name(&'static str);

        impl $name {
            $vis fn as_str(self) -> &'static str {
                self.0
            }
        }

        impl $crate::input::layer::Scalar for $name {
            fn shape() -> $crate::input::shape::Shape {
                $crate::input::shape::Shape::OneOf(&$words)
            }

            fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
                $words.into_iter().find(|known| *known == text).map($name).ok_or_else(String::new)
            }
        }
    )* };
}
pub(crate) use words;

/// Compiles a regular expression. The JSON Schema contains the same text.
pub(crate) fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns are constants, which tests compile")
}
