//! Container images.

use serde::{Serialize, Serializer};

use crate::layer::Scalar;

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

    /// Names one version: by a tag other than `latest`, or by digest.
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
        let word = |part: &str, extra: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
        };
        let digest_ok = digest.is_none_or(|digest| {
            digest.strip_prefix("sha256:").is_some_and(|hex| {
                hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            })
        });
        let parts: Vec<&str> = name.split('/').collect();
        // A port may stand only in the first of several parts, which is the host.
        let name_ok = parts
            .iter()
            .enumerate()
            .all(|(i, part)| word(part, if i == 0 && parts.len() > 1 { "._-:" } else { "._-" }));
        let tag_ok = tag.is_none_or(|tag| tag.len() <= 128 && word(tag, "._-"));
        if name.len() <= 255 && name_ok && tag_ok && digest_ok {
            Ok(Image { text: text.to_owned(), tag: tag.map(str::to_owned), digest: digest.is_some() })
        } else {
            Err(String::new())
        }
    }
}

impl Scalar for Image {
    fn expected() -> String {
        "an image reference, such as `haproxy:3.2-alpine`".to_owned()
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        Self::try_from(text)
    }
}
