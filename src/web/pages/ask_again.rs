//! What a form without script is answered when a customer was asked before: the same form, to be sent on purpose.

use askama::Template;

use super::Reader;

/// Renders the page. `to`: where the form goes; `fields`: what was typed, by name.
pub fn ask_again(
    title: &str,
    detail: &str,
    to: &str,
    fields: Vec<(String, String)>,
    reader: &Reader,
) -> Result<String, askama::Error> {
    Page { title, detail, to, fields, reader }.render()
}

#[derive(Template)]
#[template(path = "pages/ask_again.html")]
struct Page<'a> {
    title: &'a str,
    detail: &'a str,
    /// Where it is sent again.
    to: &'a str,
    fields: Vec<(String, String)>,
    reader: &'a Reader,
}
