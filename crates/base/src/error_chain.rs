//! Errors for people: the chain of sources in one sentence.

use std::error::Error;

/// The error and its sources (the error chain) as one sentence.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{}: {part}", text.trim_end_matches('.'));
        }
        cause = error.source();
    }
    let mut letters = text.chars();
    let sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if sentence.ends_with('.') { sentence } else { format!("{sentence}.") }
}
