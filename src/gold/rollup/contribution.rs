//! What one record has to say in the counts: instants and marks, and nothing that leads to a customer.
//!
//! Scales stay apart: stars are never made of a score, nor a score of stars (`apis.md` J44).

use jiff::{SignedDuration, Timestamp};

use super::backlog::{self, ReplyTargets};
use super::business_hours;
use crate::domain::{
    Delivery, FeedbackAction, FeedbackActionKind, RequestState, ResponseRecord, SkipReason, SkippedSurvey, Survey,
    SurveyOrigin, SurveyResult, SurveyState, ThreadState,
};

/// What one record says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contribution {
    /// What the customer answered.
    pub answer: Option<Answer>,
    /// How the thread was treated that follows a response.
    pub treatment: Option<ThreadHandling>,
    /// The request for an answer.
    pub request: Option<Request>,
    /// The second question, after something was made good. It is an answer to that and to nothing else: neither its stars
    /// nor the request for it count among the others.
    pub recovery: Option<Recovery>,
    /// An interaction that is over: when that was known, and why its customer was not asked.
    pub ended: Option<(Timestamp, Option<SkipReason>)>,
}

/// What a customer answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// When: that decides of which day it is (`apis.md` J62).
    pub at: Timestamp,
    /// One to five.
    pub stars: Option<u8>,
    /// Zero to ten.
    pub nps: Option<u8>,
}

/// How a thread was treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThreadHandling {
    /// When the customer answered.
    pub created: Timestamp,
    /// Since when somebody waits for an answer. `None`: nobody does.
    pub waits_since: Option<Timestamp>,
    /// When we first wrote back.
    pub replied: Option<Timestamp>,
    /// How many seconds that took, in the hours that count.
    pub reply_took: Option<i64>,
    /// When we first did anything: wrote, called, closed it, or reported it as spam.
    pub acted: Option<Timestamp>,
    /// How many seconds that took, in the hours that count.
    pub action_took: Option<i64>,
    /// Whether the hours that count are opening hours.
    pub in_hours: bool,
    /// Until when we had promised to.
    pub due: Timestamp,
    /// Whether it was dealt with, whoever did it and whenever.
    pub is_processed: bool,
}

/// A request for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When it was asked for.
    pub at: Timestamp,
    /// Whether the customer got it.
    pub is_delivered: bool,
}

/// A second question, after something was made good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The first answer.
    pub first: Option<Answer>,
    /// When it was asked for.
    pub asked: Timestamp,
    /// The second answer.
    pub second: Option<Answer>,
}

