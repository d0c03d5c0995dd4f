//! Names that end up in manifests, each with the rule of the system that reads it.

use std::fmt;

use serde::Serialize;

use crate::input::layer::Scalar;
use crate::input::shape::{Shape, Text};

/// As regular expressions, for the schema.
const DNS_LABEL: &str = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const LABEL_TEXT: &str = "[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";
const PATH_PART: &str = "[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?";

/// Letters and digits at both ends, `inner` between.
fn word(text: &str, longest: usize, edge: fn(char) -> bool, inner: fn(char) -> bool) -> bool {
    (1..=longest).contains(&text.len()) && text.starts_with(edge) && text.ends_with(edge) && text.chars().all(inner)
}

fn lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

pub(crate) fn is_dns_label(text: &str) -> bool {
    word(text, 63, lower, |c| lower(c) || c == '-')
}

/// A label key of Kubernetes: an optional DNS prefix and `/`, then up to 63 of `[A-Za-z0-9._-]`.
pub fn is_label_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_name)
        && word(name, 63, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

pub(crate) fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

macro_rules! names {
    ($(
        $(#[doc = $doc:literal])* $name:ident: $expected:literal,
        pattern $pattern:expr, longest $longest:literal, examples $examples:expr,
        $check:expr;
    )*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = String;

            fn try_from(text: &str) -> Result<Self, String> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok($name(text.to_owned())) } else { Err(String::new()) }
            }
        }

        impl Scalar for $name {
            fn shape() -> Shape {
                Shape::Text(Text {
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
}

names! {
    /// Key of a cluster in clusters.yaml, which becomes a directory name.
    ClusterKey: "a name of letters, digits, `.`, `_` and `-` that starts and ends with a letter or digit, up to 100 long",
        pattern "^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$", longest 100, examples &["staging", "prod-us-east-1"],
        |text| word(text, 100, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    /// Name of an EKS cluster. The node role `<name>-node-role` must stay within IAM's 64 characters.
    ClusterName: "an EKS cluster name (letters, digits, `-`, `_`) of up to 54 characters, so that `<name>-node-role` fits IAM's limit of 64",
        pattern "^[A-Za-z0-9]([A-Za-z0-9_-]{0,52}[A-Za-z0-9])?$", longest 54, examples &["my-eks-cluster", "another-eks-cluster"],
        |text| word(text, 54, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    /// AWS region, `us-east-1`.
    Region: "an AWS region, such as `us-east-1`",
        pattern "^[a-z]{2,}(-[a-z]+)+-[0-9]+$", longest 32, examples &["us-east-1", "eu-central-1"],
        |text| {
            let parts: Vec<&str> = text.split('-').collect();
            text.len() <= 32
                && matches!(parts.as_slice(), [area, .., number] if parts.len() >= 3
                    && area.len() >= 2 && area.bytes().all(|b| b.is_ascii_lowercase())
                    && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
                && parts[1..parts.len() - 1].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
        };
    /// An installed module; other tools own the names.
    Module: "the name of a module",
        pattern "^[\\s\\S]+$", longest 1000, examples &["karpenter", "buildkit"],
        |text| (1..=1000).contains(&text.len());
    /// Namespace of Kubernetes.
    Namespace: "a namespace (lower-case letters, digits and `-`, up to 63 characters)",
        pattern format!("^{DNS_LABEL}$"), longest 63, examples &["buildkit", "builds"],
        is_dns_label;
    /// Name of a Secret.
    SecretName: "the name of a Secret (lower-case letters, digits, `-` and `.`)",
        pattern format!("^{DNS_LABEL}(\\.{DNS_LABEL})*$"), longest 253, examples &["buildkit-tls", "buildkit-certs"],
        is_dns_name;
    /// Value of a label.
    LabelText: "a label value (letters, digits, `-`, `_` and `.`, up to 63 characters)",
        pattern format!("^({LABEL_TEXT})?$"), longest 63, examples &["ci", "team-a"],
        |text| text.is_empty()
            || word(text, 63, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    /// Key of a label or taint.
    LabelKey: "a label key, such as `team` or `example.com/team`",
        pattern format!("^({DNS_LABEL}(\\.{DNS_LABEL})*/)?{LABEL_TEXT}$"), longest 317, examples &["team", "example.com/team"],
        is_label_key;
    /// A registry as buildkitd.toml names it: host, optional port, optional path.
    RegistryHost: "a registry without scheme: `host`, `host:port` or `host/path`",
        pattern format!("^{DNS_LABEL}(\\.{DNS_LABEL})*(:[0-9]{{1,5}})?(/{PATH_PART}(/{PATH_PART})*)?$"), longest 515, examples &["mirror.example", "mirror.example:5000/cache"],
        |text| {
            let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
            let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
            is_dns_name(host)
                && port.is_none_or(|port| {
                    port.len() <= 5
                        && port.bytes().all(|byte| byte.is_ascii_digit())
                        && port.parse::<u16>().is_ok_and(|port| port > 0)
                })
                && path.is_none_or(|path| path.len() <= 255 && path.split('/').all(|part| {
                    word(part, 128, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
                }))
        };
    /// Alias of an AL2023 node image: only that family reads the NodeConfig user data.
    AmiAlias: "`al2023@latest` or `al2023@v` with a release date, such as `al2023@v20250123`",
        pattern "^al2023@(latest|v[0-9]{8})$", longest 16, examples &["al2023@v20250123", "al2023@latest"],
        |text| text == "al2023@latest"
            || text.strip_prefix("al2023@v").is_some_and(|date| date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()));
}

impl AmiAlias {
    pub fn floats(&self) -> bool {
        self.0.ends_with("@latest")
    }
}

/// Address families of the cluster's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IpFamily {
    /// Listens on both and resolves both; also works for IPv4-only and IPv6-only clusters.
    Dual,
    Ipv4,
    Ipv6,
}

impl Scalar for IpFamily {
    fn shape() -> Shape {
        Shape::OneOf(&["dual", "ipv4", "ipv6"])
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        match text {
            "dual" => Ok(IpFamily::Dual),
            "ipv4" => Ok(IpFamily::Ipv4),
            "ipv6" => Ok(IpFamily::Ipv6),
            _ => Err(String::new()),
        }
    }
}
