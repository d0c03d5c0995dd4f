//! Names of instance types.

use std::fmt;
use std::sync::LazyLock;

use regex_lite::Regex;

use crate::diagnostics::problem::Problems;
use crate::diagnostics::span::Spanned;
use crate::input::entries::entries;
use crate::input::layer::{LayerField, Leaf, Scalar, Value, name_shape, scalar_key};
use crate::input::shape::{Keys, Map, Shape, Text};
use crate::input::yaml::Node;
use crate::values::count::PodsPerNode;
use crate::values::pattern::compile;

/// Name of an instance type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName(String);

impl TypeName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Within a label value of Kubernetes.
const LONGEST: usize = 63;

/// It becomes part of a NodePool name, and a plain token in YAML must start with a letter.
fn pattern() -> String {
    let part = "([a-z0-9-]*[a-z0-9])?";
    format!("^[a-z]{part}\\.[a-z0-9]{part}$")
}

static PATTERN: LazyLock<Regex> = LazyLock::new(|| compile(&pattern()));

impl Scalar for TypeName {
    fn shape() -> Shape {
        Shape::Text(Text {
            expected: "an instance type, such as `m6id.24xlarge`".to_owned(),
            pattern: pattern(),
            longest: LONGEST,
            examples: &["m6id.24xlarge", "m7gd.16xlarge"],
            or_number: false,
        })
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        if text.len() <= LONGEST && PATTERN.is_match(text) { Ok(TypeName(text.to_owned())) } else { Err(String::new()) }
    }
}

/// Instance types in order of preference, each with its pods per node, if given.
#[derive(Clone, Debug)]
pub struct InstanceTypes(pub Vec<(Spanned<TypeName>, Option<Spanned<PodsPerNode>>)>);

impl Value for InstanceTypes {
    fn shape() -> Shape {
        Shape::Map(Map {
            name: name_shape::<TypeName>(),
            value: Box::new(<PodsPerNode as Scalar>::shape()),
            empty_values: true,
            ordered: true,
        })
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut types = Vec::new();
        let before = problems.len();
        for (key, span, value) in entries(name, node, Keys::Closed, problems) {
            let instance_type = scalar_key::<TypeName>(name, key, span, problems);
            let count = if value.is_null() {
                None
            } else {
                Leaf::<PodsPerNode>::read(key, span, value, problems).spanned().copied()
            };
            if let Some(instance_type) = instance_type {
                types.push((instance_type, count));
            }
        }
        (problems.len() == before).then_some(InstanceTypes(types))
    }
}
