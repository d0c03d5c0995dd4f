//! Instance types and their prices.

pub mod ami;
pub mod instances;
pub mod price;
