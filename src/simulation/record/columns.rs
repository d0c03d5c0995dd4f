//! Which column of a record has what.

use crate::diagnostics::words::names;

const STARTS: [&str; 6] = ["start", "started", "started_at", "begin", "timestamp", "time"];
const DURATIONS: [&str; 4] = ["duration", "duration_s", "seconds", "length"];
const ARCHES: [&str; 3] = ["arch", "architecture", "platform"];

/// The places of the fields that are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) start: usize,
    pub(super) duration: usize,
    /// A row may end before it: it is then of every architecture.
    pub(super) arch: usize,
    /// Most fields of a row.
    most: usize,
}

impl Places {
    /// Without a header.
    pub(super) const USUAL: Self = Places { start: 0, duration: 1, arch: 2, most: 3 };

    /// Those that a header names, in the usual words of exports; none if the row is no header.
    ///
    /// # Errors
    /// It is one, and has no column of starts or of durations.
    pub(super) fn named(fields: &[&str]) -> Option<Result<Self, String>> {
        let fields: Vec<String> =
            fields.iter().map(|field| field.to_ascii_lowercase().replace([' ', '-'], "_")).collect();
        let place = |words: &[&str]| words.iter().find_map(|word| fields.iter().position(|field| field == word));
        let (start, duration, arch) = (place(&STARTS), place(&DURATIONS), place(&ARCHES));
        let missing = match (start, duration) {
            (Some(start), Some(duration)) => {
                // Behind a header of two columns, a third field has always been the architecture.
                let arch = arch.unwrap_or(if fields.len() == 2 { 2 } else { usize::MAX });
                let most = if arch == 2 { fields.len().max(3) } else { fields.len() };
                return Some(Ok(Places { start, duration, arch, most }));
            }
            (None, None) if arch.is_none() => return None,
            (None, _) => ("starts", &STARTS[..]),
            (_, None) => ("durations", &DURATIONS[..]),
        };
        let (what, words) = missing;
        let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let (last, others) = quoted.split_last()?;
        Some(Err(format!(
            "the header has no column of {what}: expected `start,duration,arch`, or for {what} also {} or {last}; found {}",
            others[1..].join(", "),
            names(&fields.iter().map(|field| field.chars().take(40).collect()).collect::<Vec<String>>())
        )))
    }

    /// # Errors
    /// The row has too few fields or too many.
    pub(super) fn hold(&self, count: usize) -> Result<(), String> {
        if count > self.start.max(self.duration) && count <= self.most {
            return Ok(());
        }
        Err(if *self == Self::USUAL {
            format!("expected `start,duration` in seconds, or `start,duration,arch`, found {count} fields")
        } else {
            format!("expected the fields of the header, up to {}, found {count} fields", self.most)
        })
    }
}
