//! Patches of rendered objects, as they are written.

use serde_json::{Map, Value as Json};

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::input::free::FreeBlock;
use crate::input::layer::{LayerField, Leaf, Value, layer, sequence};
use crate::input::shape::{FreeShape, Shape};
use crate::input::yaml::Node;
use crate::values::pattern::names;

names! {
    /// Kind of an object, as Kubernetes spells it.
    ObjectKind: "a kind, as Kubernetes spells it, such as `Deployment`",
        pattern "^[A-Z][A-Za-z0-9]*$", longest 63, examples &["Deployment", "PodDisruptionBudget"];
    /// Name of an object without the hash of a `ConfigMap`; `*` stands for any text.
    NamePattern: "the name of an object, in which `*` stands for any text",
        pattern "^[a-z0-9.*-]+$", longest 253, examples &["buildkitd-lb", "buildkitd-*"];
}

impl NamePattern {
    /// Whether the pattern matches the whole name.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

/// A change of some rendered objects.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Its target in the file: the place that problems point at.
    pub span: Span,
    pub kind: ObjectKind,
    pub name: NamePattern,
    pub modification: Modification,
    /// Whether it is in `defaults`: then some clusters may have none of its objects.
    pub shared: bool,
}

#[derive(Clone, Debug)]
pub enum Modification {
    /// Maps merge, null removes a key, lists of objects merge by the key of their items.
    Merge(Map<String, Json>),
    /// Operations of RFC 6902.
    Json(json_patch::Patch),
}

/// The items of `buildkit.patches`.
#[derive(Clone, Debug)]
pub struct Patches(pub Vec<Patch>);

layer! {
    /// One patch as written.
    struct PatchKeys (Closed) {
        /// The objects to change.
        target: TargetKeys,
        /// What to merge into each of them.
        merge: Leaf<FreeBlock>,
        /// Operations of RFC 6902 on each of them, in their order.
        json: Leaf<Operations>,
    }
}

layer! {
    /// The target of a patch as written.
    struct TargetKeys (Closed) {
        /// Kind of the objects.
        kind: Leaf<ObjectKind>,
        /// Name of the object, without the hash of a ConfigMap; `*` stands for any text.
        name: Leaf<NamePattern>,
    }
}

#[derive(Clone, Debug)]
struct Operations(json_patch::Patch);

impl Value for Operations {
    fn shape() -> Shape {
        Shape::List(Box::new(Shape::Free(FreeShape {
            expected: "an operation of RFC 6902, such as `{op: add, path: /spec/a, value: 1}`",
            block: true,
            examples: &[
                "{op: test, path: /kind, value: Deployment}",
                "{op: add, path: /metadata/annotations/a, value: b}",
            ],
        })))
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let items = sequence(name, node, problems)?;
        let read: Vec<_> = items.iter().map(|item| operation(name, item, problems)).collect();
        Some(Operations(json_patch::Patch(read.into_iter().collect::<Option<_>>()?)))
    }
}

fn operation(name: &str, node: &Node, problems: &mut Problems) -> Option<json_patch::PatchOperation> {
    let FreeBlock(block) = FreeBlock::parse(name, node, problems)?;
    serde_json::from_value(Json::Object(block))
        .map_err(|error| {
            problems.push(
                Problem::new(&rule::INVALID_VALUE, format!("`{name}` contains an invalid operation: {error}"))
                    .at(node.span, "expected an operation of RFC 6902")
                    .help("write `{op: add, path: /spec/a, value: 1}`; operations are `add`, `remove`, `replace`, `move`, `copy` and `test`, paths separate keys and places with `/`"),
            );
        })
        .ok()
}

impl Patches {
    /// The patches of one cluster, from its own block or from `defaults`.
    pub fn of_cluster(&self, shared: bool) -> Vec<Patch> {
        self.0.iter().map(|patch| Patch { shared, ..patch.clone() }).collect()
    }
}

impl Value for Patches {
    fn shape() -> Shape {
        Shape::List(Box::new(PatchKeys::shape()))
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let items = sequence(name, node, problems)?;
        let read: Vec<_> = items.iter().map(|item| patch(name, item, problems)).collect();
        read.into_iter().collect::<Option<_>>().map(Patches)
    }
}

fn patch(name: &str, item: &Node, problems: &mut Problems) -> Option<Patch> {
    let before = problems.len();
    let written = PatchKeys::read(name, item.span, item, problems);
    let place =
        item.entry("target").map_or(item.span, |(key, target)| Span { start: key.span.start, end: target.span.end });
    let wrong = match (written.merge.is_absent(), written.json.is_absent()) {
        _ if problems.len() > before => return None,
        _ if written.target.kind.is_absent() || written.target.name.is_absent() => {
            "expected `target: {kind: <Kind>, name: <name>}`"
        }
        (true, true) => "expected `merge` or `json` beside this `target`",
        (false, false) => "expected either `merge` or `json`, not both",
        _ => "",
    };
    if !wrong.is_empty() {
        problems.push(
            Problem::new(&rule::INVALID_VALUE, format!("`{name}` contains an incomplete patch"))
                .at(place, wrong)
                .help("write `{target: {kind: Deployment, name: buildkitd-lb}, merge: {...}}`, or `json: [...]` instead of `merge`"),
        );
        return None;
    }
    let modification = match (written.merge.get(), written.json.get()) {
        (Some(FreeBlock(block)), _) => Modification::Merge(block.clone()),
        (None, Some(Operations(operations))) => Modification::Json(operations.clone()),
        (None, None) => return None,
    };
    let TargetKeys { kind, name, .. } = &written.target;
    Some(Patch { span: place, kind: kind.get()?.clone(), name: name.get()?.clone(), modification, shared: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let matches =
            |pattern: &str, name: &str| NamePattern::try_from(pattern).is_ok_and(|pattern| pattern.matches(name));
        for (pattern, name) in [
            ("a", "a"),
            ("*", "a"),
            ("a*", "a"),
            ("*a", "a"),
            ("a*c", "abc"),
            ("a*c", "ac"),
            ("*b*", "abc"),
            ("a*b*c", "a-b-b-c"),
            ("a**", "ab"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("a", "ab"), ("a", "ba"), ("a*", "ba"), ("*a", "ab"), ("a*a", "a"), ("a*b*c", "a-c-b"), ("*b*b", "abc")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
