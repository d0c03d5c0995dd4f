//! From the text of a record to its builds, and what is odd about them.

use crate::simulation::arrivals::{Arrival, MAX_BUILDS, MAX_HOURS};
use crate::simulation::calendar::iso_8601;
use crate::simulation::record::columns::Places;
use crate::simulation::record::judge::{MEDIAN_S, Wrong, spans_too_long, unit};
use crate::simulation::record::rows::Rows;
use crate::values::arch::Arch;

/// Unix time up to the year 2286.
const LATEST_S: f64 = 1e10;
/// A week.
const LONGEST_S: f64 = 604_800.0;
/// Rows that a warning names.
const SHOWN: usize = 3;

/// The builds of an architecture, and rows to look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedRecord {
    /// In the order of time.
    pub builds: Vec<Arrival>,
    /// How many are longer than a fleet's builds may be, and the lines of the first of them.
    pub too_long: (u64, Vec<usize>),
}

/// One row, in seconds, with its line.
#[derive(Clone, Copy, Debug)]
struct RecordRow {
    line: usize,
    start_s: f64,
    duration_s: f64,
}

/// The records of a CSV that are of this architecture, or of none; on failure the line's number and what is wrong with it.
pub fn parse(text: &str, arch: Arch) -> Result<Vec<Arrival>, Wrong> {
    Ok(parse_judged(text, arch, f64::INFINITY)?.builds)
}

