//! `/wallboard/{name}`: a display on a wall, read from metres away, by people who are no customers' business.

use std::time::Duration;

use askama::Template;

use super::frame::Frame;
use super::known::longest_of;
use super::known::{CLARITY_COUNT, HIDDEN, Known, NO_SUM, NO_TEAMS, NOT_REPORTED};
use super::queues::unstaffed;
use super::stat::Stat;
use super::supervisor::{longest, waiting};
use super::table_query::TextKey;
use super::{PageState, Timer, format, step, words};
use crate::live::document::{COUNTED_ALL, CountsDoc, MetricsDoc, QueueDoc, RatioDoc, StaffDoc};

/// A wallboard as it was configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// Its name in the address.
    pub name: String,
    /// The board's title.
    pub title: String,
    /// Its queues, in this order. Empty: all that the scope holds.
    pub queues: Vec<i64>,
    /// What it shows of each queue and of all together, such as `queuedCount`.
    pub tiles: Vec<String>,
    /// The seconds per page if there are several.
    pub rotate: Option<Duration>,
    /// How far away its readers are, in metres.
    pub viewing_distance: Option<f32>,
    /// `dark` or `light`.
    pub theme: Option<String>,
}

/// Renders the display.
pub fn wallboard(page: &PageState, board: &Board) -> Result<String, askama::Error> {
    let mut frame = Frame::new(page, "", board.title.as_str());
    frame.theme = board.theme.as_deref().unwrap_or("dark");
    let distance = Distance::of(board.viewing_distance);
    let queues = chosen(page, board);
    let rows: Vec<_> = queues.iter().map(|(id, queue)| Row::new(page, board, id, queue)).collect();
    let mut pages: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        match pages.last_mut() {
            Some(page) if page.len() < distance.rows() => page.push(row),
            _ => pages.push(vec![row]),
        }
    }
    Page {
        frame,
        distance: distance.name(),
        is_far: distance.is_far(),
        rotate: board.rotate.map_or(20, |rotate| rotate.as_secs().max(8)),
        clock: page.clock(page.now).chars().take(5).collect(),
        ids: board.queues.iter().map(i64::to_string).collect::<Vec<_>>().join(","),
        totals: board.tiles.iter().map(|name| Tile::of_all(page, name)).collect(),
        heads: board.tiles.iter().map(|name| Head::new(page, name)).collect(),
        pages,
    }
    .render()
}

#[derive(Template)]
#[template(path = "pages/wallboard.html")]
struct Page<'a> {
    frame: Frame<'a>,
    distance: &'static str,
    /// Letters so large that a page shows one queue, a line for each number.
    is_far: bool,
    rotate: u64,
    clock: String,
    /// The queues that the totals are over, for the script; empty: all.
    ids: String,
    totals: Vec<Tile>,
    heads: Vec<Head>,
    /// The queues, split into pages that fit.
    pages: Vec<Vec<Row>>,
}

/// How far away the readers are, which decides how large letters must be: a capital for 22 minutes of arc is 2.8 % of a
/// 55-inch screen's height at 3 m, 4.7 % at 5 m, 7.5 % at 8 m and 9.3 % at 10 m.
#[derive(Clone, Copy)]
enum Distance {
    Three,
    Five,
    Eight,
    Ten,
}

impl Distance {
    fn of(metres: Option<f32>) -> Self {
        match metres.unwrap_or(5.0) {
            metres if metres <= 3.0 => Self::Three,
            metres if metres <= 5.0 => Self::Five,
            metres if metres <= 8.0 => Self::Eight,
            _ => Self::Ten,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Three => "3",
            Self::Five => "5",
            Self::Eight => "8",
            Self::Ten => "10",
        }
    }

    /// How many queues fit below the totals.
    fn rows(self) -> usize {
        match self {
            Self::Three => 9,
            Self::Five => 6,
            Self::Eight | Self::Ten => 1,
        }
    }

    fn is_far(self) -> bool {
        matches!(self, Self::Eight | Self::Ten)
    }
}

/// A queue's line.
struct Row {
    id: String,
    name: String,
    tiles: Vec<Tile>,
}

/// One number.
struct Tile {
    name: String,
    head: Head,
    value: Timer,
}

/// A number's label.
#[derive(Clone)]
struct Head {
    text: String,
    /// Where the document says what the site calls it. `None`: it has a word of ours.
    path: Option<String>,
    /// What it is called unless the document says.
    ours: String,
}

impl Row {
    fn new(page: &PageState, board: &Board, id: &str, queue: &QueueDoc) -> Self {
        Self {
            id: id.to_owned(),
            name: queue.name.clone(),
            tiles: board.tiles.iter().map(|name| Tile::of_queue(page, name, id, queue)).collect(),
        }
    }
}

impl Row {
    /// Whether the name is given two lines of smaller letters. `static/paint.js` knows the same length.
    fn is_long(&self) -> bool {
        self.name.chars().count() > 14
    }
}

impl Tile {
    /// Whether the value is given smaller letters: more than `12:34`.
    fn is_long(&self) -> bool {
        self.value.text.chars().count() > 5
    }

