//! The most similar of several names, for "did you mean".

/// The candidate that is most similar to `name`, or an empty one where there is none.
pub(super) fn most_similar(name: &str, candidates: impl IntoIterator<Item = String>) -> String {
    let best = candidates.into_iter().max_by(|left, right| similarity(name, left).total_cmp(&similarity(name, right)));
    best.unwrap_or_default()
}

/// From 0 to 2. The last part of a path counts twice: a key in the wrong section is as common as a typing error.
fn similarity(key: &str, known: &str) -> f64 {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    strsim::normalized_damerau_levenshtein(key, known)
        + strsim::normalized_damerau_levenshtein(&last(key), &last(known))
}
