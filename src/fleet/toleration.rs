//! Tolerations of the load balancer's pod.

use serde::Serialize;

use crate::fleet::name::{LabelKey, LabelText};
use crate::layer::{Field, Leaf, Scalar, Value, layer, sequence};
use crate::problem::{Problem, Problems};
use crate::rule;
use crate::yaml::Node;

/// One toleration, with the rules of Kubernetes' validation: `Exists` has no value, `Equal` has a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Toleration {
    pub key: Option<String>,
    pub operator: &'static str,
    pub value: Option<String>,
    pub effect: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Tolerations(pub Vec<Toleration>);

layer! {
    /// One toleration as written.
    struct Written (Closed) {
        key: Leaf<LabelKey>,
        operator: Leaf<Operator>,
        value: Leaf<LabelText>,
        effect: Leaf<Effect>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operator(&'static str);

impl Scalar for Operator {
    fn expected() -> String {
        "`Equal` or `Exists`".to_owned()
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        ["Equal", "Exists"].into_iter().find(|known| *known == text).map(Operator).ok_or_else(String::new)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Effect(&'static str);

impl Scalar for Effect {
    fn expected() -> String {
        "`NoSchedule`, `PreferNoSchedule` or `NoExecute`".to_owned()
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        known.into_iter().find(|known| *known == text).map(Effect).ok_or_else(String::new)
    }
}

impl Value for Tolerations {
    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut all = Vec::new();
        for item in sequence(name, node, problems)? {
            let written = Written::read(name, item.span, item, problems);
            let operator = written.operator.or(Operator("Equal")).0;
            let why = match (operator, written.key.get(), written.value.get()) {
                ("Exists", _, Some(_)) => Some("`Exists` takes no value"),
                ("Equal", None, _) => Some("`Equal` needs a key"),
                _ => None,
            };
            if let Some(why) = why {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, format!("`{name}` holds a toleration that Kubernetes refuses"))
                        .at(item.span, why),
                );
            }
            all.push(Toleration {
                key: written.key.get().map(ToString::to_string),
                operator,
                value: written.value.get().map(ToString::to_string),
                effect: written.effect.get().map(|effect| effect.0),
            });
        }
        Some(Tolerations(all))
    }
}
