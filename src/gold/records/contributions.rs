//! What records contribute to the roll-ups, and for which groups they count (apis.md J40 to J44, J53).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Records, multimap};
use crate::domain::ended_interaction::{SkipReason, conversation_key, session_key};
use crate::domain::{
    AgentId, Interaction, QueueId, ResponseId, SessionId, SkippedSurvey, Survey, SurveyId, SurveyOrigin, TeamId,
};
use crate::gold::entity::{Floor, Key, Place, Tag};
use crate::gold::rollup::{
    Contribution, FeedbackTotals, ReplyTargets, RollupEntry, RollupGroup, RollupIndex, RollupItem, Windows,
};

/// The roll-ups, and what is kept for them alone.
#[derive(Debug)]
pub(super) struct Contributions {
    reply_targets: ReplyTargets,
    /// The site's time zone.
    zone: TimeZone,
    /// When this process started: earlier ended interactions were not reported to it.
    started: Timestamp,
    pub index: RollupIndex,
    /// Interactions of today whose customers are not surveyed, by interaction key.
    skipped: HashMap<Arc<str>, SkippedSurvey>,
    /// Interactions with a survey request, by interaction key.
    requested: HashMap<Arc<str>, RequestedSurveys>,
    /// Surveys by the survey that they recover.
    recoveries: HashMap<SurveyId, BTreeSet<SurveyId>>,
    recovers: HashMap<SurveyId, SurveyId>,
    /// Interaction keys whose contributions may have changed.
    touched: BTreeSet<Arc<str>>,
}

/// The survey requests about an interaction.
#[derive(Debug, Default)]
struct RequestedSurveys {
    /// Whether there is a request that itself counts as an ended interaction.
    is_counted: bool,
    /// A manual request.
    manual: Option<SurveyId>,
}

impl Contributions {
    pub fn new(day_began: Timestamp) -> Self {
        Self {
            reply_targets: ReplyTargets::default(),
            started: day_began,
            index: RollupIndex::new(Windows::of(day_began, &TimeZone::UTC, day_began), day_began),
            zone: TimeZone::UTC,
            skipped: HashMap::new(),
            requested: HashMap::new(),
            recoveries: HashMap::new(),
            recovers: HashMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Begins a new business day, without the interactions that ended before.
    pub fn begin_day(&mut self, day_began: Timestamp) {
        self.index.begin_day(Windows::of(day_began, &self.zone, self.started));
        let over = self.skipped.iter().filter(|(_, it)| it.at < day_began).map(|(key, _)| key);
        for key in over.cloned().collect::<Vec<_>>() {
            self.skipped.remove(&key);
            self.index.remove(&RollupItem::SkippedSurvey(key));
        }
    }

    /// Replaces all survey requests.
    pub fn set_requests<'a>(&mut self, surveys: impl Iterator<Item = &'a Survey>) {
        self.requested.clear();
        surveys.for_each(|survey| self.note_request(survey));
    }

    fn note_request(&mut self, survey: &Survey) {
        for key in interaction_keys(survey) {
            let asked = self.requested.entry(key).or_default();
            if survey.origin == SurveyOrigin::Manual && survey.recovers.is_none() {
                asked.manual = Some(survey.id.clone());
            } else {
                asked.is_counted = true;
            }
        }
    }

    /// A survey was requested: its interaction no longer counts as skipped.
    pub fn survey_requested(&mut self, survey: &Survey) {
        self.touched.extend(interaction_keys(survey));
        self.note_request(survey);
        // The skipped interaction of the session may be known by its conversation's key.
        let known = survey.session.into_iter().flat_map(|session| self.index.of_session(session));
        self.touched.extend(known.filter_map(skipped_key));
    }

    /// A survey was skipped. Of two reasons for one interaction the later one counts.
    pub fn survey_skipped(&mut self, skipped: SkippedSurvey) {
        let key = skipped.interaction_key();
        let known = self.skipped.get(&key);
        if known.is_none_or(|known| (known.at, known.reason) <= (skipped.at, skipped.reason)) {
            self.touched.insert(Arc::clone(&key));
            self.skipped.insert(key, skipped);
        }
    }

    /// Whether a recovery of a survey was requested.
    pub fn is_recovered(&self, id: &SurveyId) -> bool {
        self.recoveries.contains_key(id)
    }

    /// Sets the survey that a survey recovers. Returns the surveys that this changes.
    fn recovers(&mut self, id: &SurveyId, first: Option<&SurveyId>) -> impl Iterator<Item = SurveyId> + use<> {
        let before = self.recovers.get(id).cloned();
        let is_changed = before.as_ref() != first;
        if is_changed {
            if let Some(before) = self.recovers.remove(id) {
                multimap::remove(&mut self.recoveries, &before, id);
            }
            if let Some(first) = first {
                self.recovers.insert(id.clone(), first.clone());
                self.recoveries.entry(first.clone()).or_default().insert(id.clone());
            }
        }
        before.into_iter().chain(first.cloned()).filter(move |_| is_changed)
    }
}

impl Records {
    /// Sets what roll-ups depend on, in a process that starts at `now`.
    #[must_use]
    pub fn with_rollup_settings(mut self, reply_targets: ReplyTargets, zone: TimeZone, now: Timestamp) -> Self {
        (self.contributions.reply_targets, self.contributions.zone) = (reply_targets, zone);
        (self.contributions.started, self.surveys_evicted_at) = (now, now);
        self.contributions.index.begin_day(Windows::of(self.day_began, &self.contributions.zone, now));
        self.contributions.index.advance(now);
        self
    }

