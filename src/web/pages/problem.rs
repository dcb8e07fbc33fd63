//! The page for what is not there, may not be seen, or went wrong.

use askama::Template;

use super::frame::NAVIGATION;

/// Renders a page that says what is the matter and what to do. It needs no document, so it works when nothing else does.
pub fn problem(status: u16, title: &str, detail: &str) -> Result<String, askama::Error> {
    Page { status, title, detail }.render()
}

#[derive(Template)]
#[template(path = "pages/problem.html")]
struct Page<'a> {
    status: u16,
    title: &'a str,
    detail: &'a str,
}
