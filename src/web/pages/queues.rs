//! The table of queues, and the numbers that queues have together.

use std::fmt::Display;

use super::agents::is_small;
use super::known::longest_of;
use super::known::{CLARITY_COUNT, HIDDEN, Known, NO_TEAMS, NOT_REPORTED};
use super::table_query::{Column, Heading, Key, TableQuery, TextKey, headings};
use super::{PageState, Timer, contact, format, words};
use crate::live::document::{QueueDoc, metric_total};

/// Metrics with a column of their own.
const SHOWN: [&str; 3] = ["queuedCount", "answeredCount", "abandonedCount"];

const COLUMNS: [Column; 7] = [
    ("name", "queue", "", false),
    ("waiting", "waiting", "waiting", true),
    ("longest", "longest", "longest", true),
    ("agents", "agents", "queueAgents", true),
    ("answered", "answered", "answered", true),
    ("abandoned", "abandoned", "abandoned", true),
    ("nps", "nps", "score", true),
];

/// The table.
pub(super) struct QueueTable {
    pub headings: Vec<Heading>,
    pub rows: Vec<QueueRow>,
    /// The row that scripts clone.
    pub blank: QueueRow,
}

/// One queue, formatted.
#[derive(Default)]
pub(super) struct QueueRow {
    pub id: String,
    pub name: String,
    pub open: &'static str,
    pub is_open: Option<bool>,
    pub waiting: Known,
    pub has_waiting: bool,
    pub longest: Timer,
    pub agents: Known,
    pub answered: Known,
    pub abandoned: Known,
    pub nps: Known,
    pub is_small: bool,
    pub sample: String,
    pub more: String,
}

impl QueueTable {
    pub fn new(page: &PageState, view: &TableQuery) -> Self {
        let sort = COLUMNS.iter().map(|(key, ..)| *key).find(|key| *key == view.qsort).unwrap_or("name");
        let mut queues: Vec<_> = page.state.queues.iter().collect();
        let descending = view.qdir == "desc";
        queues.sort_by_cached_key(|(id, queue)| (TextKey::new(&queue.name), TextKey::new(id)));
        queues.sort_by(|(a_id, a), (b_id, b)| key(page, a_id, a, sort).compare(&key(page, b_id, b, sort), descending));
        Self {
            headings: headings(&COLUMNS, sort, &view.qdir, |sort, dir| TableQuery {
                qsort: sort.to_owned(),
                qdir: dir.to_owned(),
                ..view.clone()
            }),
            rows: queues.into_iter().map(|(id, queue)| QueueRow::new(page, id, queue)).collect(),
            blank: QueueRow { id: "{id}".to_owned(), ..QueueRow::default() },
        }
    }
}

impl QueueRow {
    fn new(page: &PageState, id: &str, queue: &QueueDoc) -> Self {
        let score = queue.feedback.as_ref().and_then(|feedback| feedback.day.nps.as_ref());
        let metric = |name| {
            Known::new(Some(format::metric_cell(&queue.metrics, name)), || page.why_no_metric(name, &queue.metrics))
        };
        Self {
            id: id.to_owned(),
            name: queue.name.clone(),
            open: queue.open.map_or("", |open| words::label(if open { "openState" } else { "closedState" })),
            is_open: queue.open,
            waiting: Known::count(queue.waiting, || page.why(NOT_REPORTED)),
            has_waiting: queue.waiting.is_some_and(|waiting| waiting > 0),
            longest: longest_of(page, queue.longest_wait_since, queue.waiting, || page.why(NOT_REPORTED)),
            agents: staff(page, id, queue),
            answered: metric("answeredCount"),
            abandoned: metric("abandonedCount"),
            nps: Known::new(Some(format::nps(score)), || page.why_unanswered(queue.hidden.contains_key("feedback"))),
            is_small: is_small(score),
            sample: format::sample(score),
            more: more(page, id, queue),
        }
    }
}

/// A queue's available agents, of those logged in: our own count, else Clarity's.
fn staff(page: &PageState, id: &str, queue: &QueueDoc) -> Known {
    let ours = page.staff(&format!("queue:{id}")).map(|staff| (staff.available, staff.logged_in));
    match (ours, queue.agents_available) {
        (Some((available, online)), _) => {
            let count = |count: u64| format::count(i64::try_from(count).ok());
            Known { text: format::of(count(available), count(online)), why: String::new() }
        }
        (None, Some(available)) => {
            let text = format::of(format::count(Some(available)), format::count(queue.agents_online));
            Known { text, why: words::reason(CLARITY_COUNT).to_owned() }
        }
        (None, None) => Known::new(None, || unstaffed(page, queue)),
    }
}

/// Why a queue's number of agents is unknown.
pub(super) fn unstaffed(page: &PageState, queue: &QueueDoc) -> String {
    match queue.hidden.contains_key("staff") {
        true => words::reason(HIDDEN).to_owned(),
        false => page.why(if queue.teams.is_empty() { NO_TEAMS } else { NOT_REPORTED }),
    }
}

/// The waiting callers in order, then everything without a column.
fn more(page: &PageState, id: &str, queue: &QueueDoc) -> String {
    let waiting = contact::by_begin(&queue.sessions).into_iter().enumerate().map(|(place, session)| {
        let since = session
            .since
            .map_or_else(String::new, |since| words::fill(words::text("sinceSuffix"), &[("time", &page.since(since))]));
        let customer = session.customer.as_deref().unwrap_or(words::label("customer"));
        let modality = words::modality(&session.modality);
        let values: [(&str, &dyn Display); 3] =
            [("place", &(place + 1)), ("customer", &customer), ("modality", &modality)];
        words::fill(words::text("waitingCustomer"), &values) + &since
    });
    let estimate = queue
        .estimated_wait_seconds
        .map(|wait| words::fill(words::text("estimatedWait"), &[("time", &format::duration(wait))]));
    let own = queue.agents_available.filter(|_| page.staff(&format!("queue:{id}")).is_some()).map(|available| {
        let online = format::count(queue.agents_online);
        let available = format::count(Some(available));
        words::fill(words::text("clarityCounts"), &[("available", &available), ("loggedIn", &online)])
    });
    let calls =
        queue.calls_today.map(|calls| words::fill(words::text("callsToday"), &[("n", &format::count(Some(calls)))]));
    let others = format::others(&queue.metrics, &queue.other, &SHOWN, &page.state.labels);
    let lines = waiting.chain(own).chain(estimate).chain(calls).chain([others]).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "only an order: counts and milliseconds stay below two to the fifty-third"
)]
fn key(page: &PageState, id: &str, queue: &QueueDoc, column: &str) -> Key {
    match column {
        "waiting" => queue.waiting.map(|count| count as f64).into(),
        "longest" => queue.longest_wait_since.map(|since| -since.as_millisecond() as f64).into(),
        "agents" => {
            let ours = page.staff(&format!("queue:{id}")).map(|staff| staff.available as f64);
            ours.or(queue.agents_available.map(|count| count as f64)).into()
        }
        "answered" => metric_total(&queue.metrics, "answeredCount").into(),
        "abandoned" => metric_total(&queue.metrics, "abandonedCount").into(),
        "nps" => queue.feedback.as_ref().and_then(|feedback| feedback.day.nps.as_ref()).map(|nps| nps.value).into(),
        _ => Key::text(&queue.name),
    }
}
