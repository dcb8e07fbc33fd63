//! What we were told, as records, and what they amount to.
//!
//! Two steps, both pure: [`Records::apply`] merges a fact and notes which entities it may have changed;
//! [`Records::rederive`] says what those entities now are. A thousand facts between two settlings cost one settling.

mod contributions;
mod derive;
mod early_updates;
mod feedback;
mod floor;
mod session_history;
mod sessions;
mod survey_agents;
mod surveys;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;
use jiff::{SignedDuration, Timestamp};

use super::directory::AgentDirectory;
use super::entity::{Entity, Key};
use super::join::MatchRules;
use crate::domain::{
    AgentId, AgentUpdate, Fact, Health, QueueId, QueueUpdate, SessionRecord, SourceName, TeamId, TeamRecord,
};
use contributions::Counting;
use early_updates::Early;
use feedback::Feedback;
use floor::{AgentRecord, QueueRecord};
use sessions::Sessions;
use surveys::Surveys;

/// How often surveys that are over are let go.
const TIDY: SignedDuration = SignedDuration::from_hours(1);

/// All records.
#[derive(Debug)]
pub struct Records {
    rules: MatchRules,
    day_began: Timestamp,
    agents: HashMap<AgentId, AgentRecord>,
    /// What other systems call the agents.
    directory: AgentDirectory,
    queues: HashMap<QueueId, QueueRecord>,
    /// Whether a structure was ever told. From then on nobody is there whom it does not name.
    is_structured: bool,
    /// Updates about agents and queues that it does not name.
    early_agents: Early<AgentId, AgentUpdate>,
    early_queues: Early<QueueId, QueueUpdate>,
    teams: BTreeMap<TeamId, TeamRecord>,
    sessions: Sessions,
    feedback: Feedback,
    surveys: Surveys,
    counting: Counting,
    /// What metrics are called.
    labels: BTreeMap<Arc<str>, Arc<str>>,
    sources: BTreeMap<SourceName, Health>,
    /// Entities that may have changed since the last settling.
    touched: BTreeSet<Key>,
    /// When surveys that are over were last let go.
    tidied: Timestamp,
}

impl Records {
    /// No records yet. `day_began` is when the board's day began.
    #[must_use]
    pub fn new(rules: MatchRules, day_began: Timestamp) -> Self {
        let mut surveys = Surveys::default();
        surveys.begin_day(day_began);
        Self {
            rules,
            day_began,
            agents: HashMap::default(),
            directory: AgentDirectory::default(),
            queues: HashMap::default(),
            is_structured: false,
            early_agents: Early::default(),
            early_queues: Early::default(),
            teams: BTreeMap::new(),
            sessions: Sessions::default(),
            feedback: Feedback::default(),
            surveys,
            counting: Counting::new(day_began),
            labels: BTreeMap::new(),
            sources: BTreeMap::new(),
            touched: BTreeSet::new(),
            tidied: day_began,
        }
    }

