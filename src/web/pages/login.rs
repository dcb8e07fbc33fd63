//! `/login`: sign in.

use askama::Template;

use super::words;
use crate::domain::Role;

/// The page.
#[derive(Debug)]
pub struct LoginPage<'a> {
    /// Whether the browser is signed in already.
    pub is_in: bool,
    /// Where to go afterwards: a page of ours.
    pub then: &'a str,
    /// The name that was tried.
    pub username: &'a str,
    /// Why the sign-in was refused. Empty: there was none.
    pub trouble: &'a str,
    /// The roles of the demo. Empty: this is no demo.
    pub parts: &'a [Role],
    /// Whether no sign-in is possible.
    pub is_shut: bool,
    /// Whether the page was reached over TLS.
    pub is_secure: bool,
}

/// Renders the page.
pub fn login(page: &LoginPage<'_>) -> Result<String, askama::Error> {
    Page { page }.render()
}

#[derive(Template)]
#[template(path = "pages/login.html")]
struct Page<'a> {
    page: &'a LoginPage<'a>,
}
