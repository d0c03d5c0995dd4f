//! Rendered manifests as fields: each with its object, its path and its text.

use indexmap::IndexMap;

pub use crate::explain::address::{Field, join};
pub use crate::explain::setting::{Setting, settings};

use crate::explain::setting::is_configuration;
use crate::problem::Span;
use crate::render::RenderedFile;
use crate::yaml::{self, Kind, Node};

/// One object of a file, with every place counted from the start of the file.
pub struct Document<'a> {
    pub file: &'static str,
    pub kind: String,
    pub name: String,
    pub root: Node<'a>,
    /// What it is called across two renderings: its name, but for the kinds whose names come from clusters.yaml.
    same: String,
}

/// The text of a field, and what it is called across two renderings.
#[derive(Clone, Debug)]
pub struct Leaf {
    pub text: String,
    /// Like the path, but with items by name: one more item in the middle of a list changes none behind it.
    pub same: String,
    /// Where the blocks around it end, outermost first: within the field's path, and within `same`.
    pub ends: Vec<(usize, usize)>,
}

/// The objects of a file. A file that does not read is a defect of ours, which generating tells.
pub fn documents(file: &RenderedFile) -> Vec<Document<'_>> {
    let mut found: Vec<Document> = Vec::new();
    let mut start = 0;
    for part in file.text.split_inclusive("\n---\n") {
        if let Ok(mut root) = yaml::parse(part.strip_suffix("---\n").unwrap_or(part)) {
            shift(&mut root, start);
            let text = |path: &[&str]| {
                let node = path.iter().try_fold(&root, |node, key| node.get(key));
                node.and_then(Node::text).unwrap_or_default().to_owned()
            };
            let (kind, name) = (text(&["kind"]), text(&["metadata", "name"]));
            let same = match kind.as_str() {
                "Namespace" => kind.clone(),
                "NodePool" => {
                    let first = format!("{kind} {} ", text(&["metadata", "labels", "arch"]));
                    let before = found.iter().filter(|other| other.same.starts_with(&first)).count();
                    format!("{first}{before}")
                }
                _ => format!("{kind} {name}"),
            };
            found.push(Document { file: file.path, kind, name, root, same });
        }
        start += part.len();
    }
    found
}

fn shift(node: &mut Node, by: usize) {
    node.span = Span { start: node.span.start + by, end: node.span.end + by };
    match &mut node.kind {
        Kind::Sequence(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Kind::Mapping(entries) => entries.iter_mut().for_each(|(key, value)| {
            shift(key, by);
            shift(value, by);
        }),
        Kind::Scalar { .. } | Kind::Alias => {}
    }
}

/// Every field of the files, in their order.
pub fn fields(files: &[RenderedFile]) -> IndexMap<Field, Leaf> {
    let mut found = IndexMap::new();
    for document in files.iter().flat_map(documents) {
        let mut walk = Walk { document: &document, ends: Vec::new(), found: &mut found };
        walk.node(&document.root, "", &document.same);
    }
    found
}

struct Walk<'w> {
    document: &'w Document<'w>,
    ends: Vec<(usize, usize)>,
    found: &'w mut IndexMap<Field, Leaf>,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, path: &str, same: &str) {
        self.ends.push((path.len(), same.len()));
        match &node.kind {
            Kind::Mapping(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    let key = key.text().unwrap_or_default();
                    self.node(value, &join(path, key), &format!("{same}\n{key}"));
                }
            }
            Kind::Sequence(items) if !items.is_empty() => {
                for ((place, item), name) in items.iter().enumerate().zip(names(items)) {
                    self.node(item, &format!("{path}[{place}]"), &format!("{same}\n{name}"));
                }
            }
            Kind::Scalar { text, .. } if is_configuration(path) => {
                // The line that starts a section is no value.
                for setting in settings(text).filter(|setting| setting.text != setting.section) {
                    let section = Setting { text: setting.section, ..setting }.path(path);
                    self.ends.push((section.len(), same.len() + section.len() - path.len()));
                    let path_of = setting.path(path);
                    self.leaf(&path_of, &format!("{same}{}", &path_of[path.len()..]), setting.text);
                    self.ends.pop();
                }
            }
            Kind::Scalar { text, .. } => self.leaf(path, same, text),
            Kind::Mapping(_) => self.leaf(path, same, "{}"),
            Kind::Sequence(_) => self.leaf(path, same, "[]"),
            Kind::Alias => {}
        }
        self.ends.pop();
    }

    fn leaf(&mut self, path: &str, same: &str, text: &str) {
        let Document { file, kind, name, .. } = self.document;
        let field = Field { file, kind: kind.clone(), name: name.clone(), path: path.to_owned() };
        // Settings that a section repeats, such as two rules of one kind, are one field.
        if let Some(leaf) = self.found.get_mut(&field) {
            leaf.text.push('\n');
            leaf.text.push_str(text);
        } else {
            let leaf = Leaf { text: text.to_owned(), same: same.to_owned(), ends: self.ends.clone() };
            self.found.insert(field, leaf);
        }
    }
}

/// What names the items of a list: the first key that gives each a name of its own, or their places.
fn names(items: &[Node]) -> Vec<String> {
    let by = |key: &str| -> Option<Vec<String>> {
        let mut names: Vec<String> = Vec::with_capacity(items.len());
        for item in items {
            // One alert stands once for each architecture.
            let arch = item.get("labels").and_then(|labels| labels.get("arch")).and_then(Node::text);
            let name = format!("{} {}", item.get(key)?.text()?, arch.unwrap_or_default());
            if names.contains(&name) {
                return None;
            }
            names.push(name);
        }
        Some(names)
    };
    ["name", "key", "alert", "type", "port"]
        .into_iter()
        .find_map(by)
        .unwrap_or_else(|| (0..items.len()).map(|place| place.to_string()).collect())
}
