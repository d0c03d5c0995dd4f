//! Builds as they came once: a CSV of starts and durations.

use std::path::Path;

use anyhow::{Context, Result, bail};
use csv::{ReaderBuilder, StringRecord, Terminator};

use crate::diagnostics::words::thousands;
use crate::simulation::arrivals::{Arrival, Arrivals, MAX_BUILDS, MAX_HOURS};
use crate::values::arch::Arch;

/// Begins the comment of a record that shows less than what was wanted.
pub const CENSORED: &str = "# censored:";
/// Larger than a year of CI.
const MAX_BYTES: u64 = 256 << 20;

/// Reads `start,duration` records, both in seconds, and perhaps an architecture behind them; the first may name the
/// columns. Records of other architectures are left out; starts count from the earliest that is left. None where the
/// file has builds, and none of this architecture.
///
/// # Errors
/// The file cannot be read, or one of its lines, which the error names, is no such record.
pub fn read(path: &Path, arch: Arch) -> Result<Option<Arrivals>> {
    let name = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {name}"))?.len();
    if size > MAX_BYTES {
        bail!("{name} is too large: {size} bytes, expected up to {MAX_BYTES}");
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let text = std::str::from_utf8(&bytes).with_context(|| format!("{name} is not UTF-8 text"))?;
    let builds = parse(text, arch).map_err(|(line, why)| anyhow::anyhow!("{name}:{line}: {why}"))?;
    Ok((!builds.is_empty()).then_some(Arrivals::Recorded(builds)))
}

/// The records of a CSV that are of this architecture, or of none; on failure the line's number and what is wrong with it.
pub fn parse(text: &str, arch: Arch) -> Result<Vec<Arrival>, (usize, String)> {
    let mut records = Records::of(text.trim_start_matches('\u{feff}'));
    let mut found: Vec<(f64, f64)> = Vec::new();
    let mut builds = 0_u64;
    // Each with its line.
    let (mut earliest, mut latest) = ((f64::INFINITY, 0), (0.0, 0));
    while let Some(line) = records.next()? {
        let fields: Vec<&str> = records.record.iter().map(str::trim).collect();
        let header = || fields.join(",").replace(' ', "").to_ascii_lowercase();
        if builds == 0 && matches!(header().as_str(), "start,duration" | "start,duration,arch") {
            continue;
        }
        let (start, duration, of) = match fields.as_slice() {
            [start, duration] => (start, duration, None),
            [start, duration, of] => (start, duration, Some(*of)),
            other => {
                let why = format!(
                    "expected `start,duration` in seconds, or `start,duration,arch`, found {} fields",
                    other.len()
                );
                return Err((line, why));
            }
        };
        if let Some(of) = of.filter(|of| Arch::named(of).is_none()) {
            return Err((line, format!("`{}` is not an architecture: expected amd64 or arm64", shown(of))));
        }
        let seconds = |name: &str, text: &str, most: f64| {
            text.parse::<f64>()
                .ok()
                .filter(|seconds| (0.0..=most).contains(seconds))
                .ok_or_else(|| (line, format!("`{}` is not a {name} in seconds, from 0 to {most}", shown(text))))
        };
        // Unix time up to the year 2286, and builds of up to a week.
        let build = (seconds("start", start, 1e10)?, seconds("duration", duration, 604_800.0)?);
        builds += 1;
        if of.is_none_or(|of| of == arch.name()) {
            found.push(build);
            if build.0 < earliest.0 {
                earliest = (build.0, line);
            }
            if build.0 >= latest.0 {
                latest = (build.0, line);
            }
        }
        if builds > MAX_BUILDS {
            return Err((line, format!("more than {MAX_BUILDS} builds")));
        }
    }
    if builds == 0 {
        return Err((1, "the file contains no builds: expected lines of `start,duration` in seconds".to_owned()));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    if latest.0 - earliest.0 > MAX_HOURS * 3600.0 {
        return Err(too_long(earliest, latest, found[found.len() / 2].0));
    }
    let first = earliest.0;
    Ok(found
        .into_iter()
        .map(|(start, duration)| Arrival { at_ms: millis(start - first), duration_ms: millis(duration).max(1) })
        .collect())
}

/// Of a record that spans more than a year, the line at the end that is farther from the median: most often the one that
/// counts from another moment than the rest.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn too_long(earliest: (f64, usize), latest: (f64, usize), median: f64) -> (usize, String) {
    let days = thousands(((latest.0 - earliest.0) / 86_400.0) as u64);
    let ((start, line), than) = if median - earliest.0 > latest.0 - median {
        (earliest, format!("before the latest, {}", latest.0))
    } else {
        (latest, format!("after the earliest, {}", earliest.0))
    };
    let most = MAX_HOURS / 24.0;
    let why = format!(
        "start {start} is {days} days {than}: a record may span up to {most} days; count every start from the same moment, or split the file"
    );
    (line, why)
}

fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

/// The records of a text, one after the other.
struct Records<'a> {
    text: &'a str,
    reader: csv::Reader<&'a [u8]>,
    record: StringRecord,
}

impl<'a> Records<'a> {
    fn of(text: &'a str) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            // Lines are counted by this; the `\r` before it is trimmed with what else stands around a field.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(text.as_bytes());
        Records { text, reader, record: StringRecord::new() }
    }

