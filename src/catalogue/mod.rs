//! Instance types and their prices.

pub mod instances;
pub mod price;