impl Contribution {
    /// What a response says, with what colleagues did about it. `waits`: somebody owes the customer an answer.
    #[must_use]
    pub fn of_response<'a>(
        reading: &ResponseRecord,
        deeds: impl Iterator<Item = &'a FeedbackAction> + Clone,
        waits: bool,
        limits: &ReplyTargets,
    ) -> Self {
        let answer = reading.created.map(|at| Answer { at, stars: None, nps: reading.nps() });
        let texts = || reading.messages.values().filter_map(|message| Some((message.at?, message)));
        let Some(created) = reading.created.or_else(|| texts().map(|(at, _)| at).min()) else {
            // Nobody knows since when: they have waited longest.
            let waits_since = waits.then_some(Timestamp::MIN);
            let (created, due) = (Timestamp::MIN, Timestamp::MAX);
            let treatment =
                ThreadHandling { created, waits_since, due, is_processed: !waits, ..ThreadHandling::default() };
            return Self { treatment: Some(treatment), ..Self::default() };
        };
        let written = texts().filter(|(at, text)| *at > created && !text.is_of(&reading.customer)).map(|(at, _)| at);
        let done = |kinds: &'static [FeedbackActionKind]| {
            let accepted = deeds.clone().filter(|deed| deed.state == RequestState::Accepted);
            accepted.filter(|deed| kinds.contains(&deed.kind)).map(|deed| deed.changed).min()
        };
        use FeedbackActionKind::{Call, Close, Message, Reply, Spam};
        let replied = written.min().into_iter().chain(done(&[Reply, Message])).min();
        let acted = replied.into_iter().chain(done(&[Call, Close, Spam])).min();
        let theirs = texts().filter(|(_, text)| text.is_of(&reading.customer)).map(|(at, _)| at);
        // Whoever got an answer and wrote again waits since then.
        let waits_since = waits.then(|| replied.and_then(|_| theirs.max()).unwrap_or(created));
        let is_processed = acted.is_some() || !waits || matches!(reading.thread, ThreadState::Closed);
        let due = created.saturating_add(limit(reading, limits)).unwrap_or(Timestamp::MAX);
        let hours = limits.hours.as_deref();
        let took = |at| business_hours::seconds(created, at, hours);
        let treatment = ThreadHandling {
            created,
            waits_since,
            replied,
            reply_took: replied.map(took),
            acted,
            action_took: acted.map(took),
            in_hours: hours.is_some(),
            due,
            is_processed,
        };
        Self { answer, treatment: Some(treatment), ..Self::default() }
    }

    /// What a survey says: our request, what the upstream tells, or both. `first`: what is known of the survey that it
    /// recovers, if it does.
    #[must_use]
    pub fn of_survey(
        survey: Option<&Survey>,
        result: Option<&SurveyResult>,
        first: Option<Option<&SurveyResult>>,
    ) -> Self {
        let asked = survey.map(|survey| survey.created).or(result.and_then(|result| result.created));
        let answer = result.and_then(Answer::of);
        if first.is_some() || result.is_some_and(|result| result.is_recovery) {
            let asked = asked.or(answer.map(|answer| answer.at));
            let first = first.flatten().and_then(Answer::of);
            let recovery = asked.map(|asked| Recovery { first, asked, second: answer });
            return Self { recovery, ..Self::default() };
        }
        let reached = result.map(|result| result.reached).unwrap_or_default();
        let is_delivered = reached == Delivery::Delivered || answer.is_some();
        let ours = survey.filter(|it| matches!(it.origin, SurveyOrigin::Session | SurveyOrigin::Conversation));
        Self {
            answer,
            request: asked.map(|at| Request { at, is_delivered }),
            ended: ours.map(|survey| (survey.created, unreached(survey.state, reached, is_delivered))),
            ..Self::default()
        }
    }

    /// What an interaction says whose customer is not asked.
    #[must_use]
    pub fn of_not_asked(not_asked: &SkippedSurvey) -> Self {
        Self { ended: Some((not_asked.at, Some(not_asked.reason))), ..Self::default() }
    }

    /// What an interaction says that was over after a person had asked its customer: it counts like one that we asked about.
    #[must_use]
    pub fn of_asked_by_hand(ended: &SkippedSurvey, survey: &Survey, result: Option<&SurveyResult>) -> Self {
        let reached = result.map(|result| result.reached).unwrap_or_default();
        let is_delivered = reached == Delivery::Delivered || result.and_then(Answer::of).is_some();
        Self { ended: Some((ended.at, unreached(survey.state, reached, is_delivered))), ..Self::default() }
    }

    /// The last instant in it at which anything may be counted. `None`: nothing in it has a time.
    #[must_use]
    pub(super) fn latest(&self) -> Option<Timestamp> {
        let answer = |answer: Option<Answer>| answer.map(|answer| answer.at);
        let treatment = self.treatment.map(|it| [Some(it.created), it.replied, it.acted, Some(it.due)]);
        let recovery = self.recovery.map(|it| [Some(it.asked), answer(it.second)]);
        let instants = (treatment.into_iter().flatten()).chain(recovery.into_iter().flatten());
        let rest = [answer(self.answer), self.request.map(|it| it.at), self.ended.map(|(at, _)| at)];
        instants.chain(rest).flatten().max()
    }

    /// When it will count differently though nobody says anything: an age begins, a promise is broken.
    pub(super) fn instants(&self) -> impl Iterator<Item = Timestamp> {
        let waiting = self.treatment.filter(|treatment| treatment.waits_since.is_some());
        let edges = waiting.and_then(|it| it.waits_since).into_iter().flat_map(backlog::edges);
        edges.chain(waiting.filter(|it| it.acted.is_none()).map(|it| it.due))
    }
}

impl ThreadHandling {
    /// Whether somebody waits longer than was promised.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.waits_since.is_some() && self.acted.is_none() && self.due <= now
    }
}

impl Answer {
    fn of(result: &SurveyResult) -> Option<Self> {
        Some(Self { at: result.answered?, stars: result.stars, nps: result.nps })
    }
}

/// An alert is urgent, a problem a little less.
fn limit(reading: &ResponseRecord, limits: &ReplyTargets) -> SignedDuration {
    let is_problem = |kind: &str| kind.eq_ignore_ascii_case("problem");
    match reading {
        reading if reading.alert => limits.alert,
        reading if reading.messages.values().any(|text| text.kind.as_deref().is_some_and(is_problem)) => limits.problem,
        _ => limits.rest,
    }
}

/// Why the customer was not asked, of whom we wanted to ask. What was accepted has reached them unless somebody says
/// otherwise: the upstream tells of deliveries later, if it is asked at all (`apis.md` B181).
fn unreached(state: SurveyState, reached: Delivery, is_delivered: bool) -> Option<SkipReason> {
    if is_delivered {
        return None;
    }
    match (state, reached) {
        (_, Delivery::DoNotSend) => Some(SkipReason::DoNotSend),
        (_, Delivery::Suppressed) => Some(SkipReason::Suppressed),
        (_, Delivery::Unsubscribed) => Some(SkipReason::Unsubscribed),
        (_, Delivery::Bounced) => Some(SkipReason::Bounced),
        (SurveyState::Accepted, Delivery::Unknown | Delivery::Delivered) => None,
        (SurveyState::Queued | SurveyState::Sent, _) => Some(SkipReason::InFlight),
        (SurveyState::Unknown, _) => Some(SkipReason::UnknownOutcome),
        (SurveyState::Rejected | SurveyState::Failed, _) => Some(SkipReason::Error),
        (SurveyState::NeedsReview, _) => Some(SkipReason::NeedsReview),
        (SurveyState::DryRun, _) => Some(SkipReason::DryRun),
    }
}