    /// Merges what the outside told us.
    pub fn apply(&mut self, fact: Fact, now: Timestamp) {
        self.pass(now);
        self.tidy(now);
        match fact {
            Fact::Structure(structure) => self.restructure(structure, now),
            Fact::AgentSnapshots { asked, agents } => {
                for agent in agents {
                    self.agent_in_full(asked, agent, now);
                }
            }
            Fact::AgentUpdated { received: heard, agent } => self.agent_changed(heard, *agent, now),
            Fact::QueueSnapshots { asked, queues } => {
                for queue in queues {
                    self.queue_in_full(asked, queue, now);
                }
            }
            Fact::SearchResults { asked, agents, queues } => {
                for agent in agents {
                    self.agent_found(&agent);
                }
                for queue in queues {
                    self.queue_found(asked, queue);
                }
            }
            Fact::QueueUpdated { received: heard, queue } => self.queue_changed(heard, *queue, now),
            Fact::QueuePushesMissed { before, searched_too } => self.queues_uncertain(before, searched_too),
            Fact::Response(reading) => {
                for key in self.feedback.hear(*reading, &self.rules) {
                    self.touched.insert(key);
                }
            }
            Fact::StoredResponses(readings) => {
                for reading in readings {
                    let touched = self.feedback.hear(reading, &self.rules);
                    self.touched.extend(touched);
                }
                self.responses_leave();
            }
            Fact::Forgotten { responses, surveys, sessions, person } => {
                self.forget(&responses, &surveys);
                self.forget_sessions(&sessions, &person);
            }
            Fact::Session(trace) => {
                let clues = self.sessions.traces.hear(*trace, now);
                self.follow(&clues);
            }
            Fact::StoredSessions(traces) => {
                for trace in traces {
                    let clues = self.sessions.traces.recall(trace, now);
                    self.follow(&clues);
                }
            }
            Fact::Pinned(pin) => self.feedback.pin(pin, &self.rules),
            Fact::FeedbackAction(deed) => {
                for key in self.feedback.hear_deed(*deed) {
                    self.touched.insert(key);
                }
            }
            Fact::Survey(survey) => {
                self.counting.asked(&survey);
                let touched = self.surveys.hear(*survey);
                self.touched.extend(touched);
            }
            Fact::SurveyResult(result) => {
                let touched = self.surveys.hear_result(*result);
                self.touched.extend(touched);
            }
            Fact::SurveySkipped(told) => self.counting.not_asked(*told),
            Fact::MetricLabels(labels) => {
                let before = std::mem::replace(&mut self.labels, labels);
                self.touched.extend(before.keys().chain(self.labels.keys()).map(|name| Key::Label(name.clone())));
            }
            Fact::Source(name, health) => {
                self.touched.insert(Key::Source(name));
                self.sources.insert(name, health);
            }
        }
    }

    /// What is known of sessions and not yet kept, at most so many.
    pub fn take_unsaved_sessions(&mut self, limit: usize) -> Vec<SessionRecord> {
        self.sessions.traces.take_unsaved_sessions(limit)
    }

    /// A new day of the board: what counts "today" counts from here.
    pub fn begin_day(&mut self, day_began: Timestamp) {
        self.day_began = day_began;
        self.feedback.rejoin_waiting();
        self.counting.begin_day(day_began);
        self.responses_leave();
        self.touched.extend(self.surveys.begin_day(day_began));
    }

    /// Responses that have nothing more to say in what is counted leave: the store has them.
    fn responses_leave(&mut self) {
        let then = self.before_what_is_counted(feedback::LATE);
        self.touched.extend(self.feedback.leave_before(then));
    }

    /// And so do surveys, though not at once: what earlier lives of the process have heard of them is told in any order, and
    /// what belongs together must have been told.
    fn tidy(&mut self, now: Timestamp) {
        if now.duration_since(self.tidied) >= TIDY {
            self.tidied = now;
            let then = self.before_what_is_counted(surveys::LATE);
            self.touched.extend(self.surveys.leave_before(then));
            self.counting.asked_only(self.surveys.requests());
        }
    }

    fn before_what_is_counted(&self, late: SignedDuration) -> Timestamp {
        let month = self.counting.book.windows().month;
        month.saturating_sub(late).unwrap_or(month)
    }

    /// What the touched entities now are, by key; `None` for those that are not there. Some may be as they were: whoever
    /// keeps them compares.
    pub fn rederive(&mut self) -> Vec<(Key, Option<Entity>)> {
        self.rejoin();
        self.recount();
        let touched = std::mem::take(&mut self.touched);
        touched
            .into_iter()
            .map(|key| {
                let entity = self.derive(&key);
                (key, entity)
            })
            .collect()
    }

    /// Every entity there is, from nothing but the records: what the gold copy must equal.
    #[must_use]
    pub fn all(&self) -> BTreeMap<Key, Entity> {
        let keys = (self.agents.keys().map(|id| Key::Agent(*id)))
            .chain(self.queues.keys().map(|id| Key::Queue(*id)))
            .chain(self.teams.keys().map(|id| Key::Team(*id)))
            .chain(self.feedback.ids().map(|id| Key::Response(id.clone())))
            .chain(self.surveys.ids().map(Key::Survey))
            .chain(self.only_counted())
            .chain(self.labels.keys().map(|name| Key::Label(name.clone())))
            .chain(self.sources.keys().map(|name| Key::Source(*name)));
        keys.filter_map(|key| Some((key.clone(), self.derive(&key)?))).collect()
    }
}

#[cfg(test)]
mod tests;
