//! `/supervisor`: every agent and queue that the viewer may see, on one page.

use askama::Template;

use super::agents::AgentTable;
use super::frame::Frame;
use super::known::{CALLS, Known, NOT_REPORTED, any_delivers, longest_of, why};
use super::queues::QueueTable;
use super::table_query::TextKey;
use super::{PageState, TableQuery, Timer, words};
use crate::domain::SourceName;
use crate::live::document::{COUNTED_ALL, CountsDoc, StaffDoc};

/// Renders the page as the viewer chose to see it.
pub fn supervisor(page: &PageState, view: &TableQuery) -> Result<String, askama::Error> {
    let mut teams: Vec<_> = page.state.teams.iter().map(|(id, team)| (id.clone(), team.name.clone())).collect();
    teams.sort_by_cached_key(|(_, name)| TextKey::new(name));
    Page {
        frame: Frame::new(page, "/supervisor", words::label("supervisor")),
        tiles: Tiles::new(page),
        queues: QueueTable::new(page, view),
        agents: AgentTable::new(page, view),
        teams,
        activities: words::ACTIVITIES.map(|activity| (activity, words::activity(activity).to_owned())),
        clear: TableQuery { q: String::new(), team: String::new(), state: String::new(), ..view.clone() }.address(),
        view,
    }
    .render()
}

#[derive(Template)]
#[template(path = "pages/supervisor.html")]
struct Page<'a> {
    frame: Frame<'a>,
    tiles: Tiles,
    queues: QueueTable,
    agents: AgentTable,
    teams: Vec<(String, String)>,
    activities: [(&'static str, String); 7],
    /// This view without its filters.
    clear: String,
    view: &'a TableQuery,
}

/// The strip at the top: values from the document's `counts`; this page counts nothing itself.
struct Tiles {
    waiting: Known,
    longest: Timer,
    longest_queue: String,
    available: Known,
    logged_in: String,
    in_contact: Known,
    ringing: String,
    after_call: Known,
    away: String,
    open: Known,
}

impl Tiles {
    fn new(page: &PageState) -> Self {
        let none = CountsDoc::default();
        let counts = page.state.counts.get(COUNTED_ALL).map_or(&none, |counts| counts);
        let agents = |of: fn(&StaffDoc) -> u64| Known::count(counts.staff.as_ref().map(of), || page.why(NOT_REPORTED));
        let number = |of: fn(&StaffDoc) -> u64| agents(of).text;
        Self {
            waiting: waiting(page, counts),
            longest: longest(page, counts),
            longest_queue: match (counts.longest_wait_queue, counts.waiting) {
                (Some(queue), _) => words::fill(words::text("inQueue"), &[("queue", &page.queue_name(queue))]),
                (None, Some(0)) => words::text("noneWaiting").to_owned(),
                (None, _) => words::text("notKnown").to_owned(),
            },
            available: agents(|staff| staff.available),
            logged_in: words::fill(words::text("ofLoggedIn"), &[("n", &number(|staff| staff.logged_in))]),
            in_contact: agents(|staff| staff.in_contact),
            ringing: number(|staff| staff.ringing),
            after_call: agents(|staff| staff.after_call),
            away: words::fill(words::text("andAway"), &[("n", &number(|staff| staff.away))]),
            open: Known::count(counts.open_feedback, || {
                let (sources, is_hidden) = (&page.state.sources, counts.hidden.contains_key("openFeedback"));
                // It is a sum over teams, which Clarity reports.
                let from = if any_delivers(sources, &[SourceName::Goodays]) { CALLS } else { &[SourceName::Goodays] };
                why(sources, from, is_hidden, NOT_REPORTED)
            }),
        }
    }
}

/// Waiting callers of all queues.
pub(super) fn waiting(page: &PageState, counts: &CountsDoc) -> Known {
    Known::count(counts.waiting, || {
        why(&page.state.sources, CALLS, counts.hidden.contains_key("waiting"), NOT_REPORTED)
    })
}

/// The longest wait of all queues: zero if it is known that no caller waits.
pub(super) fn longest(page: &PageState, counts: &CountsDoc) -> Timer {
    longest_of(page, counts.longest_wait_since, counts.waiting, || {
        why(&page.state.sources, CALLS, counts.hidden.contains_key("longestWaitSince"), NOT_REPORTED)
    })
}
