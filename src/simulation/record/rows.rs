//! The rows of a CSV, with their lines.

use csv::{ReaderBuilder, StringRecord, Terminator};

/// Begins the comment of a record that shows less than what was wanted; its reasons are behind it.
pub const CENSORED: &str = "# censored:";

/// The reasons of such a record.
pub(super) fn censored(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix(CENSORED)).map(str::trim)
}

/// What separates the fields: the first of these that divides the first row, without one of the others in a part.
fn separator(text: &str) -> char {
    const KNOWN: [char; 3] = [',', ';', '\t'];
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    // Outside of quotes.
    let bare: String = first.split('"').step_by(2).collect::<Vec<_>>().join("q");
    let divides = |by: &char| bare.contains(*by) && bare.split(*by).all(|part| !part.trim().contains(KNOWN));
    KNOWN.into_iter().find(divides).unwrap_or(',')
}

/// The records of a text, one after the other.
pub(super) struct Rows<'a> {
    text: &'a str,
    reader: csv::Reader<&'a [u8]>,
    /// The row that was read last.
    pub(super) record: StringRecord,
    separator: char,
}

impl<'a> Rows<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let separator = separator(text);
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .delimiter(separator as u8)
            // Lines are counted by this; the `\r` before it is trimmed with what else stands around a field.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(text.as_bytes());
        Rows { text, reader, record: StringRecord::new(), separator }
    }

    /// Reads the next record that is no blank line and no comment; the number of its line, or none at the end.
    pub(super) fn next(&mut self) -> Result<Option<usize>, (usize, String)> {
        loop {
            let (start, line) = self.place();
            let more = self.reader.read_record(&mut self.record).map_err(|error| (line, error.to_string()))?;
            if !more {
                return Ok(None);
            }
            let raw = &self.text[start..self.place_of(self.reader.position().byte())];
            // The reader knows a comment at the start of a line only, and takes no line of spaces for a blank one.
            let one_line = !raw.trim_end().contains('\n');
            if one_line && (raw.trim().is_empty() || raw.trim_start().starts_with('#')) {
                continue;
            }
            if raw.contains('"') && !is_well_quoted(raw, &self.record, self.separator) {
                let why = "misplaced `\"`: expected fields without quotes, or each in quotes as a whole, such as `\"1764028800\",\"600\"`";
                return Err((line, why.to_owned()));
            }
            return Ok(Some(line));
        }
    }

    /// Where the next record starts, and on which line: the reader counts the blank lines and comments before a record as
    /// part of it.
    fn place(&self) -> (usize, usize) {
        let position = self.reader.position();
        let (mut start, mut line) =
            (self.place_of(position.byte()), usize::try_from(position.line()).unwrap_or(usize::MAX));
        while let Some(skipped) =
            self.text[start..].split_inclusive('\n').next().filter(|next| *next == "\n" || next.starts_with('#'))
        {
            start += skipped.len();
            line += 1;
        }
        (start, line)
    }

    /// A count of bytes as a place in the text.
    fn place_of(&self, byte: u64) -> usize {
        usize::try_from(byte).unwrap_or(usize::MAX).min(self.text.len())
    }
}

/// Whether each field of a record stands there as it is, or whole in quotes: the reader takes `"1"2` for 12, and a quote
/// that is never closed for one up to the end of the file.
fn is_well_quoted(raw: &str, record: &StringRecord, separator: char) -> bool {
    let mut rest = raw.trim_end_matches(['\n', '\r']);
    record.iter().enumerate().all(|(place, field)| {
        let last = place + 1 == record.len();
        let field = if last { field.trim_end_matches('\r') } else { field };
        let after = rest.strip_prefix(&format!("\"{field}\"")).or_else(|| rest.strip_prefix(field));
        let after = after
            .and_then(|after| if last { after.is_empty().then_some(after) } else { after.strip_prefix(separator) });
        rest = after.unwrap_or_default();
        after.is_some()
    })
}
