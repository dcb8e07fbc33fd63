//! The totals of one window. Each case counts at the instant of its outcome: an answer when it was given, a reply when
//! it was written, a missed target when the target passed.

use jiff::Timestamp;

use super::contribution::{Contribution, Recovery, ThreadHandling};
use super::percentiles::PercentileIndex;
use super::stats::{Mean, Nps, Operation, Percentiles, Share};

/// First ratings up to this are low: the denominator of the recovered share.
const LOW: u8 = 3;

/// Ratings from this on are satisfied (CSAT).
const GOOD: u8 = 4;

/// The totals since an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeriodTotals {
    /// The beginning of the window.
    pub since: Timestamp,
    /// Answers: responses and ratings.
    pub responses: u64,
    /// The net promoter score.
    pub nps: Nps,
    /// The average star rating.
    pub stars: Mean,
    /// CSAT: ratings of 4 or 5 stars, of all ratings.
    pub csat: Share,
    /// Response rate: survey requests that were answered, of those requested in the window and delivered.
    pub response_rate: Share,
    /// First reply time: from a response to the first reply, of replies in the window.
    pub first_reply: Percentiles,
    /// From a response to the first action, of actions in the window.
    pub first_action: Percentiles,
    /// Whether these two count within business hours.
    pub in_hours: bool,
    /// Responses that were processed, of those created in the window.
    pub processed: Share,
    /// Responses with a first action within the target, of those acted on or overdue in the window.
    pub in_time: Share,
    /// Close the loop: from a first rating to its recovery request.
    pub to_request: Percentiles,
    /// Close the loop: from the recovery request to the recovery rating.
    pub to_rating: Percentiles,
    /// Close the loop: from the first rating to the recovery rating.
    pub whole_loop: Percentiles,
    /// Recovery ratings of 4 and 5 stars, of all after a first rating of 1 to 3.
    pub recovered: Share,
    /// By how many stars these recovery ratings differ from the first ones.
    pub change: Mean,
}

impl PeriodTotals {
    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { since: self.since, ..Self::default() }
    }
}

/// The durations of one contribution, or of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Durations<T> {
    first_reply: T,
    first_action: T,
    to_request: T,
    to_rating: T,
    whole_loop: T,
}

/// What one contribution adds to a window.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PeriodContribution {
    counts: PeriodTotals,
    took: Durations<Option<i64>>,
}

/// The sum of the contributions to a window.
#[derive(Debug, Default)]
pub(super) struct PeriodAggregate {
    counts: PeriodTotals,
    /// How many contributions count their times within business hours.
    in_hours: u64,
    took: Durations<PercentileIndex>,
}

impl PeriodAggregate {
    /// Adds or removes a contribution.
    pub fn change(&mut self, part: &PeriodContribution, operation: Operation) {
        let (sums, one) = (&mut self.counts, &part.counts);
        operation.count(&mut sums.responses, one.responses);
        sums.nps.change(one.nps, operation);
        sums.stars.change(one.stars, operation);
        sums.csat.change(one.csat, operation);
        sums.response_rate.change(one.response_rate, operation);
        sums.processed.change(one.processed, operation);
        sums.in_time.change(one.in_time, operation);
        sums.recovered.change(one.recovered, operation);
        sums.change.change(one.change, operation);
        operation.count(&mut self.in_hours, u64::from(one.in_hours));
        self.took.change(&part.took, operation);
    }

    /// The totals of the window that began at `since`.
    pub fn totals(&self, since: Timestamp) -> PeriodTotals {
        PeriodTotals {
            since,
            in_hours: self.in_hours > 0,
            first_reply: self.took.first_reply.percentiles(),
            first_action: self.took.first_action.percentiles(),
            to_request: self.took.to_request.percentiles(),
            to_rating: self.took.to_rating.percentiles(),
            whole_loop: self.took.whole_loop.percentiles(),
            ..self.counts
        }
    }
}

impl Durations<PercentileIndex> {
    fn change(&mut self, one: &Durations<Option<i64>>, operation: Operation) {
        let all = [
            (&mut self.first_reply, one.first_reply),
            (&mut self.first_action, one.first_action),
            (&mut self.to_request, one.to_request),
            (&mut self.to_rating, one.to_rating),
            (&mut self.whole_loop, one.whole_loop),
        ];
        for (durations, seconds) in all {
            match (seconds, operation) {
                (None, _) => {}
                (Some(seconds), Operation::Add) => durations.add(seconds),
                (Some(seconds), Operation::Remove) => durations.remove(seconds),
            }
        }
    }
}

impl PeriodContribution {
    /// What a contribution adds to the window that began at `since`.
    pub fn of(contribution: &Contribution, since: Timestamp, now: Timestamp) -> Self {
        let mut part = Self::default();
        if let Some(answer) = contribution.answer.filter(|answer| answer.at >= since) {
            part.counts.responses += 1;
            if let Some(score) = answer.nps {
                part.counts.nps.add(score);
            }
            if let Some(stars) = answer.stars {
                part.counts.stars.add(i64::from(stars));
                part.counts.csat.add(stars >= GOOD);
            }
        }
        if contribution.request.is_some_and(|request| request.at >= since && request.is_delivered) {
            part.counts.response_rate.add(contribution.answer.is_some());
        }
        if let Some(thread) = &contribution.thread {
            part.count_thread(thread, since, now);
        }
        if let Some(recovery) = &contribution.recovery {
            part.count_recovery(recovery, since);
        }
        part
    }

    fn count_thread(&mut self, thread: &ThreadHandling, since: Timestamp, now: Timestamp) {
        let created = thread.created;
        if created >= since {
            self.counts.processed.add(thread.is_processed);
        }
        let took = |at: Option<Timestamp>, took: Option<i64>| at.filter(|at| *at >= since).and(took);
        self.took.first_reply = took(thread.replied, thread.reply_took);
        self.took.first_action = took(thread.acted, thread.action_took);
        let happened = [thread.replied, thread.acted].into_iter().flatten().any(|at| at >= since);
        self.counts.in_hours = thread.in_hours && happened;
        match thread.acted {
            Some(acted) if acted <= thread.due => (acted >= since).then(|| self.counts.in_time.add(true)),
            // A late action counts when the target passed, not when the action came.
            Some(_) => (thread.due >= since).then(|| self.counts.in_time.add(false)),
            None if thread.is_overdue(now) => (thread.due >= since).then(|| self.counts.in_time.add(false)),
            None => None,
        };
    }

    fn count_recovery(&mut self, recovery: &Recovery, since: Timestamp) {
        let Some(first) = recovery.first else { return };
        if recovery.asked >= since {
            self.took.to_request = Some(seconds(first.at, recovery.asked));
        }
        let Some(second) = recovery.second.filter(|second| second.at >= since) else { return };
        self.took.to_rating = Some(seconds(recovery.asked, second.at));
        self.took.whole_loop = Some(seconds(first.at, second.at));
        if let (Some(before), Some(after)) = (first.stars.filter(|stars| *stars <= LOW), second.stars) {
            self.counts.recovered.add(after >= GOOD);
            self.counts.change.add(i64::from(after) - i64::from(before));
        }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs().max(0)
}
