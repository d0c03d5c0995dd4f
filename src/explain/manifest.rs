//! Rendered manifests as fields: each with its object, its path and its line.

use std::fmt;

use indexmap::IndexMap;

use crate::problem::Span;
use crate::render::RenderedFile;
use crate::yaml::{self, Kind, Node};

/// One object of a file, with every place counted from the start of the file.
pub struct Document<'a> {
    pub file: &'static str,
    pub kind: String,
    pub name: String,
    pub root: Node<'a>,
}

/// The address of a value: file, object and path. Of a text with lines, such as haproxy.cfg, each setting is a field of
/// its own, named by its section and first words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub file: &'static str,
    pub kind: String,
    pub name: String,
    pub path: String,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The two kinds of 10-nodepools.yaml never share a name; those of 60-monitoring.yaml do.
        if self.file.starts_with("60-") {
            write!(f, "{}:{}/{}.{}", self.file, self.kind, self.name, self.path)
        } else {
            write!(f, "{}:{}.{}", self.file, self.name, self.path)
        }
    }
}

/// The objects of a file. A file that does not read is a defect of ours, which generating tells.
pub fn documents(file: &RenderedFile) -> Vec<Document<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in file.text.split_inclusive("\n---\n") {
        if let Ok(mut root) = yaml::parse(part.strip_suffix("---\n").unwrap_or(part)) {
            shift(&mut root, start);
            let text = |node: Option<&Node>| node.and_then(Node::text).unwrap_or_default().to_owned();
            let (kind, name) = (text(root.get("kind")), text(root.get("metadata").and_then(|meta| meta.get("name"))));
            found.push(Document { file: file.path, kind, name, root });
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

/// Every field of the files and its text, in their order.
pub fn fields(files: &[RenderedFile]) -> IndexMap<Field, String> {
    let mut found = IndexMap::new();
    for document in files.iter().flat_map(documents) {
        leaves(&document.root, "", &mut |path, text| {
            let field = Field { file: document.file, kind: document.kind.clone(), name: document.name.clone(), path };
            // Settings that a section repeats, such as two rules of one kind, are one field.
            let texts: &mut String = found.entry(field).or_default();
            if !texts.is_empty() {
                texts.push('\n');
            }
            texts.push_str(text);
        });
    }
    found
}

fn leaves(node: &Node, path: &str, found: &mut dyn FnMut(String, &str)) {
    match &node.kind {
        Kind::Mapping(entries) => {
            for (key, value) in entries {
                leaves(value, &join(path, key.text().unwrap_or_default()), found);
            }
        }
        Kind::Sequence(items) => {
            for (place, item) in items.iter().enumerate() {
                leaves(item, &format!("{path}[{place}]"), found);
            }
        }
        Kind::Scalar { text, .. } if text.contains('\n') => {
            for setting in settings(text) {
                found(format!("{path}: {}", setting.name()), setting.text);
            }
        }
        Kind::Scalar { text, .. } => found(path.to_owned(), text),
        Kind::Alias => {}
    }
}

/// A path with one more key, quoted where it could be taken for several.
pub fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'));
    match (plain, path) {
        (true, "") => key.to_owned(),
        (true, _) => format!("{path}.{key}"),
        (false, _) => format!("{path}[\"{key}\"]"),
    }
}

/// One line of a configuration inside a manifest.
pub struct Setting<'a> {
    /// The last line before it that is not indented.
    pub section: &'a str,
    pub text: &'a str,
}

impl Setting<'_> {
    /// Section and first words: what stays where a number changes.
    pub fn name(&self) -> String {
        let says_what = |word: &&str| word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_'));
        let words: Vec<&str> = self.text.split_whitespace().take_while(says_what).take(2).collect();
        format!("{}: {}", self.section, words.join(" "))
    }
}

/// The lines of a configuration that say something.
pub fn settings(text: &str) -> impl Iterator<Item = Setting<'_>> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        if !line.starts_with([' ', '#']) && !line.is_empty() {
            section = line;
        }
        let text = line.trim();
        (!text.is_empty() && !text.starts_with('#')).then_some(Setting { section, text })
    })
}
