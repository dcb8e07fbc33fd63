//! The page for what is not there, may not be seen, or went wrong.

use askama::Template;

use super::frame::navigation;
use super::words;

/// Renders a page that says what is the matter and what to do. It needs no document, so it works when nothing else
/// does.
pub fn problem(title: &str, detail: &str, next: &str) -> Result<String, askama::Error> {
    Page { title, detail, next }.render()
}

#[derive(Template)]
#[template(path = "pages/problem.html")]
struct Page<'a> {
    title: &'a str,
    detail: &'a str,
    next: &'a str,
}
