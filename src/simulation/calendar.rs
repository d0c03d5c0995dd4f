//! Dates to Unix time, in the Gregorian calendar and in UTC.

/// Days since 1970-01-01 of a date; none if there is no such day. Days are counted in eras of 400 years that begin in March.
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Seconds of a day, up to a leap second.
pub fn seconds_of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    valid.then_some(hour * 3600 + minute * 60 + second)
}

/// A whole number of digits only.
pub fn digits(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Unix time in seconds of a date of ISO 8601: `2026-11-25T01:52:13.573Z`, with an offset such as `+01:00`, a space instead
/// of the `T`, or without a zone, which is UTC.
pub fn iso_8601(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.split('-');
    let day = days(number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?)?;
    if date.next().is_some() {
        return None;
    }
    let time_end = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(time_end);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = whole.split(':');
    let seconds = seconds_of_day(
        number(parts.next()?, 2)?,
        number(parts.next()?, 2)?,
        parts.next().map_or(Some(0), |part| number(part, 2))?,
    )?;
    if parts.next().is_some() || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let offset = match zone {
        "" | "Z" | "z" => 0,
        _ => {
            let (hours, minutes) = match zone[1..].split_once(':') {
                Some(parts) => parts,
                None if zone.len() == 5 => zone[1..].split_at(2),
                None => (&zone[1..], "00"),
            };
            let offset = seconds_of_day(number(hours, 2)?, number(minutes, 2)?, 0)?;
            if zone.starts_with('-') { -offset } else { offset }
        }
    };
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "a date of four digits")]
    let whole = (day * 86_400 + seconds - offset) as f64;
    Some(whole + fraction)
}

fn number(text: &str, length: usize) -> Option<i64> {
    digits(text).filter(|_| text.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (date, expected) in [
            ((1970, 1, 1), Some(0)),
            ((1969, 12, 31), Some(-1)),
            ((2000, 2, 29), Some(11_016)),
            ((2024, 2, 29), Some(19_782)),
            ((2026, 11, 25), Some(20_782)),
            ((2100, 2, 29), None),
            ((2026, 4, 31), None),
            ((2026, 13, 1), None),
            ((2026, 1, 0), None),
        ] {
            assert_eq!(days(date.0, date.1, date.2), expected, "{date:?}");
        }
    }

    #[test]
    fn dates_of_iso_8601_are_read_in_their_zone() {
        for (text, expected) in [
            ("2026-11-25T01:52:13.5Z", Some(1_795_571_533.5)),
            ("2026-11-25 01:52:13", Some(1_795_571_533.0)),
            ("2026-11-25T02:52:13+01:00", Some(1_795_571_533.0)),
            ("2026-11-24T20:52:13-0500", Some(1_795_571_533.0)),
            ("2026-11-25T02:52:13+01", Some(1_795_571_533.0)),
            ("2026-11-25T01:52Z", Some(1_795_571_520.0)),
            ("2026-11-25", None),
            ("2026-11-25T25:52:13Z", None),
            ("2026-1-25T01:52:13Z", None),
            ("2026-11-25T01:52:13.Z", None),
            ("2026-11-25T01:52:13+1:00", None),
            ("2026-11-25T01:52:13Zulu", None),
            ("2026-11-25T01:52:13+é0", None),
        ] {
            assert_eq!(iso_8601(text), expected, "{text}");
        }
    }
}
