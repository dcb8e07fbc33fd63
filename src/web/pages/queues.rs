//! The table of queues, and the numbers that queues have together.

use jiff::Timestamp;

use super::agents::is_small;
use super::view::{Column, Heading, Key, TextKey, View, headings};
use super::{Sheet, Timer, contact, format, words};
use crate::live::shape::QueueDoc;

/// Metrics with a column of their own.
const SHOWN: [&str; 3] = ["queuedCount", "answeredCount", "abandonedCount"];

const COLUMNS: [Column; 7] = [
    ("name", "Queue", "", false),
    ("waiting", "Waiting", "Customers who wait now", true),
    ("longest", "Longest", "How long the longest waiting customer has waited", true),
    ("agents", "Agents", "Ready for the next contact, of those logged in", true),
    ("answered", "Answered", "Contacts answered, over all kinds", true),
    ("abandoned", "Gave up", "Customers who gave up while waiting (abandoned)", true),
    (
        "nps",
        "NPS",
        "Net promoter score of the feedback about it with the number of answers; of fewer than five answers, the promoters among them",
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
    pub waiting: String,
    pub has_waiting: bool,
    pub longest: Timer,
    pub agents: String,
    pub answered: String,
    pub abandoned: String,
    pub nps: String,
    pub is_small: bool,
    pub sample: String,
    pub more: String,
}

impl QueueTable {
    pub fn new(sheet: &Sheet, view: &View) -> Self {
        let sort = COLUMNS.iter().map(|(key, ..)| *key).find(|key| *key == view.qsort).unwrap_or("name");
        let mut queues: Vec<_> = sheet.state.queues.iter().collect();
        let descending = view.qdir == "desc";
        queues.sort_by_cached_key(|(id, queue)| (TextKey::new(&queue.name), TextKey::new(id)));
        queues.sort_by(|(_, a), (_, b)| key(a, sort).compare(&key(b, sort), descending));
        Self {
            headings: headings(&COLUMNS, sort, &view.qdir, |sort, dir| View {
                qsort: sort.to_owned(),
                qdir: dir.to_owned(),
                ..view.clone()
            }),
            rows: queues.into_iter().map(|(id, queue)| QueueRow::new(sheet, id, queue)).collect(),
            blank: QueueRow { id: "{id}".to_owned(), ..QueueRow::default() },
        }
    }
}

impl QueueRow {
    fn new(sheet: &Sheet, id: &str, queue: &QueueDoc) -> Self {
        let score = queue.feedback.as_ref().and_then(|feedback| feedback.day.nps.as_ref());
        Self {
            id: id.to_owned(),
            name: queue.name.clone(),
            open: queue.open.map_or("", |open| if open { "Open" } else { "Closed" }),
            is_open: queue.open,
            waiting: format::count(queue.waiting),
            has_waiting: queue.waiting.is_some_and(|waiting| waiting > 0),
            longest: sheet.timer(queue.longest_wait_since),
            agents: format!("{} of {}", format::count(queue.agents_available), format::count(queue.agents_online)),
            answered: format::metric_cell(&queue.metrics, "answeredCount"),
            abandoned: format::metric_cell(&queue.metrics, "abandonedCount"),
            nps: format::nps(score),
            is_small: is_small(score),
            sample: format::sample(score),
            more: more(sheet, queue),
        }
    }
}

/// Who waits, in order, then everything without a column.
fn more(sheet: &Sheet, queue: &QueueDoc) -> String {
    let waiting = contact::by_begin(&queue.sessions).into_iter().enumerate().map(|(place, session)| {
        let since = session.since.map_or_else(String::new, |since| format!(", since {}", sheet.since(since)));
        let customer = session.customer.as_deref().unwrap_or("Customer");
        format!("{}. {customer}, {}{since}", place + 1, words::modality(&session.modality))
    });
    let estimate = queue.estimated_wait_seconds.map(|wait| format!("Estimated wait: {}", format::duration(wait)));
    let calls = queue.calls_today.map(|calls| format!("Calls today: {}", format::count(Some(calls))));
    let others = format::others(&queue.metrics, &queue.other, &SHOWN, &sheet.state.labels);
    let lines = waiting.chain(estimate).chain(calls).chain([others]).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "only an order: counts and milliseconds stay below two to the fifty-third"
)]
fn key(queue: &QueueDoc, column: &str) -> Key {
    match column {
        "waiting" => queue.waiting.map(|count| count as f64).into(),
        "longest" => queue.longest_wait_since.map(|since| -since.as_millisecond() as f64).into(),
        "agents" => queue.agents_available.map(|count| count as f64).into(),
        "answered" => format::metric_total(&queue.metrics, "answeredCount").into(),
        "abandoned" => format::metric_total(&queue.metrics, "abandonedCount").into(),
        "nps" => queue.feedback.as_ref().and_then(|feedback| feedback.day.nps.as_ref()).map(|nps| nps.value).into(),
        _ => Key::text(&queue.name),
    }
}

/// The sum of what is known; `None` where nothing is.
pub(super) fn sum<'a>(
    queues: impl IntoIterator<Item = &'a QueueDoc>,
    of: impl Fn(&QueueDoc) -> Option<i64>,
) -> Option<i64> {
    queues.into_iter().filter_map(of).reduce(|a, b| a.saturating_add(b))
}

/// The earliest beginning of a wait, and whose it is.
pub(super) fn longest<'a>(queues: impl IntoIterator<Item = &'a QueueDoc>) -> Option<(Timestamp, &'a QueueDoc)> {
    queues.into_iter().filter_map(|queue| Some((queue.longest_wait_since?, queue))).min_by_key(|(since, _)| *since)
}
