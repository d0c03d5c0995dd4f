//! Environment variables and what they are set to.

use crate::diagnostics::escape::is_hidden_in_lines;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::input::layer::{LayerField, Leaf, Scalar, Value, layer};
use crate::input::shape::{Shape, Text};
use crate::input::yaml::{Kind, Node};
use crate::values::name::SecretName;
use crate::values::pattern::{names, subdomain};

names! {
    /// Name of an environment variable. Kubernetes accepts more since 1.34; shells and older versions do not.
    EnvName: "the name of an environment variable (letters, digits and `_`, no digit first)",
        pattern "^[A-Za-z_][A-Za-z0-9_]*$", longest 253, examples &["AWS_REGION", "BUILDKIT_STEP_LOG_MAX_SIZE"];
    /// Name of a ConfigMap.
    ConfigMapName: "the name of a ConfigMap (lower-case letters, digits, `-` and `.`)",
        pattern subdomain(), longest 253, examples &["company-ca", "settings"];
    /// Name of a ServiceAccount.
    ServiceAccountName: "the name of a ServiceAccount (lower-case letters, digits, `-` and `.`)",
        pattern subdomain(), longest 253, examples &["buildkitd", "builds"];
    /// A key of a Secret or ConfigMap, which becomes a file name.
    DataKey: "a key of a Secret or ConfigMap (letters, digits, `-`, `_` and `.`)",
        pattern "^[A-Za-z0-9_-][A-Za-z0-9._-]*$|^\\.[A-Za-z0-9_-][A-Za-z0-9._-]*$", longest 253, examples &["ca.crt", "url"];
}

/// Longest value of a variable or annotation, in bytes: far below what a process or an object may have.
pub(super) const LONGEST: usize = 32_768;

/// Text that a person can read: of any length, of several lines, and without invisible characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainText(String);

impl PlainText {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for PlainText {
    fn shape() -> Shape {
        Shape::Text(Text {
            expected: "text without invisible characters".to_owned(),
            pattern: "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$".to_owned(),
            longest: LONGEST,
            examples: &["us-east-1", "10485760"],
            or_number: true,
        })
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("expected at most {LONGEST} bytes"));
        }
        if text.chars().any(is_hidden_in_lines) {
            return Err("it contains a character that nobody can see; expected printable text".to_owned());
        }
        Ok(PlainText(text.to_owned()))
    }
}

layer! {
    /// A key of a Secret or ConfigMap.
    struct WrittenSource (Closed) {
        /// Name of a Secret in the fleet's namespace.
        secret: Leaf<SecretName>,
        /// Name of a ConfigMap in the fleet's namespace.
        config_map: Leaf<ConfigMapName>,
        /// Key of the Secret or ConfigMap.
        key: Leaf<DataKey>,
    }
}

/// A Secret or ConfigMap of the fleet's namespace, which somebody else creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataObject {
    Secret(SecretName),
    ConfigMap(ConfigMapName),
}

impl DataObject {
    /// Of two keys, the one that is given; nothing if both are or none.
    pub fn one_of(secret: &Leaf<SecretName>, config_map: &Leaf<ConfigMapName>) -> Option<Self> {
        match (secret.get(), config_map.get()) {
            (Some(secret), None) => Some(DataObject::Secret(secret.clone())),
            (None, Some(config_map)) => Some(DataObject::ConfigMap(config_map.clone())),
            _ => None,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            DataObject::Secret(name) => name.as_str(),
            DataObject::ConfigMap(name) => name.as_str(),
        }
    }

    pub fn is_secret(&self) -> bool {
        matches!(self, DataObject::Secret(_))
    }
}

/// What a variable is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// Kubernetes replaces `$(NAME)` in it by variables that stand before it.
    Text(String),
    Key {
        of: DataObject,
        key: DataKey,
    },
}

impl Value for EnvValue {
    fn shape() -> Shape {
        Shape::Either(vec![<PlainText as Scalar>::shape(), WrittenSource::shape()])
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        if !matches!(node.kind, Kind::Mapping(_)) {
            return PlainText::parse(name, node, problems).map(|text| EnvValue::Text(text.0));
        }
        let before = problems.len();
        let written = WrittenSource::read(name, node.span, node, problems);
        let of = DataObject::one_of(&written.secret, &written.config_map);
        if let (Some(of), Some(key)) = (of, written.key.get()) {
            return Some(EnvValue::Key { of, key: key.clone() });
        }
        if problems.len() == before {
            problems.push(
                Problem::new(&rule::INVALID_VALUE, format!("`{name}` names no key of one Secret or ConfigMap")).at(
                    node.span,
                    "expected text, `{secret: <name>, key: <key>}` or `{config_map: <name>, key: <key>}`",
                ),
            );
        }
        None
    }
}
