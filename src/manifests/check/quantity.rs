//! Whole quantities of Kubernetes (apimachinery pkg/api/resource).

use serde_json::Value;

/// Whether it is a whole number with at most one of the suffixes that are used here.
pub(super) fn is_whole(value: &Value) -> bool {
    value.as_u64().is_some() || value.as_str().is_some_and(|text| thousandths(text).is_some())
}

/// CPU in thousandths.
pub(super) fn millicores(value: &Value) -> Option<u64> {
    value.as_u64().and_then(|cores| cores.checked_mul(1000)).or_else(|| thousandths(value.as_str()?))
}

pub(super) fn bytes(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| Some(thousandths(value.as_str()?)? / 1000))
}

/// Vendors state disk sizes in GB.
pub(super) fn gigabytes(count: u64) -> u64 {
    count.saturating_mul(1_000_000_000)
}

pub(super) fn mebibytes(count: u64) -> u64 {
    count.saturating_mul(1 << 20)
}

fn thousandths(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor: u64 = match suffix {
        "m" => 1,
        "" => 1000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_quantities_are_read_and_others_are_not() {
        for (value, cpu, size) in [
            (json!("500m"), Some(500), Some(0)),
            (json!("42"), Some(42_000), Some(42)),
            (json!(1), Some(1000), Some(1)),
            (json!("155Gi"), Some(155_000 << 30), Some(155 << 30)),
            (json!("1140G"), Some(1_140_000_000_000_000), Some(1_140_000_000_000)),
        ] {
            assert_eq!((millicores(&value), bytes(&value), is_whole(&value)), (cpu, size, true), "{value}");
        }
        for odd in
            [json!("1.5Gi"), json!(1.5), json!("Gi"), json!(""), json!("1e3"), json!("-1"), json!(-1), json!("1 Gi")]
        {
            assert!(!is_whole(&odd), "{odd}");
        }
    }
}
