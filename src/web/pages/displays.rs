//! `/display`: a screen that waits to be paired. `/displays`: paired displays.

use std::collections::HashMap;
use std::fmt::Display;

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{CurrentUser, format, words};
use crate::actions::displays::DisplayStatus;
use crate::store::{DisplayLogin, DisplayLoginOutcome};

/// What a display shows before it is paired.
pub enum PairingState<'a> {
    /// Its code.
    Code(&'a str),
    /// Why it has none yet, and the seconds until it asks again.
    Later {
        /// A sentence.
        why: &'a str,
        /// Until it asks again.
        seconds: u64,
    },
    /// Its token was refused; the seconds until it shows a code.
    Refused {
        /// Whether the token is bound to another browser.
        is_others: bool,
        /// Until it shows a code.
        seconds: u64,
    },
}

/// Renders the page of a display that is not paired.
pub fn display(waiting: &PairingState<'_>) -> Result<String, askama::Error> {
    WaitingPage { waiting }.render()
}

/// What users who pair displays see.
pub struct DisplaysPage<'a> {
    /// The displays.
    pub listed: &'a [DisplayStatus],
    /// How their codes and tokens were used.
    pub uses: &'a HashMap<String, Vec<DisplayLogin>>,
    /// The wallboards to choose from.
    pub boards: &'a [String],
    /// The server's build.
    pub build: &'a str,
    /// The server's time.
    pub now: Timestamp,
    /// The zone of the board's day.
    pub zone: &'a TimeZone,
    /// What was typed.
    pub typed: &'a PairingForm<'a>,
    /// The current user.
    pub user: &'a CurrentUser,
}

/// Form values that were refused.
#[derive(Default)]
pub struct PairingForm<'a> {
    /// The reason. Empty: nothing was submitted.
    pub trouble: &'a str,
    /// The code.
    pub code: &'a str,
    /// The wallboard.
    pub board: &'a str,
    /// The display's location.
    pub name: &'a str,
}

/// Renders the page for users who pair displays.
pub fn displays(page: &DisplaysPage<'_>) -> Result<String, askama::Error> {
    let DisplaysPage { listed, uses, boards, build, now, zone, typed, user } = *page;
    let of = |it: &DisplayStatus| uses.get(&it.display.id).map_or(&[][..], Vec::as_slice);
    let rows = listed.iter().map(|it| Row::new(it, of(it), build, now, zone)).collect();
    Page { rows, boards, typed, user }.render()
}

/// A code in two halves, as it is read out.
fn halves(code: &str) -> String {
    let (first, second) = code.split_at_checked(code.len() / 2).unwrap_or((code, ""));
    format!("{first} {second}")
}

#[derive(Template)]
#[template(path = "pages/display.html")]
struct WaitingPage<'a> {
    waiting: &'a PairingState<'a>,
}

#[derive(Template)]
#[template(path = "pages/displays.html")]
struct Page<'a> {
    rows: Vec<Row>,
    boards: &'a [String],
    typed: &'a PairingForm<'a>,
    user: &'a CurrentUser,
}

struct Row {
    id: String,
    name: String,
    board: String,
    created_by: String,
    /// The state's symbol.
    mark: &'static str,
    state: &'static str,
    seen: String,
    address: String,
    size: String,
    build: String,
    lag: String,
    until: String,
    is_in: bool,
    bound: bool,
    uses: Vec<String>,
    /// The number of uses, and of refused ones.
    used: String,
}

impl Row {
    fn new(listed: &DisplayStatus, uses: &[DisplayLogin], build: &str, now: Timestamp, zone: &TimeZone) -> Self {
        let DisplayStatus { display, seen, sockets } = listed;
        let none = || format::NONE.to_owned();
        let is_in = display.is_active(now);
        let (mark, state) = match (is_in, sockets) {
            (false, _) if display.revoked.is_some() => ("off", "revoked"),
            (false, _) => ("off", "expired"),
            (true, 0) => ("down", "disconnected"),
            (true, 1) => ("live", "live"),
            (true, _) => ("polling", "several"),
        };
        Self {
            id: display.id.clone(),
            name: display.name.clone(),
            board: display.board.clone(),
            created_by: display.created_by.clone(),
            mark,
            state: words::display_state(state),
            seen: display.last_seen.map_or_else(none, |at| format::ago(format::seconds_between(at, now))),
            address: seen.as_ref().and_then(|it| it.address).map_or_else(none, |address| address.to_string()),
            size: seen.as_ref().map_or_else(none, |it| format!("{} × {}", it.size.0, it.size.1)),
            build: seen.as_ref().map_or_else(none, |it| {
                if it.build == build { words::text("currentBuild").to_owned() } else { it.build.clone() }
            }),
            lag: seen
                .as_ref()
                .map_or_else(none, |it| words::fill(words::pattern("milliseconds"), &[("n", &it.lag.as_millis())])),
            until: if display.is_active(now) { format::day(display.expires, zone) } else { none() },
            is_in,
            bound: display.is_bound,
            uses: uses.iter().map(|it| used(it, now, zone)).collect(),
            used: summary(uses),
        }
    }
}

/// `1 use`, `5 uses, 2 refused`.
fn summary(uses: &[DisplayLogin]) -> String {
    let all = words::fill(words::text(if uses.len() == 1 { "oneUse" } else { "uses" }), &[("n", &uses.len())]);
    match uses.iter().filter(|it| !it.outcome.has_access()).count() {
        0 => all,
        refused => words::fill(words::text("usesRefused"), &[("uses", &all), ("n", &refused)]),
    }
}

/// A use on one line.
fn used(it: &DisplayLogin, now: Timestamp, zone: &TimeZone) -> String {
    let outcome = match it.outcome {
        DisplayLoginOutcome::Accepted => "accepted",
        DisplayLoginOutcome::AlreadyPaired => "alreadyPaired",
        DisplayLoginOutcome::OtherBrowser => "otherBrowser",
        DisplayLoginOutcome::Revoked => "revoked",
        DisplayLoginOutcome::Expired => "expired",
    };
    let (at, way) = (format::moment(it.at, zone, now), it.credential.as_str());
    let address = it.address.as_deref().unwrap_or(words::text("unknownAddress"));
    let values: [(&str, &dyn Display); 5] = [
        ("time", &at),
        ("credential", &way),
        ("browser", &it.browser),
        ("address", &address),
        ("outcome", &words::display_use(outcome)),
    ];
    words::fill(words::text("displayUse"), &values)
}
