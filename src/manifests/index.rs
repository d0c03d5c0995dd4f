//! Rendered manifests, indexed in one walk: every block, field and setting of an object by its path and by its lines.

use std::collections::{BTreeMap, HashSet};

use indexmap::IndexMap;

use crate::diagnostics::span::Lines;
use crate::input::yaml::{self, Kind, Node};
use crate::manifests::address::{Field, join, names};
use crate::manifests::list::KUSTOMIZATION;
use crate::manifests::names::without_hash;
use crate::manifests::set::SetFile;
use crate::manifests::setting::{Setting, is_configuration, settings};

/// One object of a file.
pub struct Object {
    pub file: String,
    pub kind: String,
    pub name: String,
    /// As rendered.
    pub text: String,
    /// Lines of the file before its own, which count from 1.
    pub lines_before: usize,
    /// By path, blocks before what they hold. The first entry is the object itself, with an empty path.
    pub entries: IndexMap<String, Entry>,
    /// Lines that are part of an entry: no comments and no blank ones.
    pub lines: BTreeMap<usize, Line>,
}

/// A block, a field or a setting.
pub struct Entry {
    pub role: Role,
    /// The place of the block around it among the entries.
    pub parent: usize,
    /// Line of its key, or the first one of several settings.
    pub line: usize,
    /// Text of a value; settings, each on a line.
    pub text: String,
    /// Where its value starts and ends in the text of the object, in bytes.
    start: usize,
    end: usize,
}

/// A line of an entry.
#[derive(Clone)]
pub struct Line {
    pub entry: usize,
    /// The comment above it or, where it has none, above the nearest block around it. A comment in a configuration is
    /// about the lines that follow it up to a blank one.
    pub comment: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Block,
    List,
    /// A scalar, or an empty block or list.
    Value,
    /// A scalar that holds settings.
    Configuration,
    Section,
    Setting,
    /// Settings whose first words are the same, or sections.
    Settings,
}

/// What a question points at.
#[derive(Debug)]
pub struct Target {
    pub field: Field,
    /// As written, without its indentation: a scalar, the lines of a block, or lines of a configuration.
    pub value: String,
    /// Line of the file, from 1.
    pub line: usize,
    /// The comment above it, or above the nearest block around it.
    pub comment: String,
}

impl Entry {
    /// Whether it has a value of its own, which two renderings are compared by.
    pub fn is_leaf(&self) -> bool {
        matches!(self.role, Role::Value | Role::Setting)
    }

    /// Whether it is a part of a configuration.
    pub fn is_setting(&self) -> bool {
        matches!(self.role, Role::Section | Role::Setting | Role::Settings)
    }
}

/// Every object of the files, in their order, but for those with a known text. A file that cannot be read is an internal
/// error, which `generate` reports.
pub(crate) fn objects(files: &[SetFile], known: &HashSet<&str>) -> Vec<Object> {
    let read = |file: &SetFile| -> Vec<Object> {
        let parts = parts(&file.text).filter(|(_, part)| !known.contains(part));
        parts.filter_map(|(before, part)| Object::read(&file.path, before, part)).collect()
    };
    files.iter().filter(|file| file.path != KUSTOMIZATION).flat_map(read).collect()
}

/// The texts of a file's objects, each with the number of lines before it.
pub fn parts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut lines = 0;
    text.split_inclusive("\n---\n").map(move |part| {
        let before = lines;
        lines += part.lines().count();
        (before, part.strip_suffix("---\n").unwrap_or(part))
    })
}

impl Object {
    /// Reads the text of one object.
    pub fn read(file: &str, lines_before: usize, text: &str) -> Option<Self> {
        let root = yaml::parse(text).ok()?;
        let mut walk = Walk { text, lines: Lines::of(text), entries: IndexMap::new(), by_line: BTreeMap::new() };
        walk.node(&root, "", root.span.start, 0);
        let kind = text_at(&root, &["kind"]).unwrap_or_default();
        let name = text_at(&root, &["metadata", "name"]).unwrap_or_default();
        Some(Object {
            file: file.to_owned(),
            // An address stays the same when the content of a ConfigMap changes.
            name: without_hash(&kind, &name).to_owned(),
            kind,
            text: text.to_owned(),
            lines_before,
            entries: walk.entries,
            lines: walk.by_line,
        })
    }

    /// The field at a path of this object.
    pub fn field(&self, path: &str) -> Field {
        Field { file: self.file.clone(), kind: self.kind.clone(), name: self.name.clone(), path: path.to_owned() }
    }

    /// The path of an entry.
    pub fn path(&self, entry: usize) -> &str {
        self.entries.get_index(entry).map_or("", |(path, _)| path)
    }

