//! Formats counts and names for sentences.

use std::fmt;

use crate::diagnostics::escape::visible;

/// `a`, `a and b`, `a, b and 3 more`, each name in backticks.
pub fn names(names: &[String]) -> String {
    let tick = |name: &String| format!("`{}`", visible(name.clone()));
    match names {
        [] => String::new(),
        [one] => tick(one),
        [one, two] => format!("{} and {}", tick(one), tick(two)),
        [one, two, three] => format!("{}, {} and {}", tick(one), tick(two), tick(three)),
        [one, two, rest @ ..] => format!("{}, {} and {} more", tick(one), tick(two), rest.len()),
    }
}

/// `1 file`, `2 files`, `1,025 files`.
pub fn number(count: impl TryInto<u64>, of: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {of}"),
        count => format!("{} {of}s", thousands(count)),
    }
}

/// US dollars with cents and thousands marks: `$1,025.40`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "far below 2^53 cents, and never negative")]
pub fn dollars(usd: f64) -> String {
    let cents = (usd * 100.0).round() as u64;
    format!("${}.{:02}", thousands(cents / 100), cents % 100)
}

/// With one digit behind the point: `1,025.4`.
pub fn tenths(number: f64) -> String {
    thousands(format_args!("{number:.1}"))
}

/// A number that is not negative, with thousands marks: `1,025`, `1,025.4`.
pub fn thousands(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place < whole && (whole - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_digit_before_the_point_has_a_mark() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (100_000, "100,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(tenths(1_234.56), "1,234.6");
        assert_eq!(tenths(0.04), "0.0");
        assert_eq!(thousands(1_000.125), "1,000.125");
    }
}
