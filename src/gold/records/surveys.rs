//! Survey requests and results, matched by the interaction that both name.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Records;
use super::survey_agents::{SurveyAgents, names_in_request, names_in_result};
use crate::domain::{AgentId, SessionId, Survey, SurveyId, SurveyOrigin, SurveyResult, SurveyState};
use crate::gold::directory::AgentNames;
use crate::gold::entity::{Key, SurveyRequest};
use crate::gold::join::survey_match::{SurveyMatchRule, match_results};

/// How many surveys that were requested without Callboard are shown: the newest.
const MAX_EXTERNAL: usize = 500;

/// How long before the business day a finished request may have ended that is still shown.
const SHOWN_BEFORE_TODAY: SignedDuration = SignedDuration::from_hours(24);

/// How far from the beginning of a session a survey about it may be requested.
const MAX_SESSION: SignedDuration = SignedDuration::from_hours(24);

/// How long before the month window a survey may have ended that still counts in it: its recovery may be answered
/// later.
pub(super) const MARGIN: SignedDuration = SignedDuration::from_hours(35 * 24);

#[derive(Debug, Default)]
pub(super) struct Surveys {
    requests: HashMap<SurveyId, Arc<Survey>>,
    results: HashMap<Arc<str>, Arc<SurveyResult>>,
    interactions: HashMap<Arc<str>, Interaction>,
    agents: SurveyAgents,
    /// The request that a result belongs to, by the result's id.
    matches: HashMap<Arc<str>, (SurveyId, SurveyMatchRule)>,
    /// Results without a request of ours, oldest first.
    external: BTreeSet<(Option<Timestamp>, Arc<str>)>,
    /// Finished automatic requests are shown from here on: see [`Self::finished_at`].
    shown_since: Timestamp,
    /// What ended before was evicted. The minimum until something was.
    evicted_before: Timestamp,
}

/// A request and its result, at least one of them.
type RequestAndResult = (Option<Arc<Survey>>, Option<Arc<SurveyResult>>);

/// The requests and results that name one interaction.
#[derive(Debug, Default)]
struct Interaction {
    requests: BTreeSet<SurveyId>,
    results: BTreeSet<Arc<str>>,
}

impl Interaction {
    fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.results.is_empty()
    }
}

impl Surveys {
    /// Updates a request. Returns the entities that it touched.
    pub fn update(&mut self, survey: Survey) -> Vec<Key> {
        let (id, interaction) = (survey.id.clone(), interaction(&survey.interaction));
        self.interactions.entry(interaction.clone()).or_default().requests.insert(id.clone());
        if let Some(before) = self.requests.get(&id) {
            self.agents.remove(&id, before.agent, &names_in_request(before));
        }
        self.agents.add(&id, survey.agent, &names_in_request(&survey));
        self.requests.insert(id.clone(), Arc::new(survey));
        let mut touched = self.rematch(&interaction);
        touched.push(Key::Survey(id));
        touched
    }

    /// Updates a result. Results may come in any order: the one with the highest sequence is kept.
    pub fn update_result(&mut self, result: SurveyResult) -> Vec<Key> {
        let known = self.results.get(&result.uuid);
        if known.is_some_and(|known| known.sequence >= result.sequence) {
            return Vec::new();
        }
        let mut touched = Vec::new();
        if let Some(known) = known.cloned() {
            self.agents.remove(&SurveyId(Arc::clone(&known.uuid)), known.agent, &names_in_result(&known));
            self.external.remove(&(known.created, Arc::clone(&known.uuid)));
            let before = interaction(&known.interaction);
            if before != interaction(&result.interaction)
                && let Some(parts) = self.interactions.get_mut(&before)
            {
                parts.results.remove(&known.uuid);
                touched.extend(self.rematch(&before));
            }
        }
        let (uuid, interaction) = (Arc::clone(&result.uuid), interaction(&result.interaction));
        self.interactions.entry(interaction.clone()).or_default().results.insert(Arc::clone(&uuid));
        self.agents.add(&SurveyId(Arc::clone(&uuid)), result.agent, &names_in_result(&result));
        self.results.insert(Arc::clone(&uuid), Arc::new(result));
        touched.extend(self.rematch(&interaction));
        touched.push(self.shown_key(&uuid));
        // The survey that a recovery recovers changes, too.
        if let Some(parent) = self.results.get(&uuid).and_then(|result| result.parent.clone()) {
            touched.push(self.shown_key(&parent));
        }
        touched
    }

