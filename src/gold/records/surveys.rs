//! Survey requests and what the upstream tells of surveys, joined by the interaction that both name.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Records;
use super::survey_agents::{Named, of_request, of_result};
use crate::domain::{AgentId, SessionId, Survey, SurveyId, SurveyOrigin, SurveyResult, SurveyState};
use crate::gold::directory::AgentNames;
use crate::gold::entity::{Key, SurveyRequest};
use crate::gold::join::survey_match::{SurveyMatchRule, match_results};

/// How many surveys that others asked for are shown.
const ELSEWHERE: usize = 500;

/// How long before the board's day a request of ours may have ended that is shown all the same.
const YESTERDAY: SignedDuration = SignedDuration::from_hours(24);

/// How long a session may go on, and a survey about it be asked for.
const SESSION: SignedDuration = SignedDuration::from_hours(24);

/// How long before the month that is counted a survey may have ended that still has something to say in it: it may be
/// recovered, and that may be answered.
pub(super) const LATE: SignedDuration = SignedDuration::from_hours(35 * 24);

#[derive(Debug, Default)]
pub(super) struct Surveys {
    requests: HashMap<SurveyId, Arc<Survey>>,
    results: HashMap<Arc<str>, Arc<SurveyResult>>,
    interactions: HashMap<Arc<str>, Both>,
    named: Named,
    /// Which request a result belongs to.
    owners: HashMap<Arc<str>, (SurveyId, SurveyMatchRule)>,
    /// The results that nobody here asked for, oldest first.
    elsewhere: BTreeSet<(Option<Timestamp>, Arc<str>)>,
    /// Since when those requests are shown that we made by ourselves and of which nobody wants anything more.
    since: Timestamp,
    /// What ended before has left. Before anything has: the beginning of time.
    over_before: Timestamp,
}

/// A request of ours, and what the upstream tells of it: one of them at least.
type AskedAndTold = (Option<Arc<Survey>>, Option<Arc<SurveyResult>>);

/// What names one interaction.
#[derive(Debug, Default)]
struct Both {
    requests: BTreeSet<SurveyId>,
    results: BTreeSet<Arc<str>>,
}

impl Both {
    fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.results.is_empty()
    }
}

impl Surveys {
    /// A request stands somewhere. Returns what that may change.
    pub fn hear(&mut self, survey: Survey) -> Vec<Key> {
        let (id, interaction) = (survey.id.clone(), interaction(&survey.interaction));
        self.interactions.entry(interaction.clone()).or_default().requests.insert(id.clone());
        if let Some(before) = self.requests.get(&id) {
            self.named.forget(&id, before.agent, &of_request(before));
        }
        self.named.note(&id, survey.agent, &of_request(&survey));
        self.requests.insert(id.clone(), Arc::new(survey));
        let mut touched = self.join(&interaction);
        touched.push(Key::Survey(id));
        touched
    }

    /// The upstream tells of a survey. What it told later stands, in whichever order it comes.
    pub fn hear_result(&mut self, result: SurveyResult) -> Vec<Key> {
        let known = self.results.get(&result.uuid);
        if known.is_some_and(|known| known.sequence >= result.sequence) {
            return Vec::new();
        }
        let mut touched = Vec::new();
        if let Some(known) = known.cloned() {
            self.named.forget(&SurveyId(Arc::clone(&known.uuid)), known.agent, &of_result(&known));
            self.elsewhere.remove(&(known.created, Arc::clone(&known.uuid)));
            let before = interaction(&known.interaction);
            if before != interaction(&result.interaction)
                && let Some(both) = self.interactions.get_mut(&before)
            {
                both.results.remove(&known.uuid);
                touched.extend(self.join(&before));
            }
        }
        let (uuid, interaction) = (Arc::clone(&result.uuid), interaction(&result.interaction));
        self.interactions.entry(interaction.clone()).or_default().results.insert(Arc::clone(&uuid));
        self.named.note(&SurveyId(Arc::clone(&uuid)), result.agent, &of_result(&result));
        self.results.insert(Arc::clone(&uuid), Arc::new(result));
        touched.extend(self.join(&interaction));
        touched.push(self.shown_as(&uuid));
        // A recovery is shown with the survey that it recovers.
        if let Some(parent) = self.results.get(&uuid).and_then(|result| result.parent.clone()) {
            touched.push(self.shown_as(&parent));
        }
        touched
    }

