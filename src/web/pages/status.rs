//! `/status`: the connection to each of the four systems.

use askama::Template;

use super::frame::Frame;
use super::known::{HIDDEN, Known};
use super::{PageState, Timer, Unusable, format, words};
use crate::domain::{Role, SourceName};
use crate::live::document::SourceDoc;

/// Renders the page.
pub fn status(page: &PageState, unusable: &Unusable) -> Result<String, askama::Error> {
    Page {
        frame: Frame::new(page, "/status", words::label("status")),
        cards: SourceName::ALL.into_iter().map(|name| Card::new(page, name)).collect(),
        disk: Disk::new(page),
        unusable,
        tries: page.user.role == Role::Administrator,
    }
    .render()
}

#[derive(Template)]
#[template(path = "pages/status.html")]
struct Page<'a> {
    frame: Frame<'a>,
    cards: Vec<Card>,
    disk: Disk,
    unusable: &'a Unusable,
    /// Whether the user may retry refused credentials at once.
    tries: bool,
}

/// Our own disk.
struct Disk {
    state: String,
    word: String,
    since: Timer,
    reason: String,
}

impl Disk {
    fn new(page: &PageState) -> Self {
        let doc = page.state.server.get("disk").cloned().unwrap_or_default();
        Self {
            word: words::disk(&doc.state).to_owned(),
            state: doc.state.clone(),
            since: page.age(doc.since),
            reason: doc.reason.clone().unwrap_or_default(),
        }
    }
}

/// One source.
struct Card {
    key: &'static str,
    name: &'static str,
    /// Its section of the configuration.
    section: &'static str,
    what: &'static str,
    state: String,
    since: Timer,
    last_data: Timer,
    /// When refused credentials are shown again.
    next_try: String,
    transport: String,
    reason: String,
    not_permitted: String,
    clock: String,
    counters: Known,
}

impl Card {
    fn new(page: &PageState, name: SourceName) -> Self {
        let doc = page.state.sources.get(name.as_str()).cloned().unwrap_or_default();
        let section = match name {
            SourceName::AgentConnect => "agent_connect",
            name => name.as_str(),
        };
        Self {
            key: name.as_str(),
            name: words::source(name.as_str()),
            section,
            what: words::source_help(name.as_str()),
            counters: counters(&doc),
            state: if doc.state.is_empty() { "off".to_owned() } else { doc.state.clone() },
            since: page.age(doc.since),
            last_data: page.age(doc.last_data),
            next_try: doc
                .next_try
                .map(|at| words::fill(words::text("nextTry"), &[("time", &page.clock(at))]))
                .unwrap_or_default(),
            transport: doc.transport.as_deref().map_or(format::NONE, words::transport).to_owned(),
            reason: doc.reason.clone().unwrap_or_default(),
            not_permitted: not_permitted(&doc.not_permitted),
            clock: doc.clock_offset_seconds.map(format::clock_offset).unwrap_or_default(),
        }
    }
}

/// How many, and who.
fn not_permitted(agents: &std::collections::BTreeMap<String, String>) -> String {
    if agents.is_empty() {
        return String::new();
    }
    let mut names: Vec<&str> = agents.values().map(String::as_str).collect();
    names.sort_unstable();
    let text = words::text(if names.len() == 1 { "notPermittedOne" } else { "notPermitted" });
    words::fill(text, &[("n", &names.len()), ("names", &names.join(", "))])
}

fn counters(doc: &SourceDoc) -> Known {
    let line = |(name, count): (&String, &u64)| {
        format!("{}: {}", format::label(name), format::count(i64::try_from(*count).ok()))
    };
    let lines = doc.counters.iter().map(line).collect::<Vec<_>>().join("\n");
    Known::new((!doc.hidden.contains_key("counters")).then_some(lines), || words::reason(HIDDEN).to_owned())
}
