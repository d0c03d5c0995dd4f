//! Tables of a TOML file, written as YAML.

use serde_json::{Map, Value as Json};

use crate::diagnostics::escape::{is_hidden, is_hidden_in_lines};
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::input::free::FreeBlock;
use crate::input::layer::{LayerField, Value};
use crate::input::shape::{FreeShape, Shape};
use crate::input::yaml::{Kind, Node};
use crate::values::env::LONGEST;

/// Tables that TOML can hold, with the place of each key. A layer replaces single values of the layer below, at any depth.
#[derive(Clone, Debug, Default)]
pub struct TomlTables {
    pub tables: Map<String, Json>,
    /// The places of keys by their path; those of the layer above come last.
    places: Vec<(Vec<String>, Span)>,
}

impl TomlTables {
    /// Where a key is written, or the nearest table around it.
    pub fn place(&self, path: &[&str]) -> Option<Span> {
        let find = |path: &[&str]| self.places.iter().rev().find(|(known, _)| known == path).map(|(_, span)| *span);
        (1..=path.len()).rev().find_map(|length| find(&path[..length]))
    }
}

impl LayerField for TomlTables {
    fn shape() -> Shape {
        let examples = &["{debug: true}", "{log: {level: warn}}", "{dns: {nameservers: [\"10.0.0.2\"]}}"];
        Shape::Free(FreeShape { expected: "a block of the tables and keys of buildkitd.toml", block: true, examples })
    }

    fn read(name: &str, _key: Span, node: &Node, problems: &mut Problems) -> Self {
        let Some(FreeBlock(tables)) = FreeBlock::parse(name, node, problems) else { return TomlTables::default() };
        let mut places = Vec::new();
        walk(name, node, &mut Vec::new(), &mut places, problems);
        TomlTables { tables, places }
    }

    fn over(&self, base: &Self) -> Self {
        let mut tables = base.tables.clone();
        merge(&mut tables, &self.tables);
        TomlTables { tables, places: [base.places.as_slice(), &self.places].concat() }
    }

    fn place(&self) -> Option<Span> {
        self.places.last().map(|(_, span)| *span)
    }
}

/// Puts the values of one table over those of another.
pub fn merge(base: &mut Map<String, Json>, top: &Map<String, Json>) {
    for (key, value) in top {
        match (base.get_mut(key), value) {
            (Some(Json::Object(base)), Json::Object(top)) => merge(base, top),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Notes the place of every key, and reports what TOML cannot hold or nobody can see.
fn walk(
    name: &str,
    node: &Node,
    path: &mut Vec<String>,
    places: &mut Vec<(Vec<String>, Span)>,
    problems: &mut Problems,
) {
    let mut refuse = |label: &str| {
        let message = format!("`{name}` cannot be {}", node.describe());
        problems.push(Problem::new(&rule::INVALID_VALUE, message).at(node.span, label));
    };
    match &node.kind {
        Kind::Scalar { text, plain } => {
            if text.len() > LONGEST {
                refuse(&format!("expected at most {LONGEST} bytes"));
            } else if node.is_null() {
                refuse("TOML has no null; remove the key");
            } else if text.chars().any(is_hidden_in_lines) {
                refuse("it contains a character that nobody can see");
            } else if *plain && text.parse::<u64>().is_ok_and(|number| i64::try_from(number).is_err()) {
                refuse("the largest whole number of TOML is 9223372036854775807; quote it if it is text");
            }
        }
        Kind::Sequence(items) => items.iter().for_each(|item| walk(name, item, path, places, problems)),
        Kind::Mapping(pairs) => {
            for (key, value) in pairs {
                let text = key.text().unwrap_or_default();
                if text.chars().any(is_hidden) {
                    let message = format!("`{name}` cannot have the key {}", key.describe());
                    let label = "it contains a character that nobody can see";
                    problems.push(Problem::new(&rule::INVALID_VALUE, message).at(key.span, label));
                }
                path.push(text.to_owned());
                places.push((path.clone(), key.span));
                walk(&format!("{name}.{text}"), value, path, places, problems);
                path.pop();
            }
        }
        Kind::Alias(_) => {}
    }
}
