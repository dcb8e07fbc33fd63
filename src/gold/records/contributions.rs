//! From records to what is counted of them: who a record counts for (`apis.md` J40 to J44, J53), and what it says.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Records;
use crate::domain::ended_interaction::{SkipReason, conversation_key, session_key};
use crate::domain::{
    AgentId, Interaction, QueueId, ResponseId, SessionId, SkippedSurvey, Survey, SurveyId, SurveyOrigin, TeamId,
};
use crate::gold::entity::{Floor, Key, Place, Tag};
use crate::gold::rollup::{
    Contribution, FeedbackTotals, ReplyTargets, RollupEntry, RollupGroup, RollupIndex, RollupItem, Windows,
};

/// What is counted, and what is remembered for that alone.
#[derive(Debug)]
pub(super) struct Counting {
    limits: ReplyTargets,
    /// Where the board hangs.
    zone: TimeZone,
    /// When this process began to hear of interactions that are over.
    born: Timestamp,
    pub book: RollupIndex,
    /// Interactions of today whose customers are not asked, by name.
    not_asked: HashMap<Arc<str>, SkippedSurvey>,
    /// The interactions that somebody asked about, by name.
    asked_about: HashMap<Arc<str>, AskedAbout>,
    /// Surveys by the survey that they recover.
    recoveries: HashMap<SurveyId, BTreeSet<SurveyId>>,
    recovers: HashMap<SurveyId, SurveyId>,
    /// Interactions to be looked at again.
    touched: BTreeSet<Arc<str>>,
}

/// How an interaction was asked about.
#[derive(Debug, Default)]
struct AskedAbout {
    /// By a request that is itself counted as the end of an interaction.
    is_counted: bool,
    /// By a person.
    by_hand: Option<SurveyId>,
}