    /// The customer is gone. A request of ours stays without them, to be counted; what the upstream told goes.
    pub fn forget(&mut self, id: &SurveyId) -> Vec<Key> {
        if let Some(survey) = self.requests.get_mut(id) {
            let survey = Arc::make_mut(survey);
            (survey.customer, survey.reason, survey.link, survey.body) = (None, None, None, None);
            survey.may_retry = false;
            let waits = [SurveyState::Queued, SurveyState::Failed, SurveyState::NeedsReview, SurveyState::DryRun];
            if waits.contains(&survey.state) {
                // Nobody is left to whom it could be sent.
                survey.state = SurveyState::Rejected;
            }
            return vec![Key::Survey(id.clone())];
        }
        let mut touched = vec![self.shown_as(&id.0), Key::Survey(id.clone())];
        if let Some(result) = self.remove_result(&id.0) {
            let interaction = interaction(&result.interaction);
            if let Some(both) = self.interactions.get_mut(&interaction) {
                both.results.remove(&id.0);
            }
            touched.extend(self.join(&interaction));
        }
        touched
    }

    /// The board's day begins anew. Says who may be shown no longer.
    pub fn begin_day(&mut self, day_began: Timestamp) -> Vec<Key> {
        let before = std::mem::replace(&mut self.since, day_began.saturating_sub(YESTERDAY).unwrap_or(day_began));
        let leave = self
            .requests
            .values()
            .filter(|survey| self.ended(survey).is_some_and(|at| at >= before && at < self.since));
        leave.map(|survey| Key::Survey(survey.id.clone())).collect()
    }

    /// Whatever all of whose parts ended before then leaves. One that still may be sent or that a person must see stays.
    pub fn leave_before(&mut self, then: Timestamp) -> Vec<Key> {
        self.over_before = then;
        let over: Vec<(Arc<str>, Both)> = self
            .interactions
            .iter()
            .map(|(interaction, both)| (Arc::clone(interaction), self.over(interaction, both, then)))
            .filter(|(_, over)| !over.is_empty())
            .collect();
        if over.is_empty() {
            return Vec::new();
        }
        let mut touched: Vec<Key> = over.into_iter().flat_map(|(name, over)| self.leave(&name, over)).collect();
        // Others may be among the newest now.
        touched.extend(self.newest_elsewhere().map(Key::Survey));
        touched
    }

    /// What of an interaction is over: all of it or nothing, unless that is no name, which strangers share.
    fn over(&self, interaction: &str, both: &Both, then: Timestamp) -> Both {
        let told = |result: &SurveyResult| last_word(result).is_some_and(|at| at < then);
        let settled = |survey: &Survey| {
            matches!(survey.state, SurveyState::Accepted | SurveyState::DryRun)
                && survey.changed < then
                && self.result_of(survey).is_none_or(|(result, _)| told(&result))
        };
        let is_settled = |id: &&SurveyId| self.requests.get(*id).is_some_and(|survey| settled(survey));
        let is_told = |uuid: &&Arc<str>| self.results.get(*uuid).is_some_and(|result| told(result));
        let over = Both {
            requests: both.requests.iter().filter(is_settled).cloned().collect(),
            results: both.results.iter().filter(is_told).cloned().collect(),
        };
        let is_whole = over.requests.len() == both.requests.len() && over.results.len() == both.results.len();
        if is_whole || interaction.is_empty() { over } else { Both::default() }
    }

    fn leave(&mut self, interaction: &str, over: Both) -> Vec<Key> {
        if let Some(both) = self.interactions.get_mut(interaction) {
            both.requests.retain(|id| !over.requests.contains(id));
            both.results.retain(|uuid| !over.results.contains(uuid));
            if both.is_empty() {
                self.interactions.remove(interaction);
            }
        }
        for id in &over.requests {
            if let Some(survey) = self.requests.remove(id) {
                self.named.forget(id, survey.agent, &of_request(&survey));
            }
        }
        for uuid in &over.results {
            self.remove_result(uuid);
        }
        over.requests.into_iter().chain(over.results.into_iter().map(SurveyId)).map(Key::Survey).collect()
    }