    /// A number of all queues of the board together, from the document's `counts`.
    fn of_all(page: &PageState, name: &str) -> Self {
        let none = CountsDoc::default();
        let counts = page.state.counts.get(COUNTED_ALL).map_or(&none, |counts| counts);
        let why =
            || if counts.hidden.contains_key("staff") { words::reason(HIDDEN).to_owned() } else { page.why(NO_TEAMS) };
        let staff = |of: fn(&StaffDoc) -> u64| Known::count(counts.staff.as_ref().map(of), why);
        let value = match name {
            "queuedCount" => waiting(page, counts).into(),
            "longestWait" => longest(page, counts),
            "agentsAvailable" => staff(|staff| staff.available).into(),
            "agentsOnline" => staff(|staff| staff.logged_in).into(),
            "csatToday" => answered(page, csat(counts.csat.as_ref()), counts.hidden.contains_key("csat")),
            "npsToday" => answered(page, format::nps(counts.nps.as_ref()), counts.hidden.contains_key("nps")),
            "serviceLevel" => not_computed(),
            name => {
                let total = counts.metrics.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                let is_count = name.to_ascii_lowercase().ends_with("count");
                let why = || if is_count { page.why_no_metric(name, &MetricsDoc::new()) } else { page.why(NO_SUM) };
                Known::new(total.map(|(_, total)| format::measure(name, *total)), why).into()
            }
        };
        Self { name: name.to_owned(), head: Head::new(page, name), value }
    }

    /// A number of one queue.
    fn of_queue(page: &PageState, name: &str, id: &str, queue: &QueueDoc) -> Self {
        let is_hidden = queue.hidden.contains_key("feedback");
        let day = queue.feedback.as_ref().map(|feedback| &feedback.day);
        let staff = |of: fn(&StaffDoc) -> u64, clarity: Option<i64>| match (page.staff(&format!("queue:{id}")), clarity)
        {
            (Some(staff), _) => Known::count(Some(of(staff)), String::new),
            (None, Some(count)) => {
                Known { why: words::reason(CLARITY_COUNT).to_owned(), ..Known::count(Some(count), String::new) }
            }
            (None, None) => Known::new(None, || unstaffed(page, queue)),
        };
        let value = match name {
            "queuedCount" => Known::count(queue.waiting, || page.why(NOT_REPORTED)).into(),
            "longestWait" => longest_of(page, queue.longest_wait_since, queue.waiting, || page.why(NOT_REPORTED)),
            "agentsAvailable" => staff(|staff| staff.available, queue.agents_available).into(),
            "agentsOnline" => staff(|staff| staff.logged_in, queue.agents_online).into(),
            "csatToday" => answered(page, csat(day.and_then(|day| day.csat.as_ref())), is_hidden),
            "npsToday" => answered(page, format::nps(day.and_then(|day| day.nps.as_ref())), is_hidden),
            "serviceLevel" => not_computed(),
            name => {
                Known::new(Some(format::metric_cell(&queue.metrics, name)), || page.why_no_metric(name, &queue.metrics))
                    .into()
            }
        };
        Self { name: name.to_owned(), head: Head::new(page, name), value }
    }
}

fn csat(share: Option<&RatioDoc>) -> String {
    Stat::written(share.into(), "").text
}

fn answered(page: &PageState, text: String, is_hidden: bool) -> Timer {
    Known::new(Some(text), || page.why_unanswered(is_hidden)).into()
}

/// Tiles that are not computed yet.
fn not_computed() -> Timer {
    Timer { text: format::NONE.to_owned(), why: words::reason("notComputed").to_owned(), ..Timer::default() }
}

impl From<Known> for Timer {
    fn from(Known { text, why }: Known) -> Self {
        Self { since: None, text, why }
    }
}

impl Head {
    fn new(page: &PageState, name: &str) -> Self {
        let word = match name {
            "queuedCount" => words::label("waiting"),
            "agentsAvailable" => words::activity("available"),
            "agentsOnline" => words::label("loggedIn"),
            "longestWait" | "serviceLevel" | "csatToday" | "npsToday" => words::label(name),
            name => {
                let ours = format::label(name.strip_suffix("Count").unwrap_or(name));
                let text = page.state.labels.get(name).map_or_else(|| ours.clone(), |label| label.to_string());
                return Self { text, path: Some(format!("labels/{}", step(name))), ours };
            }
        };
        Self { text: word.to_owned(), path: None, ours: word.to_owned() }
    }
}

/// The board's queues in its own order; without a list, all by name.
fn chosen<'a>(page: &'a PageState, board: &Board) -> Vec<(String, &'a QueueDoc)> {
    if board.queues.is_empty() {
        let mut all: Vec<_> = page.state.queues.iter().map(|(id, queue)| (id.clone(), &**queue)).collect();
        all.sort_by_cached_key(|(id, queue)| (TextKey::new(&queue.name), TextKey::new(id)));
        return all;
    }
    let found = |id: &i64| page.state.queues.get_key_value(&id.to_string());
    board.queues.iter().filter_map(found).map(|(id, queue)| (id.clone(), &**queue)).collect()
}
