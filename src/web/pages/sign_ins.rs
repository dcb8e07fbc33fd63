//! `/sign-ins`: the user's sign-ins, or those of all users.

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{CurrentUser, format, words};
use crate::actions::sign_in::SignInSummary;
use crate::domain::Role;

/// Renders the page: `here` is the sign-in that requests it.
pub fn sign_ins(
    listed: &[SignInSummary],
    here: Option<&str>,
    now: Timestamp,
    zone: &TimeZone,
    user: &CurrentUser,
) -> Result<String, askama::Error> {
    let rows = listed.iter().map(|it| Row {
        id: it.id.clone(),
        name: it.name.clone(),
        role: words::role(it.role.as_str()).to_owned(),
        began: format::moment(it.began, zone, now),
        used: format::ago(format::seconds_between(it.used, now)),
        address: it.client.address.map_or_else(|| format::NONE.to_owned(), |address| address.to_string()),
        browser: it.client.browser.clone().unwrap_or_else(|| format::NONE.to_owned()),
        sockets: it.sockets,
        here: here == Some(&it.id),
    });
    Page { rows: rows.collect(), all_users: user.role == Role::Administrator, user }.render()
}

#[derive(Template)]
#[template(path = "pages/sign_ins.html")]
struct Page<'a> {
    rows: Vec<Row>,
    all_users: bool,
    user: &'a CurrentUser,
}

struct Row {
    id: String,
    name: String,
    role: String,
    began: String,
    used: String,
    address: String,
    browser: String,
    sockets: usize,
    here: bool,
}