    /// Removes a result from wherever it is found but its interaction.
    fn remove_result(&mut self, uuid: &Arc<str>) -> Option<Arc<SurveyResult>> {
        let result = self.results.remove(uuid)?;
        self.named.forget(&SurveyId(Arc::clone(uuid)), result.agent, &of_result(&result));
        self.owners.remove(uuid);
        self.elsewhere.remove(&(result.created, Arc::clone(uuid)));
        Some(result)
    }

    /// Every request of ours, shown or not.
    pub fn requests(&self) -> impl Iterator<Item = &Survey> {
        self.requests.values().map(|survey| &**survey)
    }

    /// When a request ended that we made by ourselves and of which nobody wants anything more. One that was answered is
    /// shown for as long as it is in memory, because a bad answer may still be made good; so is one that a person made or
    /// must decide about, or that was refused.
    fn ended(&self, survey: &Survey) -> Option<Timestamp> {
        let by_itself = matches!(survey.origin, SurveyOrigin::Session | SurveyOrigin::Conversation);
        let is_settled = matches!(survey.state, SurveyState::Accepted | SurveyState::DryRun);
        let is_answered = || self.result_of(survey).is_some_and(|(result, _)| result.answered.is_some());
        (by_itself && is_settled && !is_answered()).then_some(survey.changed)
    }

    /// Everything that may be shown.
    pub fn ids(&self) -> impl Iterator<Item = SurveyId> {
        self.requests.keys().cloned().chain(self.newest_elsewhere())
    }

    fn newest_elsewhere(&self) -> impl Iterator<Item = SurveyId> {
        self.elsewhere.iter().rev().take(ELSEWHERE).map(|(_, uuid)| SurveyId(Arc::clone(uuid)))
    }

    /// The surveys that name somebody in this way, or are known to be this agent's.
    pub fn about(&self, agent: AgentId, names: AgentNames<'_>) -> Vec<Key> {
        let named = self.named.of(agent, names);
        named
            .into_iter()
            .map(|id| if self.requests.contains_key(id) { Key::Survey(id.clone()) } else { self.shown_as(&id.0) })
            .collect()
    }

    /// The surveys whose interaction is a session's number.
    pub fn naming(&self, session: SessionId) -> Vec<Key> {
        let both = self.interactions.get(session.to_string().as_str());
        both.into_iter().flat_map(|both| &both.results).map(|uuid| self.shown_as(uuid)).collect()
    }

    fn join(&mut self, interaction: &str) -> Vec<Key> {
        let Some(both) = self.interactions.get(interaction) else { return Vec::new() };
        let requests: Vec<_> = both.requests.iter().filter_map(|id| self.requests.get(id).cloned()).collect();
        let results: Vec<_> = both.results.iter().filter_map(|uuid| self.results.get(uuid).cloned()).collect();
        let mut found = match_results(&requests, &results);
        let mut touched = Vec::new();
        for result in results {
            let (before, after) = (self.owners.remove(&result.uuid), found.remove(&result.uuid));
            let owners = [&before, &after].into_iter().flatten();
            touched.extend(owners.map(|(owner, _)| Key::Survey(owner.clone())));
            touched.push(Key::Survey(SurveyId(Arc::clone(&result.uuid))));
            let place = (result.created, Arc::clone(&result.uuid));
            match after {
                Some(owner) => {
                    self.elsewhere.remove(&place);
                    self.owners.insert(Arc::clone(&result.uuid), owner);
                }
                // Its request has left, and it should not come back as a stranger.
                None if last_word(&result).is_some_and(|at| at < self.over_before) => {}
                None => {
                    self.elsewhere.insert(place);
                    // Whatever is no longer among the newest is no longer shown.
                    touched.extend(
                        self.elsewhere
                            .iter()
                            .rev()
                            .nth(ELSEWHERE)
                            .map(|(_, uuid)| Key::Survey(SurveyId(Arc::clone(uuid)))),
                    );
                }
            }
        }
        touched
    }

    fn shown_as(&self, uuid: &Arc<str>) -> Key {
        let owner = self.owners.get(uuid).map(|(owner, _)| owner.clone());
        Key::Survey(owner.unwrap_or_else(|| SurveyId(Arc::clone(uuid))))
    }

