//! Container images.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde::{Serialize, Serializer};

use crate::input::layer::Scalar;
use crate::input::shape::{Shape, Text};
use crate::values::pattern::compile;

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

    /// Whether it names the same image whenever it is pulled: by digest, or by a tag that does not move.
    pub fn is_pinned(&self) -> bool {
        self.digest || self.tag().is_some_and(|tag| !moves(tag))
    }

    /// Whether the tag is of a rootless variant, `v0.32.2-rootless` or `rootless`.
    pub fn is_rootless(&self) -> bool {
        self.tag().is_some_and(|tag| tag.split(['-', '_', '.']).any(|part| part == "rootless"))
    }

    /// Host of the registry as written; `None` for the short names of Docker Hub.
    pub fn host(&self) -> Option<&str> {
        split_host(self.name()).0
    }

    /// Path after the host of the registry, without tag and digest: `moby/buildkit`.
    pub fn path(&self) -> &str {
        split_host(self.name()).1
    }

    fn name(&self) -> &str {
        let rest = self.text.split('@').next().unwrap_or_default();
        self.tag().and_then(|tag| rest.strip_suffix(tag)).map_or(rest, |name| name.trim_end_matches(':'))
    }
}

/// The host of a name and the path after it. As in `docker pull`, a first part is a host only if it cannot be a user of
/// Docker Hub: it has a dot or a port, or is `localhost`.
fn split_host(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
        _ => (None, name),
    }
}

/// Whether a tag is updated to newer images: one without a part that identifies a build, such as `latest`, `master` and
/// `nightly` of moby/buildkit, also with a base image or architecture in it; and `buildx-stable-1`, whose number is an
/// interface version.
fn moves(tag: &str) -> bool {
    let tag = tag.replace("x86_64", "");
    tag.starts_with("buildx-stable") || !tag.split(['-', '_']).any(identifies_build)
}

/// A version, a number, a day, or a commit.
fn identifies_build(part: &str) -> bool {
    let is_commit = (7..=40).contains(&part.len())
        && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        && part.bytes().any(|byte| byte.is_ascii_digit());
    is_commit || part.strip_prefix('v').unwrap_or(part).starts_with(|c: char| c.is_ascii_digit())
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

static PATTERN: LazyLock<Regex> = LazyLock::new(|| compile(&pattern()));

impl TryFrom<&str> for Image {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        let slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[slash..].split_once(':') {
            Some((last, tag)) => (&rest[..slash + last.len()], Some(tag)),
            None => (rest, None),
        };
        if text.len() <= LONGEST && name.len() <= NAME_LONGEST && PATTERN.is_match(text) {
            Ok(Image { text: text.to_owned(), tag: tag.map(str::to_owned), digest: digest.is_some() })
        } else {
            Err(String::new())
        }
    }
}

const NAME_LONGEST: usize = 255;
/// Name, tag (128) and digest (71), with their separators.
const LONGEST: usize = NAME_LONGEST + 1 + 128 + 1 + 71;

/// The first of several parts is a host if it has a dot or a port, or is `localhost`.
fn pattern() -> String {
    let label = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?";
    let host = format!("((localhost|{label}(\\.{label})+)(:[0-9]{{1,5}})?|{label}:[0-9]{{1,5}})");
    let part = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*";
    let without_dot = part.replace("\\.|", "");
    let (tag, digest) = (":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "@sha256:[0-9a-f]{64}");
    format!("^(({host}|{without_dot})/({part}/)*)?{part}({tag})?({digest})?$")
}

impl Scalar for Image {
    fn shape() -> Shape {
        Shape::Text(Text {
            expected: "an image reference, such as `haproxy:3.2-alpine`".to_owned(),
            pattern: pattern(),
            longest: LONGEST,
            examples: &["haproxy:3.2-alpine", "registry.example/moby/buildkit:v0.32.2"],
            or_number: false,
        })
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        Self::try_from(text)
    }
}
