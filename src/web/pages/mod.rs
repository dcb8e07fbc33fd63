//! Pages: pure functions from a rendered state to HTML.
//!
//! Each cell has its path in the document (`data-path`) and its format (`data-as`), so that `static/bind.js` can update
//! it. `tests/fixtures/formats.json` has the cases that the server's and the script's formats must both pass.

mod agent;
mod agents;
mod answering;
mod audit;
mod confirm;
mod contact;
mod displays;
mod duplicate_request;
mod feedback;
mod frame;
mod known;
mod login;
mod pager;
mod pinning;
mod problem;
mod queues;
mod sign_ins;
mod stat;
mod status;
mod supervisor;
mod surveys;
mod table_query;
mod unusable;
mod wallboard;

pub mod format;
pub mod words;

#[cfg(test)]
mod tests;

pub use agent::agent;
pub use audit::{AuditPage, audit};
pub use confirm::confirm;
pub use displays::{DisplaysPage, PairingForm, PairingState, display, displays};
pub use duplicate_request::duplicate_request;
pub use feedback::{feedback, feedback_item, feedback_item_of};
pub use login::{LoginPage, login};
pub use problem::problem;
pub use sign_ins::sign_ins;
pub use status::status;
pub use supervisor::supervisor;
pub use surveys::surveys;
pub use table_query::TableQuery;
pub use unusable::Unusable;
pub use wallboard::{Board, wallboard};

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::Role;
use crate::live::document::Document;
use crate::web::access::Viewer;

/// The state of a scope at a version, and what else a page needs.
#[derive(Debug, Clone)]
pub struct PageState {
    /// The epoch of the version: the lifetime of one view.
    pub epoch: String,
    /// The version of the document.
    pub version: u64,
    /// The scope, as the socket requests it: `all`, `queues:1,2`.
    pub scope: String,
    /// The server's build.
    pub build: &'static str,
    /// The server's time.
    pub now: Timestamp,
    /// The zone of the board's day; all times are shown in it.
    pub time_zone: TimeZone,
    /// The document.
    pub state: Arc<Document>,
    /// The same document as JSON.
    pub state_json: String,
    /// Whether everything on the page is invented.
    pub demo: bool,
    /// The current user.
    pub user: CurrentUser,
    /// The queue metrics that are requested from Clarity.
    pub queue_metrics: Vec<String>,
}

/// The current user of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentUser {
    /// Their name. `None`: the server has no sign-in.
    pub name: Option<String>,
    /// Their id, by which a browser keeps drafts. Empty: the server has no sign-in.
    pub key: String,
    /// Their role.
    pub role: Role,
    /// Whether there is more than they may see.
    pub is_limited: bool,
    /// Whether they may act on agents and contacts from here.
    pub acts: bool,
}

impl CurrentUser {
    /// The user of a server without sign-in.
    #[must_use]
    pub fn without_sign_in(acts: bool) -> Self {
        Self { name: None, key: String::new(), role: Role::Administrator, is_limited: false, acts }
    }

    /// The user who requests a page. In the demo every user may act.
    #[must_use]
    pub fn of(viewer: &Viewer, demo: bool) -> Self {
        let role = viewer.role();
        match viewer.sign_in() {
            None => Self { role, ..Self::without_sign_in(demo && role > Role::Display) },
            Some(sign_in) => Self {
                name: Some(sign_in.name().to_owned()),
                key: sign_in.agent().to_string(),
                role,
                is_limited: viewer.permission().visibility().is_some(),
                acts: role >= Role::Supervisor,
            },
        }
    }
}

impl PageState {
    /// An instant as time of day in the board's zone.
    fn clock(&self, at: Timestamp) -> String {
        format::clock(at, &self.time_zone)
    }

    /// An instant as day and time in the board's zone.
    fn moment(&self, at: Timestamp) -> String {
        format::moment(at, &self.time_zone, self.now)
    }

    /// The start of something current, in the board's zone.
    fn since(&self, at: Timestamp) -> String {
        format::since(at, &self.time_zone, self.now)
    }

    /// A running time since an instant.
    fn timer(&self, since: Option<Timestamp>) -> Timer {
        Timer::new(since, |since| format::duration(format::seconds_between(since, self.now)))
    }

    /// A coarse age.
    fn age(&self, since: Option<Timestamp>) -> Timer {
        Timer::new(since, |since| format::ago(format::seconds_between(since, self.now)))
    }

    /// A queue's name; the four special numbers have their own (`apis.md` C57).
    fn queue_name(&self, id: i64) -> String {
        match self.state.queues.get(&id.to_string()) {
            Some(queue) => queue.name.clone(),
            None => words::special_queue(id)
                .map_or_else(|| words::fill(words::text("queueNumber"), &[("id", &id)]), str::to_owned),
        }
    }

    /// An agent's name.
    fn agent_name(&self, id: i64) -> String {
        self.state
            .agents
            .get(&id.to_string())
            .map_or_else(|| words::fill(words::text("agentNumber"), &[("id", &id)]), |agent| agent.name.clone())
    }

    /// A team's name.
    fn team_name(&self, id: Option<i64>) -> String {
        match id {
            None => words::text("noTeam").to_owned(),
            Some(id) => self
                .state
                .teams
                .get(&id.to_string())
                .map_or_else(|| words::fill(words::text("teamNumber"), &[("id", &id)]), |team| team.name.clone()),
        }
    }
}

/// A running timer: its start for the script, its text for the user.
#[derive(Debug, Clone, Default, PartialEq)]
struct Timer {
    /// When it began. Absent: it does not run.
    since: Option<Timestamp>,
    text: String,
    /// Why it does not run, if that needs an explanation.
    why: String,
}

impl Timer {
    fn new(since: Option<Timestamp>, write: impl FnOnce(Timestamp) -> String) -> Self {
        Self { since, text: since.map_or_else(|| format::NONE.to_owned(), write), why: String::new() }
    }
}

/// A key as one step of a `data-path`: it may itself contain a slash.
fn step(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A key as one segment of an address.
pub(super) fn segment(key: &str) -> String {
    percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC).to_string()
}