    /// What the upstream tells of a request: of several, the one that was answered, then the newest.
    fn result_of(&self, survey: &Survey) -> Option<(Arc<SurveyResult>, SurveyMatchRule)> {
        let both = self.interactions.get(&interaction(&survey.interaction))?;
        let theirs = both.results.iter().filter_map(|uuid| {
            let (owner, evidence) = self.owners.get(uuid)?;
            let result = self.results.get(uuid)?;
            (*owner == survey.id).then(|| (Arc::clone(result), *evidence))
        });
        theirs.max_by_key(|(result, _)| (result.answered.is_some(), result.sequence))
    }

    /// A request of ours with what is told of it, or what is told of somebody else's, shown or not.
    pub fn both(&self, id: &SurveyId) -> Option<AskedAndTold> {
        if let Some(survey) = self.requests.get(id) {
            return Some((Some(Arc::clone(survey)), self.result_of(survey).map(|(result, _)| result)));
        }
        let result = self.results.get(&id.0).filter(|_| !self.owners.contains_key(&id.0))?;
        Some((None, Some(Arc::clone(result))))
    }

    /// The survey that one recovers: a recovery names it (`apis.md` J13).
    pub fn recovered(&self, survey: Option<&Survey>, result: Option<&SurveyResult>) -> Option<SurveyId> {
        let parent = || result?.parent.as_ref();
        survey.and_then(|survey| survey.recovers.clone()).or_else(|| match self.shown_as(parent()?) {
            Key::Survey(first) => Some(first),
            _ => None,
        })
    }

    /// Everything that is counted.
    #[cfg(test)]
    pub fn all_ids(&self) -> impl Iterator<Item = SurveyId> {
        self.requests.keys().cloned().chain(self.results.keys().map(|uuid| SurveyId(Arc::clone(uuid))))
    }

    /// How many interactions, agents and results with a request are known.
    #[cfg(test)]
    pub fn remembered(&self) -> (usize, usize, usize) {
        (self.interactions.len(), self.named.len(), self.owners.len())
    }

    fn is_shown(&self, result: &SurveyResult) -> bool {
        let place = (result.created, Arc::clone(&result.uuid));
        self.elsewhere.range(&place..).nth(ELSEWHERE).is_none() && self.elsewhere.contains(&place)
    }
}

impl Records {
    pub(super) fn survey(&self, id: &SurveyId) -> Option<SurveyRequest> {
        let surveys = &self.surveys;
        let (survey, result, evidence) = if let Some(survey) = surveys.requests.get(id) {
            if surveys.ended(survey).is_some_and(|at| at < surveys.since) {
                return None;
            }
            let (result, evidence) = surveys.result_of(survey).unzip();
            (Arc::clone(survey), result, evidence)
        } else {
            let result = surveys.results.get(&id.0).filter(|result| surveys.is_shown(result))?;
            (Arc::new(self.elsewhere(result)), Some(Arc::clone(result)), None)
        };
        let agent = self.agent_of_survey(Some(&survey), result.as_deref());
        let team = agent.and_then(|agent| self.agents.get(&agent)?.team);
        let recovers = surveys.recovered(Some(&survey), result.as_deref());
        let candidate = result.as_deref().filter(|_| survey.session.is_none()).and_then(|it| self.session_unjoined(it));
        let request = SurveyRequest { survey, agent, team, result, evidence, recovers, may_recover: false, candidate };
        // The upstream takes one recovery of a survey: a second press finds the first and sends nothing.
        let may_recover = request.wants_recovery() && !self.counting.is_recovered(id);
        Some(SurveyRequest { may_recover, ..request })
    }