    /// Reads the next record that is no blank line and no comment; the number of its line, or none at the end.
    fn next(&mut self) -> Result<Option<usize>, (usize, String)> {
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
            if raw.contains('"') && !is_well_quoted(raw, &self.record) {
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
fn is_well_quoted(raw: &str, record: &StringRecord) -> bool {
    let mut rest = raw.trim_end_matches(['\n', '\r']);
    record.iter().enumerate().all(|(place, field)| {
        let last = place + 1 == record.len();
        let field = if last { field.trim_end_matches('\r') } else { field };
        let after = rest.strip_prefix(&format!("\"{field}\"")).or_else(|| rest.strip_prefix(field));
        let after =
            after.and_then(|after| if last { after.is_empty().then_some(after) } else { after.strip_prefix(',') });
        rest = after.unwrap_or_default();
        after.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_sorted_and_counts_from_its_first_build() {
        let text = "\u{feff}start, duration\r\n# of one day\n1764028810,1200\n1764028800,60.5\n\n1764028800,0\n";
        let arrival = |at_ms, duration_ms| Arrival { at_ms, duration_ms };
        assert_eq!(parse(text, Arch::Amd64), Ok(vec![arrival(0, 60_500), arrival(0, 1), arrival(10_000, 1_200_000)]));
    }

    #[test]
    fn builds_of_another_architecture_are_left_out() {
        let text = "start,duration,arch\n100,60,arm64\n200,60,amd64\n230,60\n";
        let starts = |arch| parse(text, arch).map(|found| found.iter().map(|one| one.at_ms).collect::<Vec<_>>());
        assert_eq!(starts(Arch::Amd64), Ok(vec![0, 30_000]));
        assert_eq!(starts(Arch::Arm64), Ok(vec![0, 130_000]));
        assert_eq!(parse("1,2,arm64\n", Arch::Amd64), Ok(vec![]));
    }

    #[test]
    fn fields_may_be_quoted() {
        let plain = parse("start,duration,arch\n100,60,amd64\n130,60,arm64\n", Arch::Amd64);
        for text in [
            "\"start\",\"duration\",\"arch\"\n100,60,\"amd64\"\n130,60,\"arm64\"\n",
            "\"Start\", Duration ,\"arch\"\r\n\"100\",\"60\",\"amd64\"\r\n\r\n\"130\",\"60\",\"arm64\"",
            "# as of \"jq\", it says\n  # \"so\n\" 100 \",60,amd64\n \n130,60,arm64\n# \"",
        ] {
            assert_eq!(parse(text, Arch::Amd64), plain, "{text:?}");
        }
    }

    #[test]
    fn a_record_of_more_than_a_year_is_refused_with_the_line_that_makes_it() {
        for (text, line, why) in [
            ("0,60\n1764028800,60\n1764028810,60\n", 1, "start 0 is 20,417 days before the latest, 1764028810"),
            ("0,60\n60,60\n1764028800.5,60\n120,60\n", 3, "start 1764028800.5 is 20,417 days after the earliest, 0"),
            ("start,duration\n0,60\n31622401,60\n", 2, "start 0 is 366 days before"),
        ] {
            let (found, told) = parse(text, Arch::Amd64).expect_err(text);
            assert!(found == line && told.contains(why), "{text:?}: {found}: {told}");
        }
        // A year to the second, and builds of which only those of another architecture are far away.
        for text in ["0,60\n31622400,60\n", "0,60\n1764028800,60,arm64\n"] {
            assert!(parse(text, Arch::Amd64).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_line() {
        for (text, line, why) in [
            ("", 1, "contains no builds"),
            ("start,duration\n", 1, "contains no builds"),
            ("1,2\n1,2,amd64,4\n", 2, "found 4 fields"),
            ("1,2\n1,2,x86\n", 2, "`x86` is not an architecture"),
            ("1,2\nx,2\n", 2, "`x` is not a start"),
            ("1,-2\n", 1, "`-2` is not a duration"),
            ("1,NaN\n", 1, "`NaN` is not a duration"),
            ("1e400,1\n", 1, "not a start"),
            ("1,1e9\n", 1, "not a duration"),
            ("2026-11-25T00:00:00Z,60\n", 1, "not a start"),
            ("\n# 1\n \n  # 2\r\n\r\n\n1,2\n\n#\n1,x\n", 10, "`x` is not a duration"),
            ("1,2\n\"1,5\",\"x\"\n", 2, "`1,5` is not a start"),
            ("1,2\n\"1\"2,3\n", 2, "misplaced `\"`"),
            ("1,2\n3,\"4\n5,6\n", 2, "misplaced `\"`"),
            ("1,2\n3,\"4", 2, "misplaced `\"`"),
            ("1,2\n3,4\"\n", 2, "`4\\\"` is not a duration"),
            ("1,2\n # a,\"b\n3,4\n", 2, "misplaced `\"`"),
            ("1,2\r3,4\n", 1, "`4` is not an architecture"),
        ] {
            let (found, told) = parse(text, Arch::Amd64).expect_err(text);
            assert!(found == line && told.contains(why), "{text:?}: {found}: {told}");
        }
    }
}
