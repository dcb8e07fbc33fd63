//! `/agents/{id}`: everything about one agent: now, in the last 24 hours, by queue, and what customers said.

use std::collections::BTreeMap;

use askama::Template;
use jiff::{SignedDuration, Timestamp};

use super::agents::{SHOWN, is_small, open_items};
use super::feedback::Item;
use super::frame::Frame;
use super::known::{Known, NOT_OFFERED, NOT_REPORTED};
use super::pager::range;
use super::stat::Measure;
use super::{PageState, Timer, format, stat, words};
use crate::live::document::{AgentDoc, MetricsDoc, OccupancyDoc, SessionDoc, StatusIntervalDoc};

/// The agent's feedback: values of thirty days, except for the present backlog.
const STATS: [Measure; 7] = [
    Measure::Responses,
    Measure::Nps,
    Measure::Stars,
    Measure::Csat,
    Measure::ResponseRate,
    Measure::Recovered,
    Measure::FirstReply,
];

/// The longest time that the bar covers.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The number of parts of the bar.
const BAR: i64 = 1000;

/// Renders the page; `None` if the document has no such agent.
pub fn agent(page: &PageState, id: &str) -> Result<Option<String>, askama::Error> {
    let Some(doc) = page.state.agents.get(id) else { return Ok(None) };
    let (responses, blank_response) = Item::all(page);
    Page {
        frame: Frame::new(page, "/supervisor", doc.name.clone()),
        id,
        path: format!("agents/{id}"),
        window: stat::window(page, doc.feedback.as_ref()),
        stats: stat::stats(page, &format!("agents/{id}/feedback"), doc.feedback.as_ref(), &doc.hidden, &STATS),
        agent: Facts::new(page, doc),
        contacts: contacts(page, doc),
        kinds: doc.metrics.keys().map(|kind| Counted::of_kind(page, doc, kind)).collect(),
        queues: doc.by_queue.iter().map(|(queue, bag)| Counted::of_queue(page, queue, bag)).collect(),
        heads: SHOWN.map(|name| (name, format::called(&page.state.labels, name), format::label(name))),
        intervals: doc.history.iter().rev().map(|(began, interval)| Interval::new(page, *began, interval)).collect(),
        spans: spans(page.now, doc),
        begins: page.since(beginning(page.now, doc)),
        spent: spent(doc),
        shown: range(&page.state.lists.get("feedback").cloned().unwrap_or_default()),
        responses,
        blank_contact: Contact { id: "{id}".to_owned(), ..Contact::default() },
        blank_count: Counted { id: "{id}".to_owned(), ..Counted::default() },
        blank_interval: Interval { id: "{id}".to_owned(), activity: "unknown".to_owned(), ..Interval::default() },
        blank_response,
    }
    .render()
    .map(Some)
}

