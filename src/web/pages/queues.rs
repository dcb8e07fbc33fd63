//! The table of queues, and the numbers that queues have together.

use super::agents::is_small;
use super::known::longest_of;
use super::known::{HIDDEN, Known, OF_CLARITY, UNSTAFFED, UNTOLD};
use super::table_query::{Column, Heading, Key, TableQuery, TextKey, headings};
use super::{PageState, Timer, contact, format, words};
use crate::live::document::{QueueDoc, metric_total};

/// Metrics with a column of their own.
const SHOWN: [&str; 3] = ["queuedCount", "answeredCount", "abandonedCount"];

const COLUMNS: [Column; 7] = [
    ("name", "Queue", "", false),
    ("waiting", "Waiting", "Customers who wait now", true),
    ("longest", "Longest", "How long the longest waiting customer has waited", true),
    ("agents", "Agents", "Agents of the teams that answer it: ready for the next contact, of those logged in", true),
    ("answered", "Answered", "Contacts answered, over all kinds", true),
    ("abandoned", "Abandoned", "Customers who left while waiting", true),
    (
        "nps",
        "NPS",
        "Net promoter score of the feedback about it with the number of answers; of fewer than five answers, the \
            promoters among them",
        true,
    ),
];

/// The table.
pub(super) struct QueueTable {
    pub headings: Vec<Heading>,
    pub rows: Vec<QueueRow>,
    /// The row that scripts clone.
    pub blank: QueueRow,
}

/// One queue, written.
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
        let metric = |name| Known::new(Some(format::metric_cell(&queue.metrics, name)), || page.why_no_metric(name));
        Self {
            id: id.to_owned(),
            name: queue.name.clone(),
            open: queue.open.map_or("", |open| if open { "Open" } else { "Closed" }),
            is_open: queue.open,
            waiting: Known::count(queue.waiting, || page.why(UNTOLD)),
            has_waiting: queue.waiting.is_some_and(|waiting| waiting > 0),
            longest: longest_of(page, queue.longest_wait_since, queue.waiting, || page.why(UNTOLD)),
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

/// How many of a queue's agents are available, of those logged in: our own count, else Clarity's.
fn staff(page: &PageState, id: &str, queue: &QueueDoc) -> Known {
    let ours = page.staff(&format!("queue:{id}")).map(|staff| (staff.available, staff.logged_in));
    let written = |available: String, online: String| format!("{available} of {online}");
    match (ours, queue.agents_available) {
        (Some((available, online)), _) => {
            let count = |count: u64| format::count(i64::try_from(count).ok());
            Known { text: written(count(available), count(online)), why: String::new() }
        }
        (None, Some(available)) => {
            let text = written(format::count(Some(available)), format::count(queue.agents_online));
            Known { text, why: OF_CLARITY.to_owned() }
        }
        (None, None) => Known::new(None, || unstaffed(page, queue)),
    }
}

/// Why it is not known how many agents a queue has.
pub(super) fn unstaffed(page: &PageState, queue: &QueueDoc) -> String {
    match queue.hidden.contains_key("staff") {
        true => HIDDEN.to_owned(),
        false => page.why(if queue.teams.is_empty() { UNSTAFFED } else { UNTOLD }),
    }
}

/// Who waits, in order, then everything without a column.
fn more(page: &PageState, id: &str, queue: &QueueDoc) -> String {
    let waiting = contact::by_begin(&queue.sessions).into_iter().enumerate().map(|(place, session)| {
        let since = session.since.map_or_else(String::new, |since| format!(", since {}", page.since(since)));
        let customer = session.customer.as_deref().unwrap_or("Customer");
        format!("{}. {customer}, {}{since}", place + 1, words::modality(&session.modality))
    });
    let estimate = queue.estimated_wait_seconds.map(|wait| format!("Estimated wait: {}", format::duration(wait)));
    let own = queue.agents_available.filter(|_| page.staff(&format!("queue:{id}")).is_some()).map(|available| {
        let online = format::count(queue.agents_online);
        format!("Clarity's own count: {} available, {online} logged in", format::count(Some(available)))
    });
    let calls = queue.calls_today.map(|calls| format!("Calls today: {}", format::count(Some(calls))));
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
