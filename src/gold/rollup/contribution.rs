//! What one record adds to the totals: instants and flags, without personal data.
//!
//! The scales are kept apart: stars are never converted to NPS, nor NPS to stars (apis.md J44).

use jiff::{SignedDuration, Timestamp};

use super::backlog::{self, ReplyTargets};
use super::business_hours;
use crate::domain::{
    Delivery, FeedbackAction, FeedbackActionKind, RequestState, ResponseRecord, SkipReason, SkippedSurvey, Survey,
    SurveyOrigin, SurveyResult, SurveyState, ThreadState,
};

/// What one record adds to the totals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contribution {
    /// The customer's answer.
    pub answer: Option<Answer>,
    /// How the thread of a response was handled.
    pub thread: Option<ThreadHandling>,
    /// The survey request.
    pub request: Option<Request>,
    /// A recovery survey. It rates the recovery: neither its stars nor its request count among the others.
    pub recovery: Option<Recovery>,
    /// An ended interaction: when it was decided on, and why its customer was not surveyed. `None`: the customer was.
    pub ended: Option<(Timestamp, Option<SkipReason>)>,
}

/// A customer's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// When. It counts for that day (apis.md J62).
    pub at: Timestamp,
    /// The star rating, 1 to 5.
    pub stars: Option<u8>,
    /// The answer to the NPS question, 0 to 10.
    pub nps: Option<u8>,
}

/// How a thread was handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThreadHandling {
    /// When the response was created.
    pub created: Timestamp,
    /// Since when it needs a reply. `None`: it does not.
    pub needs_reply_since: Option<Timestamp>,
    /// When the site first replied.
    pub replied: Option<Timestamp>,
    /// First reply time in seconds, within business hours if the site has any.
    pub reply_took: Option<i64>,
    /// When the site first acted: replied, called, closed it, or reported it as spam.
    pub acted: Option<Timestamp>,
    /// The time to the first action in seconds, within business hours if the site has any.
    pub action_took: Option<i64>,
    /// Whether these times count within business hours.
    pub in_hours: bool,
    /// When it becomes overdue without an action.
    pub due: Timestamp,
    /// Whether it was processed, by Callboard or in Goodays itself.
    pub is_processed: bool,
}

/// A survey request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When it was requested.
    pub at: Timestamp,
    /// Whether it reached the customer.
    pub is_delivered: bool,
}

/// A recovery survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The first answer.
    pub first: Option<Answer>,
    /// When it was requested.
    pub asked: Timestamp,
    /// The second answer.
    pub second: Option<Answer>,
}

