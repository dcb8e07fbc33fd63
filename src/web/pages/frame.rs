//! What is around every page: its name, what time its numbers are from, the link lamp, the four sources, the document.

use jiff::Timestamp;

use super::{PageState, format, words};
use crate::domain::{Role, SourceName};
use crate::live::document::SourceDoc;
use crate::web::assets;

/// The frame of a page.
pub(super) struct Frame<'a> {
    pub page: &'a PageState,
    pub title: String,
    /// The navigation's current entry.
    pub here: &'static str,
    /// `light`, `dark`, or empty for what the viewer's system prefers.
    pub theme: &'a str,
    pub chips: Vec<Chip>,
    pub as_of: String,
    pub zone: String,
    pub zone_name: String,
    pub clarity: String,
    pub goodays: String,
    pub agent_connect: String,
    /// The document as JSON that cannot end its script element.
    pub state: String,
}

/// One source, in short.
pub(super) struct Chip {
    pub key: &'static str,
    pub name: String,
    pub state: String,
    pub reason: Option<String>,
    /// What there is to say about it in full. Empty while all is well.
    pub notice: String,
}

/// The navigation of each user: address and key of the label.
const NAVIGATION: [(&str, &str); 4] =
    [("/supervisor", "supervisor"), ("/feedback", "feedback"), ("/surveys", "surveys"), ("/status", "status")];

/// The entries for supervisors and administrators.
const KEEPING: [(Role, &str, &str); 2] =
    [(Role::Supervisor, "/displays", "displays"), (Role::Administrator, "/audit", "audit")];

/// The navigation of a user.
pub(super) fn navigation(&role: &Role) -> impl Iterator<Item = (&'static str, &'static str)> {
    let keeping = KEEPING.into_iter().filter(move |(least, ..)| role >= *least);
    let all = NAVIGATION.into_iter().chain(keeping.map(|(_, address, name)| (address, name)));
    all.map(|(address, name)| (address, words::label(name)))
}

impl<'a> Frame<'a> {
    pub fn new(page: &'a PageState, here: &'static str, title: impl Into<String>) -> Self {
        let zone =
            page.time_zone.iana_name().map_or_else(|| page.time_zone.to_offset(page.now).to_string(), str::to_owned);
        let state_of = |name: SourceName| source(page, name).map_or("off", |doc| doc.state.as_str()).to_owned();
        Self {
            page,
            title: title.into(),
            here,
            theme: "",
            chips: SourceName::ALL.into_iter().map(|name| Chip::new(page, name)).collect(),
            as_of: page.clock(page.now),
            zone_name: format::zone_name(&zone),
            zone,
            clarity: state_of(SourceName::Clarity),
            goodays: state_of(SourceName::Goodays),
            agent_connect: state_of(SourceName::AgentConnect),
            state: embeddable(&page.state_json),
        }
    }

    pub fn asset(&self, file: &str) -> String {
        assets::url(file)
    }
}

impl Chip {
    fn new(page: &PageState, name: SourceName) -> Self {
        let doc = source(page, name);
        let state = doc.map_or("off", |doc| doc.state.as_str()).to_owned();
        Self {
            key: name.as_str(),
            name: words::source(name.as_str()).to_owned(),
            notice: doc.map_or_else(String::new, |doc| notice(page, name, doc)),
            reason: doc.and_then(|doc| doc.reason.clone()),
            state,
        }
    }
}

fn source(page: &PageState, name: SourceName) -> Option<&SourceDoc> {
    page.state.sources.get(name.as_str()).map(|source| &**source)
}

/// Warnings that a viewer needs before trusting a number: one for each source that is not live.
fn notice(page: &PageState, name: SourceName, doc: &SourceDoc) -> String {
    let since = |at: Timestamp| words::fill(words::text("sinceTime"), &[("time", &page.since(at))]);
    let since = doc.last_data.or(doc.since).map_or_else(String::new, since);
    let reason = doc.reason.as_deref().map_or_else(String::new, |reason| format!(" {reason}"));
    let name = words::source(name.as_str());
    let text = match doc.state.as_str() {
        "stale" => "sourceStale",
        "down" => "sourceDown",
        _ => return String::new(),
    };
    words::fill(words::text(text), &[("source", &name), ("since", &since)]) + &reason
}

/// JSON that may stand in a script element: nothing in it can end the element or, in old engines, a line.
pub(super) fn embeddable(json: &str) -> String {
    let mut text = String::with_capacity(json.len() + json.len() / 16);
    for letter in json.chars() {
        match letter {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            letter => text.push(letter),
        }
    }
    text
}
