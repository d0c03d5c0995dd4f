//! Tolerations of the load balancer pod.

use serde::Serialize;

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::input::layer::{LayerField, Leaf, Scalar, Value, layer, sequence};
use crate::input::shape::Shape;
use crate::input::yaml::Node;
use crate::values::name::{LabelKey, LabelText};

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
        /// Key of the taint; all taints if not set.
        key: Leaf<LabelKey>,
        /// `Equal` compares the value, `Exists` accepts any value.
        operator: Leaf<Operator> = "Equal",
        /// Value of the taint.
        value: Leaf<LabelText>,
        /// Effect of the taint; all effects if not set.
        effect: Leaf<Effect>,
    }
}

const OPERATORS: [&str; 2] = ["Equal", "Exists"];
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operator(&'static str);

impl Scalar for Operator {
    fn shape() -> Shape {
        Shape::OneOf(&OPERATORS)
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        OPERATORS.into_iter().find(|known| *known == text).map(Operator).ok_or_else(String::new)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Effect(&'static str);

impl Scalar for Effect {
    fn shape() -> Shape {
        Shape::OneOf(&EFFECTS)
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        EFFECTS.into_iter().find(|known| *known == text).map(Effect).ok_or_else(String::new)
    }
}

impl Value for Tolerations {
    fn shape() -> Shape {
        Shape::List(Box::new(Written::shape()))
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let (standard, mut all) = (Written::defaults(), Vec::new());
        for item in sequence(name, node, problems)? {
            let written = Written::read(name, item.span, item, problems);
            let operator = written.operator.or(&standard.operator).0;
            let why = match (operator, written.key.get(), written.value.get()) {
                ("Exists", _, Some(_)) => Some("`Exists` takes no value"),
                ("Equal", None, _) => Some("`Equal` needs a key"),
                _ => None,
            };
            if let Some(why) = why {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, format!("`{name}` contains an invalid toleration"))
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
