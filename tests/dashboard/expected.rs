//! What each query must give, of the load balancer's clients in `data` and of the pages.

/// What a query gives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// One series with this value.
    Is(f64),
    /// Series with values above 0.
    Positive,
    /// Series with any values.
    Any,
}

use Expected::{Any, Is, Positive};

impl Expected {
    pub(crate) fn is_met(self, values: &[f64]) -> bool {
        match self {
            Is(value) => matches!(values, [one] if (one - value).abs() < 1e-9 * value.max(1.0)),
            Positive => !values.is_empty() && values.iter().all(|value| *value > 0.0),
            Any => !values.is_empty() && values.iter().all(|value| value.is_finite()),
        }
    }
}

/// Panel, query, and what it gives.
pub(crate) const ALL: &[(u64, &str, Expected)] = &[
    // amd64 has one pod, with a build, and a client in its queue; arm64 has none, and holds one client.
    (101, "A", Is(1.0)),
    (101, "B", Is(1.0)),
    (101, "C", Is(1.0)),
    (101, "D", Is(3.0)),
    (101, "E", Is(8.0)),
    (102, "A", Is(0.0)),
    (102, "B", Is(1.0)),
    (102, "C", Is(0.0)),
    (102, "D", Is(2.0)),
    (102, "E", Is(6.0)),
    (201, "A", Any),
    (201, "B", Any),
    (202, "A", Any),
    (202, "B", Any),
    (301, "A", Is(1.0)),
    (301, "B", Is(0.0)),
    (302, "A", Is(0.0)),
    (302, "B", Is(1.0)),
    (303, "A", Positive),
    (303, "B", Positive),
    (304, "A", Positive),
    (304, "B", Positive),
    (401, "A", Is(2.0)),
    (401, "B", Is(1.0)),
    (401, "C", Is(1.0)),
    // On-demand prices of us-east-1.
    (402, "A", Is(2.0 * 5.6952)),
    (402, "B", Is(2.8476)),
    (402, "C", Is(PRICE_OF_M8GD)),
    (403, "A", Is(2.0 * 5.6952 + 2.8476 + PRICE_OF_M8GD)),
    // The node of the load balancer has less.
    (501, "A", Is(0.25)),
    (501, "B", Is(0.75)),
    (502, "A", Is(1.0)),
    (502, "B", Is(0.0)),
    (601, "A", Is(2.0)),
    (601, "B", Is(2.0)),
    (602, "A", Is(1.0)),
    (602, "B", Is(1.0)),
    (603, "A", Positive),
    (603, "B", Positive),
    (604, "A", Positive),
    (701, "A", Is(1.26e8)),
    (701, "B", Is(268_435_456.0)),
    (702, "A", Positive),
    (702, "B", Positive),
    (703, "A", Positive),
    (801, "A", Positive),
];

const PRICE_OF_M8GD: f64 = 5.535_36;
