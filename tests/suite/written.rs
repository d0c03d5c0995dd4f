//! The structs that are written as JSON, as their sources have them: for the test that holds schemas against them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support;

/// A struct of the sources that is written as JSON, or an enum of such structs.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) doc: String,
    pub(crate) fields: Vec<Field>,
    /// Names of the structs, of an enum.
    pub(crate) variants: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) doc: String,
    pub(crate) flattened: bool,
    pub(crate) may_be_absent: bool,
}

/// Every struct and enum of the files that write JSON.
pub(crate) fn written() -> BTreeMap<String, Written> {
    let mut files = vec!["src/diagnostics/json.rs".to_owned(), "src/commands/skipped.rs".to_owned()];
    let commands = support::walk(&support::repository().join("src/commands"));
    let of_commands = commands.iter().filter(|path| path.ends_with("json.rs"));
    files.extend(of_commands.map(|path| format!("src/commands/{}", path.display())));
    let mut found = BTreeMap::new();
    for file in files {
        read_structs(&support::read(&file), &mut found);
    }
    found
}

fn read_structs(source: &str, found: &mut BTreeMap<String, Written>) {
    let (mut doc, mut attributes, mut open) = (Vec::new(), String::new(), None);
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
            continue;
        }
        if line.starts_with("#[") {
            attributes += line;
            continue;
        }
        let item = line.strip_prefix("pub(super) ").or(line.strip_prefix("pub(crate) ")).or(line.strip_prefix("pub "));
        let item = item.unwrap_or(line);
        let head = item.strip_prefix("struct ").or(item.strip_prefix("enum ")).filter(|_| line.ends_with('{'));
        if let Some(head) = head {
            open = Some(word(head).to_owned());
            found.insert(word(head).to_owned(), Written { doc: doc.join(" "), ..Written::default() });
        } else if line == "}" {
            open = None;
        } else if let Some(written) = open.as_ref().and_then(|open| found.get_mut(open)) {
            if let Some((name, kind)) = item.strip_suffix(',').and_then(|item| item.split_once(": ")) {
                written.fields.push(Field {
                    name: name.to_owned(),
                    kind: kind.to_owned(),
                    doc: doc.join(" "),
                    flattened: attributes.contains("flatten"),
                    may_be_absent: attributes.contains("skip_serializing_if"),
                });
            } else if let Some((_, of)) = item.split_once('(') {
                written.variants.push(word(of.strip_prefix("Box<").unwrap_or(of)).to_owned());
            }
        }
        doc.clear();
        attributes.clear();
    }
}

/// The name at the start.
pub(crate) fn word(text: &str) -> &str {
    &text[..text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())]
}

/// The part of a schema that a Rust type decides.
pub(crate) fn of_type(kind: &str, written: &BTreeMap<String, Written>) -> Value {
    let kind = kind.strip_prefix('&').unwrap_or(kind);
    let kind = if kind.starts_with('\'') { kind.split_once(' ').map_or(kind, |(_, kind)| kind) } else { kind };
    let inside = |head: &str| kind.strip_prefix(head).and_then(|rest| rest.strip_suffix(['>', ']']));
    if let Some(kind) = inside("Option<") {
        return match of_type(kind, written) {
            Value::Object(mut of) if of.contains_key("type") => {
                of["type"] = json!([of["type"], "null"]);
                of.into()
            }
            of => json!({"anyOf": [of.get("allOf").map_or(of.clone(), |all| all[0].clone()), {"type": "null"}]}),
        };
    }
    if let Some(kind) = inside("Vec<").or_else(|| inside("[")) {
        let items = of_type(kind, written);
        return json!({"type": "array", "items": items.get("allOf").map_or(items.clone(), |all| all[0].clone())});
    }
    match word(kind) {
        "str" | "String" | "Cow" | "Arch" => json!({"type": "string"}),
        "bool" => json!({"type": "boolean"}),
        "u32" | "u64" | "usize" => json!({"type": "integer"}),
        "f64" => json!({"type": "number"}),
        "Map" => json!({"type": "object"}),
        name => {
            let known = written.get(name).unwrap_or_else(|| panic!("{name} is no type that is written"));
            let reference = |name: &str| json!({"$ref": format!("#/definitions/{}", shorter(name))});
            if known.variants.is_empty() {
                json!({"allOf": [reference(name)]})
            } else {
                json!({"anyOf": known.variants.iter().map(|name| reference(name)).collect::<Vec<_>>()})
            }
        }
    }
}

/// The name of a struct in a schema.
pub(crate) fn shorter(name: &str) -> &str {
    name.strip_suffix("Json").unwrap_or(name)
}

/// Its fields, those of flattened structs in their place.
pub(crate) fn fields<'a>(of: &'a Written, written: &'a BTreeMap<String, Written>) -> Vec<&'a Field> {
    let each = of
        .fields
        .iter()
        .map(|field| if field.flattened { fields(&written[word(&field.kind)], written) } else { vec![field] });
    each.flatten().collect()
}
