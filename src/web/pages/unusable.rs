//! The part of `/status` about signed events that have no effect.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{format, words};
use crate::domain::Role;
use crate::feeds::intake::BodyRejections;
use crate::store::{FeedStateEntry, UnknownType, UnreadableEvent};

/// Signed events that have no effect, as the page shows them.
#[derive(Debug, Default)]
pub struct Unusable {
    /// Whether the store answered.
    pub(super) is_known: bool,
    /// Whether the viewer may read events of all customers.
    pub(super) may_look: bool,
    /// The number of unreadable events, a sentence for each source.
    pub(super) counts: Vec<String>,
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) unknown: Vec<Unknown>,
    /// Events that were ignored on purpose.
    pub(super) noted: Vec<Noted>,
    /// Webhooks that were refused before their signature was checked.
    pub(super) turned_away: Vec<Refused>,
}

/// Webhooks of one source that were refused on receipt, and the newest of them.
#[derive(Debug)]
pub(super) struct Refused {
    pub source: &'static str,
    pub times: String,
    pub at: String,
    pub exactly: String,
    pub bytes: String,
    pub why: String,
}

#[derive(Debug)]
pub(super) struct Noted {
    pub what: &'static str,
    pub count: String,
    /// The newest of them, for those who may see everything.
    pub newest: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Unreadable {
    pub seq: u64,
    pub at: String,
    pub exactly: String,
    pub source: &'static str,
    pub bytes: String,
    pub reason: String,
}

#[derive(Debug)]
pub(super) struct Unknown {
    pub name: String,
    pub source: &'static str,
    pub count: String,
    pub at: String,
    pub exactly: String,
    pub seq: u64,
}

impl Unusable {
    /// Built from the store's answer. `counts` has the number of unreadable events by source.
    #[must_use]
    pub fn new(
        counts: &[(&str, u64)],
        unreadable: Vec<UnreadableEvent>,
        unknown: Vec<UnknownType>,
        noted: Vec<(&'static str, u64, Vec<FeedStateEntry>)>,
        role: Role,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Self {
        let times = |at: Timestamp| (format::moment(at, zone, now), at.to_string());
        let count = |count: u64| format::count(i64::try_from(count).ok());
        let sentence = |(source, events): &(&str, u64)| {
            let text = words::text(if *events == 1 { "oneEvent" } else { "events" });
            words::fill(text, &[("source", &words::source(source)), ("n", &count(*events))])
        };
        Self {
            is_known: true,
            may_look: role >= Role::Administrator,
            counts: counts.iter().filter(|(_, events)| *events > 0).map(sentence).collect(),
            unreadable: unreadable
                .into_iter()
                .map(|event| {
                    let (at, exactly) = times(event.received_at);
                    let (source, bytes) = (source(&event.source), count(event.bytes));
                    Unreadable { seq: event.seq, at, exactly, source, bytes, reason: event.reason }
                })
                .collect(),
            unknown: unknown
                .into_iter()
                .map(|of| {
                    let (at, exactly) = times(of.newest);
                    let name = of.name.unwrap_or_else(|| words::text("otherTypes").to_owned());
                    Unknown { name, source: source(&of.source), count: count(of.count), at, exactly, seq: of.seq }
                })
                .collect(),
            noted: noted
                .into_iter()
                .filter(|(_, times, _)| *times > 0)
                .map(|(what, times, newest)| {
                    let newest = newest.into_iter().filter(|_| role >= Role::Supervisor);
                    let line = |it: FeedStateEntry| format!("{} {}", it.key, it.value).trim().to_owned();
                    Noted { what, count: count(times), newest: newest.map(line).collect() }
                })
                .collect(),
            turned_away: Vec::new(),
        }
    }

    /// The same with webhooks refused on receipt, for users who may see everything.
    #[must_use]
    pub fn with_turned_away(mut self, all: &[(&str, BodyRejections)], zone: &TimeZone, now: Timestamp) -> Self {
        let count = |count: u64| format::count(i64::try_from(count).ok());
        let row = |(of, turned_away): &(&str, BodyRejections)| {
            let at = turned_away.newest?;
            Some(Refused {
                source: source(of),
                times: count(turned_away.times),
                at: format::moment(at, zone, now),
                exactly: at.to_string(),
                bytes: turned_away.bytes.map_or_else(|| format::NONE.to_owned(), count),
                why: turned_away.why.clone(),
            })
        };
        self.turned_away = all.iter().filter(|_| self.may_look).filter_map(row).collect();
        self
    }
}

fn source(key: &str) -> &'static str {
    let known = crate::domain::SourceName::ALL.into_iter().find(|known| known.as_str() == key);
    known.map_or(words::text("anotherSystem"), |known| words::source(known.as_str()))
}