/// The same, and which builds take longer than these seconds.
pub fn parse_judged(text: &str, arch: Arch, longest_s: f64) -> Result<ParsedRecord, Wrong> {
    let mut rows = Rows::of(text.trim_start_matches('\u{feff}'));
    let mut found: Vec<(f64, f64)> = Vec::new();
    let mut too_long = (0, Vec::new());
    let mut builds = 0_u64;
    let mut places = Places::USUAL;
    // Each with its line; the first build that takes more than a day.
    let (mut earliest, mut latest, mut day_long) = ((f64::INFINITY, 0), (0.0, 0), None);
    while let Some(line) = rows.next()? {
        let fields: Vec<&str> = rows.record.iter().map(str::trim).collect();
        if builds == 0
            && let Some(named) = Places::named(&fields)
        {
            places = named.map_err(|why| (line, why))?;
            continue;
        }
        let (row, of) = read(line, &fields, &places).map_err(|why| (line, why))?;
        builds += 1;
        if of.is_none_or(|of| of == arch) {
            let RecordRow { line, start_s, duration_s } = row;
            found.push((start_s, duration_s));
            if start_s < earliest.0 {
                earliest = (start_s, line);
            }
            if start_s >= latest.0 {
                latest = (start_s, line);
            }
            if duration_s > MEDIAN_S {
                day_long.get_or_insert((line, duration_s));
            }
            if duration_s > longest_s {
                too_long.0 += 1;
                if too_long.1.len() < SHOWN {
                    too_long.1.push(line);
                }
            }
        }
        if builds > MAX_BUILDS {
            return Err((line, format!("more than {MAX_BUILDS} builds")));
        }
    }
    if builds == 0 {
        return Err((1, "the file contains no builds: expected lines of `start,duration` in seconds, or a header such as `start,duration,arch` and lines of that".to_owned()));
    }
    if let Some((line, duration)) = day_long {
        unit(line, duration, &found)?;
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    if latest.0 - earliest.0 > MAX_HOURS * 3600.0 {
        return Err(spans_too_long(earliest, latest, found[found.len() / 2].0));
    }
    let first = earliest.0;
    let builds = found
        .into_iter()
        .map(|(start, duration)| Arrival { at_ms: millis(start - first), duration_ms: millis(duration).max(1) })
        .collect();
    Ok(ParsedRecord { builds, too_long })
}

/// One row, and its architecture, if it has one.
fn read(line: usize, fields: &[&str], places: &Places) -> Result<(RecordRow, Option<Arch>), String> {
    places.hold(fields.len())?;
    let of = match fields.get(places.arch) {
        // `linux/arm64/v8`, as BuildKit and docker write a platform.
        Some(of) => Some(
            Arch::named(of.strip_prefix("linux/").map_or(*of, |of| of.split('/').next().unwrap_or(of)))
                .ok_or_else(|| format!("`{}` is not an architecture: expected amd64 or arm64", shown(of)))?,
        ),
        None => None,
    };
    let seconds = |name: &str, text: &str, most: f64, or: &str| {
        let number = text.parse::<f64>().ok();
        number.filter(|seconds| (0.0..=most).contains(seconds)).ok_or_else(|| {
            let hint = match number {
                Some(number) if number > most && number / 1000.0 <= most => {
                    ": it looks like milliseconds, divide it by 1000"
                }
                Some(_) => "",
                None => or,
            };
            format!("`{}` is not a {name} in seconds, from 0 to {most}{hint}", shown(text))
        })
    };
    let start = fields[places.start];
    let start_s = match iso_8601(start).filter(|start| (0.0..=LATEST_S).contains(start)) {
        Some(start) => start,
        None => seconds("start", start, LATEST_S, ", nor a time such as `2026-11-25T01:52:13Z`")?,
    };
    let duration_s = seconds("duration", fields[places.duration], LONGEST_S, "")?;
    Ok((RecordRow { line, start_s, duration_s }, of))
}

fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
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
    fn columns_are_found_by_their_names_and_whatever_separates_them() {
        let plain = parse("1764028800,60,amd64\n1764028830.5,61,arm64\n1764028860,62,amd64\n", Arch::Amd64);
        assert!(plain.is_ok());
        for text in [
            "start;duration;arch\n1764028800;60;amd64\n1764028830.5;61;arm64\n1764028860;62;amd64\n",
            "1764028800\t60\tamd64\n1764028830.5\t61\tarm64\n1764028860\t62\tamd64\n",
            "1764028800,\t60,\tamd64\n1764028830.5, 61, arm64\n1764028860,62,amd64\n",
            "# a; comment\n\n\"a;b\",Platform,Started_At,seconds\nx,linux/amd64,1764028800,60\ny,linux/arm64/v8,1764028830.5,61\nz,amd64,1764028860,62\n",
            "\"arch\";\"time\";\"length\"\r\n\"amd64\";\"1764028800\";\"60\"\r\n\"arm64\";\"1764028830.5\";\"61\"\r\n\"amd64\";\"1764028860\";\"62\"",
            "duration_s,timestamp,repo,architecture\n60,1764028800,a,amd64\n61,1764028830.5,b,arm64\n62,1764028860,\"a,b\",amd64\n",
            "begin,duration s,time,arch\n2025-11-25T00:00:00Z,60,,amd64\n2025-11-25T00:00:30.5Z,61,,arm64\n2025-11-25T01:01:00+01:00,62,,amd64\n",
            "started,duration\n1764028800,60\n1764028830.5,61,arm64\n1764028860,62,amd64\n",
        ] {
            assert_eq!(parse(text, Arch::Amd64), plain, "{text}");
        }
    }

    #[test]
    fn builds_that_are_longer_than_the_fleet_allows_are_counted_with_their_lines() {
        let text = "start,duration,arch\n1,7201\n2,7200\n3,9000,arm64\n4,9000,amd64\n5,9000\n6,9000\n7,9000\n";
        let too_long = |arch| parse_judged(text, arch, 7200.0).map(|parsed| parsed.too_long);
        assert_eq!(too_long(Arch::Amd64), Ok((5, vec![2, 5, 6])));
        assert_eq!(too_long(Arch::Arm64), Ok((5, vec![2, 4, 6])));
        // Half of them are not more than half.
        assert_eq!(
            parse_judged("1,60\n1,120000\n", Arch::Amd64, 7200.0).map(|parsed| parsed.too_long),
            Ok((1, vec![2]))
        );
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
            ("2026-11-25,60\n", 1, "nor a time such as `2026-11-25T01:52:13Z`"),
            ("2026-11-25T24:00:00Z,60\n", 1, "not a start"),
            ("1969-11-25T00:00:00Z,60\n", 1, "not a start"),
            (
                "1764028800000,60\n",
                1,
                "`1764028800000` is not a start in seconds, from 0 to 10000000000: it looks like milliseconds",
            ),
            ("1,1200000\n", 1, "`1200000` is not a duration in seconds, from 0 to 604800: it looks like milliseconds"),
            (
                "1,60\n1,120000\n1,400000\n",
                2,
                "a duration of 120000 s, as more than half of the builds have: these look like milliseconds",
            ),
            (
                "id,start,end\n7,1,2\n",
                1,
                "the header has no column of durations: expected `start,duration,arch`, or for durations also `duration_s`, `seconds` or `length`; found `id`, `start` and `end`",
            ),
            ("duration;arch\n7;amd64\n", 1, "the header has no column of starts: expected `start,duration,arch`"),
            ("a,duration,b,c,d\n", 1, "found `a`, `duration` and 3 more"),
            ("start\u{1b}[2J,duration\n", 1, "found `start\\u{1b}[2j` and `duration`"),
            ("began,took\n1,2\n", 1, "`began` is not a start"),
            ("id,start,duration\n7,1,2,amd64\n", 2, "expected the fields of the header, up to 3, found 4 fields"),
            ("id,start,duration\n7,1\n", 2, "found 2 fields"),
            ("start,duration,arch\n1,2,linux/s390x\n", 2, "`linux/s390x` is not an architecture"),
            ("1;2\n3,4\n", 2, "found 1 fields"),
            ("1,2\n3;4\n", 2, "found 1 fields"),
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