    /// Erases a survey: a request stays without personal data, to be counted, and a result goes.
    pub fn forget(&mut self, id: &SurveyId) -> Vec<Key> {
        if let Some(survey) = self.requests.get_mut(id) {
            let survey = Arc::make_mut(survey);
            (survey.customer, survey.reason, survey.link, survey.body) = (None, None, None, None);
            survey.may_retry = false;
            let unsent = [SurveyState::Queued, SurveyState::Failed, SurveyState::NeedsReview, SurveyState::DryRun];
            if unsent.contains(&survey.state) {
                // There is no customer left to send it to.
                survey.state = SurveyState::Rejected;
            }
            return vec![Key::Survey(id.clone())];
        }
        let mut touched = vec![self.shown_key(&id.0), Key::Survey(id.clone())];
        if let Some(result) = self.remove_result(&id.0) {
            let interaction = interaction(&result.interaction);
            if let Some(parts) = self.interactions.get_mut(&interaction) {
                parts.results.remove(&id.0);
            }
            touched.extend(self.rematch(&interaction));
        }
        touched
    }

    /// Begins a new business day. Returns the surveys that may no longer be shown.
    pub fn begin_day(&mut self, day_began: Timestamp) -> Vec<Key> {
        let before =
            std::mem::replace(&mut self.shown_since, day_began.saturating_sub(SHOWN_BEFORE_TODAY).unwrap_or(day_began));
        let hidden = self
            .requests
            .values()
            .filter(|survey| self.finished_at(survey).is_some_and(|at| at >= before && at < self.shown_since));
        hidden.map(|survey| Key::Survey(survey.id.clone())).collect()
    }

    /// Evicts interactions all of whose requests and results ended before `then`. Requests that may still be sent or
    /// that a user must see stay.
    pub fn evict_before(&mut self, then: Timestamp) -> Vec<Key> {
        self.evicted_before = then;
        let evictable: Vec<(Arc<str>, Interaction)> = self
            .interactions
            .iter()
            .map(|(interaction, parts)| (Arc::clone(interaction), self.evictable(interaction, parts, then)))
            .filter(|(_, evictable)| !evictable.is_empty())
            .collect();
        if evictable.is_empty() {
            return Vec::new();
        }
        let mut touched: Vec<Key> =
            evictable.into_iter().flat_map(|(name, evictable)| self.evict(&name, evictable)).collect();
        // Other results may be among the newest now.
        touched.extend(self.newest_external().map(Key::Survey));
        touched
    }

    /// What can be evicted of an interaction: all of it or nothing. Surveys without an interaction id are independent
    /// of each other.
    fn evictable(&self, interaction: &str, parts: &Interaction, then: Timestamp) -> Interaction {
        let is_old = |result: &SurveyResult| last_activity(result).is_some_and(|at| at < then);
        let is_finished = |survey: &Survey| {
            matches!(survey.state, SurveyState::Accepted | SurveyState::DryRun)
                && survey.changed < then
                && self.result_of(survey).is_none_or(|(result, _)| is_old(&result))
        };
        let is_finished_request = |id: &&SurveyId| self.requests.get(*id).is_some_and(|survey| is_finished(survey));
        let is_old_result = |uuid: &&Arc<str>| self.results.get(*uuid).is_some_and(|result| is_old(result));
        let evictable = Interaction {
            requests: parts.requests.iter().filter(is_finished_request).cloned().collect(),
            results: parts.results.iter().filter(is_old_result).cloned().collect(),
        };
        let is_whole =
            evictable.requests.len() == parts.requests.len() && evictable.results.len() == parts.results.len();
        if is_whole || interaction.is_empty() { evictable } else { Interaction::default() }
    }

    fn evict(&mut self, interaction: &str, evictable: Interaction) -> Vec<Key> {
        if let Some(parts) = self.interactions.get_mut(interaction) {
            parts.requests.retain(|id| !evictable.requests.contains(id));
            parts.results.retain(|uuid| !evictable.results.contains(uuid));
            if parts.is_empty() {
                self.interactions.remove(interaction);
            }
        }
        for id in &evictable.requests {
            if let Some(survey) = self.requests.remove(id) {
                self.agents.remove(id, survey.agent, &names_in_request(&survey));
            }
        }
        for uuid in &evictable.results {
            self.remove_result(uuid);
        }
        evictable.requests.into_iter().chain(evictable.results.into_iter().map(SurveyId)).map(Key::Survey).collect()
    }

    /// Removes a result from all indexes except its interaction.
    fn remove_result(&mut self, uuid: &Arc<str>) -> Option<Arc<SurveyResult>> {
        let result = self.results.remove(uuid)?;
        self.agents.remove(&SurveyId(Arc::clone(uuid)), result.agent, &names_in_result(&result));
        self.matches.remove(uuid);
        self.external.remove(&(result.created, Arc::clone(uuid)));
        Some(result)
    }