    /// Advances the time: backlog ages change and reply targets are missed without any fact.
    pub fn advance(&mut self, now: Timestamp) {
        self.contributions.index.advance(now);
    }

    /// When something will next count differently without any new fact.
    #[must_use]
    pub fn next_instant(&self) -> Option<Timestamp> {
        self.contributions.index.next_instant()
    }

    /// The totals of a group.
    pub(super) fn totals(&self, group: &RollupGroup) -> Option<Arc<FeedbackTotals>> {
        self.contributions.index.total(group)
    }

    pub(super) fn place(&self, id: &Arc<str>) -> Option<Place> {
        let group = RollupGroup::Place(Arc::clone(id));
        let feedback = self.totals(&group)?;
        // The newest response decides on the name of a place.
        let name = self.contributions.index.of_group(&group).rev().find_map(|item| match item {
            RollupItem::Response(id) => Some(self.feedback.response(id)?.record.place.as_ref()?.name.clone()),
            _ => None,
        });
        Some(Place { name: name.unwrap_or_else(|| Arc::clone(id)), feedback })
    }

    pub(super) fn tag(&self, name: &Arc<str>) -> Option<Tag> {
        let group = RollupGroup::Tag(Arc::clone(name));
        let (feedback, effect) = (self.totals(&group)?, self.contributions.index.effect(&group));
        Some(Tag { name: Arc::clone(name), feedback, effect })
    }

    pub(super) fn floor(&self) -> Option<Floor> {
        Some(Floor { feedback: self.totals(&RollupGroup::Floor)? })
    }

    /// The keys of groups with totals that have no record of their own.
    pub(super) fn rollup_keys(&self) -> impl Iterator<Item = Key> {
        let groups = self.contributions.index.groups();
        groups
            .filter(|group| matches!(group, RollupGroup::Floor | RollupGroup::Place(_) | RollupGroup::Tag(_)))
            .cloned()
            .map(Key::from)
    }

    /// An agent's team changed: the skipped surveys of the agent count for the new team.
    pub(super) fn recount_agent(&mut self, id: AgentId) {
        let group = RollupGroup::Agent(id);
        let keys: Vec<_> = self.contributions.index.of_group(&group).filter_map(skipped_key).collect();
        self.contributions.touched.extend(keys);
    }

