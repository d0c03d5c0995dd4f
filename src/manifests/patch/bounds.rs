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
            Value::Object(map) => map.iter().map(|(key, value)| Ok(key.len() + bytes(value, depth - 1)?)).sum(),
            Value::Array(items) => items.iter().map(|value| bytes(value, depth - 1)).sum(),
            Value::String(text) => Ok(text.len()),
            _ => Ok(1),
        }
    }
    if bytes(object, DEEPEST)? > LARGEST_BYTES {
        return Err("the object would be larger than 1.5 MiB, which the API server refuses".to_owned());
    }
    Ok(())
}
