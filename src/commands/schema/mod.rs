//! The command `schema`: a JSON Schema of clusters.yaml from the types that read it, or the one of a command's JSON output.
//! Draft 7, which the YAML language server of editors follows in full, and from which most languages make types.

pub mod output;

use anyhow::Result;
use serde_json::{Map as Object, Value, json};

use crate::commands::exit::Exit;
use crate::commands::schema::output::Output;
use crate::config::ClusterKeys;
use crate::console::output::print;
use crate::input::shape::{Key, Keys, Map, Shape, Text};
use clap::Args;

const SCHEMA_EXAMPLES: &str = "\
Examples:
  buildkit-fleet schema > clusters.schema.json
  buildkit-fleet schema --of plan > plan.schema.json

For editors that support it, add this as the first line of clusters.yaml:
  # yaml-language-server: $schema=clusters.schema.json";

/// Print the JSON Schema of clusters.yaml, for editors, or of a command's JSON output
#[derive(Debug, Args)]
#[command(after_help = SCHEMA_EXAMPLES)]
pub struct Schema {
    /// The command whose `--format json` output to describe; clusters.yaml is described unless given
    #[arg(long, value_name = "COMMAND")]
    pub of: Option<Output>,
}

pub fn run(command: &Schema) -> Result<Exit> {
    match command.of {
        Some(output) => print(output.schema())?,
        None => print(&text())?,
    }
    Ok(Exit::Done)
}

/// The content of clusters.schema.json.
pub fn text() -> String {
    format!("{:#}\n", document())
}

fn document() -> Value {
    let mut clusters = json!({
        "description": "Clusters by name. Only clusters whose `modules` list `buildkit` get manifests.",
        "type": "object",
        "minProperties": 1,
    });
    clusters["additionalProperties"] = json!({"$ref": "#/definitions/cluster"});
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "clusters.yaml",
        "description": "Clusters and what is installed on them. Keys of other tools are allowed anywhere outside `buildkit`.",
        "type": "object",
        "required": ["clusters"],
        "properties": {
            "defaults": {
                "description": "Values that all clusters share; a cluster's own value takes precedence, key by key.",
                "allOf": [{"$ref": "#/definitions/cluster"}],
            },
            "clusters": clusters,
        },
        "definitions": {"cluster": of(&Shape::block(ClusterKeys::KEYS, Keys::Open))},
    })
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::OneOf(words) => json!({"enum": words}),
        Shape::Text(text) => of_text(text),
        Shape::List(items) => json!({"type": "array", "items": of(items)}),
        Shape::Map(map) => of_map(map),
        Shape::Block { keys, open } => {
            // An empty value counts as an empty block.
            let mut block = json!({"type": ["object", "null"]});
            let properties: Object<String, Value> = keys.iter().map(|key| (key.name.to_owned(), of_key(key))).collect();
            block["properties"] = properties.into();
            if !open {
                block["additionalProperties"] = false.into();
            }
            block
        }
        Shape::Free(free) if free.block => json!({"type": "object"}),
        Shape::Free(_) => json!({}),
        Shape::Either(shapes) => json!({"anyOf": shapes.iter().map(of).collect::<Vec<_>>()}),
    }
}

fn of_text(text: &Text) -> Value {
    let kind = if text.or_number { json!(["string", "number"]) } else { json!("string") };
    json!({"type": kind, "pattern": text.pattern, "maxLength": text.longest})
}

fn of_map(map: &Map) -> Value {
    let value = of(&map.value);
    let value = if map.empty_values { json!({"anyOf": [value, {"type": "null"}]}) } else { value };
    let name = &map.name;
    // An ordered block must not be empty: there would be nothing to choose from.
    let mut block =
        if map.ordered { json!({"type": "object", "minProperties": 1}) } else { json!({"type": ["object", "null"]}) };
    block["propertyNames"] = json!({"pattern": name.pattern, "maxLength": name.longest});
    block["additionalProperties"] = value;
    block
}

fn of_key(key: &Key) -> Value {
    let shape = (key.shape)();
    let mut value = Object::new();
    let unit = key.unit.map(|unit| format!(" Unit: {unit}.")).unwrap_or_default();
    value.insert("description".to_owned(), format!("{}{unit}", key.about()).into());
    if let Value::Object(rules) = of(&shape) {
        value.extend(rules);
    }
    if let Some(default) = key.default.and_then(|default| serde_yaml::from_str::<Value>(default).ok()) {
        value.insert("default".to_owned(), default);
    }
    // Versions have no examples here: those of one program would be shown for the other.
    if let Shape::Text(text @ Text { or_number: false, .. }) = &shape {
        value.insert("examples".to_owned(), json!(text.examples));
    }
    value.into()
}
