//! Any bytes as a record of arrivals.
#![no_main]

#[path = "../promises.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    promises::arrivals(bytes);
});
