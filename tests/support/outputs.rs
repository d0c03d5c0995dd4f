//! Every JSON output that a test makes is held against its schema in docs/schemas.

use std::collections::HashMap;
use std::sync::LazyLock;

use buildkit_fleet::commands::schema::output::Output;
use clap::ValueEnum;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

static STRICT: LazyLock<HashMap<String, Validator>> = LazyLock::new(|| {
    let strict = |output: &Output| {
        let mut schema = schema(*output);
        close(&mut schema);
        jsonschema::draft7::new(&schema).unwrap_or_else(|error| panic!("{output:?}: {error}"))
    };
    Output::value_variants().iter().map(|output| (name(*output), strict(output))).collect()
});

/// The command, as it is written.
pub(crate) fn name(output: Output) -> String {
    output.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

pub(crate) fn schema(output: Output) -> Value {
    serde_json::from_str(output.schema()).unwrap_or_else(|error| panic!("{output:?}: {error}"))
}

/// Readers take keys that they do not know, because later versions may add some: here each must be in the schema.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(close),
        Value::Object(parts) => {
            if parts.get("type").is_some_and(|kind| kind == "object") {
                parts.insert("additionalProperties".to_owned(), false.into());
            }
            parts.values_mut().for_each(close);
        }
        _ => {}
    }
}

/// What is wrong with an output of this command.
pub(crate) fn faults(command: &str, found: &Value) -> Vec<String> {
    let validator = STRICT.get(command).unwrap_or_else(|| panic!("`{command}` has no schema"));
    validator.iter_errors(found).flat_map(|error| explained(&error)).collect()
}

/// The place and what is wrong with it; where none of several schemas fits, that of the one that fits nearest.
fn explained(error: &ValidationError) -> Vec<String> {
    if let ValidationErrorKind::AnyOf { context } = error.kind() {
        let each = context.iter().map(|errors| errors.iter().flat_map(explained).collect::<Vec<_>>());
        if let Some(nearest) = each.min_by_key(Vec::len) {
            return nearest;
        }
    }
    vec![format!("{}: {}", error.instance_path(), error.masked())]
}

pub(crate) fn hold(command: &str, found: &Value) {
    let faults = faults(command, found);
    assert!(faults.is_empty(), "not as docs/schemas/{command}.schema.json says:\n{}\n{found:#}", faults.join("\n"));
}

/// The same of what a command line printed, where it asked for JSON and got some: a refusal may leave stdout empty.
pub(crate) fn hold_printed(args: &[&str], printed: &[u8]) {
    if !asks_for_json(args) || printed.is_empty() {
        return;
    }
    let command = args.iter().find(|word| STRICT.contains_key(**word)).unwrap_or_else(|| panic!("{args:?}"));
    let found = serde_json::from_slice(printed).unwrap_or_else(|error| panic!("{args:?}: {error}"));
    hold(command, &found);
}

pub(crate) fn asks_for_json(args: &[&str]) -> bool {
    args.iter().any(|word| ["json", "--format=json"].contains(word))
}
