//! Where a field stands in the text that it was read from.

use crate::manifests::address::Field;
use crate::manifests::index::Object;
use crate::manifests::objects::Identity;

/// An object and the text that it was read from.
#[derive(Debug)]
pub(super) struct PlacedObject {
    pub(super) identity: Identity,
    pub(super) file: String,
    /// Of its document.
    pub(super) text: String,
    /// Lines of the file before its document.
    pub(super) lines_before: usize,
    /// Its place in the document's list.
    pub(super) item: Option<usize>,
}

impl PlacedObject {
    pub(super) fn is_of(&self, field: &Field) -> bool {
        (self.identity.kind.as_str(), self.identity.name.as_str()) == (field.kind.as_str(), field.name.as_str())
    }

    /// The line of the field or, where the text does not have it, of the nearest block around it.
    pub(super) fn line(&self, field: &Field) -> Option<usize> {
        let object = Object::read(&self.file, self.lines_before, &self.text)?;
        let base = self.item.map(|item| format!("items[{item}]")).unwrap_or_default();
        let dot = if base.is_empty() || field.path.is_empty() { "" } else { "." };
        let path = format!("{base}{dot}{}", field.path);
        let entry = around(&path).find_map(|path| object.entries.get(path))?;
        Some(self.lines_before + entry.line)
    }
}

/// A path, and those of the blocks around it.
fn around(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| {
        if path.is_empty() {
            return None;
        }
        Some(&path[..path.rfind(['.', '[']).unwrap_or_default()])
    })
}
