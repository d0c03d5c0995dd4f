//! Did you mean ...?

use crate::diagnostics::escape::visible;

/// A hint for a name that does not exist: the nearest known name, or all of them.
pub fn did_you_mean_of(found: &str, known: &[&str]) -> String {
    let hint = did_you_mean(found, known.iter().copied())
        .map_or_else(|| format!("expected one of {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    visible(hint)
}

/// The nearest candidate, or `None` if none is near: a few typing errors away, or a longer form of the same word.
pub fn did_you_mean<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances to very long input cost quadratic time, and such input is never near.
    if !(2..=100).contains(&found.len()) {
        return None;
    }
    // Two errors in a short word make a different word; one in three letters is a typing error.
    let limit = (found.chars().count().clamp(3, 24) / 3).max(1);
    let distance = |candidate: &str| {
        let slips = strsim::damerau_levenshtein(found, candidate);
        if candidate.starts_with(found) { slips.min(limit) } else { slips }
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(slips, _)| *slips <= limit)
        .min()
        .map(|(_, near)| near)
}