impl Contribution {
    /// The contribution of a response and of the users' actions on it.
    #[must_use]
    pub fn of_response<'a>(
        response: &ResponseRecord,
        actions: impl Iterator<Item = &'a FeedbackAction> + Clone,
        needs_reply: bool,
        targets: &ReplyTargets,
    ) -> Self {
        let answer = response.created.map(|at| Answer { at, stars: None, nps: response.nps() });
        let texts = || response.messages.values().filter_map(|message| Some((message.at?, message)));
        let Some(created) = response.created.or_else(|| texts().map(|(at, _)| at).min()) else {
            // It is not known since when: counted among the oldest.
            let needs_reply_since = needs_reply.then_some(Timestamp::MIN);
            let (created, due) = (Timestamp::MIN, Timestamp::MAX);
            let thread = ThreadHandling {
                created,
                needs_reply_since,
                due,
                is_processed: !needs_reply,
                ..ThreadHandling::default()
            };
            return Self { thread: Some(thread), ..Self::default() };
        };
        let written = texts().filter(|(at, text)| *at > created && !text.is_of(&response.customer)).map(|(at, _)| at);
        let done = |kinds: &'static [FeedbackActionKind]| {
            let accepted = actions.clone().filter(|action| action.state == RequestState::Accepted);
            accepted.filter(|action| kinds.contains(&action.kind)).map(|action| action.changed).min()
        };
        use FeedbackActionKind::{Call, Close, Message, Reply, Spam};
        let replied = written.min().into_iter().chain(done(&[Reply, Message])).min();
        let acted = replied.into_iter().chain(done(&[Call, Close, Spam])).min();
        let theirs = texts().filter(|(_, text)| text.is_of(&response.customer)).map(|(at, _)| at);
        // A customer who was answered and wrote again has waited since then.
        let needs_reply_since = needs_reply.then(|| replied.and_then(|_| theirs.max()).unwrap_or(created));
        let is_processed = acted.is_some() || !needs_reply || matches!(response.thread, ThreadState::Closed);
        let due = created.saturating_add(reply_target(response, targets)).unwrap_or(Timestamp::MAX);
        let hours = targets.hours.as_deref();
        let took = |at| business_hours::seconds(created, at, hours);
        let thread = ThreadHandling {
            created,
            needs_reply_since,
            replied,
            reply_took: replied.map(took),
            acted,
            action_took: acted.map(took),
            in_hours: hours.is_some(),
            due,
            is_processed,
        };
        Self { answer, thread: Some(thread), ..Self::default() }
    }

    /// The contribution of a survey: of our request, its result, or both. `first`: the result of the survey that it
    /// recovers, as far as it is known; `None` if it is no recovery.
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
            ended: ours.map(|survey| (survey.created, skip_reason(survey.state, reached, is_delivered))),
            ..Self::default()
        }
    }

    /// The contribution of an interaction whose customer is not surveyed.
    #[must_use]
    pub fn of_skipped(skipped: &SkippedSurvey) -> Self {
        Self { ended: Some((skipped.at, Some(skipped.reason))), ..Self::default() }
    }

    /// The contribution of an interaction that ended after a user had requested a survey about it: it counts like one
    /// that was requested automatically.
    #[must_use]
    pub fn of_manual_request(ended: &SkippedSurvey, survey: &Survey, result: Option<&SurveyResult>) -> Self {
        let reached = result.map(|result| result.reached).unwrap_or_default();
        let is_delivered = reached == Delivery::Delivered || result.and_then(Answer::of).is_some();
        Self { ended: Some((ended.at, skip_reason(survey.state, reached, is_delivered))), ..Self::default() }
    }

    /// The last instant at which it counts in any window. `None`: it has no times.
    #[must_use]
    pub(super) fn last_instant(&self) -> Option<Timestamp> {
        let answer = |answer: Option<Answer>| answer.map(|answer| answer.at);
        let thread = self.thread.map(|it| [Some(it.created), it.replied, it.acted, Some(it.due)]);
        let recovery = self.recovery.map(|it| [Some(it.asked), answer(it.second)]);
        let instants = (thread.into_iter().flatten()).chain(recovery.into_iter().flatten());
        let rest = [answer(self.answer), self.request.map(|it| it.at), self.ended.map(|(at, _)| at)];
        instants.chain(rest).flatten().max()
    }

    /// When it will count differently without any new fact: the next age begins, or it becomes overdue.
    pub(super) fn transitions(&self) -> impl Iterator<Item = Timestamp> {
        let waiting = self.thread.filter(|thread| thread.needs_reply_since.is_some());
        let aging = waiting.and_then(|it| it.needs_reply_since).into_iter().flat_map(backlog::age_limits);
        aging.chain(waiting.filter(|it| it.acted.is_none()).map(|it| it.due))
    }
}

impl ThreadHandling {
    /// Whether it needs a reply and its target has passed without an action.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.needs_reply_since.is_some() && self.acted.is_none() && self.due <= now
    }
}

impl Answer {
    fn of(result: &SurveyResult) -> Option<Self> {
        Some(Self { at: result.answered?, stars: result.stars, nps: result.nps })
    }
}

/// How soon a response must be acted on.
fn reply_target(response: &ResponseRecord, targets: &ReplyTargets) -> SignedDuration {
    let is_problem = |kind: &str| kind.eq_ignore_ascii_case("problem");
    match response {
        response if response.alert => targets.alert,
        response if response.messages.values().any(|text| text.kind.as_deref().is_some_and(is_problem)) => {
            targets.problem
        }
        _ => targets.rest,
    }
}

/// Why a survey request did not reach the customer. An accepted one counts as delivered until something else is
/// reported: Agent Connect reports deliveries later, and only where the site collects them (apis.md B181).
fn skip_reason(state: SurveyState, reached: Delivery, is_delivered: bool) -> Option<SkipReason> {
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
        (SurveyState::Unknown, _) => Some(SkipReason::OutcomeUnknown),
        (SurveyState::Rejected | SurveyState::Failed, _) => Some(SkipReason::Error),
        (SurveyState::NeedsReview, _) => Some(SkipReason::NeedsReview),
        (SurveyState::DryRun, _) => Some(SkipReason::DryRun),
    }
}
