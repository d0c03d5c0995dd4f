//! How `merge` changes an object: RFC 7386 for maps, and lists of objects item by item. RFC 7386 alone would replace a
//! whole list, which has silently dropped the requirements of `NodePool`s elsewhere.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::manifests::address::join;

/// Lists whose items have a key of their own: the name of the list, the fields of the key, and those of them that an item
/// may leave out.
const KEYED: [(&str, &[&str], &[&str]); 10] = [
    ("containers", &["name"], &[]),
    ("initContainers", &["name"], &[]),
    ("env", &["name"], &[]),
    ("volumes", &["name"], &[]),
    ("imagePullSecrets", &["name"], &[]),
    ("ports", &["name"], &[]),
    ("volumeMounts", &["mountPath"], &[]),
    ("taints", &["key", "effect"], &[]),
    // A toleration without an effect is of all effects.
    ("tolerations", &["key", "effect"], &["effect"]),
    ("requirements", &["key", "operator"], &[]),
];

/// Merges a block into an object. The error says where and why it cannot, and what would be accepted.
pub(super) fn merge(object: &mut Value, patch: &Map<String, Value>) -> Result<(), String> {
    merge_map(object, patch, "")
}

fn merge_map(target: &mut Value, overlay: &Map<String, Value>, path: &str) -> Result<(), String> {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return Ok(()) };
    for (key, value) in overlay {
        let path = join(path, key);
        if key.starts_with("$patch") || key.starts_with("$retainKeys") || key.starts_with("$setElementOrder") {
            return Err(format!("`{path}` is a directive of kubectl: say it with `json`"));
        }
        match value {
            // In the place that it had, the order of the others stays.
            Value::Null => drop(map.shift_remove(key)),
            Value::Object(block) => merge_map(map.entry(key.as_str()).or_insert(Value::Null), block, &path)?,
            Value::Array(items) => merge_list(map.entry(key.as_str()).or_insert(Value::Null), key, items, &path)?,
            scalar => {
                map.insert(key.clone(), scalar.clone());
            }
        }
    }
    Ok(())
}

/// Merges items by their key. Where there is no list yet, all of it is new.
fn merge_list(target: &mut Value, name: &str, items: &[Value], path: &str) -> Result<(), String> {
    let keyed = KEYED.iter().find(|(list, ..)| *list == name);
    let Some(list) = target.as_array_mut().filter(|list| !list.is_empty()) else {
        if let Some((_, key, optional)) =
            keyed.filter(|_| items.iter().any(|item| item.get("name").is_some() || name != "ports"))
        {
            keys(items, key, optional, path, "the patch")?;
        }
        *target = items.iter().map(|item| added(item, path)).collect::<Result<_, _>>()?;
        return Ok(());
    };
    if items.is_empty() {
        return Err(format!("an empty `{path}` would change nothing: remove items with `json`"));
    }
    let Some((_, key, optional)) = keyed else {
        return Err(format!("`{path}` is a list whose items have no key to merge by: say it with `json`"));
    };
    let (there, wanted) =
        (keys(list, key, optional, path, "the object")?, keys(items, key, optional, path, "the patch")?);
    for (item, key) in items.iter().zip(wanted) {
        match (there.iter().position(|there| *there == key), item) {
            (Some(place), Value::Object(item)) => {
                merge_map(&mut list[place], item, &format!("{path}[{}]", shown(&key)))?;
            }
            _ => list.push(added(item, &format!("{path}[{}]", shown(&key)))?),
        }
    }
    Ok(())
}

/// The values of an item's key.
type ItemKey = Vec<Option<String>>;

fn shown(key: &ItemKey) -> String {
    key.iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/")
}

/// The key of each item; each must have one of its own.
fn keys(items: &[Value], key: &[&str], optional: &[&str], path: &str, whose: &str) -> Result<Vec<ItemKey>, String> {
    let mut seen = HashSet::new();
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        let fields = key.iter().map(|field| match &item[*field] {
            Value::Null if optional.contains(field) => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(format!(
                "an item of `{path}` in {whose} has no `{field}` to merge by: add it, or say it with `json`"
            )),
        });
        let of_item: ItemKey = fields.collect::<Result<_, _>>()?;
        if !seen.insert(of_item.clone()) {
            return Err(format!(
                "two items of `{path}` in {whose} have the same key `{}`: keep one, or say it with `json`",
                shown(&of_item)
            ));
        }
        found.push(of_item);
    }
    Ok(found)
}

