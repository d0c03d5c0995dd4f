//! What the fuzz targets have met, in every run of the tests: `just fuzz` looks for more.

#[path = "../../fuzz/promises.rs"]
mod promises;

use crate::support;

/// Every file of a corpus keeps the promises; how many were accepted, of how many.
fn replay(corpus: &str, look: fn(&[u8]) -> bool) -> (usize, usize) {
    let dir = support::repository().join("fuzz/corpus").join(corpus);
    let files = support::walk(&dir);
    let accepted = files.iter().filter(|path| {
        let bytes = std::fs::read(dir.join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        look(&bytes)
    });
    (accepted.count(), files.len())
}

#[test]
fn every_clusters_yaml_of_the_corpus_keeps_the_promises() {
    let (accepted, all) = replay("clusters", promises::clusters);
    assert!(accepted > 5 && accepted < all, "{accepted} of {all} accepted");
}

#[test]
fn every_record_of_arrivals_of_the_corpus_keeps_the_promises() {
    let (accepted, all) = replay("arrivals", promises::arrivals);
    assert!(accepted > 1 && accepted < all, "{accepted} of {all} accepted");
}
