//! What a form without script is answered when a customer was asked before: the same form, to be sent on purpose.

use askama::Template;

use super::{CurrentUser, words};

/// Renders the page. `to`: where the form goes; `fields`: what was typed, by name.
pub fn duplicate_request(
    title: &str,
    detail: &str,
    to: &str,
    fields: Vec<(String, String)>,
    user: &CurrentUser,
) -> Result<String, askama::Error> {
    Page { title, detail, to, fields, user }.render()
}

#[derive(Template)]
#[template(path = "pages/duplicate_request.html")]
struct Page<'a> {
    title: &'a str,
    detail: &'a str,
    /// Where it is sent again.
    to: &'a str,
    fields: Vec<(String, String)>,
    user: &'a CurrentUser,
}
