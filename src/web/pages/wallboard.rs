//! `/wallboard/{name}`: a display on a wall, read from metres away, by people who are no customers' business.

use std::time::Duration;

use askama::Template;

use super::frame::Frame;
use super::queues::{longest, sum};
use super::supervisor::nobody_waits;
use super::view::TextKey;
use super::{Figure, Sheet, Timer, format, step};
use crate::live::shape::{NpsDoc, QueueDoc, RatioDoc};

/// A wallboard as it was configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// Its name in the address.
    pub name: String,
    /// What stands at its top.
    pub title: String,
    /// Its queues, in this order. Empty: all that the scope holds.
    pub queues: Vec<i64>,
    /// What it shows of each queue and of all together, such as `queuedCount`.
    pub tiles: Vec<String>,
    /// How long a page stands if there are several.
    pub rotate: Option<Duration>,
    /// How far away its readers are, in metres.
    pub viewing_distance: Option<f32>,
    /// `dark` or `light`.
    pub theme: Option<String>,
}

/// Renders the display.
pub fn wallboard(sheet: &Sheet, board: &Board) -> Result<String, askama::Error> {
    let mut frame = Frame::new(sheet, "", board.title.as_str());
    frame.theme = board.theme.as_deref().unwrap_or("dark");
    let distance = Distance::of(board.viewing_distance);
    let queues = chosen(sheet, board);
    let all: Vec<_> = queues.iter().map(|(_, queue)| *queue).collect();
    let rows: Vec<_> = queues.iter().map(|(id, queue)| Row::new(sheet, board, id, queue)).collect();
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
        clock: sheet.clock(sheet.now).chars().take(5).collect(),
        ids: board.queues.iter().map(i64::to_string).collect::<Vec<_>>().join(","),
        totals: board.tiles.iter().map(|name| Tile::new(sheet, name, &all)).collect(),
        heads: board.tiles.iter().map(|name| Head::new(sheet, name)).collect(),
        pages,
    }
    .render()
}

#[derive(Template)]
#[template(path = "pages/wallboard.html")]
struct Page<'a> {
    frame: Frame<'a>,
    distance: &'static str,
    /// Letters so large that a page has room for one queue alone, a line for each number.
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

/// What stands above a number.
#[derive(Clone)]
struct Head {
    text: String,
    /// Where the document says what the site calls it. `None`: it has a word of ours.
    path: Option<String>,
    /// What it is called unless the document says.
    ours: String,
}

impl Row {
    fn new(sheet: &Sheet, board: &Board, id: &str, queue: &QueueDoc) -> Self {
        Self {
            id: id.to_owned(),
            name: queue.name.clone(),
            tiles: board.tiles.iter().map(|name| Tile::new(sheet, name, &[queue])).collect(),
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

    fn new(sheet: &Sheet, name: &str, queues: &[&QueueDoc]) -> Self {
        let text = |text: String| Timer { since: None, text };
        let value = match name {
            "queuedCount" => text(format::count(sum(queues.iter().copied(), |queue| queue.waiting))),
            "longestWait" => match longest(queues.iter().copied()) {
                Some((since, _)) => sheet.timer(Some(since)),
                None => nobody_waits(queues.iter().all(|queue| queue.waiting.is_some())),
            },
            "agentsAvailable" => text(format::count(sum(queues.iter().copied(), |queue| queue.agents_available))),
            "agentsOnline" => text(format::count(sum(queues.iter().copied(), |queue| queue.agents_online))),
            // Of several queues a ratio of sums, never a mean of ratios.
            "csatToday" => {
                let all = queues.iter().filter_map(|queue| queue.feedback.as_ref()?.day.csat.as_ref());
                let written = |csat| Figure::written(&serde_json::to_value(csat).unwrap_or_default(), "").text;
                text(RatioDoc::sum(all).map_or_else(|| format::NONE.to_owned(), written))
            }
            "npsToday" => {
                let all = queues.iter().filter_map(|queue| queue.feedback.as_ref()?.day.nps.as_ref());
                text(format::nps(NpsDoc::sum(all).as_ref()))
            }
            "serviceLevel" => text("n/a".to_owned()),
            name => text(format::metric_sum(queues.iter().map(|queue| &queue.metrics), name)),
        };
        Self { name: name.to_owned(), head: Head::new(sheet, name), value }
    }
}

impl Head {
    fn new(sheet: &Sheet, name: &str) -> Self {
        let word = match name {
            "queuedCount" => "Waiting",
            "longestWait" => "Longest wait",
            "serviceLevel" => "Service level",
            "agentsAvailable" => "Available",
            "agentsOnline" => "Logged in",
            "csatToday" => "CSAT today",
            "npsToday" => "NPS today",
            name => {
                let ours = format::label(name.strip_suffix("Count").unwrap_or(name));
                let text = sheet.state.labels.get(name).unwrap_or(&ours).clone();
                return Self { text, path: Some(format!("labels/{}", step(name))), ours };
            }
        };
        Self { text: word.to_owned(), path: None, ours: word.to_owned() }
    }
}

/// The board's queues in its own order; without a list, all by name.
fn chosen<'a>(sheet: &'a Sheet, board: &Board) -> Vec<(String, &'a QueueDoc)> {
    if board.queues.is_empty() {
        let mut all: Vec<_> = sheet.state.queues.iter().map(|(id, queue)| (id.clone(), queue)).collect();
        all.sort_by_cached_key(|(id, queue)| (TextKey::new(&queue.name), TextKey::new(id)));
        return all;
    }
    let found = |id: &i64| sheet.state.queues.get_key_value(&id.to_string());
    board.queues.iter().filter_map(found).map(|(id, queue)| (id.clone(), queue)).collect()
}