#[derive(Template)]
#[template(path = "pages/agent.html")]
struct Page<'a> {
    frame: Frame<'a>,
    id: &'a str,
    path: String,
    /// Since when the stats count.
    window: String,
    stats: Vec<stat::Named>,
    agent: Facts,
    contacts: Vec<Contact>,
    kinds: Vec<Counted>,
    queues: Vec<Counted>,
    /// Metrics with a column of their own: name, what the site calls it, what we call it.
    heads: [(&'static str, String, String); 2],
    /// The newest first.
    intervals: Vec<Interval>,
    spans: Vec<Span>,
    /// The bar's start.
    begins: String,
    spent: String,
    /// The number of responses shown, and of all.
    shown: String,
    responses: Vec<Item>,
    /// The rows that scripts clone.
    blank_contact: Contact,
    blank_count: Counted,
    blank_interval: Interval,
    blank_response: Item,
}

/// The agent now.
struct Facts {
    status: String,
    activity: String,
    reason: String,
    since: Timer,
    team: String,
    answered: Known,
    missed: Known,
    occupancy: Known,
    nps: Known,
    is_small: bool,
    sample: String,
    open_items: String,
    more: String,
}

/// A current contact.
#[derive(Default)]
struct Contact {
    id: String,
    place: String,
    status: String,
    since: Timer,
    customer: String,
    recording: String,
    more: String,
}

/// Metrics of one kind of contact, or of one queue.
#[derive(Default)]
struct Counted {
    id: String,
    name: String,
    shown: [Known; 2],
    more: String,
}

/// A status of the last 24 hours.
#[derive(Default)]
struct Interval {
    id: String,
    began: String,
    status: String,
    activity: String,
    reason: String,
    time: Timer,
}

/// A part of the bar.
struct Span {
    activity: String,
    from: i64,
    width: i64,
    title: String,
}

impl Facts {
    fn new(page: &PageState, doc: &AgentDoc) -> Self {
        let score = doc.feedback.as_ref().and_then(|feedback| feedback.day.nps.as_ref());
        let open = doc.feedback.as_ref().map_or(0, |feedback| feedback.open);
        let metric = |name| Known::new(Some(format::metric_cell(&doc.metrics, name)), || page.why(NOT_OFFERED));
        Self {
            status: words::status(&doc.status).to_owned(),
            activity: known(&doc.activity),
            reason: super::agents::reason(doc),
            since: page.timer(doc.since).or(|| page.why(NOT_REPORTED)),
            team: page.team_name(doc.team),
            answered: metric(SHOWN[0]),
            missed: metric(SHOWN[1]),
            occupancy: Known::new(Some(occupancy(doc.occupancy.as_ref())), || page.why(NOT_REPORTED)),
            nps: Known::new(Some(format::nps(score)), || page.why_unanswered(doc.hidden.contains_key("feedback"))),
            is_small: is_small(score),
            sample: format::sample(score),
            open_items: open_items(open),
            more: format::others(&MetricsDoc::new(), &doc.other, &[], &page.state.labels),
        }
    }
}

impl Counted {
    fn of_kind(page: &PageState, doc: &AgentDoc, kind: &str) -> Self {
        let bag: MetricsDoc = doc.metrics.get(kind).map(|bag| (kind.to_owned(), bag.clone())).into_iter().collect();
        Self {
            id: kind.to_owned(),
            name: words::modality(kind).to_owned(),
            shown: shown(page, &bag),
            more: bag.values().map(|bag| format::bag(bag, &SHOWN, &page.state.labels)).collect(),
        }
    }

    fn of_queue(page: &PageState, queue: &str, bag: &MetricsDoc) -> Self {
        Self {
            id: queue.to_owned(),
            name: queue.parse().map_or_else(|_| queue.to_owned(), |id| page.queue_name(id)),
            shown: shown(page, bag),
            more: format::others(bag, &BTreeMap::new(), &SHOWN, &page.state.labels),
        }
    }
}

impl Interval {
    fn new(page: &PageState, began: Timestamp, interval: &StatusIntervalDoc) -> Self {
        let reason = [interval.suspended.then(|| words::text("suspended")), interval.reason.as_deref()];
        Self {
            id: began.to_string(),
            began: page.moment(began),
            status: words::status(&interval.status).to_owned(),
            activity: known(&interval.activity),
            reason: reason.into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "),
            time: match interval.until {
                Some(until) => {
                    Timer { text: format::duration(format::seconds_between(began, until)), ..Timer::default() }
                }
                None => page.timer(Some(began)),
            },
        }
    }
}

/// The metrics that have a column of their own.
fn shown(page: &PageState, bag: &MetricsDoc) -> [Known; 2] {
    SHOWN.map(|name| Known::new(Some(format::metric_cell(bag, name)), || page.why(NOT_OFFERED)))
}

fn contacts(page: &PageState, doc: &AgentDoc) -> Vec<Contact> {
    let contact = |(session, doc): (&String, &SessionDoc)| Contact {
        id: session.clone(),
        place: super::contact::place(page, doc),
        status: words::contact(&doc.status).to_owned(),
        since: page.timer(doc.since).or(|| page.why(NOT_REPORTED)),
        customer: doc.customer.clone().unwrap_or_default(),
        recording: if doc.recording == Some(true) { words::text("beingRecorded").to_owned() } else { String::new() },
        more: format::others(&MetricsDoc::new(), &doc.other, &[], &page.state.labels),
    };
    let mut all: Vec<_> = doc.sessions.iter().collect();
    let number = |id: &str| id.parse::<i64>().unwrap_or(i64::MAX);
    all.sort_by_key(|(id, session)| (session.since.unwrap_or(Timestamp::MAX), number(id)));
    all.into_iter().map(contact).collect()
}

/// The bar's start: the first status, but at most a day ago.
fn beginning(now: Timestamp, doc: &AgentDoc) -> Timestamp {
    let day_ago = now.saturating_sub(DAY).unwrap_or(Timestamp::MIN);
    doc.history.keys().next().map_or(now, |first| (*first).max(day_ago))
}

/// The bar, as `static/status_bar.js` draws it.
fn spans(now: Timestamp, doc: &AgentDoc) -> Vec<Span> {
    let begins = beginning(now, doc).as_millisecond();
    let all = (now.as_millisecond() - begins).max(1);
    let place = |at: Timestamp| ((at.as_millisecond() - begins).clamp(0, all) * BAR) / all;
    doc.history
        .iter()
        .map(|(began, interval)| {
            let (from, to) = (place(*began), place(interval.until.unwrap_or(now)));
            let title = words::status(&interval.status).to_owned();
            Span { activity: known(&interval.activity), from, width: to - from, title }
        })
        .filter(|span| span.width > 0)
        .collect()
}

/// The duration of each activity, of intervals that have ended.
fn spent(doc: &AgentDoc) -> String {
    let over = |activity: &str| {
        let of = doc.history.iter().filter(|(_, interval)| known(&interval.activity) == activity);
        // Whole seconds of the sum: those of each would lose up to one each time.
        let all = of.filter_map(|(began, interval)| Some(interval.until?.duration_since(*began)));
        all.fold(SignedDuration::ZERO, SignedDuration::saturating_add).as_secs()
    };
    let line = |activity: &&str| match over(activity) {
        0 => None,
        seconds => Some(format!("{} {}", words::activity(activity), format::duration(seconds))),
    };
    words::ACTIVITIES.iter().filter_map(line).collect::<Vec<_>>().join(" · ")
}

fn occupancy(doc: Option<&OccupancyDoc>) -> String {
    doc.map_or_else(|| format::NONE.to_owned(), |occupancy| format::percent(occupancy.value))
}

fn known(activity: &str) -> String {
    if activity.is_empty() { "unknown".to_owned() } else { activity.to_owned() }
}