    /// An entry and the blocks around it, from the inside to the object itself.
    pub fn around(&self, entry: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(entry), |id| (*id > 0).then(|| self.entries[*id].parent))
    }

    /// `Kind/name`.
    pub fn short_name(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// The value of an entry as written: a scalar, or lines without their indentation.
    pub fn value(&self, entry: &Entry) -> String {
        if !matches!(entry.role, Role::Block | Role::List) {
            return entry.text.trim_end().to_owned();
        }
        let (before, block) = (&self.text[..entry.start], self.text[entry.start..entry.end].trim_end());
        let indent = entry.start - before.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = block.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        lines.fold(first, |text, line| text + "\n" + line.get(indent..).unwrap_or_default())
    }
}

/// The scalar at some keys of a node.
fn text_at(node: &Node, keys: &[&str]) -> Option<String> {
    keys.iter().try_fold(node, |node, key| node.get(key))?.text().map(str::to_owned)
}

struct Walk<'t> {
    text: &'t str,
    lines: Lines<'t>,
    entries: IndexMap<String, Entry>,
    by_line: BTreeMap<usize, Line>,
}

impl Walk<'_> {
    /// Adds a node and all below it; `start` is where its key or, of an item, the node itself starts. Returns where it
    /// ends: the span of a block goes on to the next key, behind comments.
    fn node(&mut self, node: &Node, path: &str, start: usize, parent: usize) -> usize {
        let (role, text) = match &node.kind {
            Kind::Mapping(entries) if !entries.is_empty() => (Role::Block, ""),
            Kind::Sequence(items) if !items.is_empty() => (Role::List, ""),
            Kind::Scalar { text, .. } if is_configuration(path) => (Role::Configuration, text.as_ref()),
            Kind::Scalar { text, .. } => (Role::Value, text.as_ref()),
            Kind::Mapping(_) => (Role::Value, "{}"),
            Kind::Sequence(_) => (Role::Value, "[]"),
            Kind::Alias(_) => (Role::Value, ""),
        };
        let line = self.lines.place(start).line;
        let (start, mut end) = (node.span.start, node.span.end);
        let entry = Entry { role, parent, line, text: text.to_owned(), start, end };
        let (id, _) = self.entries.insert_full(path.to_owned(), entry);
        let comment = Some(self.comment(line, false)).filter(|comment| !comment.is_empty());
        let outer = self.by_line.get(&self.entries[parent].line).map(|line| line.comment.clone());
        let own = Line { entry: id, comment: comment.or(outer).unwrap_or_default() };
        self.by_line.insert(line, own.clone());
        let is_flow = self.text[start..].starts_with(['{', '[']);
        match &node.kind {
            Kind::Mapping(entries) => {
                for (key, value) in entries {
                    let path = join(path, key.text().unwrap_or_default());
                    let last = self.node(value, &path, key.span.start, id);
                    end = if is_flow { end } else { last };
                }
            }
            Kind::Sequence(items) => {
                for (item, name) in items.iter().zip(names(items, text_at)) {
                    let last = self.node(item, &format!("{path}[{name}]"), item.span.start, id);
                    end = if is_flow { end } else { last };
                }
                // The line of a list in brackets is the list's, not its items'.
                self.by_line.insert(line, own);
            }
            Kind::Scalar { text, .. } if role == Role::Configuration => {
                for setting in settings(text) {
                    self.setting(&setting, path, line + 1 + setting.before, id);
                }
            }
            Kind::Scalar { text, .. } => {
                let folded = self.lines.place(end.saturating_sub(1)).line;
                let last = if text.contains('\n') { line + text.lines().count() } else { folded };
                self.by_line.extend((line..=last).map(|line| (line, own.clone())));
            }
            Kind::Alias(_) => {}
        }
        self.entries[id].end = end;
        end
    }

    /// Adds a line of a configuration to the setting of this name and to every section and group around it.
    fn setting(&mut self, setting: &Setting, path: &str, line: usize, configuration: usize) {
        let (mut path, mut id) = (path.to_owned(), configuration);
        let Entry { start, end, .. } = self.entries[configuration];
        for word in setting.words() {
            path = join(&path, word);
            let new = Entry { role: Role::Settings, parent: id, line, text: String::new(), start, end };
            let entry = self.entries.entry(path.clone());
            id = entry.index();
            let text = &mut entry.or_insert(new).text;
            *text += if text.is_empty() { "" } else { "\n" };
            *text += setting.text;
        }
        self.entries[id].role = if setting.is_heading() { Role::Section } else { Role::Setting };
        self.by_line.insert(line, Line { entry: id, comment: self.comment(line, true) });
    }

    /// The comment that ends above a line or, with `in_group`, above the lines of one indentation that it stands with.
    fn comment(&self, line: usize, in_group: bool) -> String {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let own = indent(self.lines.line(line));
        let is_beside = |other: &&str| {
            in_group && !other.trim_start().starts_with('#') && !other.is_empty() && indent(other) == own
        };
        let above = (1..line).rev().map(|line| self.lines.line(line)).skip_while(is_beside);
        let mut comment: Vec<&str> = above.map_while(|line| line.trim_start().strip_prefix("# ")).collect();
        comment.reverse();
        comment.join(" ")
    }
}