    /// Something new is known of a session: records that depend on it are counted again.
    pub(super) fn recount_session(&mut self, session: SessionId) {
        let items: Vec<RollupItem> = self.contributions.index.of_session(session).cloned().collect();
        self.contributions.touched.extend(items.iter().filter_map(skipped_key));
        self.touched.extend(items.into_iter().filter_map(|item| match item {
            RollupItem::Survey(id) => Some(Key::Survey(id)),
            _ => None,
        }));
    }

    /// Counts the touched records again, and touches the entities whose totals changed.
    pub(super) fn recount(&mut self) {
        let mut surveys: BTreeSet<SurveyId> = BTreeSet::new();
        for key in &self.touched {
            match key {
                Key::Response(id) => match self.response_entry(id) {
                    Some(entry) => self.contributions.index.put(RollupItem::Response(id.clone()), entry),
                    None => self.contributions.index.remove(&RollupItem::Response(id.clone())),
                },
                Key::Survey(id) => {
                    surveys.insert(id.clone());
                    surveys.extend(self.contributions.recoveries.get(id).into_iter().flatten().cloned());
                }
                _ => {}
            }
        }
        // A recovery names the survey that it recovers, which may be matched with a request only now.
        self.touched.extend(surveys.iter().cloned().map(Key::Survey));
        for id in surveys {
            // The outcome of a manual request decides how its interaction counts.
            if let Some((Some(survey), _)) = self.surveys.request_and_result(&id)
                && survey.origin == SurveyOrigin::Manual
            {
                self.contributions.touched.extend(interaction_keys(&survey));
            }
            let (entry, first) = self.survey_entry(&id).unzip();
            let others = self.contributions.recovers(&id, first.flatten().as_ref());
            self.touched.extend(others.map(Key::Survey));
            match entry {
                Some(entry) => self.contributions.index.put(RollupItem::Survey(id), entry),
                None => self.contributions.index.remove(&RollupItem::Survey(id)),
            }
        }
        for key in std::mem::take(&mut self.contributions.touched) {
            match self.skipped_entry(&key) {
                Some(entry) => self.contributions.index.put(RollupItem::SkippedSurvey(key), entry),
                None => self.contributions.index.remove(&RollupItem::SkippedSurvey(key)),
            }
        }
        self.touched.extend(self.contributions.index.recount().into_iter().map(Key::from));
    }

    fn response_entry(&self, id: &ResponseId) -> Option<RollupEntry> {
        let response = self.feedback.response(id)?;
        let (record, attribution) = (&response.record, &response.attribution);
        let actions = response.actions_taken.values().map(|action| &**action);
        let mut groups = groups(attribution.agent, attribution.team, attribution.queue);
        groups.extend(record.place.as_ref().map(|place| RollupGroup::Place(Arc::clone(&place.id))));
        let contribution =
            Contribution::of_response(record, actions, response.needs_reply, &self.contributions.reply_targets);
        Some(RollupEntry { groups, contribution, session: None })
    }

    /// The entry of a survey, and the survey that it recovers.
    fn survey_entry(&self, id: &SurveyId) -> Option<(RollupEntry, Option<SurveyId>)> {
        let (survey, result) = self.surveys.request_and_result(id)?;
        let (survey, result) = (survey.as_deref(), result.as_deref());
        let agent = self.agent_of_survey(survey, result);
        let session = survey.and_then(|survey| survey.session).or_else(|| result.and_then(|result| result.session));
        let session = session.or_else(|| result.and_then(|result| self.session_named(result)));
        // Feedback counts for the first queue of the call (apis.md J43).
        let queue = session.and_then(|session| self.sessions.known(session)?.queue);
        let mut groups = groups(agent, agent.and_then(|agent| self.agents.get(&agent)?.team), queue);
        let tags = survey.map(|survey| &survey.tags).into_iter().chain(result.map(|result| &result.tags)).flatten();
        groups.extend(tags.map(|tag| tag.trim()).filter(|tag| !tag.is_empty()).map(|tag| RollupGroup::Tag(tag.into())));
        let first = self.surveys.recovered(survey, result);
        let first_result =
            first.as_ref().map(|first| self.surveys.request_and_result(first).and_then(|(_, result)| result));
        let contribution =
            Contribution::of_survey(survey, result, first_result.as_ref().map(|result| result.as_deref()));
        Some((RollupEntry { groups, contribution, session }, first))
    }

