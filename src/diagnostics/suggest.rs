//! Did you mean ...?

use crate::diagnostics::escape::visible;

/// A hint at what was meant by a name that does not exist: the nearest of those that do, or all of them.
pub fn did_you_mean_of(found: &str, known: &[&str]) -> String {
    let hint = did_you_mean(found, known.iter().copied())
        .map_or_else(|| format!("expected one of {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    visible(hint)
}

/// The nearest of the candidates, or nothing when none is near: a few slips away, or a longer form of the same word.
pub fn did_you_mean<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances to absurdly long input cost quadratic time and are never near.
    if !(2..=100).contains(&found.len()) {
        return None;
    }
    // Two slips in a short word make another word; one in three letters is a typing error.
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
