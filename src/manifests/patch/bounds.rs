//! How large a patched object may be.

use serde_json::Value;

/// The largest object that the API server takes (etcd's `--max-request-bytes`).
const LARGEST_BYTES: usize = 3 << 19;

/// Levels of blocks and lists: more than any Kubernetes object has, fewer than a YAML reader refuses.
const DEEPEST: usize = 64;

/// Whether an object is one that the API server takes; the error says why not.
pub(super) fn bounded(object: &Value) -> Result<(), String> {
    fn bytes(value: &Value, depth: usize) -> Result<usize, String> {
        match value {
            Value::Object(_) | Value::Array(_) if depth == 0 => {
                Err(format!("the object would have more than {DEEPEST} levels"))
            }
            // With brackets, quotes and separators, as in JSON.
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| Ok(key.len() + 4 + bytes(value, depth - 1)?));
                entries.sum::<Result<usize, String>>().map(|sum| sum + 2)
            }
            Value::Array(items) => {
                let items = items.iter().map(|value| Ok(bytes(value, depth - 1)? + 1));
                items.sum::<Result<usize, String>>().map(|sum| sum + 2)
            }
            Value::String(text) => Ok(text.len() + 2),
            _ => Ok(1),
        }
    }
    if bytes(object, DEEPEST)? > LARGEST_BYTES {
        return Err("the object would be larger than 1.5 MiB, which the API server refuses".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_empty_counts_as_well() {
        let mut list = json!([]);
        let refused = (0..30).any(|_| {
            list = json!([list.clone(), list.clone()]);
            bounded(&list).is_err()
        });
        assert!(refused);
        let mut deep = json!(1);
        for _ in 0..DEEPEST {
            deep = json!([deep]);
        }
        assert_eq!(bounded(&deep), Ok(()));
        assert!(bounded(&json!([deep])).is_err());
    }
}
