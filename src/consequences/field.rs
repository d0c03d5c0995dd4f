//! Differences between two versions of an object, field by field.

use indexmap::IndexMap;
use serde_json::Value;

use crate::manifests::address::{join, names};
use crate::manifests::setting::{is_configuration, settings};

/// A field that differs between two versions of an object; a value is `None` if that version lacks the field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldChange {
    pub path: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// Every field below this path that differs. Empty if only comments of a configuration, or the order of a list of named
/// items, differ.
pub fn changes(old: Option<&Value>, new: Option<&Value>, path: &str) -> Vec<FieldChange> {
    let (old, new) = (fields(old, path), fields(new, path));
    let paths: IndexMap<&String, ()> = old.keys().chain(new.keys()).map(|path| (path, ())).collect();
    paths
        .into_keys()
        .map(|path| FieldChange { path: path.clone(), old: old.get(path).cloned(), new: new.get(path).cloned() })
        .filter(|change| change.old != change.new)
        .collect()
}

/// The fields below this path and their values. A list of plain values is one field; items of other lists are addressed
/// by name, so that an item inserted in the middle does not change those after it.
fn fields(value: Option<&Value>, path: &str) -> IndexMap<String, String> {
    let mut found = IndexMap::new();
    if let Some(value) = value {
        collect(value, path, &mut found);
    }
    found
}

fn collect(value: &Value, path: &str, found: &mut IndexMap<String, String>) {
    let mut add = |path: String, text: &str| {
        let texts: &mut String = found.entry(path).or_default();
        if !texts.is_empty() {
            texts.push_str("; ");
        }
        texts.push_str(text);
    };
    match value {
        Value::Object(entries) if entries.is_empty() => add(path.to_owned(), "{}"),
        Value::Object(entries) => {
            for (key, value) in entries {
                collect(value, &join(path, key), found);
            }
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            add(path.to_owned(), &format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")));
        }
        Value::Array(items) => {
            for (name, item) in names(items, scalar_at).into_iter().zip(items) {
                collect(item, &format!("{path}[{name}]"), found);
            }
        }
        Value::String(text) if is_configuration(path) => {
            for setting in settings(text) {
                add(setting.path(path), setting.text);
            }
        }
        scalar => add(path.to_owned(), &plain(scalar)),
    }
}

/// A scalar as text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The scalar at a path of an item.
fn scalar_at(item: &Value, keys: &[&str]) -> Option<String> {
    let value = keys.iter().try_fold(item, |value, key| value.get(key))?;
    (!value.is_object() && !value.is_array()).then(|| plain(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_item_in_the_middle_of_a_named_list_changes_no_other() {
        let old = json!({"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]});
        let new = json!({"ports": [{"name": "a", "port": 1}, {"name": "c", "port": 3}, {"name": "b", "port": 2}]});
        let found = changes(Some(&old), Some(&new), "");
        assert_eq!(
            found.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(),
            ["ports[c].name", "ports[c].port"]
        );
    }

    #[test]
    fn comments_of_a_configuration_are_no_field_and_its_settings_are() {
        let old = json!({"haproxy.cfg": "# one\nglobal\n  maxconn 4096\n"});
        let new = json!({"haproxy.cfg": "# two\nglobal\n  maxconn 4096\n"});
        assert_eq!(changes(Some(&old), Some(&new), "data"), []);
        let new = json!({"haproxy.cfg": "# one\nglobal\n  maxconn 8192\n"});
        assert_eq!(
            changes(Some(&old), Some(&new), "data"),
            [FieldChange {
                path: "data[haproxy.cfg].global.maxconn".to_owned(),
                old: Some("maxconn 4096".to_owned()),
                new: Some("maxconn 8192".to_owned())
            }]
        );
    }
}
