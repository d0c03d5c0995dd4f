//! A tree with other values in it. What is new has no place in the file.

use serde_json::Value;

use crate::diagnostics::span::Span;
use crate::input::yaml::{Kind, Node};

impl<'a> Node<'a> {
    /// A block of these keys and values.
    pub fn block(entries: impl IntoIterator<Item = (String, Node<'a>)>) -> Self {
        let entries = entries.into_iter().map(|(name, value)| (quoted(name), value));
        new(Kind::Mapping(entries.collect()))
    }

    /// The block with this value at the end of the path. Anything but a block on the way becomes one.
    #[must_use]
    pub fn with(&self, path: &[&str], value: Node<'a>) -> Self {
        let Some((first, rest)) = path.split_first() else { return value };
        let mut entries = match &self.kind {
            Kind::Mapping(entries) => entries.clone(),
            _ => Vec::new(),
        };
        match entries.iter_mut().find(|(key, _)| key.text() == Some(*first)) {
            Some((_, inner)) => *inner = inner.with(rest, value),
            None => entries.push((quoted((*first).to_owned()), new(Kind::Alias(0)).with(rest, value))),
        }
        new(Kind::Mapping(entries))
    }

    /// The block without what stands at the end of the path.
    #[must_use]
    pub fn without(&self, path: &[&str]) -> Self {
        let mut block = self.clone();
        if let (Kind::Mapping(entries), Some((first, rest))) = (&mut block.kind, path.split_first()) {
            entries.retain(|(key, _)| !rest.is_empty() || key.text() != Some(*first));
            for (_, inner) in entries.iter_mut().filter(|(key, _)| key.text() == Some(*first)) {
                *inner = inner.without(rest);
            }
        }
        block
    }

    /// The value with what another one says instead: of a block, the keys that it has.
    #[must_use]
    pub fn overlaid(&self, other: &Node<'a>) -> Self {
        let Kind::Mapping(entries) = &other.kind else { return other.clone() };
        let put = |block: Self, (key, value): &(Node<'a>, Node<'a>)| {
            block.with(&[key.text().unwrap_or_default()], value.clone())
        };
        entries.iter().fold(self.clone(), put)
    }
}

impl From<&Value> for Node<'static> {
    fn from(value: &Value) -> Self {
        match value {
            Value::Object(entries) => Node::block(entries.iter().map(|(name, value)| (name.clone(), value.into()))),
            Value::Array(items) => new(Kind::Sequence(items.iter().map(Node::from).collect())),
            Value::String(text) => quoted(text.clone()),
            plain => new(Kind::Scalar { text: plain.to_string().into(), plain: true }),
        }
    }
}

fn quoted(text: String) -> Node<'static> {
    new(Kind::Scalar { text: text.into(), plain: false })
}

fn new(kind: Kind<'_>) -> Node<'_> {
    Node { span: Span::default(), kind, tagged: false, anchor: 0 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::input::yaml::parse;

    #[test]
    fn a_value_is_put_at_its_path_taken_away_from_it_and_the_rest_stays() {
        let tree = parse("a: {b: 1.30, c: [x]}\nd:\n").unwrap_or_else(|problem| panic!("{}", problem.message));
        let flow = |tree: Node| tree.flow();
        assert_eq!(flow(tree.with(&["a", "b"], (&json!(2)).into())), "{a: {b: 2, c: [x]}, d: ~}");
        assert_eq!(flow(tree.with(&["d", "e"], (&json!("2")).into())), "{a: {b: 1.30, c: [x]}, d: {\"e\": \"2\"}}");
        assert_eq!(flow(tree.without(&["a", "c"])), "{a: {b: 1.30}, d: ~}");
        assert_eq!(flow(tree.without(&["d", "e"])), "{a: {b: 1.30, c: [x]}, d: ~}");
        let other = (&json!({"d": true, "f": null})).into();
        assert_eq!(flow(tree.overlaid(&other)), "{a: {b: 1.30, c: [x]}, d: true, \"f\": null}");
    }
}
