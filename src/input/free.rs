//! Values that another system reads: nothing but their YAML is checked here.

use serde_json::{Map, Number, Value as Json};

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::input::entries::{entries, refuse_tag, wrong_shape};
use crate::input::layer::Value;
use crate::input::shape::{FreeShape, Keys, Shape};
use crate::input::yaml::{Kind, Node};

/// Longest text, in bytes: far above what any of these systems reads, and the limit of an object of Kubernetes is 1 MiB.
const LONGEST: usize = 65_536;

/// Any value. Scalars have the types of YAML 1.2's core schema: only `true` and `false` are booleans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Free(pub Json);

/// A block of any keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeBlock(pub Map<String, Json>);

impl Value for Free {
    fn shape() -> Shape {
        Shape::Free(FreeShape { expected: "any value", block: false, examples: &["1", "text", "{a: [b]}"] })
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        json(name, node, problems).map(Free)
    }
}

impl Value for FreeBlock {
    fn shape() -> Shape {
        Shape::Free(FreeShape { expected: "a block of keys", block: true, examples: &["{a: 1}", "{b: {c: [text]}}"] })
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        if matches!(node.kind, Kind::Scalar { .. } | Kind::Sequence(_)) {
            wrong_shape(name, node, "a block of keys", problems);
            return None;
        }
        let Json::Object(block) = json(name, node, problems)? else { return None };
        Some(FreeBlock(block))
    }
}

fn json(name: &str, node: &Node, problems: &mut Problems) -> Option<Json> {
    if refuse_tag(name, node, problems) {
        return None;
    }
    match &node.kind {
        Kind::Scalar { text, .. } if text.len() > LONGEST => {
            problems.push(
                Problem::new(&rule::INVALID_VALUE, format!("`{name}` cannot be {}", node.describe()))
                    .at(node.span, format!("expected at most {LONGEST} characters")),
            );
            None
        }
        Kind::Scalar { text, plain: false } => Some(Json::String(text.to_string())),
        Kind::Scalar { .. } if node.is_null() => Some(Json::Null),
        Kind::Scalar { text, plain: true } => {
            let value = scalar(text);
            if value.is_none() {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, format!("`{name}` cannot be {}", node.describe()))
                        .at(node.span, "JSON has no such number")
                        .help("quote it if it is text"),
                );
            }
            value
        }
        Kind::Sequence(items) => {
            let items: Vec<_> = items.iter().map(|item| json(name, item, problems)).collect();
            items.into_iter().collect::<Option<Vec<_>>>().map(Json::Array)
        }
        Kind::Mapping(_) => {
            let read: Vec<_> = entries(name, node, Keys::Closed, problems)
                .into_iter()
                .map(|(key, _, value)| Some((key.to_owned(), json(&format!("{name}.{key}"), value, problems)?)))
                .collect();
            read.into_iter().collect::<Option<Map<_, _>>>().map(Json::Object)
        }
        Kind::Alias(_) => None,
    }
}

/// A plain scalar by YAML 1.2's core schema; `None` for a number that JSON cannot hold.
fn scalar(text: &str) -> Option<Json> {
    match text {
        "true" | "True" | "TRUE" => return Some(Json::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Json::Bool(false)),
        _ => {}
    }
    // Other words with a meaning of numbers: `.inf`, `.nan`, `0x10`, `0o17`.
    match serde_yaml::from_str::<serde_yaml::Value>(text) {
        Ok(serde_yaml::Value::Number(number)) => {
            let number = number.as_u64().map(Number::from).or(number.as_i64().map(Number::from));
            number.or_else(|| Number::from_f64(text.parse().ok()?)).map(Json::Number)
        }
        _ => Some(Json::String(text.to_owned())),
    }
}
