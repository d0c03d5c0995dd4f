//! Rendered manifests as objects and fields: each field with its path and its text.

use indexmap::IndexMap;

pub use crate::manifests::address::{Field, join};
pub use crate::manifests::setting::{Setting, settings};

use crate::diagnostics::span::Span;
use crate::input::yaml::{self, Kind, Node};
use crate::manifests::address::names;
use crate::manifests::set::SetFile;
use crate::manifests::setting::is_configuration;

/// One object of a file, with every place counted from the start of the file.
pub struct Document<'a> {
    pub file: String,
    pub kind: String,
    pub name: String,
    pub root: Node<'a>,
}

/// One object of a file and its fields.
pub struct Object {
    pub file: String,
    pub kind: String,
    pub name: String,
    /// As rendered.
    pub text: String,
    /// By path, in their order.
    pub leaves: IndexMap<String, FieldText>,
}

/// The text of a field.
#[derive(Clone, Debug)]
pub struct FieldText {
    pub text: String,
    /// Its path with items by place.
    pub numbered: String,
    /// Where the blocks around it end within its path, outermost first.
    pub ends: Vec<usize>,
}

/// The objects of a file. A file that does not read is a defect of ours, which generating tells.
pub fn documents(file: &SetFile) -> Vec<Document<'_>> {
    let mut start = 0;
    let at = |part| {
        let mut document = document(&file.path, part);
        if let Some(document) = &mut document {
            shift(&mut document.root, start);
        }
        start += part.len() + SEPARATOR.len();
        document
    };
    parts(&file.text).filter_map(at).collect()
}

/// The line between two objects.
const SEPARATOR: &str = "---\n";

/// The texts of a file's objects.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive("\n---\n").map(|part| part.strip_suffix(SEPARATOR).unwrap_or(part))
}

fn document<'a>(file: &str, part: &'a str) -> Option<Document<'a>> {
    let root = yaml::parse(part).ok()?;
    let (kind, name) = (text_at(&root, &["kind"]), text_at(&root, &["metadata", "name"]));
    Some(Document { file: file.to_owned(), kind: kind.unwrap_or_default(), name: name.unwrap_or_default(), root })
}

/// The scalar at some keys of a node.
pub(super) fn text_at(node: &Node, keys: &[&str]) -> Option<String> {
    keys.iter().try_fold(node, |node, key| node.get(key))?.text().map(str::to_owned)
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

impl Object {
    /// Reads the text of one object.
    pub fn read(file: &str, part: &str) -> Option<Self> {
        let Document { kind, name, root, .. } = document(file, part)?;
        let mut walk = Walk { ends: Vec::new(), found: IndexMap::new() };
        walk.node(&root, "", "");
        Some(Object { file: file.to_owned(), kind, name, text: part.to_owned(), leaves: walk.found })
    }

    /// The field at a path of this object.
    pub fn field(&self, path: &str) -> Field {
        Field { file: self.file.clone(), kind: self.kind.clone(), name: self.name.clone(), path: path.to_owned() }
    }
}

/// Every object of the files, in their order.
pub fn objects(files: &[SetFile]) -> Vec<Object> {
    files.iter().flat_map(|file| parts(&file.text).filter_map(|part| Object::read(&file.path, part))).collect()
}

/// Every field of the files, in their order.
pub fn fields(files: &[SetFile]) -> IndexMap<Field, FieldText> {
    let objects = objects(files);
    let of = |object: &Object| -> Vec<(Field, FieldText)> {
        object.leaves.iter().map(|(path, leaf)| (object.field(path), leaf.clone())).collect()
    };
    objects.iter().flat_map(of).collect()
}

struct Walk {
    ends: Vec<usize>,
    found: IndexMap<String, FieldText>,
}

impl Walk {
    fn node(&mut self, node: &Node, path: &str, numbered: &str) {
        self.ends.push(path.len());
        match &node.kind {
            Kind::Mapping(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    let key = key.text().unwrap_or_default();
                    self.node(value, &join(path, key), &join(numbered, key));
                }
            }
            Kind::Sequence(items) if !items.is_empty() => {
                for ((place, item), name) in items.iter().enumerate().zip(names(items, text_at)) {
                    self.node(item, &format!("{path}[{name}]"), &format!("{numbered}[{place}]"));
                }
            }
            Kind::Scalar { text, .. } if is_configuration(path) => {
                // The line that starts a section is no value.
                for setting in settings(text).filter(|setting| setting.text != setting.section) {
                    let section = Setting { text: setting.section, ..setting }.path(path);
                    self.ends.push(section.len());
                    self.leaf(&setting.path(path), &setting.path(numbered), setting.text);
                    self.ends.pop();
                }
            }
            Kind::Scalar { text, .. } => self.leaf(path, numbered, text),
            Kind::Mapping(_) => self.leaf(path, numbered, "{}"),
            Kind::Sequence(_) => self.leaf(path, numbered, "[]"),
            Kind::Alias => {}
        }
        self.ends.pop();
    }

    fn leaf(&mut self, path: &str, numbered: &str, text: &str) {
        // Settings that a section repeats, such as two rules of one kind, are one field.
        if let Some(leaf) = self.found.get_mut(path) {
            leaf.text.push('\n');
            leaf.text.push_str(text);
        } else {
            let leaf = FieldText { text: text.to_owned(), numbered: numbered.to_owned(), ends: self.ends.clone() };
            self.found.insert(path.to_owned(), leaf);
        }
    }
}