    /// All requests, shown or not.
    pub fn requests(&self) -> impl Iterator<Item = &Survey> {
        self.requests.values().map(|survey| &**survey)
    }

    /// When an automatic request was finished. `None`: it is shown for as long as it is in memory, because it was
    /// answered and may be recovered, or because a user made it or must decide about it, or because it was rejected.
    fn finished_at(&self, survey: &Survey) -> Option<Timestamp> {
        let is_automatic = matches!(survey.origin, SurveyOrigin::Session | SurveyOrigin::Conversation);
        let is_finished = matches!(survey.state, SurveyState::Accepted | SurveyState::DryRun);
        let is_answered = || self.result_of(survey).is_some_and(|(result, _)| result.answered.is_some());
        (is_automatic && is_finished && !is_answered()).then_some(survey.changed)
    }

    /// Everything that may be shown.
    pub fn ids(&self) -> impl Iterator<Item = SurveyId> {
        self.requests.keys().cloned().chain(self.newest_external())
    }

    fn newest_external(&self) -> impl Iterator<Item = SurveyId> {
        self.external.iter().rev().take(MAX_EXTERNAL).map(|(_, uuid)| SurveyId(Arc::clone(uuid)))
    }

    /// The surveys that name an agent, by id or by one of these names.
    pub fn about(&self, agent: AgentId, names: AgentNames<'_>) -> Vec<Key> {
        let ids = self.agents.of(agent, names).into_iter();
        ids.map(|id| if self.requests.contains_key(id) { Key::Survey(id.clone()) } else { self.shown_key(&id.0) })
            .collect()
    }

    /// The results whose interaction is a session's id.
    pub fn about_session(&self, session: SessionId) -> Vec<Key> {
        let parts = self.interactions.get(session.to_string().as_str());
        parts.into_iter().flat_map(|parts| &parts.results).map(|uuid| self.shown_key(uuid)).collect()
    }

    fn rematch(&mut self, interaction: &str) -> Vec<Key> {
        let Some(parts) = self.interactions.get(interaction) else { return Vec::new() };
        let requests: Vec<_> = parts.requests.iter().filter_map(|id| self.requests.get(id).cloned()).collect();
        let results: Vec<_> = parts.results.iter().filter_map(|uuid| self.results.get(uuid).cloned()).collect();
        let mut found = match_results(&requests, &results);
        let mut touched = Vec::new();
        for result in results {
            let (before, after) = (self.matches.remove(&result.uuid), found.remove(&result.uuid));
            let owners = [&before, &after].into_iter().flatten();
            touched.extend(owners.map(|(owner, _)| Key::Survey(owner.clone())));
            touched.push(Key::Survey(SurveyId(Arc::clone(&result.uuid))));
            let entry = (result.created, Arc::clone(&result.uuid));
            match after {
                Some(owner) => {
                    self.external.remove(&entry);
                    self.matches.insert(Arc::clone(&result.uuid), owner);
                }
                // Its request was evicted: do not show it as one without a request.
                None if last_activity(&result).is_some_and(|at| at < self.evicted_before) => {}
                None => {
                    self.external.insert(entry);
                    // The first one behind the newest is no longer shown.
                    touched.extend(
                        self.external
                            .iter()
                            .rev()
                            .nth(MAX_EXTERNAL)
                            .map(|(_, uuid)| Key::Survey(SurveyId(Arc::clone(uuid)))),
                    );
                }
            }
        }
        touched
    }

    fn shown_key(&self, uuid: &Arc<str>) -> Key {
        let owner = self.matches.get(uuid).map(|(owner, _)| owner.clone());
        Key::Survey(owner.unwrap_or_else(|| SurveyId(Arc::clone(uuid))))
    }

    /// The result of a request: of several, one that was answered, then the newest.
    fn result_of(&self, survey: &Survey) -> Option<(Arc<SurveyResult>, SurveyMatchRule)> {
        let parts = self.interactions.get(&interaction(&survey.interaction))?;
        let theirs = parts.results.iter().filter_map(|uuid| {
            let (owner, evidence) = self.matches.get(uuid)?;
            let result = self.results.get(uuid)?;
            (*owner == survey.id).then(|| (Arc::clone(result), *evidence))
        });
        theirs.max_by_key(|(result, _)| (result.answered.is_some(), result.sequence))
    }