    fn skipped_entry(&self, key: &Arc<str>) -> Option<RollupEntry> {
        let contributions = &self.contributions;
        let skipped = contributions.skipped.get(key)?;
        let session = match skipped.interaction {
            Interaction::Session(session) => Some(session),
            Interaction::Conversation { .. } => None,
        };
        let keys = session.map(session_key).into_iter().chain(std::iter::once(Arc::clone(key)));
        let requested: Vec<&RequestedSurveys> = keys.filter_map(|key| contributions.requested.get(&key)).collect();
        if requested.iter().any(|it| it.is_counted) {
            return None;
        }
        let contribution = match requested.iter().find_map(|it| it.manual.as_ref()) {
            Some(manual) => {
                let (survey, result) = self.surveys.request_and_result(manual)?;
                let survey = survey?;
                Contribution::of_manual_request(skipped, &survey, result.as_deref())
            }
            None if skipped.reason == SkipReason::AlreadyRequested => return None,
            None => Contribution::of_skipped(skipped),
        };
        let known = session.and_then(|session| self.sessions.known(session));
        let agent = skipped.agent.or(known.and_then(|known| known.agent));
        let queue = skipped.queue.or(known.and_then(|known| known.queue));
        let team = agent.and_then(|agent| self.agents.get(&agent)?.team);
        Some(RollupEntry { groups: groups(agent, team, queue), contribution, session })
    }

    /// Whether the totals equal those of all records, counted again.
    #[cfg(test)]
    pub(super) fn counts_are_sound(&self) -> bool {
        let mut anew = RollupIndex::new(*self.contributions.index.windows(), Timestamp::MIN);
        for id in self.feedback.ids() {
            self.response_entry(id).into_iter().for_each(|entry| anew.put(RollupItem::Response(id.clone()), entry));
        }
        for id in self.surveys.all_ids() {
            let entry = self.survey_entry(&id);
            entry.into_iter().for_each(|(entry, _)| anew.put(RollupItem::Survey(id.clone()), entry));
        }
        for key in self.contributions.skipped.keys() {
            self.skipped_entry(key)
                .into_iter()
                .for_each(|entry| anew.put(RollupItem::SkippedSurvey(key.clone()), entry));
        }
        anew.advance(self.contributions.index.now());
        anew.from_scratch() == self.contributions.index.as_counted()
    }
}

/// The keys by which the interaction of a survey may be known.
fn interaction_keys(survey: &Survey) -> impl Iterator<Item = Arc<str>> {
    let conversation = survey.conversation.as_deref().map(conversation_key);
    // A user may enter the id of the session or of the conversation.
    let manual = Some(survey.interaction.trim()).filter(|_| survey.origin == SurveyOrigin::Manual);
    let typed = manual.and_then(|key| key.parse().ok()).map(session_key);
    let keys = [conversation, survey.session.map(session_key), manual.map(conversation_key), typed];
    keys.into_iter().flatten()
}

fn skipped_key(item: &RollupItem) -> Option<Arc<str>> {
    match item {
        RollupItem::SkippedSurvey(key) => Some(Arc::clone(key)),
        _ => None,
    }
}

/// The groups of a record with this attribution. Every record counts for the whole floor.
fn groups(agent: Option<AgentId>, team: Option<TeamId>, queue: Option<QueueId>) -> BTreeSet<RollupGroup> {
    let theirs = [agent.map(RollupGroup::Agent), team.map(RollupGroup::Team), queue.map(RollupGroup::Queue)];
    theirs.into_iter().flatten().chain([RollupGroup::Floor]).collect()
}
