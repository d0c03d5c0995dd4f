//! Parses clusters.yaml to a tree in which every node knows its place. Aliases are not expanded here: a block of another
//! tool may contain anything.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::diagnostics::problem::Problem;
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;

/// Room for more than 50,000 clusters; it limits memory, not use.
const MAX_BYTES: usize = 64 << 20;

/// Nodes that aliases stand for, beside those that are written out, which the size of the file bounds. A reader that
/// expands aliases, as PyYAML does where it copies, needs about 0.5 kB for each.
const MAX_ALIASED_NODES: u64 = 5_000_000;

/// One node of the file.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    pub span: Span,
    pub kind: Kind<'a>,
    /// Carries an explicit `!tag`.
    pub tagged: bool,
    /// Number of its `&anchor` in the file; 0 without one.
    pub anchor: u32,
}

#[derive(Clone, Debug)]
pub enum Kind<'a> {
    /// A scalar as written: `plain` is false where it was quoted or a block.
    Scalar {
        text: Cow<'a, str>,
        plain: bool,
    },
    Sequence(Vec<Node<'a>>),
    Mapping(Vec<(Node<'a>, Node<'a>)>),
    /// With the number of the anchor that it stands for.
    Alias(u32),
}

impl<'a> Node<'a> {
    /// The value at a key of a mapping.
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.entry(name).map(|(_, value)| value)
    }

    /// The key and the value at it.
    pub fn entry(&self, name: &str) -> Option<&(Node<'a>, Node<'a>)> {
        let Kind::Mapping(entries) = &self.kind else { return None };
        entries.iter().find(|(key, _)| key.text() == Some(name))
    }

    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// An empty value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The node on one line.
    pub fn flow(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        match &self.kind {
            Kind::Scalar { text, plain: true } => text.to_string(),
            Kind::Scalar { text, .. } => format!("{text:?}"),
            Kind::Sequence(items) => format!("[{}]", list(items.iter().map(Node::flow).collect())),
            Kind::Mapping(entries) => {
                let pairs = entries.iter().map(|(key, value)| format!("{}: {}", key.flow(), value.flow()));
                format!("{{{}}}", list(pairs.collect()))
            }
            Kind::Alias(_) => "*".to_owned(),
        }
    }

    /// The value in words, for messages.
    pub fn describe(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "nothing".to_owned(),
            Kind::Scalar { text, .. } => {
                let short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
                let more = if text.chars().nth(40).is_some() { "…" } else { "" };
                format!("`{short}{more}`")
            }
            Kind::Sequence(_) => "a list".to_owned(),
            Kind::Mapping(_) => "a block".to_owned(),
            Kind::Alias(_) => "an alias".to_owned(),
        }
    }
}

/// A collection whose end has not been seen yet.
struct Open<'a> {
    node: Node<'a>,
    /// Key of the mapping entry that waits for its value.
    key: Option<Node<'a>>,
    expanded: u64,
}

/// Bytes to text. A byte order mark and CRLF line ends are accepted: editors on Windows write them.
pub fn decode(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > MAX_BYTES {
        return Err(Problem::new(&rule::FILE_TOO_LARGE, format!("the file is too large: {} bytes", bytes.len()))
            .help(format!("clusters.yaml may be up to {} MiB", MAX_BYTES >> 20)));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        Problem::new(
            &rule::NOT_UTF8,
            format!("the file is not UTF-8 text: byte {} is not part of any character", error.valid_up_to()),
        )
        .help("save clusters.yaml as UTF-8")
    })
}

/// Parses the one document of the file.
pub fn parse(source: &str) -> Result<Node<'_>, Problem> {
    parse_within(source, MAX_ALIASED_NODES)
}