    /// A survey that somebody else asked for, as if it were a request of ours that was accepted.
    fn elsewhere(&self, result: &SurveyResult) -> Survey {
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

    /// Digits alone prove nothing: the session is one that we know, its agent the one whom the result names, and the time
    /// the session's (`apis.md` J16).
    pub(super) fn session_named(&self, result: &SurveyResult) -> Option<SessionId> {
        self.session_meant(result)?.ok()
    }

    /// A session that a survey names and is not joined with, and why not.
    fn session_unjoined(&self, result: &SurveyResult) -> Option<(SessionId, &'static str)> {
        self.session_meant(result)?.err()
    }

    fn session_meant(&self, result: &SurveyResult) -> Option<Result<SessionId, (SessionId, &'static str)>> {
        let session: SessionId = result.interaction.trim().parse().ok()?;
        let trace = self.sessions.trace(session)?;
        let after = result.created.map(|created| created.duration_since(trace.seen));
        let why = match (self.agent_named(result), after) {
            (None, _) => "the survey names no agent whom we know",
            (agent, _) if trace.agent != agent => "another agent had it",
            (_, None) => "nobody says when the survey was asked for",
            (_, Some(after)) if after <= -SESSION || after >= SESSION => "the survey was asked for at another time",
            _ => return Some(Ok(session)),
        };
        Some(Err((session, why)))
    }

    /// Whom a survey is about: whomever the upstream names it is, whatever the floor says (`apis.md` J40, J25, J26).
    pub(super) fn agent_of_survey(&self, survey: Option<&Survey>, result: Option<&SurveyResult>) -> Option<AgentId> {
        let by_us = || survey.and_then(|survey| self.directory.find(&of_request(survey), survey.agent));
        result.and_then(|result| self.agent_named(result)).or_else(by_us)
    }

    fn agent_named(&self, result: &SurveyResult) -> Option<AgentId> {
        self.directory.find(&of_result(result), result.agent)
    }

    /// Twenty-four hexadecimal digits that we know as a conversation (`apis.md` J15).
    fn conversation_named(&self, named: &Arc<str>) -> Option<Arc<str>> {
        let hexadecimal = named.len() == 24 && named.bytes().all(|digit| digit.is_ascii_hexdigit());
        let both = self.surveys.interactions.get(&interaction(named)).filter(|_| hexadecimal)?;
        let mut ours = both.requests.iter().filter_map(|id| self.surveys.requests.get(id)?.conversation.clone());
        ours.find(|known| known == named)
    }
}

/// When something was last heard of the customer, or from them.
fn last_word(result: &SurveyResult) -> Option<Timestamp> {
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
    fn the_newest_of_a_result_stands_in_whichever_order_it_comes() {
        let mut surveys = Surveys::default();
        surveys.hear_result(SurveyResult { stars: Some(5), ..result("u", 9, 0) });
        assert!(surveys.hear_result(result("u", 3, 0)).is_empty());
        assert_eq!(surveys.results["u"].stars, Some(5));
    }

    #[test]
    fn a_result_leaves_the_strangers_when_its_request_is_heard() {
        let mut surveys = Surveys::default();
        surveys.hear_result(SurveyResult { interaction: "1".into(), ..result("u", 1, 0) });
        assert_eq!(surveys.ids().collect::<Vec<_>>(), [SurveyId::from("u")]);
        let mut survey = Survey::new("ours".into(), at(0));
        survey.interaction = "1".into();
        survey.request_id = Some("u".into());
        let touched = surveys.hear(survey);
        assert!(touched.contains(&Key::Survey("u".into())) && touched.contains(&Key::Survey("ours".into())));
        assert_eq!(surveys.ids().collect::<Vec<_>>(), [SurveyId::from("ours")]);
    }

    #[test]
    fn what_is_forgotten_leaves_a_request_without_a_customer_and_no_result() {
        let mut surveys = Surveys::default();
        let mut survey = Survey::new("ours".into(), at(0));
        (survey.interaction, survey.customer, survey.request_id) = ("1".into(), Some("Jane".into()), Some("u".into()));
        surveys.hear(survey);
        let told = SurveyResult { interaction: "1".into(), customer: Some("Jane".into()), ..result("u", 1, 0) };
        surveys.hear_result(told.clone());
        surveys.forget(&"ours".into());
        assert!(surveys.forget(&"u".into()).contains(&Key::Survey("ours".into())));
        let ours = &surveys.requests[&SurveyId::from("ours")];
        assert_eq!((&ours.customer, ours.state), (&None, SurveyState::Rejected));
        assert!(surveys.result_of(ours).is_none());
        surveys.hear_result(SurveyResult { interaction: "2".into(), ..told });
        surveys.forget(&"u".into());
        assert_eq!(surveys.ids().collect::<Vec<_>>(), [SurveyId::from("ours")]);
    }

    #[test]
    fn only_the_newest_strangers_are_shown() {
        let mut surveys = Surveys::default();
        for number in 0..600 {
            surveys.hear_result(result(&format!("u{number}"), 1, number));
        }
        assert_eq!(surveys.ids().count(), ELSEWHERE);
        let shown = |uuid: &str| surveys.is_shown(&surveys.results[uuid]);
        assert_eq!([shown("u599"), shown("u100"), shown("u99")], [true, true, false]);
    }
}
