//! Tolerations of the load balancer pod.

use serde::Serialize;

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::input::layer::{LayerField, Leaf, Value, layer, sequence};
use crate::input::shape::Shape;
use crate::input::yaml::Node;
use crate::values::name::{LabelKey, LabelText};
use crate::values::pattern::words;

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
        effect: Leaf<TaintEffect>,
    }
}

words! {
    /// How a toleration compares its value.
    Operator: ["Equal", "Exists"];
    /// What a taint does to pods that do not tolerate it.
    pub(super) TaintEffect: ["NoSchedule", "PreferNoSchedule", "NoExecute"];
}

impl Value for Tolerations {
    fn shape() -> Shape {
        Shape::List(Box::new(Written::shape()))
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let (standard, mut all) = (Written::defaults(), Vec::new());
        for item in sequence(name, node, problems)? {
            let written = Written::read(name, item.span, item, problems);
            let operator = written.operator.or(&standard.operator).as_str();
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
                effect: written.effect.get().map(|effect| effect.as_str()),
            });
        }
        Some(Tolerations(all))
    }
}
