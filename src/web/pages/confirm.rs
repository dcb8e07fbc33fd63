//! `/confirm`: the confirmation question before an action reaches a customer, for pages without script. A script asks
//! it in place.

use askama::Template;

use super::{CurrentUser, words};

/// Renders the question, with a form that does it and a way back.
pub fn confirm(
    question: &str,
    to: &str,
    back: &str,
    fields: &[(String, String)],
    user: &CurrentUser,
) -> Result<String, askama::Error> {
    let written =
        fields.iter().filter(|(name, value)| matches!(&**name, "content" | "note") && !value.trim().is_empty());
    Page { question, to, back, written: written.map(|(_, value)| &**value).collect(), fields, user }.render()
}

#[derive(Template)]
#[template(path = "pages/confirm.html")]
struct Page<'a> {
    question: &'a str,
    /// Where it is done.
    to: &'a str,
    back: &'a str,
    /// The text that the user wrote, to be checked.
    written: Vec<&'a str>,
    fields: &'a [(String, String)],
    user: &'a CurrentUser,
}
