//! Networks in CIDR notation.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::input::layer::Scalar;
use crate::input::shape::{Shape, Text};

/// A network of IPv4 or IPv6, without bits beyond its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    pub fn is_ipv4(self) -> bool {
        self.network.is_ipv4()
    }

    /// Whether it is wider than any private network: 10.0.0.0/8 and `fc00::/7` (RFC 1918, RFC 4193).
    pub fn is_too_wide(self) -> bool {
        self.prefix < if self.is_ipv4() { 8 } else { 7 }
    }

    /// The network of an address.
    fn of(address: IpAddr, prefix: u8) -> Option<Self> {
        let network = match address {
            IpAddr::V4(address) if prefix <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) if prefix <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
            _ => return None,
        };
        Some(Cidr { network, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

impl Scalar for Cidr {
    fn shape() -> Shape {
        Shape::Text(Text {
            expected: "a network, such as `10.0.0.0/8` or `2001:db8::/32`".to_owned(),
            pattern: "^[0-9a-f.:]+/[0-9]{1,3}$".to_owned(),
            longest: 43,
            examples: &["10.0.0.0/8", "203.0.113.0/24", "2001:db8::/32"],
            or_number: false,
        })
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let Ok(address) = address.parse::<IpAddr>() else { return Err(String::new()) };
        if matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
            return Err("write the IPv4 network itself".to_owned());
        }
        let Some(prefix) = prefix else {
            return Err(format!("did you mean `{address}/{}`?", if address.is_ipv4() { 32 } else { 128 }));
        };
        let number = prefix.parse().ok().filter(|number: &u8| number.to_string() == prefix);
        let network = number.and_then(|prefix| Cidr::of(address, prefix)).ok_or_else(String::new)?;
        // The same network in other words would be another text to those who compare texts.
        if network.to_string() == text { Ok(network) } else { Err(format!("did you mean `{network}`?")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_accepted_in_one_spelling_and_others_get_it_named() {
        for text in ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.7/32", "::/0", "2001:db8::/32", "fd00::1/128"] {
            assert_eq!(Cidr::from_text(text, true).map(|cidr| cidr.to_string()), Ok(text.to_owned()));
        }
        for (text, meant) in [
            ("10.1.2.3/8", "did you mean `10.0.0.0/8`?"),
            ("10.1.2.3", "did you mean `10.1.2.3/32`?"),
            ("2001:DB8::/32", "did you mean `2001:db8::/32`?"),
            ("2001:db8::1/32", "did you mean `2001:db8::/32`?"),
            ("::ffff:10.0.0.0/104", "write the IPv4 network itself"),
            ("10.0.0.0/33", ""),
            ("10.0.0.0/08", ""),
            ("10.0.0/8", ""),
            ("010.0.0.0/8", ""),
            ("any", ""),
        ] {
            assert_eq!(Cidr::from_text(text, true), Err(meant.to_owned()), "{text}");
        }
        let wide = |text| Cidr::from_text(text, true).is_ok_and(Cidr::is_too_wide);
        assert!(wide("0.0.0.0/0") && wide("128.0.0.0/1") && wide("::/0") && wide("2000::/3"));
        assert!(!wide("10.0.0.0/8") && !wide("fc00::/7"));
    }
}
