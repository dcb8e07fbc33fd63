//! `/display`: a screen that waits to be let in. `/displays`: those that are.

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Reader, format};
use crate::web::access::displays::Listed;

/// Renders the page of a display that waits.
pub fn display(code: &str) -> Result<String, askama::Error> {
    // In two halves, as it is read out.
    let (first, second) = code.split_at_checked(code.len() / 2).unwrap_or((code, ""));
    Waiting { code: format!("{first} {second}") }.render()
}

/// Renders the page of those who let displays in.
pub fn displays(
    listed: &[Listed],
    boards: &[String],
    build: &str,
    now: Timestamp,
    zone: &TimeZone,
    reader: &Reader,
) -> Result<String, askama::Error> {
    let rows = listed.iter().map(|it| Row::new(it, build, now, zone)).collect();
    Page { rows, boards, reader }.render()
}

#[derive(Template)]
#[template(path = "pages/display.html")]
struct Waiting {
    code: String,
}

#[derive(Template)]
#[template(path = "pages/displays.html")]
struct Page<'a> {
    rows: Vec<Row>,
    boards: &'a [String],
    reader: &'a Reader,
}

struct Row {
    id: String,
    name: String,
    board: String,
    made_by: String,
    /// The shape beside the state's word.
    mark: &'static str,
    state: &'static str,
    seen: String,
    address: String,
    size: String,
    build: String,
    lag: String,
    until: String,
    is_in: bool,
}

impl Row {
    fn new(listed: &Listed, build: &str, now: Timestamp, zone: &TimeZone) -> Self {
        let Listed { display, seen, sockets } = listed;
        let none = || format::NONE.to_owned();
        let is_in = display.is_in(now);
        let (mark, state) = match (is_in, sockets) {
            (false, _) if display.revoked.is_some() => ("off", "shut out"),
            (false, _) => ("off", "its time is over"),
            (true, 0) => ("down", "not connected"),
            (true, 1) => ("live", "live"),
            (true, _) => ("polling", "live on several screens"),
        };
        Self {
            id: display.id.clone(),
            name: display.name.clone(),
            board: display.board.clone(),
            made_by: display.made_by.clone(),
            mark,
            state,
            seen: display.used.map_or_else(none, |at| format::ago(format::seconds_between(at, now))),
            address: seen.as_ref().and_then(|it| it.address).map_or_else(none, |address| address.to_string()),
            size: seen.as_ref().map_or_else(none, |it| format!("{} × {}", it.size.0, it.size.1)),
            build: seen
                .as_ref()
                .map_or_else(none, |it| if it.build == build { "current".into() } else { it.build.clone() }),
            lag: seen.as_ref().map_or_else(none, |it| format!("{} ms", it.lag.as_millis())),
            until: format::day(display.expires, zone),
            is_in,
        }
    }
}
