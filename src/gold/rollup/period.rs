//! What the voices of one window amount to. Each case counts at the instant of its outcome: an answer when it was given, a
//! reply when it was written, a broken promise when its time was over.

use jiff::Timestamp;

use super::contribution::{Contribution, Recovery, ThreadHandling};
use super::percentiles::PercentileIndex;
use super::stats::{Change, Mean, Nps, Percentiles, Share};

/// Up to this a first rating was low.
const LOW: u8 = 3;

/// From this on a rating is good.
const GOOD: u8 = 4;

/// What was counted since an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeriodTotals {
    /// Since when.
    pub since: Timestamp,
    /// Answers of customers: responses and ratings.
    pub responses: u64,
    /// The net promoter score.
    pub nps: Nps,
    /// Stars.
    pub stars: Mean,
    /// Answers of four or five stars, of those with stars.
    pub csat: Share,
    /// Requests that were answered, of those asked for in the window that reached the customer.
    pub response_rate: Share,
    /// From a response to the first answer we wrote, of answers written in the window.
    pub first_reply: Percentiles,
    /// From a response to the first thing we did, of those done in the window.
    pub first_action: Percentiles,
    /// Whether only opening hours count in these two.
    pub in_hours: bool,
    /// Responses that were dealt with, of those that came in the window.
    pub processed: Share,
    /// Responses about which something was done in the time that was promised, of those done or overdue in the window.
    pub in_time: Share,
    /// From a low rating to the request that asks again.
    pub to_request: Percentiles,
    /// From that request to the second rating.
    pub to_rating: Percentiles,
    /// From the low rating to the second.
    pub whole_loop: Percentiles,
    /// Second ratings of four stars and more, of all after a first of three and less.
    pub recovered: Share,
    /// By how many stars these second ratings differ from the first.
    pub change: Mean,
}

impl PeriodTotals {
    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { since: self.since, ..Self::default() }
    }
}

/// How long things took: those of one voice, or of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Durations<T> {
    first_reply: T,
    first_action: T,
    to_request: T,
    to_rating: T,
    whole_loop: T,
}

/// What one voice says in a window.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PeriodContribution {
    counts: PeriodTotals,
    took: Durations<Option<i64>>,
}

/// What the voices of a window amount to.
#[derive(Debug, Default)]
pub(super) struct PeriodAggregate {
    counts: PeriodTotals,
    /// How many voices count their times in opening hours.
    in_hours: u64,
    took: Durations<PercentileIndex>,
}

impl PeriodAggregate {
    /// One voice more or fewer.
    pub fn change(&mut self, said: &PeriodContribution, change: Change) {
        let (sums, one) = (&mut self.counts, &said.counts);
        change.count(&mut sums.responses, one.responses);
        sums.nps.change(one.nps, change);
        sums.stars.change(one.stars, change);
        sums.csat.change(one.csat, change);
        sums.response_rate.change(one.response_rate, change);
        sums.processed.change(one.processed, change);
        sums.in_time.change(one.in_time, change);
        sums.recovered.change(one.recovered, change);
        sums.change.change(one.change, change);
        change.count(&mut self.in_hours, u64::from(one.in_hours));
        self.took.change(&said.took, change);
    }

    /// The window as a whole.
    pub fn period(&self, since: Timestamp) -> PeriodTotals {
        PeriodTotals {
            since,
            in_hours: self.in_hours > 0,
            first_reply: self.took.first_reply.times(),
            first_action: self.took.first_action.times(),
            to_request: self.took.to_request.times(),
            to_rating: self.took.to_rating.times(),
            whole_loop: self.took.whole_loop.times(),
            ..self.counts
        }
    }
}

impl Durations<PercentileIndex> {
    fn change(&mut self, one: &Durations<Option<i64>>, change: Change) {
        let all = [
            (&mut self.first_reply, one.first_reply),
            (&mut self.first_action, one.first_action),
            (&mut self.to_request, one.to_request),
            (&mut self.to_rating, one.to_rating),
            (&mut self.whole_loop, one.whole_loop),
        ];
        for (times, seconds) in all {
            match (seconds, change) {
                (None, _) => {}
                (Some(seconds), Change::Put) => times.put(seconds),
                (Some(seconds), Change::Take) => times.take(seconds),
            }
        }
    }
}

impl PeriodContribution {
    /// What a voice says of the time since then.
    pub fn of(voice: &Contribution, since: Timestamp, now: Timestamp) -> Self {
        let mut said = Self::default();
        if let Some(answer) = voice.answer.filter(|answer| answer.at >= since) {
            said.counts.responses += 1;
            if let Some(score) = answer.nps {
                said.counts.nps.add(score);
            }
            if let Some(stars) = answer.stars {
                said.counts.stars.add(i64::from(stars));
                said.counts.csat.add(stars >= GOOD);
            }
        }
        if voice.request.is_some_and(|request| request.at >= since && request.is_delivered) {
            said.counts.response_rate.add(voice.answer.is_some());
        }
        if let Some(treatment) = &voice.treatment {
            said.treat(treatment, since, now);
        }
        if let Some(recovery) = &voice.recovery {
            said.recover(recovery, since);
        }
        said
    }

    fn treat(&mut self, treatment: &ThreadHandling, since: Timestamp, now: Timestamp) {
        let created = treatment.created;
        if created >= since {
            self.counts.processed.add(treatment.is_processed);
        }
        let took = |at: Option<Timestamp>, took: Option<i64>| at.filter(|at| *at >= since).and(took);
        self.took.first_reply = took(treatment.replied, treatment.reply_took);
        self.took.first_action = took(treatment.acted, treatment.action_took);
        let happened = [treatment.replied, treatment.acted].into_iter().flatten().any(|at| at >= since);
        self.counts.in_hours = treatment.in_hours && happened;
        match treatment.acted {
            Some(acted) if acted <= treatment.due => (acted >= since).then(|| self.counts.in_time.add(true)),
            // Whoever was late has been late since the promise was broken, not since they woke up.
            Some(_) => (treatment.due >= since).then(|| self.counts.in_time.add(false)),
            None if treatment.is_overdue(now) => (treatment.due >= since).then(|| self.counts.in_time.add(false)),
            None => None,
        };
    }

    fn recover(&mut self, recovery: &Recovery, since: Timestamp) {
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
