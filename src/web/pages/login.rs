//! `/login`: the door.

use askama::Template;

use crate::domain::Role;

/// What the door says.
#[derive(Debug)]
pub struct LoginPage<'a> {
    /// Whether the browser is signed in already.
    pub is_in: bool,
    /// Where to go afterwards: a page of ours.
    pub then: &'a str,
    /// The name that was tried.
    pub username: &'a str,
    /// Why nobody was let in. Empty: nobody has tried.
    pub trouble: &'a str,
    /// Whom one may play. Empty: this is no demo.
    pub parts: &'a [Role],
    /// Whether nobody can be let in.
    pub is_shut: bool,
    /// Whether the page was reached over TLS.
    pub is_secure: bool,
}

/// Renders the page.
pub fn login(page: &LoginPage<'_>) -> Result<String, askama::Error> {
    Page { page }.render()
}

/// Who somebody is in the demo, and what they do.
pub(super) fn part(role: &Role) -> (&'static str, &'static str) {
    match role {
        Role::Display => ("Display", "a screen on the wall"),
        Role::Agent => ("Agent", "sees their own day, and what customers said about it"),
        Role::TeamLead => ("Team lead", "sees a team, and answers its customers"),
        Role::Supervisor => ("Supervisor", "sees a business unit, and acts on agents and contacts"),
        Role::Administrator => ("Administrator", "sees everything, the audit, and who is in"),
    }
}

#[derive(Template)]
#[template(path = "pages/login.html")]
struct Page<'a> {
    page: &'a LoginPage<'a>,
}
