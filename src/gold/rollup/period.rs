//! What the voices of one window amount to. Each case counts at the instant of its outcome: an answer when it was given, a
//! reply when it was written, a broken promise when its time was over.

use jiff::Timestamp;

use super::sample::{Mean, Nps, Share, Times};
use super::voice::{Recovery, Treatment, Voice};

/// Up to this a first rating was low.
const LOW: u8 = 3;

/// From this on a rating is good.
const GOOD: u8 = 4;

/// What was counted since an instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Period {
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
    pub first_reply: Times,
    /// From a response to the first thing we did, of those done in the window.
    pub first_action: Times,
    /// Whether only opening hours count in these two.
    pub in_hours: bool,
    /// Responses that were dealt with, of those that came in the window.
    pub processed: Share,
    /// Responses about which something was done in the time that was promised, of those done or overdue in the window.
    pub in_time: Share,
    /// From a low rating to the request that asks again.
    pub to_request: Times,
    /// From that request to the second rating.
    pub to_rating: Times,
    /// From the low rating to the second.
    pub whole_loop: Times,
    /// Second ratings of four stars and more, of all after a first of three and less.
    pub recovered: Share,
    /// By how many stars these second ratings differ from the first.
    pub change: Mean,
}

impl Period {
    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { since: self.since, ..Self::default() }
    }
}

/// Sums on their way to a [`Period`].
#[derive(Debug, Default)]
pub(super) struct Sums {
    period: Period,
    first_reply: Vec<i64>,
    first_action: Vec<i64>,
    to_request: Vec<i64>,
    to_rating: Vec<i64>,
    whole_loop: Vec<i64>,
}

impl Sums {
    /// One more voice.
    pub fn add(&mut self, voice: &Voice, since: Timestamp, now: Timestamp) {
        if let Some(answer) = voice.answer.filter(|answer| answer.at >= since) {
            self.period.responses += 1;
            if let Some(score) = answer.nps {
                self.period.nps.add(score);
            }
            if let Some(stars) = answer.stars {
                self.period.stars.add(i64::from(stars));
                self.period.csat.add(stars >= GOOD);
            }
        }
        if voice.request.is_some_and(|request| request.at >= since && request.is_delivered) {
            self.period.response_rate.add(voice.answer.is_some());
        }
        if let Some(treatment) = &voice.treatment {
            self.treat(treatment, since, now);
        }
        if let Some(recovery) = &voice.recovery {
            self.recover(recovery, since);
        }
    }

    /// The window as a whole.
    pub fn end(self, since: Timestamp) -> Period {
        Period {
            since,
            first_reply: Times::of(self.first_reply),
            first_action: Times::of(self.first_action),
            to_request: Times::of(self.to_request),
            to_rating: Times::of(self.to_rating),
            whole_loop: Times::of(self.whole_loop),
            ..self.period
        }
    }

    fn treat(&mut self, treatment: &Treatment, since: Timestamp, now: Timestamp) {
        let created = treatment.created;
        if created >= since {
            self.period.processed.add(treatment.is_processed);
        }
        let took = |at: Option<Timestamp>, took| at.filter(|at| *at >= since).and(took);
        self.first_reply.extend(took(treatment.replied, treatment.reply_took));
        self.first_action.extend(took(treatment.acted, treatment.action_took));
        let happened = [treatment.replied, treatment.acted].into_iter().flatten().any(|at| at >= since);
        self.period.in_hours |= treatment.in_hours && happened;
        match treatment.acted {
            Some(acted) if acted <= treatment.due => (acted >= since).then(|| self.period.in_time.add(true)),
            // Whoever was late has been late since the promise was broken, not since they woke up.
            Some(_) => (treatment.due >= since).then(|| self.period.in_time.add(false)),
            None if treatment.is_overdue(now) => (treatment.due >= since).then(|| self.period.in_time.add(false)),
            None => None,
        };
    }

    fn recover(&mut self, recovery: &Recovery, since: Timestamp) {
        let Some(first) = recovery.first else { return };
        if recovery.asked >= since {
            self.to_request.push(seconds(first.at, recovery.asked));
        }
        let Some(second) = recovery.second.filter(|second| second.at >= since) else { return };
        self.to_rating.push(seconds(recovery.asked, second.at));
        self.whole_loop.push(seconds(first.at, second.at));
        if let (Some(before), Some(after)) = (first.stars.filter(|stars| *stars <= LOW), second.stars) {
            self.period.recovered.add(after >= GOOD);
            self.period.change.add(i64::from(after) - i64::from(before));
        }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs().max(0)
}
