//! Container images.

use serde::{Serialize, Serializer};

use crate::input::layer::Scalar;
use crate::input::shape::{Shape, Text};

/// A reference `[host[:port]/]path[:tag][@sha256:digest]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    text: String,
    tag: Option<String>,
    digest: bool,
}

impl Image {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Whether it names one version: by a tag other than `latest`, or by digest.
    pub fn is_pinned(&self) -> bool {
        self.digest || self.tag.as_deref().is_some_and(|tag| tag != "latest")
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl TryFrom<&str> for Image {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        let slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[slash..].split_once(':') {
            Some((last, tag)) => (&rest[..slash + last.len()], Some(tag)),
            None => (rest, None),
        };
        let digest_ok = digest.is_none_or(|digest| {
            digest.strip_prefix("sha256:").is_some_and(|hex| {
                hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            })
        });
        let tag_ok = tag.is_none_or(|tag| {
            tag.len() <= 128
                && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        });
        let (host, path) = split_host(name);
        let name_ok = host.is_none_or(is_host) && path.split('/').all(is_path_component);
        if name.len() <= 255 && name_ok && tag_ok && digest_ok {
            Ok(Image { text: text.to_owned(), tag: tag.map(str::to_owned), digest: digest.is_some() })
        } else {
            Err(String::new())
        }
    }
}

/// The first of several parts is a host if it looks like one: with a dot, a port, or `localhost`.
fn split_host(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
        _ => (None, name),
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    name.split('.').all(label)
        && port.is_none_or(|port| !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lower-case letters and digits, with single separators between: `.`, `_`, `__` or any number of `-`.
fn is_path_component(part: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let runs = part.split(edge).filter(|run| !run.is_empty());
    part.starts_with(edge)
        && part.ends_with(edge)
        && runs.into_iter().all(|run| matches!(run, "." | "_" | "__") || run.chars().all(|c| c == '-'))
}

impl Scalar for Image {
    fn shape() -> Shape {
        let (label, segment) = ("[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*");
        let port = ":[0-9]{1,5}";
        let host = format!("((localhost|{label}(\\.{label})+)({port})?|{label}{port})/");
        let (tag, digest) = (":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "@sha256:[0-9a-f]{64}");
        Shape::Text(Text {
            expected: "an image reference, such as `haproxy:3.2-alpine`".to_owned(),
            pattern: format!("^({host})?{segment}(/{segment})*({tag})?({digest})?$"),
            // Name 255, tag 128, digest 71, and the separators.
            longest: 456,
            examples: &["haproxy:3.2-alpine", "registry.example/moby/buildkit:v0.32.2"],
            or_number: false,
        })
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        Self::try_from(text)
    }
}
