//! Durations on the command line: a fixed one, or a distribution.

use std::fmt;
use std::str::FromStr;

use crate::simulation::random::Random;

/// 90th percentile of the standard normal distribution.
const NORMAL_P90: f64 = 1.281_551_565_544_6;
/// A year: nothing here takes longer, and sums stay in range.
const LONGEST_MS: u64 = 366 * 24 * 3_600_000;

/// A duration in milliseconds: `90s`, `20m`, `2h`, `1h30m`. A number without a unit is refused: it could mean seconds or
/// minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub u64);

impl Length {
    pub const fn minutes(minutes: u64) -> Self {
        Length(minutes * 60_000)
    }

    #[expect(clippy::cast_precision_loss, reason = "for sums of money")]
    pub fn hours(self) -> f64 {
        self.0 as f64 / 3_600_000.0
    }
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused =
            || format!("`{text}` is not a duration: expected a value such as `90s`, `20m` or `1h30m`, up to a year");
        let mut rest = text.trim();
        let mut total = 0.0;
        if plain(rest) {
            // 0 is 0 in any unit.
            let unit_is_missing = || format!("`{rest}` has no unit: write `{rest}s`, `{rest}m` or `{rest}h`");
            return if rest == "0" { Ok(Length(0)) } else { Err(unit_is_missing()) };
        }
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(refused)?;
            let number: f64 = rest[..end].parse().map_err(|_| refused())?;
            let unit_end = rest[end..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| end + at);
            let unit = match &rest[end..unit_end] {
                "ms" => 1.0,
                "s" => 1_000.0,
                "m" => 60_000.0,
                "h" => 3_600_000.0,
                _ => return Err(refused()),
            };
            total += number * unit;
            rest = &rest[unit_end..];
        }
        millis(total).filter(|_| !text.trim().is_empty()).map(Length).ok_or_else(refused)
    }
}

/// Digits and at most one dot: no sign, no exponent.
fn plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "checked")]
fn millis(ms: f64) -> Option<u64> {
    (0.0..=LONGEST_MS as f64).contains(&ms).then(|| ms.round() as u64)
}

/// `45 s`, `3.5 min`, `2 h 15 min`.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = (self.0 + 500) / 1000;
        match seconds {
            0..=119 => write!(f, "{seconds} s"),
            120..=7199 => {
                let tenths = (self.0 + 3000) / 6000;
                if tenths.is_multiple_of(10) {
                    write!(f, "{} min", tenths / 10)
                } else {
                    write!(f, "{}.{} min", tenths / 10, tenths % 10)
                }
            }
            _ => {
                let minutes = (seconds + 30) / 60;
                if minutes.is_multiple_of(60) {
                    write!(f, "{} h", minutes / 60)
                } else {
                    write!(f, "{} h {} min", minutes / 60, minutes % 60)
                }
            }
        }
    }
}

/// A distribution of durations: `20m` constant, `10m..30m` uniform, `exp:20m` exponential with this mean,
/// `lognormal:15m,60m` log-normal with this median and 90th percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    Always(Length),
    Evenly(Length, Length),
    /// By its mean.
    Exponential(Length),
    /// By its median and its 90th percentile.
    Lognormal(Length, Length),
}

impl Spread {
    /// Draws a duration of at least a millisecond.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "cut to a year"
    )]
    pub fn draw(self, random: &mut Random) -> u64 {
        let ms = match self {
            Spread::Always(length) => return length.0.max(1),
            Spread::Evenly(low, high) => low.0 as f64 + random.unit() * (high.0 - low.0) as f64,
            Spread::Exponential(mean) => random.exponential(mean.0 as f64),
            Spread::Lognormal(median, p90) => {
                let sigma = (p90.0 as f64 / median.0 as f64).ln() / NORMAL_P90;
                median.0 as f64 * (sigma * random.normal()).exp()
            }
        };
        (ms as u64).clamp(1, LONGEST_MS)
    }
}

