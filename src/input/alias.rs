//! Writes out the aliases and merge keys of what is read here. Blocks of other tools keep theirs: they may contain
//! anything, and expanding them could exhaust the memory.

use std::collections::HashMap;

use crate::diagnostics::problem::Problem;
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::input::shape::Key;
use crate::input::yaml::{Kind, Node};

/// The merge key of YAML 1.1, which most parsers read.
const MERGE: &str = "<<";

/// Where an alias stands, and the block or value that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AliasUse {
    pub at: Span,
    pub target: Span,
}

/// The tree of clusters.yaml with `defaults` and `clusters` written out as far as these keys of a cluster go. Every value
/// keeps the place where it is written; the uses say where it is meant. The parser bounds what aliases expand to.
///
/// # Errors
///
/// An alias of the block that it is in, a second merge key, and a merge key of anything but blocks.
pub fn written_out<'a>(tree: Node<'a>, keys: &[Key]) -> Result<(Node<'a>, Vec<AliasUse>), Problem> {
    let mut anchors = HashMap::new();
    if !has_aliases(&tree, &mut anchors) {
        return Ok((tree, Vec::new()));
    }
    let mut writer = Writer { anchors, inside: Vec::new(), uses: Vec::new() };
    let is_key = |name: &str| keys.iter().any(|key| key.name == name);
    let tree = writer.block(&tree, &|writer, name, value| match name {
        "defaults" => writer.block(value, &|writer, name, value| writer.value(value, is_key(name))),
        "clusters" => writer.block(value, &|writer, _, cluster| {
            writer.block(cluster, &|writer, name, value| writer.value(value, is_key(name)))
        }),
        _ => Ok(value.clone()),
    })?;
    Ok((tree, writer.uses))
}

/// Collects the anchored nodes; whether there is an alias or a merge key at all.
fn has_aliases<'t, 'a>(node: &'t Node<'a>, anchors: &mut HashMap<u32, &'t Node<'a>>) -> bool {
    if node.anchor != 0 {
        anchors.insert(node.anchor, node);
    }
    // Every node is visited, for its anchor.
    let mut found = matches!(node.kind, Kind::Alias(_));
    match &node.kind {
        Kind::Alias(_) | Kind::Scalar { .. } => {}
        Kind::Sequence(items) => {
            for item in items {
                found |= has_aliases(item, anchors);
            }
        }
        Kind::Mapping(pairs) => {
            for (key, value) in pairs {
                found |= has_aliases(key, anchors) | has_aliases(value, anchors) | is_merge(key);
            }
        }
    }
    found
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.kind, Kind::Scalar { text, plain: true } if text == MERGE)
}

struct Writer<'t, 'a> {
    anchors: HashMap<u32, &'t Node<'a>>,
    /// Anchors that are being written out.
    inside: Vec<u32>,
    uses: Vec<AliasUse>,
}

/// What becomes of the value of a key.
type OfValue<'f, 't, 'a> = dyn Fn(&mut Writer<'t, 'a>, &str, &'t Node<'a>) -> Result<Node<'a>, Problem> + 'f;

impl<'t, 'a> Writer<'t, 'a> {
    /// The value with everything in it written out, or as it is.
    fn value(&mut self, node: &'t Node<'a>, is_read: bool) -> Result<Node<'a>, Problem> {
        if !is_read {
            return Ok(node.clone());
        }
        match &node.kind {
            Kind::Mapping(_) => self.block(node, &|writer, _, value| writer.value(value, true)),
            Kind::Sequence(items) => {
                let items = items.iter().map(|item| self.value(item, true)).collect::<Result<_, _>>()?;
                Ok(Node { kind: Kind::Sequence(items), ..*node })
            }
            Kind::Alias(anchor) => self.target(*anchor, node.span, |writer, target| writer.value(target, true)),
            Kind::Scalar { .. } => Ok(node.clone()),
        }
    }

    /// The block with its merge keys written out and its values as the function says; anything but a block as it is.
    fn block(&mut self, node: &'t Node<'a>, of_value: &OfValue<'_, 't, 'a>) -> Result<Node<'a>, Problem> {
        let pairs = match &node.kind {
            Kind::Alias(anchor) => {
                return self.target(*anchor, node.span, |writer, target| writer.block(target, of_value));
            }
            Kind::Mapping(pairs) => pairs,
            Kind::Scalar { .. } | Kind::Sequence(_) => return Ok(node.clone()),
        };
        let mut written: Vec<(Node<'a>, Node<'a>)> = Vec::with_capacity(pairs.len());
        let mut merge_key: Option<Span> = None;
        for (key, value) in pairs {
            if !is_merge(key) {
                let name = key.text().unwrap_or_default();
                written.push((key.clone(), of_value(self, name, value)?));
                continue;
            }
            if let Some(first) = merge_key.replace(key.span) {
                return Err(Problem::new(&rule::DUPLICATE_KEY, "a block has two merge keys")
                    .at(key.span, "given again here")
                    .see(first, "first given here")
                    .help("write one with a list: `<<: [*a, *b]`"));
            }
            // The block's own keys come first, then those of the first of several merged blocks.
            for (key, value) in self.merged(value, of_value)? {
                let is_own = pairs.iter().any(|(own, _)| own.text() == key.text());
                if !is_own && !written.iter().any(|(earlier, _)| earlier.text() == key.text()) {
                    written.push((key, value));
                }
            }
        }
        Ok(Node { kind: Kind::Mapping(written), ..*node })
    }

    /// The keys that a merge key brings, those that come first first.
    fn merged(
        &mut self,
        value: &'t Node<'a>,
        of_value: &OfValue<'_, 't, 'a>,
    ) -> Result<Vec<(Node<'a>, Node<'a>)>, Problem> {
        if let Kind::Sequence(items) = &value.kind {
            let blocks = items.iter().map(|item| self.merged_block(item, of_value)).collect::<Result<Vec<_>, _>>()?;
            return Ok(blocks.concat());
        }
        self.merged_block(value, of_value)
    }

    fn merged_block(
        &mut self,
        value: &'t Node<'a>,
        of_value: &OfValue<'_, 't, 'a>,
    ) -> Result<Vec<(Node<'a>, Node<'a>)>, Problem> {
        match self.block(value, of_value)?.kind {
            Kind::Mapping(pairs) => Ok(pairs),
            _ => Err(Problem::new(&rule::ALIAS_NOT_READ, "a merge key merges something that is not a block")
                .at(value.span, "expected an alias of a block, or a list of such aliases")
                .help("write `<<: *name`, where `&name` stands before a block of keys")),
        }
    }

    /// What the function makes of an alias's target.
    fn target(
        &mut self,
        anchor: u32,
        at: Span,
        of_target: impl FnOnce(&mut Self, &'t Node<'a>) -> Result<Node<'a>, Problem>,
    ) -> Result<Node<'a>, Problem> {
        let target = self.anchors.get(&anchor).copied().filter(|_| !self.inside.contains(&anchor));
        let Some(target) = target else {
            return Err(Problem::new(&rule::ALIAS_NOT_READ, "an alias stands for the block that it is in")
                .at(at, "this would never end")
                .help("write the value out"));
        };
        // An alias inside of another one's target stands where that one does.
        if self.inside.is_empty() {
            self.uses.push(AliasUse { at, target: target.span });
        }
        self.inside.push(anchor);
        let written = of_target(self, target);
        self.inside.pop();
        written
    }
}
