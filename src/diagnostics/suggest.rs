//! Did you mean ...?

use crate::diagnostics::escape::visible;

/// A hint for a name that does not exist: the nearest known name, or all of them.
pub fn did_you_mean_of(found: &str, known: &[&str]) -> String {
    let hint = did_you_mean(found, known.iter().copied())
        .map_or_else(|| format!("expected one of {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    visible(hint)
}

/// The nearest candidate, or `None` if none is near: a few typing errors away, or a longer form of the same word. The
/// first word of a key must be near by itself, because it says what the rest is about: `create_namespace` is not
/// `client_namespaces`.
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
        .filter(|candidate| !is_key(candidate) || begins_alike(found, candidate))
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(slips, _)| *slips <= limit)
        .min()
        .map(|(_, near)| near)
}

fn is_key(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether `found` begins with the first word of the candidate, up to a typing error or a missing end, or lacks only that
/// word: `build_minutes` for `max_build_minutes`. One word alone may be about something else: `tolerations` are not
/// `lb_tolerations`.
fn begins_alike(found: &str, candidate: &str) -> bool {
    let first = |text: &str| text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
    let (begun, word) = (first(found), first(candidate));
    let length = word.chars().count();
    let start: String = found.chars().take(length).collect();
    let is_near = |text: &str| strsim::damerau_levenshtein(text, &word) <= (length / 3).max(1);
    let is_rest = candidate.strip_suffix(found).is_some_and(|word| word.ends_with('_')) && found.contains('_');
    word.starts_with(&begun) || is_near(&begun) || is_near(&start) || is_rest
}
