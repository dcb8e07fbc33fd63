//! `/supervisor`: everybody and every queue that the viewer may see, on one page.

use std::collections::BTreeMap;

use askama::Template;

use super::agents::AgentTable;
use super::frame::Frame;
use super::queues::{QueueTable, longest, sum};
use super::view::TextKey;
use super::{Sheet, Timer, View, format, words};
use crate::domain::SourceName;
use crate::live::shape::{AgentDoc, StateDoc};

/// Renders the page as the viewer chose to see it.
pub fn supervisor(sheet: &Sheet, view: &View) -> Result<String, askama::Error> {
    let mut teams: Vec<_> = sheet.state.teams.iter().map(|(id, team)| (id.clone(), team.name.clone())).collect();
    teams.sort_by_cached_key(|(_, name)| TextKey::new(name));
    Page {
        frame: Frame::new(sheet, "/supervisor", "Supervisor"),
        tiles: Tiles::new(sheet),
        queues: QueueTable::new(sheet, view),
        agents: AgentTable::new(sheet, view),
        teams,
        activities: words::ACTIVITIES.map(|activity| (activity, words::activity(activity).to_owned())),
        clear: View { q: String::new(), team: String::new(), state: String::new(), ..view.clone() }.address(),
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
    view: &'a View,
}

/// The strip at the top.
struct Tiles {
    waiting: String,
    longest: Timer,
    longest_queue: String,
    available: String,
    logged_in: String,
    in_contact: String,
    ringing: String,
    after_call: String,
    away: String,
    open: String,
}

impl Tiles {
    fn new(sheet: &Sheet) -> Self {
        let state = &sheet.state;
        let longest_wait = longest(state.queues.values());
        let agents = |name: &str| number(in_activity(&state.agents, name));
        let is_known = state.queues.values().all(|queue| queue.waiting.is_some());
        let logged_in = state.agents.values().filter(|agent| agent.activity != "loggedOut").count();
        Self {
            waiting: format::count(sum(state.queues.values(), |queue| queue.waiting)),
            longest: match longest_wait {
                Some((since, _)) => sheet.timer(Some(since)),
                None => nobody_waits(is_known),
            },
            longest_queue: match longest_wait {
                Some((_, queue)) => format!("in {}", queue.name),
                None => if is_known { "Nobody is waiting" } else { "Not known" }.to_owned(),
            },
            available: agents("available"),
            logged_in: format!("of {} logged in", number(logged_in)),
            in_contact: agents("inContact"),
            ringing: agents("ringing"),
            after_call: agents("afterCall"),
            away: format!("and {} away", agents("away")),
            open: open_feedback(state),
        }
    }
}

/// The longest wait where none runs: zero if that is known, else a dash.
pub(super) fn nobody_waits(is_known: bool) -> Timer {
    Timer { since: None, text: if is_known { "0:00" } else { format::NONE }.to_owned() }
}

/// What still waits for an answer. A response hangs on one team at most, so teams may be added up; agents and queues
/// may not, and the responses themselves are not part of the floor. Zero is only known while Goodays is heard.
fn open_feedback(state: &StateDoc) -> String {
    if state.sources.get(SourceName::Goodays.as_str()).is_none_or(|source| source.state == "off") {
        return format::NONE.to_owned();
    }
    let open: u64 = state.teams.values().filter_map(|team| team.feedback.as_ref()).map(|total| total.open).sum();
    format::count(i64::try_from(open).ok())
}

fn in_activity(agents: &BTreeMap<String, AgentDoc>, name: &str) -> usize {
    agents.values().filter(|agent| agent.activity == name).count()
}

fn number(count: usize) -> String {
    format::count(i64::try_from(count).ok())
}
