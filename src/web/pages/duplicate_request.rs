//! The page after a survey form without script for a customer who was already surveyed: the same form, to confirm.

use askama::Template;

use super::{CurrentUser, words};

/// Renders the page. `to`: the form's address; `fields`: the submitted values by name.
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
    /// The form's address.
    to: &'a str,
    fields: Vec<(String, String)>,
    user: &'a CurrentUser,
}
