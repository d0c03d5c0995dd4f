//! The entries of a block, and problems with what cannot be read there.

use std::collections::HashMap;

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::diagnostics::suggest::did_you_mean;
use crate::input::shape::Keys;
use crate::input::yaml::{Kind, Node};

/// The entries of a mapping. An empty value counts as an empty mapping.
pub fn entries<'n>(
    name: &str,
    node: &'n Node<'_>,
    keys: Keys,
    problems: &mut Problems,
) -> Vec<(&'n str, Span, &'n Node<'n>)> {
    if node.is_null() || refuse_tag(name, node, problems) {
        return Vec::new();
    }
    let Kind::Mapping(pairs) = &node.kind else {
        wrong_shape(name, node, "a block of keys", problems);
        return Vec::new();
    };
    let mut seen: HashMap<&str, Span> = HashMap::with_capacity(pairs.len());
    let mut read = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let Kind::Scalar { text, .. } = &key.kind else {
            if keys == Keys::Closed {
                problems.push(
                    Problem::new(
                        &rule::WRONG_SHAPE,
                        format!("a key in `{name}` must be a plain word, found {}", key.describe()),
                    )
                    .at(key.span, "this key"),
                );
            }
            continue;
        };
        if let Some(first) = seen.insert(text, key.span) {
            problems.push(
                Problem::new(&rule::DUPLICATE_KEY, format!("`{text}` is given twice in `{name}`"))
                    .at(key.span, "given again here")
                    .see(first, "first given here")
                    .help("keep one of the two"),
            );
            continue;
        }
        read.push((text.as_ref(), key.span, value));
    }
    read
}

pub fn unknown_key(name: &str, key: &str, span: Span, known: &[&str], problems: &mut Problems) {
    let (label, help) = match did_you_mean(key, known.iter().copied()) {
        Some(near) => (format!("did you mean `{near}`?"), format!("rename it to `{near}`")),
        None => ("not a key of this block".to_owned(), format!("known keys: {}", known.join(", "))),
    };
    let problem =
        Problem::new(&rule::UNKNOWN_KEY, format!("unknown key `{key}` in `{name}`")).at(span, label).help(help);
    problems.push(problem.misplaced(name, key));
}

/// Tags are allowed in blocks of other tools only: what is read here has the type that its key takes.
pub(super) fn refuse_tag(name: &str, node: &Node, problems: &mut Problems) -> bool {
    if node.tagged {
        problems.push(
            Problem::new(&rule::ALIAS_NOT_READ, format!("`{name}` uses a tag"))
                .at(node.span, "tags are not supported here")
                .help("write the value without the tag"),
        );
    }
    node.tagged
}

pub(super) fn wrong_shape(name: &str, node: &Node, expected: &str, problems: &mut Problems) {
    let problem = Problem::new(&rule::WRONG_SHAPE, format!("`{name}` must be {expected}, found {}", node.describe()))
        .at(node.span, format!("expected {expected}"));
    problems.push(if node.is_null() {
        problem.help("give it a value, or remove the key")
    } else {
        problem.about(name)
    });
}