    /// A request with its result, or a result without a request, shown or not.
    pub fn request_and_result(&self, id: &SurveyId) -> Option<RequestAndResult> {
        if let Some(survey) = self.requests.get(id) {
            return Some((Some(Arc::clone(survey)), self.result_of(survey).map(|(result, _)| result)));
        }
        let result = self.results.get(&id.0).filter(|_| !self.matches.contains_key(&id.0))?;
        Some((None, Some(Arc::clone(result))))
    }

    /// The survey that a recovery names (apis.md J13).
    pub fn recovered(&self, survey: Option<&Survey>, result: Option<&SurveyResult>) -> Option<SurveyId> {
        let parent = || result?.parent.as_ref();
        survey.and_then(|survey| survey.recovers.clone()).or_else(|| match self.shown_key(parent()?) {
            Key::Survey(first) => Some(first),
            _ => None,
        })
    }

    /// All surveys that are counted.
    #[cfg(test)]
    pub fn all_ids(&self) -> impl Iterator<Item = SurveyId> {
        self.requests.keys().cloned().chain(self.results.keys().map(|uuid| SurveyId(Arc::clone(uuid))))
    }

    /// The numbers of interactions, agents and results with a request.
    #[cfg(test)]
    pub fn remembered(&self) -> (usize, usize, usize) {
        (self.interactions.len(), self.agents.len(), self.matches.len())
    }

    fn is_shown(&self, result: &SurveyResult) -> bool {
        let entry = (result.created, Arc::clone(&result.uuid));
        self.external.range(&entry..).nth(MAX_EXTERNAL).is_none() && self.external.contains(&entry)
    }
}

impl Records {
    pub(super) fn survey(&self, id: &SurveyId) -> Option<SurveyRequest> {
        let surveys = &self.surveys;
        let (survey, result, evidence) = if let Some(survey) = surveys.requests.get(id) {
            if surveys.finished_at(survey).is_some_and(|at| at < surveys.shown_since) {
                return None;
            }
            let (result, evidence) = surveys.result_of(survey).unzip();
            (Arc::clone(survey), result, evidence)
        } else {
            let result = surveys.results.get(&id.0).filter(|result| surveys.is_shown(result))?;
            (Arc::new(self.external(result)), Some(Arc::clone(result)), None)
        };
        let agent = self.agent_of_survey(Some(&survey), result.as_deref());
        let team = agent.and_then(|agent| self.agents.get(&agent)?.team);
        let recovers = surveys.recovered(Some(&survey), result.as_deref());
        let candidate =
            result.as_deref().filter(|_| survey.session.is_none()).and_then(|it| self.unmatched_session(it));
        let request = SurveyRequest { survey, agent, team, result, evidence, recovers, may_recover: false, candidate };
        // Agent Connect accepts one recovery per survey.
        let may_recover = request.wants_recovery() && !self.contributions.is_recovered(id);
        Some(SurveyRequest { may_recover, ..request })
    }

    /// An accepted request in place of a survey that was requested without Callboard.
    fn external(&self, result: &SurveyResult) -> Survey {
        let created = result.created.or(result.answered).unwrap_or_default();
        let mut survey = Survey::new(SurveyId(Arc::clone(&result.uuid)), created);
        survey.origin = SurveyOrigin::External;
        survey.interaction = Arc::clone(&result.interaction);
        survey.employee = result.employee_email.clone().or_else(|| result.employee_id.clone()).unwrap_or("".into());
        survey.customer = result.customer.clone();
        survey.channel = result.channel.clone().unwrap_or("".into());
        survey.tags = result.tags.clone();
        survey.link = result.link.clone();
        survey.state = SurveyState::Accepted;
        survey.request_id = Some(Arc::clone(&result.uuid));
        survey.changed = result.answered.unwrap_or(created).max(created);
        survey.session = result.session.or_else(|| self.session_named(result));
        survey.conversation = self.conversation_named(&result.interaction);
        survey
    }

    /// The session whose id a result names. An id alone proves nothing: the session must be known, its agent must be
    /// the one of the result, and the time must fit (apis.md J16).
    pub(super) fn session_named(&self, result: &SurveyResult) -> Option<SessionId> {
        self.session_match(result)?.ok()
    }

    /// A session whose id a result names but that does not match, and why not.
    fn unmatched_session(&self, result: &SurveyResult) -> Option<(SessionId, &'static str)> {
        self.session_match(result)?.err()
    }

