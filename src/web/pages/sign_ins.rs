//! `/sign-ins`: where somebody is signed in, or who all is.

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::format;
use super::frame::NAVIGATION;
use crate::actions::sign_in::Listed;

/// Renders the page: `here` is the sign-in that asks.
pub fn sign_ins(
    listed: &[Listed],
    everybody: bool,
    here: Option<&str>,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<String, askama::Error> {
    let rows = listed.iter().map(|it| Row {
        id: it.id.clone(),
        name: it.name.clone(),
        role: it.role.to_string(),
        began: format::clock(it.began, zone),
        used: format::ago(format::seconds_between(it.used, now)),
        address: it.from.address.map_or_else(|| format::NONE.to_owned(), |address| address.to_string()),
        browser: it.from.browser.clone().unwrap_or_else(|| format::NONE.to_owned()),
        sockets: it.sockets,
        here: here == Some(&it.id),
    });
    Page { rows: rows.collect(), everybody }.render()
}

#[derive(Template)]
#[template(path = "pages/sign_ins.html")]
struct Page {
    rows: Vec<Row>,
    everybody: bool,
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
