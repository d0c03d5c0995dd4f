//! Taints that new nodes start with.

use serde::Serialize;

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::input::layer::{LayerField, Leaf, Value, layer, sequence};
use crate::input::shape::Shape;
use crate::input::yaml::Node;
use crate::values::name::{LabelKey, LabelText};
use crate::values::toleration::TaintEffect;

/// One taint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taint {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    pub effect: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taints(pub Vec<Taint>);

layer! {
    /// One taint as written.
    struct WrittenTaint (Closed) {
        /// Key of the taint.
        key: Leaf<LabelKey>,
        /// Value of the taint.
        value: Leaf<LabelText>,
        /// Effect of the taint.
        effect: Leaf<TaintEffect>,
    }
}

impl Value for Taints {
    fn shape() -> Shape {
        Shape::List(Box::new(WrittenTaint::shape()))
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut all: Vec<Taint> = Vec::new();
        for item in sequence(name, node, problems)? {
            let written = WrittenTaint::read(name, item.span, item, problems);
            let missing = [("key", written.key.is_absent()), ("effect", written.effect.is_absent())];
            if let Some((missing, _)) = missing.iter().find(|(_, missing)| *missing) {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, format!("`{name}` contains a taint without `{missing}`"))
                        .at(item.span, "expected `{key: <key>, effect: <effect>}`"),
                );
            }
            let (Some(key), Some(effect)) = (written.key.get(), written.effect.get()) else { continue };
            let taint = Taint {
                key: key.to_string(),
                value: written.value.get().map(ToString::to_string),
                effect: effect.as_str(),
            };
            if all.iter().any(|other| other.key == taint.key && other.effect == taint.effect) {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, format!("`{name}` contains the taint `{key}` twice"))
                        .at(item.span, "the same key and effect as one above"),
                );
            }
            all.push(taint);
        }
        Some(Taints(all))
    }
}
