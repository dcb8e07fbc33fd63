//! What upstream systems reported, merged by identity, and the entities that follow from it.
//!
//! Two steps, both pure: [`Records::apply`] merges a fact and notes which entities it may have changed;
//! [`Records::rederive`] derives those entities again. A thousand facts between two derivations cost one derivation.

mod contributions;
mod derive;
mod early_updates;
mod feedback;
mod floor;
mod multimap;
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
use contributions::Contributions;
use early_updates::EarlyUpdates;
use feedback::Feedback;
use floor::{AgentRecord, QueueRecord};
use sessions::Sessions;
use surveys::Surveys;

/// How often old surveys are evicted.
const EVICT_SURVEYS_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// All records.
#[derive(Debug)]
pub struct Records {
    rules: MatchRules,
    day_began: Timestamp,
    agents: HashMap<AgentId, AgentRecord>,
    /// The names by which other systems know the agents.
    directory: AgentDirectory,
    queues: HashMap<QueueId, QueueRecord>,
    /// Whether a structure was applied. From then on only agents and queues that it names exist.
    is_structured: bool,
    /// Updates of agents and queues that it does not name.
    early_agents: EarlyUpdates<AgentId, AgentUpdate>,
    early_queues: EarlyUpdates<QueueId, QueueUpdate>,
    teams: BTreeMap<TeamId, TeamRecord>,
    sessions: Sessions,
    feedback: Feedback,
    surveys: Surveys,
    contributions: Contributions,
    /// Labels by metric name.
    labels: BTreeMap<Arc<str>, Arc<str>>,
    sources: BTreeMap<SourceName, Health>,
    /// Entities that may have changed since the last derivation.
    touched: BTreeSet<Key>,
    /// When old surveys were last evicted.
    surveys_evicted_at: Timestamp,
}

impl Records {
    /// No records yet. `day_began`: the beginning of the business day.
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
            early_agents: EarlyUpdates::default(),
            early_queues: EarlyUpdates::default(),
            teams: BTreeMap::new(),
            sessions: Sessions::default(),
            feedback: Feedback::default(),
            surveys,
            contributions: Contributions::new(day_began),
            labels: BTreeMap::new(),
            sources: BTreeMap::new(),
            touched: BTreeSet::new(),
            surveys_evicted_at: day_began,
        }
    }

    /// Merges a fact.
    pub fn apply(&mut self, fact: Fact, now: Timestamp) {
        self.advance(now);
        self.evict_surveys(now);
        match fact {
            Fact::Structure(structure) => self.apply_structure(structure, now),
            Fact::AgentSnapshots { asked, agents } => {
                for agent in agents {
                    self.apply_agent_snapshot(asked, agent, now);
                }
            }
            Fact::AgentUpdated { received, agent } => self.apply_agent_update(received, *agent, now),
            Fact::QueueSnapshots { asked, queues } => {
                for queue in queues {
                    self.apply_queue_snapshot(asked, queue, now);
                }
            }
            Fact::SearchResults { asked, agents, queues } => {
                for agent in agents {
                    self.apply_agent_search_result(&agent);
                }
                for queue in queues {
                    self.apply_queue_search_result(asked, queue);
                }
            }
            Fact::QueueUpdated { received, queue } => self.apply_queue_update(received, *queue, now),
            Fact::QueuePushesMissed { before, searched_too } => self.drop_unpushed_since(before, searched_too),
            Fact::Response(record) => {
                let touched = self.feedback.update(*record, &self.rules);
                self.touched.extend(touched);
            }
            Fact::StoredResponses(records) => {
                for record in records {
                    let touched = self.feedback.update(record, &self.rules);
                    self.touched.extend(touched);
                }
                self.evict_responses();
            }
            Fact::Forgotten { responses, surveys, sessions, person } => {
                self.forget(&responses, &surveys);
                self.forget_sessions(&sessions, &person);
            }
            Fact::Session(session) => {
                let keys = self.sessions.history.update(*session, now);
                self.sessions_changed(&keys);
            }
            Fact::StoredSessions(sessions) => {
                for session in sessions {
                    let keys = self.sessions.history.restore(session, now);
                    self.sessions_changed(&keys);
                }
            }
            Fact::Pinned(pin) => self.feedback.pin(pin, &self.rules),
            Fact::FeedbackAction(action) => {
                let touched = self.feedback.update_action(*action);
                self.touched.extend(touched);
            }
            Fact::Survey(survey) => {
                self.contributions.survey_requested(&survey);
                let touched = self.surveys.update(*survey);
                self.touched.extend(touched);
            }
            Fact::SurveyResult(result) => {
                let touched = self.surveys.update_result(*result);
                self.touched.extend(touched);
            }
            Fact::SurveySkipped(skipped) => self.contributions.survey_skipped(*skipped),
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

    /// At most `limit` sessions that changed since they were last taken.
    pub fn take_unsaved_sessions(&mut self, limit: usize) -> Vec<SessionRecord> {
        self.sessions.history.take_unsaved(limit)
    }

    /// Begins a new business day.
    pub fn begin_day(&mut self, day_began: Timestamp) {
        self.day_began = day_began;
        self.feedback.rematch_pending();
        self.contributions.begin_day(day_began);
        self.evict_responses();
        self.touched.extend(self.surveys.begin_day(day_began));
    }

    /// Evicts responses that no longer count in any window. The store has them.
    fn evict_responses(&mut self) {
        let then = self.before_month(feedback::MARGIN);
        self.touched.extend(self.feedback.evict_before(then));
    }

    /// Evicts old surveys, but only once an hour: after a start they come from the store in any order, and requests and
    /// results must be together before one is evicted.
    fn evict_surveys(&mut self, now: Timestamp) {
        if now.duration_since(self.surveys_evicted_at) >= EVICT_SURVEYS_EVERY {
            self.surveys_evicted_at = now;
            let then = self.before_month(surveys::MARGIN);
            self.touched.extend(self.surveys.evict_before(then));
            self.contributions.set_requests(self.surveys.requests());
        }
    }

    fn before_month(&self, margin: SignedDuration) -> Timestamp {
        let month = self.contributions.index.windows().month;
        month.saturating_sub(margin).unwrap_or(month)
    }

    /// Derives the touched entities. `None`: the entity does not exist. An entity may be unchanged: the caller
    /// compares.
    pub fn rederive(&mut self) -> Vec<(Key, Option<Entity>)> {
        self.rematch();
        self.recount();
        let touched = std::mem::take(&mut self.touched);
        let derived = touched.into_iter().map(|key| {
            let entity = self.derive(&key);
            (key, entity)
        });
        derived.collect()
    }

    /// All entities, derived from the records alone: the gold copy must equal them.
    #[must_use]
    pub fn all(&self) -> BTreeMap<Key, Entity> {
        let keys = (self.agents.keys().map(|id| Key::Agent(*id)))
            .chain(self.queues.keys().map(|id| Key::Queue(*id)))
            .chain(self.teams.keys().map(|id| Key::Team(*id)))
            .chain(self.feedback.ids().map(|id| Key::Response(id.clone())))
            .chain(self.surveys.ids().map(Key::Survey))
            .chain(self.rollup_keys())
            .chain(self.labels.keys().map(|name| Key::Label(name.clone())))
            .chain(self.sources.keys().map(|name| Key::Source(*name)));
        keys.filter_map(|key| Some((key.clone(), self.derive(&key)?))).collect()
    }
}

#[cfg(test)]
mod tests;
