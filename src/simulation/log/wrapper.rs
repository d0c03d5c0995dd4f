//! Text in the JSON that a collector has put around it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A collector's object may be the text of another one's.
const DEEPEST: usize = 4;

/// The text of a line: where the line is a JSON object, its first field of `log` (docker, fluent-bit), `message` (vector),
/// `msg` and `line` (loki) that is text.
pub fn unwrap(line: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(line);
    for _ in 0..DEEPEST {
        if !text.trim_start().starts_with('{') {
            break;
        }
        let inner = match &text {
            Cow::Borrowed(text) => inside(text),
            Cow::Owned(text) => inside(text).map(|inner| Cow::Owned(inner.into_owned())),
        };
        match inner {
            Some(inner) => text = inner,
            None => break,
        }
    }
    text
}

fn inside(text: &str) -> Option<Cow<'_, str>> {
    let object: Wrapper = serde_json::from_str(text).ok()?;
    [object.log, object.message, object.msg, object.line].into_iter().find_map(|field| field.0)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wrapper<'a> {
    #[serde(borrow)]
    log: MaybeText<'a>,
    #[serde(borrow)]
    message: MaybeText<'a>,
    #[serde(borrow)]
    msg: MaybeText<'a>,
    #[serde(borrow)]
    line: MaybeText<'a>,
}

/// A field's text; none if it is anything else, such as the object `log` of ECS.
#[derive(Default)]
struct MaybeText<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for MaybeText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = MaybeText<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(MaybeText(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(MaybeText(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(MaybeText(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(MaybeText(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(MaybeText(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(MaybeText(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(MaybeText(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(MaybeText(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(MaybeText(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_each_collector_is_found() {
        for (line, text) in [
            (r#"{"log":"a \u003cNOSRV\u003e\n","stream":"stdout","time":"2026-11-25T01:52:13Z"}"#, "a <NOSRV>\n"),
            (r#"{"time":"now","_p":"F","log":"a b","kubernetes":{"labels":{"log":"no"},"ids":[1]}}"#, "a b"),
            (r#"{"log":{"file":{"path":"/x"}},"message":"a b"}"#, "a b"),
            (r#"{"log":null,"message":7,"msg":true,"line":"a b"}"#, "a b"),
            (r#"{"line":"a b","timestamp":"1","fields":{}}"#, "a b"),
            (r#"  {"message":"{\"log\":\"a b\"}"}"#, "a b"),
            ("a b", "a b"),
            ("", ""),
            (r#"{"log":"a"#, r#"{"log":"a"#),
            (r#"{"text":"a"}"#, r#"{"text":"a"}"#),
            ("[1]", "[1]"),
        ] {
            assert_eq!(unwrap(line), text, "{line}");
        }
    }
}
