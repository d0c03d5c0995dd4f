//! On-demand list prices. A price that is not in the catalogue is unknown: nothing is derived or guessed.

use std::fmt;
use std::iter::Sum;
use std::ops::Mul;

use crate::catalogue::instances::{self, InstanceType};
use crate::diagnostics::words::thousands;
use crate::values::hourly_price::micros;
use crate::values::name::Region;

/// An amount in millionths of a US dollar, the precision of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd {
    micros: u64,
}

/// Hours of a month in AWS's own estimates.
pub const MONTH_HOURS: u64 = 730;

impl Usd {
    pub const fn from_micros(micros: u64) -> Self {
        Usd { micros }
    }

    pub const fn micros(self) -> u64 {
        self.micros
    }

    /// For JSON: the nearest `f64`.
    #[expect(clippy::cast_precision_loss, reason = "exact up to nine billion dollars")]
    pub fn as_f64(self) -> f64 {
        self.micros as f64 / 1e6
    }

    /// As the catalogue has it: `5.6952`, `0.086`, `5`.
    pub fn plain(self) -> String {
        let text = format!("{}.{:06}", self.micros / 1_000_000, self.micros % 1_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// Parses text such as `5.6952`, up to six places; `None` for anything else.
    fn parse(text: &str) -> Option<Self> {
        micros(text).map(Usd::from_micros)
    }
}

/// With thousands separators and two places, four below one dollar: `$1,025.14`, `$0.0860`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, places) = if self.micros < 1_000_000 && self.micros > 0 { (100, 4) } else { (10_000, 2) };
        let rounded = (self.micros + unit / 2) / unit;
        let scale = 1_000_000 / unit;
        let (whole, fraction) = (thousands(rounded / scale), rounded % scale);
        write!(f, "${whole}.{fraction:0places$}")
    }
}

impl Mul<u64> for Usd {
    type Output = Usd;

    fn mul(self, times: u64) -> Usd {
        Usd { micros: self.micros.saturating_mul(times) }
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Usd>>(parts: I) -> Usd {
        Usd { micros: parts.map(|part| part.micros).fold(0, u64::saturating_add) }
    }
}

/// Regions that the catalogue has prices for.
pub fn regions() -> Vec<String> {
    instances::price_regions().collect()
}

/// What an hour of this type costs in the region: the user's own price, or the list price. `None` if neither is known.
pub fn of(instance: &InstanceType, region: Option<&Region>) -> Option<Usd> {
    let own = instance.own_price.map(|price| Usd::from_micros(price.micros()));
    own.or_else(|| hourly(&instance.name, region?))
}

/// Price of one hour of the type in the region, if the catalogue has it.
pub fn hourly(instance_type: &str, region: &Region) -> Option<Usd> {
    instances::price_text(instance_type, region.as_str()).and_then(Usd::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_keep_every_place_and_print_as_money() {
        for (text, micros, shown) in [
            ("5.6952", 5_695_200, "$5.70"),
            ("0.086", 86_000, "$0.0860"),
            ("5", 5_000_000, "$5.00"),
            ("0.999999", 999_999, "$1.0000"),
            ("1025.136", 1_025_136_000, "$1,025.14"),
            ("1234567.5", 1_234_567_500_000, "$1,234,567.50"),
        ] {
            let price = Usd::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((price.micros(), price.to_string().as_str()), (micros, shown));
        }
        for text in ["5.6952", "0.086", "5", "0.999999", "100", "1234567.5"] {
            assert_eq!(Usd::parse(text).map(Usd::plain).as_deref(), Some(text));
        }
        for odd in ["", ".5", "-1", "1e3", "0.1234567", "1,0", " 1"] {
            assert_eq!(Usd::parse(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn an_unknown_price_is_none() {
        let region = |name| Region::try_from(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(hourly("m6id.24xlarge", &region("us-east-1")), Some(Usd::from_micros(5_695_200)));
        assert_eq!(hourly("m6id.24xlarge", &region("us-west-1")), Some(Usd::from_micros(6_703_200)));
        assert_eq!(hourly("c5ad.large", &region("us-west-1")), None, "an empty column");
        assert_eq!(hourly("m6id.24xlarge", &region("eu-central-1")), None, "no such column");
        assert_eq!(hourly("x1.builder", &region("us-east-1")), None, "no such row");
    }
}