/// A new item, with the rules of all that is inside of it: there is nothing that a null could remove.
fn added(item: &Value, path: &str) -> Result<Value, String> {
    match item {
        Value::Object(block) => {
            let mut new = Value::Null;
            merge_map(&mut new, block, path)?;
            Ok(new)
        }
        Value::Array(items) => items.iter().map(|item| added(item, path)).collect(),
        scalar => Ok(scalar.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(object: Value, patch: Value) -> Result<Value, String> {
        let (mut object, Value::Object(patch)) = (object, patch) else { panic!("a patch is a block") };
        merge(&mut object, &patch).map(|()| object)
    }

    #[test]
    fn maps_merge_and_null_removes_as_in_rfc_7386() {
        // Of appendix A, those without lists.
        for (object, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(merged(object, patch), Ok(result));
        }
    }

    #[test]
    fn every_keyed_list_merges_by_its_key() {
        for (list, key, optional) in KEYED {
            let item = |id: &str, value: u32| {
                let mut item: Map<String, Value> = key.iter().map(|field| ((*field).to_owned(), id.into())).collect();
                item.insert("x".to_owned(), json!({"y": value}));
                Value::Object(item)
            };
            let there = || json!({list: [item("a", 1), item("b", 2)]});
            let result = merged(there(), json!({list: [item("b", 3), item("c", 4)]}));
            assert_eq!(result, Ok(json!({list: [item("a", 1), item("b", 3), item("c", 4)]})), "{list}");
            for field in key.iter().filter(|field| !optional.contains(field)) {
                let mut nameless = item("b", 3);
                nameless.as_object_mut().and_then(|item| item.remove(*field));
                let why = merged(there(), json!({list: [nameless]})).unwrap_err();
                assert!(why.contains(&format!("has no `{field}` to merge by")), "{why}");
                let why = merged(json!({list: [item("a", 1), {"x": 1}]}), json!({list: [item("a", 2)]})).unwrap_err();
                assert!(why.contains("in the object has no"), "{why}");
            }
            let why = merged(there(), json!({list: [item("b", 3), item("b", 4)]})).unwrap_err();
            assert!(why.contains("in the patch have the same key `b"), "{why}");
            let why = merged(json!({list: [item("a", 1), item("a", 1)]}), json!({list: [item("a", 2)]})).unwrap_err();
            assert!(why.contains("in the object have the same key"), "{why}");
        }
        // Without an effect it is another toleration.
        let there = json!({"tolerations": [{"key": "a", "operator": "Exists"}]});
        let new = json!({"tolerations": [{"key": "a", "effect": "NoExecute"}, {"key": "a", "operator": "Equal"}]});
        let both = json!({"tolerations": [{"key": "a", "operator": "Equal"}, {"key": "a", "effect": "NoExecute"}]});
        assert_eq!(merged(there, new), Ok(both));
    }

    #[test]
    fn any_other_list_is_refused_unless_it_is_new() {
        for list in [json!(["a"]), json!([{"a": 1}]), json!([1])] {
            let why = merged(json!({"s": {"args": list}}), json!({"s": {"args": ["b"]}})).unwrap_err();
            assert!(why.starts_with("`s.args` is a list whose items have no key") && why.ends_with("`json`"), "{why}");
        }
        for there in [json!({}), json!({"args": []}), json!({"args": null})] {
            assert_eq!(merged(there, json!({"args": ["a", {"b": null}]})), Ok(json!({"args": ["a", {}]})));
        }
        let why = merged(json!({}), json!({"env": [{"value": "1"}]})).unwrap_err();
        assert!(why.contains("has no `name`"), "{why}");
        // Ports of a NetworkPolicy have no names.
        assert!(merged(json!({}), json!({"ports": [{"port": 1}]})).is_ok());
        assert!(merged(json!({"ports": [{"port": 1}]}), json!({"ports": [{"port": 2}]})).is_err());
        let why = merged(json!({"a": {}}), json!({"a": {"$patch": "delete"}})).unwrap_err();
        assert!(why.contains("directive of kubectl"), "{why}");
        let why = merged(json!({"env": [{"name": "a"}]}), json!({"env": []})).unwrap_err();
        assert!(why.contains("would change nothing"), "{why}");
    }

    #[test]
    fn what_is_new_follows_the_same_rules_inside() {
        for there in [json!({}), json!({"containers": [{"name": "a"}]})] {
            let new = |inside: Value| {
                let mut item = json!({"name": "b"});
                item["env"] = inside;
                merged(there.clone(), json!({"containers": [item]}))
            };
            assert!(new(json!([{"name": "x"}, {"name": "x"}])).is_err_and(|why| why.contains("the same key `x`")));
            assert!(new(json!([{"value": "x"}])).is_err_and(|why| why.contains("has no `name`")));
            let why = merged(there.clone(), json!({"containers": [{"name": "b", "$patch": "delete"}]})).unwrap_err();
            assert!(why.contains("directive of kubectl"), "{why}");
        }
    }
}
