//! Errors as people read them.

use std::error::Error;

/// An error with its causes as one sentence.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !story.contains(&part) {
            story = format!("{}: {part}", story.trim_end_matches('.'));
        }
        cause = error.source();
    }
    let mut letters = story.chars();
    let sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if sentence.ends_with('.') { sentence } else { format!("{sentence}.") }
}