    fn session_match(&self, result: &SurveyResult) -> Option<Result<SessionId, (SessionId, &'static str)>> {
        let session: SessionId = result.interaction.trim().parse().ok()?;
        let known = self.sessions.known(session)?;
        let after = result.created.map(|created| created.duration_since(known.began));
        let why = match (self.agent_in_result(result), after) {
            (None, _) => "the survey names no known agent",
            (agent, _) if known.agent != agent => "another agent handled it",
            (_, None) => "the survey has no request time",
            (_, Some(after)) if after <= -MAX_SESSION || after >= MAX_SESSION => {
                "the survey was requested at another time"
            }
            _ => return Some(Ok(session)),
        };
        Some(Err((session, why)))
    }

    /// The agent of a survey: the one of the result, else of the request (apis.md J40, J25,
    /// J26).
    pub(super) fn agent_of_survey(&self, survey: Option<&Survey>, result: Option<&SurveyResult>) -> Option<AgentId> {
        let by_request = || survey.and_then(|survey| self.directory.find(&names_in_request(survey), survey.agent));
        result.and_then(|result| self.agent_in_result(result)).or_else(by_request)
    }

    fn agent_in_result(&self, result: &SurveyResult) -> Option<AgentId> {
        self.directory.find(&names_in_result(result), result.agent)
    }

    /// The conversation with this id, which has 24 hexadecimal digits and must be known (apis.md J15).
    fn conversation_named(&self, id: &Arc<str>) -> Option<Arc<str>> {
        let is_id = id.len() == 24 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        let parts = self.surveys.interactions.get(&interaction(id)).filter(|_| is_id)?;
        let mut ours = parts.requests.iter().filter_map(|id| self.surveys.requests.get(id)?.conversation.clone());
        ours.find(|known| known == id)
    }
}

/// When the customer was asked or answered, whichever is later.
fn last_activity(result: &SurveyResult) -> Option<Timestamp> {
    result.created.max(result.answered)
}

fn interaction(text: &str) -> Arc<str> {
    text.trim().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).expect("a time")
    }

    fn result(uuid: &str, sequence: i64, created: i64) -> SurveyResult {
        SurveyResult { uuid: uuid.into(), sequence, created: Some(at(created)), ..SurveyResult::default() }
    }

    #[test]
    fn newest_result_is_kept_in_any_order() {
        let mut surveys = Surveys::default();
        surveys.update_result(SurveyResult { stars: Some(5), ..result("u", 9, 0) });
        assert!(surveys.update_result(result("u", 3, 0)).is_empty());
        assert_eq!(surveys.results["u"].stars, Some(5));
    }

    #[test]
    fn external_result_is_matched_when_its_request_arrives() {
        let mut surveys = Surveys::default();
        surveys.update_result(SurveyResult { interaction: "1".into(), ..result("u", 1, 0) });
        assert_eq!(surveys.ids().collect::<Vec<_>>(), [SurveyId::from("u")]);
        let mut survey = Survey::new("ours".into(), at(0));
        survey.interaction = "1".into();
        survey.request_id = Some("u".into());
        let touched = surveys.update(survey);
        assert!(touched.contains(&Key::Survey("u".into())) && touched.contains(&Key::Survey("ours".into())));
        assert_eq!(surveys.ids().collect::<Vec<_>>(), [SurveyId::from("ours")]);
    }

    #[test]
    fn erasure_keeps_an_anonymous_request_and_no_result() {
        let mut surveys = Surveys::default();
        let mut survey = Survey::new("ours".into(), at(0));
        (survey.interaction, survey.customer, survey.request_id) = ("1".into(), Some("Jane".into()), Some("u".into()));
        surveys.update(survey);
        let reported = SurveyResult { interaction: "1".into(), customer: Some("Jane".into()), ..result("u", 1, 0) };
        surveys.update_result(reported.clone());
        surveys.forget(&"ours".into());
        assert!(surveys.forget(&"u".into()).contains(&Key::Survey("ours".into())));
        let ours = &surveys.requests[&SurveyId::from("ours")];
        assert_eq!((&ours.customer, ours.state), (&None, SurveyState::Rejected));
        assert!(surveys.result_of(ours).is_none());
        surveys.update_result(SurveyResult { interaction: "2".into(), ..reported });
        surveys.forget(&"u".into());
        assert_eq!(surveys.ids().collect::<Vec<_>>(), [SurveyId::from("ours")]);
    }

    #[test]
    fn only_newest_external_surveys_are_shown() {
        let mut surveys = Surveys::default();
        for number in 0..600 {
            surveys.update_result(result(&format!("u{number}"), 1, number));
        }
        assert_eq!(surveys.ids().count(), MAX_EXTERNAL);
        let shown = |uuid: &str| surveys.is_shown(&surveys.results[uuid]);
        assert_eq!([shown("u599"), shown("u100"), shown("u99")], [true, true, false]);
    }
}
