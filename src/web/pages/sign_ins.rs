//! `/sign-ins`: where somebody is signed in, or who all is.

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Reader, format};
use crate::actions::sign_in::Listed;
use crate::domain::Role;

/// Renders the page: `here` is the sign-in that asks.
pub fn sign_ins(
    listed: &[Listed],
    here: Option<&str>,
    now: Timestamp,
    zone: &TimeZone,
    reader: &Reader,
) -> Result<String, askama::Error> {
    let rows = listed.iter().map(|it| Row {
        id: it.id.clone(),
        name: it.name.clone(),
        role: it.role.to_string(),
        began: format::moment(it.began, zone, now),
        used: format::ago(format::seconds_between(it.used, now)),
        address: it.from.address.map_or_else(|| format::NONE.to_owned(), |address| address.to_string()),
        browser: it.from.browser.clone().unwrap_or_else(|| format::NONE.to_owned()),
        sockets: it.sockets,
        here: here == Some(&it.id),
    });
    Page { rows: rows.collect(), everybody: reader.role == Role::Administrator, reader }.render()
}

#[derive(Template)]
#[template(path = "pages/sign_ins.html")]
struct Page<'a> {
    rows: Vec<Row>,
    everybody: bool,
    reader: &'a Reader,
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
