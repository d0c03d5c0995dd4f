//! Writes objects as YAML that every reader understands alike: kubectl follows YAML 1.1, in which an unquoted `on` is a
//! bool and `12:30` a number, and which the YAML library does not quote.

use serde_json::{Map, Value};

/// Spaces of a level.
const INDENT: usize = 2;

/// A block of YAML, each line with its end. The keys keep their order; several lines of text stay a literal block.
pub(super) fn block(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => entries(&mut text, map, 0),
        Value::Array(list) if !list.is_empty() => items(&mut text, list, 0),
        scalar => {
            text += &written(scalar, INDENT);
            text.push('\n');
        }
    }
    text
}

/// The entries of a map; the cursor is at the indentation of the first.
fn entries(text: &mut String, map: &Map<String, Value>, indent: usize) {
    for (place, (key, value)) in map.iter().enumerate() {
        if place > 0 {
            text.extend(std::iter::repeat_n(' ', indent));
        }
        *text += &token(key);
        text.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                text.push('\n');
                text.extend(std::iter::repeat_n(' ', indent + INDENT));
                entries(text, map, indent + INDENT);
            }
            Value::Array(list) if !list.is_empty() => {
                text.push('\n');
                text.extend(std::iter::repeat_n(' ', indent + INDENT));
                items(text, list, indent + INDENT);
            }
            scalar => {
                text.push(' ');
                *text += &written(scalar, indent + INDENT);
                text.push('\n');
            }
        }
    }
}

/// The items of a list; the cursor is at the indentation of the first.
fn items(text: &mut String, list: &[Value], indent: usize) {
    for (place, value) in list.iter().enumerate() {
        if place > 0 {
            text.extend(std::iter::repeat_n(' ', indent));
        }
        *text += "- ";
        match value {
            Value::Object(map) if !map.is_empty() => entries(text, map, indent + INDENT),
            Value::Array(list) if !list.is_empty() => items(text, list, indent + INDENT),
            scalar => {
                *text += &written(scalar, indent + INDENT);
                text.push('\n');
            }
        }
    }
}

/// A scalar or something empty.
fn written(value: &Value, indent: usize) -> String {
    match value {
        Value::String(text) if text.contains('\n') => literal_block(text, indent).unwrap_or_else(|| quoted(text)),
        Value::String(text) => token(text),
        other => other.to_string(),
    }
}

fn token(text: &str) -> String {
    if is_plain_token(text) { text.to_owned() } else { quoted(text) }
}

/// Whether every YAML parser reads the text back as the same string.
pub(super) fn is_plain_token(text: &str) -> bool {
    let reserved = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-'))
        && !reserved.contains(&text.to_ascii_lowercase().as_str())
}

/// A double-quoted YAML scalar, which is also a valid JSON and TOML string.
pub fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Not printable in YAML, or a line break to some parsers.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A literal block scalar whose lines are indented by this many spaces; none for text that would not be read back as it is.
pub(super) fn literal_block(value: &str, indent: usize) -> Option<String> {
    let odd = value.chars().any(|c| {
        c.is_control() && c != '\n' || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    }) || value.starts_with([' ', '\n'])
        || value.ends_with("\n\n")
        || value.is_empty();
    if odd {
        return None;
    }
    let (head, body) = value.strip_suffix('\n').map_or(("|-", value), |body| ("|", body));
    let mut text = head.to_owned();
    for line in body.split('\n') {
        text.push('\n');
        if !line.is_empty() {
            text.extend(std::iter::repeat_n(' ', indent));
            text.push_str(line);
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn blocks_read_as_people_write_them() {
        let value =
            json!({"a": {"b": [{"c": 1, "d": ["on", 2]}, [true, []]]}, "12:30": null, "text": "x\n\n  y\n", "e": {}});
        let text = "a:\n  b:\n    - c: 1\n      d:\n        - \"on\"\n        - 2\n    - - true\n      - []\n\"12:30\": null\ntext: |\n  x\n\n    y\ne: {}\n";
        assert_eq!(block(&value), text);
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = || prop_oneof!["[ -~]{0,8}", "[a-z \\n#:-]{0,12}", ".{0,8}", "(?s).{0,8}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((text(), inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_is_read_back_as_it_was(value in values()) {
            let text = block(&value);
            let read: Value = serde_yaml::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}: {text:?}")))?;
            prop_assert_eq!(&read, &value, "{}", text);
        }
    }
}