impl FromStr for Spread {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let some = |length: Length| {
            if length.0 == 0 { Err(format!("`{text}` is zero: expected a duration above 0")) } else { Ok(length) }
        };
        if let Some(mean) = text.strip_prefix("exp:") {
            return Ok(Spread::Exponential(some(mean.parse()?)?));
        }
        if let Some(rest) = text.strip_prefix("lognormal:") {
            let (median, p90) = rest
                .split_once(',')
                .ok_or_else(|| format!("`{text}` needs a median and a 90th percentile: `lognormal:15m,60m`"))?;
            let (median, p90) = (some(median.parse()?)?, some(p90.parse()?)?);
            if p90 < median {
                return Err(format!("`{text}`: the 90th percentile is below the median"));
            }
            return Ok(Spread::Lognormal(median, p90));
        }
        if let Some((low, high)) = text.split_once("..") {
            let (low, high) = (low.parse::<Length>()?, some(high.parse()?)?);
            if high < low {
                return Err(format!("`{text}`: the second duration is shorter than the first"));
            }
            return Ok(Spread::Evenly(low, high));
        }
        Ok(Spread::Always(text.parse()?))
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spread::Always(length) => write!(f, "{length}"),
            Spread::Evenly(low, high) => write!(f, "{low} to {high}"),
            Spread::Exponential(mean) => write!(f, "exponential with mean {mean}"),
            Spread::Lognormal(median, p90) => write!(f, "log-normal with median {median} and p90 {p90}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::random::Stream;

    #[test]
    fn lengths_are_read_with_their_units_and_nothing_else_is() {
        for (text, ms, shown) in [
            ("20m", 1_200_000, "20 min"),
            ("90s", 90_000, "90 s"),
            ("1h30m", 5_400_000, "90 min"),
            ("2.5m", 150_000, "2.5 min"),
            ("3h", 10_800_000, "3 h"),
            ("250ms", 250, "0 s"),
            ("0", 0, "0 s"),
            ("8000s", 8_000_000, "2 h 13 min"),
        ] {
            let length: Length = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((length.0, length.to_string().as_str()), (ms, shown), "{text}");
        }
        for odd in ["", " ", "20", "1.5", "-1", "1e3", "NaN", "inf", "m", "5x", "5 m", "1h30", "9000h", "1..2m", "٣m"]
        {
            assert!(odd.parse::<Length>().is_err(), "{odd:?}");
        }
    }

    #[test]
    fn spreads_draw_what_they_say() {
        let mut random = Random::new(3, 0, Stream::Durations);
        let mut draws = |text: &str| {
            let spread: Spread = text.parse().unwrap_or_else(|error| panic!("{error}"));
            let mut drawn: Vec<u64> = (0..50_000).map(|_| spread.draw(&mut random)).collect();
            drawn.sort_unstable();
            drawn
        };
        let near = |found: u64, wanted: f64| {
            let found = f64::from(u32::try_from(found).unwrap_or(u32::MAX));
            assert!((found / wanted - 1.0).abs() < 0.03, "{found} is not near {wanted}");
        };
        assert!(draws("20m").iter().all(|ms| *ms == 1_200_000));
        let even = draws("10m..30m");
        near(even[25_000], 1_200_000.0);
        assert!(even[0] >= 600_000 && even[49_999] <= 1_800_000);
        near(draws("exp:20m").iter().sum::<u64>() / 50_000, 1_200_000.0);
        let lognormal = draws("lognormal:15m,60m");
        near(lognormal[25_000], 900_000.0);
        near(lognormal[45_000], 3_600_000.0);
        for odd in ["exp:", "exp:0", "lognormal:5m", "lognormal:5m,1m", "30m..10m", "..", "x..5m"] {
            assert!(odd.parse::<Spread>().is_err(), "{odd:?}");
        }
    }
}