impl Counting {
    pub fn new(day_began: Timestamp) -> Self {
        Self {
            limits: ReplyTargets::default(),
            born: day_began,
            book: RollupIndex::new(Windows::of(day_began, &TimeZone::UTC, day_began), day_began),
            zone: TimeZone::UTC,
            not_asked: HashMap::new(),
            asked_about: HashMap::new(),
            recoveries: HashMap::new(),
            recovers: HashMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// The board's day begins anew. What ended before is no longer told.
    pub fn begin_day(&mut self, day_began: Timestamp) {
        self.book.begin(Windows::of(day_began, &self.zone, self.born));
        let over = self.not_asked.iter().filter(|(_, it)| it.at < day_began).map(|(name, _)| name);
        for name in over.cloned().collect::<Vec<_>>() {
            self.not_asked.remove(&name);
            self.book.remove(&RollupItem::SkippedSurvey(name));
        }
    }

    /// Of no others than these is it known any more that somebody is asked.
    pub fn asked_only<'a>(&mut self, surveys: impl Iterator<Item = &'a Survey>) {
        self.asked_about.clear();
        surveys.for_each(|survey| self.note_asked(survey));
    }

    fn note_asked(&mut self, survey: &Survey) {
        for name in named_by(survey) {
            let asked = self.asked_about.entry(name).or_default();
            if survey.origin == SurveyOrigin::Manual && survey.recovers.is_none() {
                asked.by_hand = Some(survey.id.clone());
            } else {
                asked.is_counted = true;
            }
        }
    }

    /// Somebody is asked about these interactions: they are no longer among those that nobody is asked about.
    pub fn asked(&mut self, survey: &Survey) {
        self.touched.extend(named_by(survey));
        self.note_asked(survey);
        // One that is known by its conversation's name.
        let known = survey.session.into_iter().flat_map(|session| self.book.of_session(session));
        self.touched.extend(known.filter_map(interaction_in));
    }

    /// Nobody is asked about this interaction. Of two reasons for one interaction the later stands.
    pub fn not_asked(&mut self, told: SkippedSurvey) {
        let name = told.interaction_key();
        let known = self.not_asked.get(&name);
        if known.is_none_or(|known| (known.at, known.reason) <= (told.at, told.reason)) {
            self.touched.insert(Arc::clone(&name));
            self.not_asked.insert(name, told);
        }
    }

    /// Whether a survey was asked about again.
    pub fn is_recovered(&self, id: &SurveyId) -> bool {
        self.recoveries.contains_key(id)
    }

    /// A survey recovers that one now, or none. Says which surveys that changes.
    fn recovers(&mut self, id: &SurveyId, first: Option<&SurveyId>) -> impl Iterator<Item = SurveyId> + use<> {
        let before = self.recovers.get(id).cloned();
        let is_changed = before.as_ref() != first;
        if is_changed {
            if let Some(before) = self.recovers.remove(id)
                && let Some(known) = self.recoveries.get_mut(&before)
            {
                known.remove(id);
                if known.is_empty() {
                    self.recoveries.remove(&before);
                }
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
    /// How soon answers were promised, where the board hangs, and what time it is in a process that has just begun.
    #[must_use]
    pub fn counting(mut self, limits: ReplyTargets, zone: TimeZone, now: Timestamp) -> Self {
        (self.counting.limits, self.counting.zone) = (limits, zone);
        (self.counting.born, self.tidied) = (now, now);
        self.counting.book.begin(Windows::of(self.day_began, &self.counting.zone, now));
        self.counting.book.pass(now);
        self
    }

    /// It is that late: ages begin and promises are broken, though nobody says anything.
    pub fn pass(&mut self, now: Timestamp) {
        self.counting.book.pass(now);
    }

    /// When something will next count differently though nobody says anything.
    #[must_use]
    pub fn next_instant(&self) -> Option<Timestamp> {
        self.counting.book.next_instant()
    }

    /// What is counted of somebody or something.
    pub(super) fn total(&self, group: &RollupGroup) -> Option<Arc<FeedbackTotals>> {
        self.counting.book.total(group)
    }

    pub(super) fn place(&self, id: &Arc<str>) -> Option<Place> {
        let group = RollupGroup::Place(Arc::clone(id));
        let feedback = self.total(&group)?;
        // A place is called what the newest response calls it.
        let name = self.counting.book.of_group(&group).rev().find_map(|item| match item {
            RollupItem::Response(id) => Some(self.feedback.response(id)?.record.place.as_ref()?.name.clone()),
            _ => None,
        });
        Some(Place { name: name.unwrap_or_else(|| Arc::clone(id)), feedback })
    }

    pub(super) fn tag(&self, name: &Arc<str>) -> Option<Tag> {
        let group = RollupGroup::Tag(Arc::clone(name));
        Some(Tag { name: Arc::clone(name), feedback: self.total(&group)?, effect: self.counting.book.effect(&group) })
    }

    pub(super) fn whole_floor(&self) -> Option<Floor> {
        Some(Floor { feedback: self.total(&RollupGroup::Floor)? })
    }

    /// Everything that anything is counted of and that has no record of its own.
    pub(super) fn only_counted(&self) -> impl Iterator<Item = Key> {
        let groups = self.counting.book.groups();
        groups
            .filter(|group| matches!(group, RollupGroup::Floor | RollupGroup::Place(_) | RollupGroup::Tag(_)))
            .cloned()
            .map(Key::from)
    }

    /// The records of an agent that only counts know have changed teams with them.
    pub(super) fn recount_agent(&mut self, id: AgentId) {
        let group = RollupGroup::Agent(id);
        let names: Vec<_> = self.counting.book.of_group(&group).filter_map(interaction_in).collect();
        self.counting.touched.extend(names);
    }

    /// Something new is known of a session.
    pub(super) fn recount_session(&mut self, session: SessionId) {
        let items: Vec<RollupItem> = self.counting.book.of_session(session).cloned().collect();
        self.counting.touched.extend(items.iter().filter_map(interaction_in));
        self.touched.extend(items.into_iter().filter_map(|item| match item {
            RollupItem::Survey(id) => Some(Key::Survey(id)),
            _ => None,
        }));
    }

    /// Counts again whatever the touched records belong to, and touches those of whom anything has changed.
    pub(super) fn recount(&mut self) {
        let mut surveys: BTreeSet<SurveyId> = BTreeSet::new();
        for key in &self.touched {
            match key {
                Key::Response(id) => match self.response_entry(id) {
                    Some(entry) => self.counting.book.put(RollupItem::Response(id.clone()), entry),
                    None => self.counting.book.remove(&RollupItem::Response(id.clone())),
                },
                Key::Survey(id) => {
                    surveys.insert(id.clone());
                    surveys.extend(self.counting.recoveries.get(id).into_iter().flatten().cloned());
                }
                _ => {}
            }
        }
        // A recovery says which survey it recovers, and that may have found its request.
        self.touched.extend(surveys.iter().cloned().map(Key::Survey));
        for id in surveys {
            // What became of a request by hand is what became of the interaction that it was about.
            if let Some((Some(survey), _)) = self.surveys.both(&id)
                && survey.origin == SurveyOrigin::Manual
            {
                self.counting.touched.extend(named_by(&survey));
            }
            let (entry, first) = self.survey_entry(&id).unzip();
            let others = self.counting.recovers(&id, first.flatten().as_ref());
            self.touched.extend(others.map(Key::Survey));
            match entry {
                Some(entry) => self.counting.book.put(RollupItem::Survey(id), entry),
                None => self.counting.book.remove(&RollupItem::Survey(id)),
            }
        }
        for name in std::mem::take(&mut self.counting.touched) {
            match self.not_asked_entry(&name) {
                Some(entry) => self.counting.book.put(RollupItem::SkippedSurvey(name), entry),
                None => self.counting.book.remove(&RollupItem::SkippedSurvey(name)),
            }
        }
        self.touched.extend(self.counting.book.count().into_iter().map(Key::from));
    }

    fn response_entry(&self, id: &ResponseId) -> Option<RollupEntry> {
        let response = self.feedback.response(id)?;
        let (reading, joined) = (&response.record, &response.attribution);
        let deeds = response.actions_taken.values().map(|deed| &**deed);
        let mut groups = groups(joined.agent, joined.team, joined.queue);
        groups.extend(reading.place.as_ref().map(|place| RollupGroup::Place(Arc::clone(&place.id))));
        let voice = Contribution::of_response(reading, deeds, response.needs_reply, &self.counting.limits);
        Some(RollupEntry { groups, voice, session: None })
    }

    /// With the survey that it recovers.
    fn survey_entry(&self, id: &SurveyId) -> Option<(RollupEntry, Option<SurveyId>)> {
        let (survey, result) = self.surveys.both(id)?;
        let (survey, result) = (survey.as_deref(), result.as_deref());
        let agent = self.agent_of_survey(survey, result);
        let session = survey.and_then(|survey| survey.session).or_else(|| result.and_then(|result| result.session));
        let session = session.or_else(|| result.and_then(|result| self.session_named(result)));
        // Feedback counts for the first queue that the call was in (`apis.md` J43).
        let queue = session.and_then(|session| self.sessions.trace(session)?.queue);
        let mut groups = groups(agent, agent.and_then(|agent| self.agents.get(&agent)?.team), queue);
        let tags = survey.map(|survey| &survey.tags).into_iter().chain(result.map(|result| &result.tags)).flatten();
        groups.extend(tags.map(|tag| tag.trim()).filter(|tag| !tag.is_empty()).map(|tag| RollupGroup::Tag(tag.into())));
        let first = self.surveys.recovered(survey, result);
        let first_result = first.as_ref().map(|first| self.surveys.both(first).and_then(|(_, result)| result));
        let voice = Contribution::of_survey(survey, result, first_result.as_ref().map(|result| result.as_deref()));
        Some((RollupEntry { groups, voice, session }, first))
    }

    fn not_asked_entry(&self, name: &Arc<str>) -> Option<RollupEntry> {
        let counting = &self.counting;
        let told = counting.not_asked.get(name)?;
        let session = match told.interaction {
            Interaction::Session(session) => Some(session),
            Interaction::Conversation { .. } => None,
        };
        let names = session.map(session_key).into_iter().chain(std::iter::once(Arc::clone(name)));
        let asked: Vec<&AskedAbout> = names.filter_map(|name| counting.asked_about.get(&name)).collect();
        if asked.iter().any(|asked| asked.is_counted) {
            return None;
        }
        let voice = match asked.iter().find_map(|asked| asked.by_hand.as_ref()) {
            Some(by_hand) => {
                let (survey, result) = self.surveys.both(by_hand)?;
                let survey = survey?;
                Contribution::of_asked_by_hand(told, &survey, result.as_deref())
            }
            None if told.reason == SkipReason::AlreadyAsked => return None,
            None => Contribution::of_not_asked(told),
        };
        let trace = session.and_then(|session| self.sessions.trace(session));
        let agent = told.agent.or(trace.and_then(|trace| trace.agent));
        let queue = told.queue.or(trace.and_then(|trace| trace.queue));
        let team = agent.and_then(|agent| self.agents.get(&agent)?.team);
        Some(RollupEntry { groups: groups(agent, team, queue), voice, session })
    }

    /// Whether what is counted is what all records say, each looked at anew.
    #[cfg(test)]
    pub(super) fn counts_are_sound(&self) -> bool {
        let mut anew = RollupIndex::new(*self.counting.book.windows(), Timestamp::MIN);
        for id in self.feedback.ids() {
            self.response_entry(id).into_iter().for_each(|entry| anew.put(RollupItem::Response(id.clone()), entry));
        }
        for id in self.surveys.all_ids() {
            let entry = self.survey_entry(&id);
            entry.into_iter().for_each(|(entry, _)| anew.put(RollupItem::Survey(id.clone()), entry));
        }
        for name in self.counting.not_asked.keys() {
            self.not_asked_entry(name)
                .into_iter()
                .for_each(|entry| anew.put(RollupItem::SkippedSurvey(name.clone()), entry));
        }
        anew.pass(self.counting.book.now());
        anew.from_scratch() == self.counting.book.as_counted()
    }
}

/// What the interactions are called that a survey is about.
fn named_by(survey: &Survey) -> impl Iterator<Item = Arc<str>> {
    let conversation = survey.conversation.as_deref().map(conversation_key);
    // A person may call it by the number of its session, or by its conversation.
    let by_hand = Some(survey.interaction.trim()).filter(|_| survey.origin == SurveyOrigin::Manual);
    let typed = by_hand.and_then(|name| name.parse().ok()).map(session_key);
    let names = [conversation, survey.session.map(session_key), by_hand.map(conversation_key), typed];
    names.into_iter().flatten()
}

fn interaction_in(item: &RollupItem) -> Option<Arc<str>> {
    match item {
        RollupItem::SkippedSurvey(name) => Some(Arc::clone(name)),
        _ => None,
    }
}

/// Where something counts that is known to be theirs. What is known of nobody still counts for the whole floor.
fn groups(agent: Option<AgentId>, team: Option<TeamId>, queue: Option<QueueId>) -> BTreeSet<RollupGroup> {
    let theirs = [agent.map(RollupGroup::Agent), team.map(RollupGroup::Team), queue.map(RollupGroup::Queue)];
    theirs.into_iter().flatten().chain([RollupGroup::Floor]).collect()
}
