//! Formats counts and names for sentences.

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

/// `1 file`, `2 files`.
pub fn number(count: usize, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

/// US dollars with cents and thousands marks: `$1,025.40`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "far below 2^53 cents, and never negative")]
pub fn dollars(usd: f64) -> String {
    let cents = (usd * 100.0).round() as u64;
    format!("${}.{:02}", thousands(cents / 100), cents % 100)
}

/// With thousands marks: `1,025`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