fn parse_within(source: &str, most_aliased: u64) -> Result<Node<'_>, Problem> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let mut tree = Tree { open: Vec::new(), root: None, sizes: HashMap::new(), aliased: 0, most_aliased };
    for event in Parser::new_from_str_with_options(source, options) {
        let (event, place) = event.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or(source.len());
            Problem::new(&rule::YAML_SYNTAX, "the file is not valid YAML")
                .at(Span { start: at, end: at + 1 }, error.info())
                .help("the file was read up to this point")
        })?;
        let span = place.byte_range().map_or(Span::default(), |range| Span { start: range.start, end: range.end });
        let node = |kind, tagged, anchor: usize| Node { span, kind, tagged, anchor: number(anchor) };
        match event {
            Event::DocumentStart(..) if tree.root.is_some() => {
                return Err(Problem::new(&rule::SECOND_DOCUMENT, "the file contains more than one YAML document")
                    .at(span, "the second document starts here")
                    .help("keep one document: delete the `---` between them and merge the two"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                tree.close(node(Kind::Scalar { text, plain }, tag.is_some(), anchor), 1);
            }
            Event::Alias(id) => {
                let size = tree.alias(id, span)?;
                tree.close(node(Kind::Alias(number(id)), false, 0), size);
            }
            Event::SequenceStart(_, anchor, tag) => tree.open(node(Kind::Sequence(Vec::new()), tag.is_some(), anchor)),
            Event::MappingStart(_, anchor, tag) => tree.open(node(Kind::Mapping(Vec::new()), tag.is_some(), anchor)),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(mut done) = tree.open.pop() {
                    done.node.span.end = span.end.max(done.node.span.start);
                    // A list of one is made with room for four, and a file may be of little else.
                    match &mut done.node.kind {
                        Kind::Sequence(items) => items.shrink_to_fit(),
                        Kind::Mapping(entries) => entries.shrink_to_fit(),
                        Kind::Scalar { .. } | Kind::Alias(_) => {}
                    }
                    tree.close(done.node, done.expanded);
                }
            }
            _ => {}
        }
    }
    match tree.root {
        Some(root) if !root.is_null() => Ok(root),
        _ => Err(Problem::new(&rule::EMPTY_FILE, "the file contains no YAML document")
            .help("write `clusters:` with one block for each cluster")),
    }
}

/// The parser counts anchors from 1; a file has fewer than 2^32 bytes.
fn number(anchor: usize) -> u32 {
    u32::try_from(anchor).unwrap_or_default()
}

struct Tree<'a> {
    open: Vec<Open<'a>>,
    root: Option<Node<'a>>,
    /// Number of nodes that an alias to the anchor expands to.
    sizes: HashMap<u32, u64>,
    /// Nodes that all aliases up to here stand for.
    aliased: u64,
    most_aliased: u64,
}

impl<'a> Tree<'a> {
    fn open(&mut self, node: Node<'a>) {
        self.open.push(Open { node, key: None, expanded: 1 });
    }

    /// The nodes that an alias stands for, those of the aliases inside of its anchor as well.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<u64, Problem> {
        let size = self.sizes.get(&number(anchor)).copied().unwrap_or(1);
        self.aliased = self.aliased.saturating_add(size);
        if self.aliased > self.most_aliased {
            return Err(Problem::new(
                &rule::ALIAS_EXPANSION,
                format!("aliases expand the file to more than {} nodes", self.most_aliased),
            )
            .at(span, "the limit is exceeded here")
            .help("write the values out: aliases of aliases multiply"));
        }
        Ok(size)
    }

    /// Puts a finished node where it belongs; `expanded` counts its nodes with all aliases written out.
    fn close(&mut self, node: Node<'a>, expanded: u64) {
        if node.anchor != 0 {
            self.sizes.insert(node.anchor, expanded);
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        parent.expanded = parent.expanded.saturating_add(expanded);
        match &mut parent.node.kind {
            Kind::Sequence(items) => items.push(node),
            Kind::Mapping(entries) => match parent.key.take() {
                None => parent.key = Some(node),
                Some(key) => entries.push((key, node)),
            },
            Kind::Scalar { .. } | Kind::Alias(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a file is refused for what its aliases stand for, where that may be 100 nodes.
    fn refused(text: &str) -> bool {
        match parse_within(text, 100) {
            Ok(_) => false,
            Err(problem) => problem.rule.id == "alias-expansion" || panic!("{problem:?}"),
        }
    }

    #[test]
    fn only_what_aliases_stand_for_is_limited() {
        assert!(!refused(&format!("a: &a x\nb: [{}*a]\n", "x, ".repeat(1_000))));
        // Aliases of a list of two aliases of a list of nine: 20 for those two, and 21 for each.
        let text =
            |aliases: usize| format!("a: &a [{}]\nb: &b [*a, *a]\nc: [{}]\n", "x, ".repeat(9), "*b, ".repeat(aliases));
        assert!(!refused(&text(3)));
        assert!(refused(&text(4)));
    }
}
