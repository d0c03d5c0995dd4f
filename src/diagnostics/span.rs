//! From byte offsets to lines and columns, as editors and CI count them: both from 1, columns in characters.

use std::ops::Range;

/// A range of bytes in clusters.yaml.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.start..span.end
    }
}

/// A value with the place that it was written at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// Every value once, in the order of their first places.
pub fn distinct<'a, T: Clone + PartialEq + 'a>(given: impl IntoIterator<Item = &'a Spanned<T>>) -> Vec<T> {
    let mut values: Vec<T> = Vec::new();
    for Spanned { value, .. } in given {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    values
}

/// Where the lines of a text start.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The place of an offset; offsets beyond the end are at the end.
    pub fn place(&self, offset: usize) -> Place {
        let offset = floor(self.text, offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        // A byte order mark takes no column: editors do not show it.
        let shown = self.text[start..offset].trim_start_matches('\u{feff}');
        Place { line, column: shown.chars().count() + 1 }
    }

    /// The first place of a span and the place after it, both on the span's first line.
    pub fn ends(&self, span: Span) -> (Place, Place) {
        let on_line = first_line(self.text, span);
        (self.place(on_line.start), self.place(on_line.end))
    }

    /// The text of a line, without its end.
    pub fn line(&self, line: usize) -> &'a str {
        let Some(start) = line.checked_sub(1).and_then(|index| self.starts.get(index)) else { return "" };
        self.text[*start..].lines().next().unwrap_or_default()
    }
}

/// The nearest character boundary at or before an offset.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The part of a span that is on its first line, within the text and on character boundaries.
pub fn first_line(text: &str, span: Span) -> Range<usize> {
    let start = floor(text, span.start);
    let end = floor(text, span.end.max(start));
    let line = text[start..end].find(['\n', '\r']).map_or(end, |newline| start + newline);
    start..line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one_and_in_characters() {
        let lines = Lines::of("\u{feff}ab\nü: x\r\nlast");
        let place = |offset| {
            let place = lines.place(offset);
            (place.line, place.column)
        };
        assert_eq!(place(3), (1, 1));
        assert_eq!(place(6), (2, 1));
        assert_eq!(place(8), (2, 2), "after the two bytes of ü");
        assert_eq!(place(13), (3, 1));
        assert_eq!(place(10_000), (3, 5));
        assert_eq!(lines.line(2), "ü: x");
        let (start, end) = lines.ends(Span { start: 6, end: 16 });
        assert_eq!((start.line, start.column, end.line, end.column), (2, 1, 2, 5), "cut at the end of the line");
    }
}
