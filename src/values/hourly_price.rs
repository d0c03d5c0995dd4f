//! What an hour of a node costs.

use crate::input::layer::Scalar;
use crate::input::shape::{Shape, Text};

/// US dollars an hour, below 10,000, to a millionth: the precision of the catalogue. 0 for nodes that are paid for anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourlyPrice {
    micros: u64,
}

impl HourlyPrice {
    /// In millionths of a dollar.
    pub const fn micros(self) -> u64 {
        self.micros
    }
}

impl Scalar for HourlyPrice {
    fn shape() -> Shape {
        Shape::Text(Text {
            expected: "US dollars an hour, below 10,000, such as `5.6952`".to_owned(),
            pattern: "^(0|[1-9][0-9]{0,3})(\\.[0-9]{1,6})?$".to_owned(),
            longest: 11,
            examples: &["5.6952", "0.0868", "12"],
            or_number: true,
        })
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        let whole = text.split('.').next().unwrap_or_default();
        let as_written = (whole == "0" || !whole.starts_with('0')) && !text.ends_with('.');
        let price = micros(text).filter(|_| whole.len() <= 4 && as_written);
        price.map(|micros| HourlyPrice { micros }).ok_or_else(String::new)
    }
}

/// Millionths of a decimal number such as `5.6952`, of up to six places; `None` for anything else.
pub fn micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 6 || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<6}").parse().ok()
}
