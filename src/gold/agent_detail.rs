//! What only those ask about who look at one agent: the last 24 hours, and the metrics by queue.
//!
//! It is behind one pointer that most changes leave alone: whoever compares an agent with what they were compares pointers
//! first.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::merge;
use crate::domain::metric::QueueMetricsUpdate;
use crate::domain::status_history::HISTORY;
use crate::domain::{AgentStatus, Metrics, Occupancy, PastStatus, QueueId, StatusHistory, Unclassified};

/// How many statuses are remembered of an agent. The oldest go first.
const MOST: usize = 500;

/// Two readings of one instant may differ by this much.
const SAME_INSTANT: SignedDuration = SignedDuration::from_secs(2);

/// What few ask about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentDetail {
    /// The last 24 hours. `None`: nobody told us.
    pub history: Option<AgentHistory>,
    /// The metrics by queue.
    pub by_queue: BTreeMap<QueueId, Metrics>,
    /// What was said about metrics by queue in words that nobody here understands.
    pub unread: Unclassified,
}

/// A number in it comes from JSON, where there is none that differs from itself. So two pointers to one detail are equal
/// without a look.
impl Eq for AgentDetail {}

/// The statuses of the last 24 hours: those that were told at once, and those that were seen since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentHistory {
    told: Arc<StatusHistory>,
    seen: StatusHistory,
}

/// A stretch of time in one status.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatusInterval<'a> {
    /// When it began.
    pub began: Timestamp,
    /// When it ended. `None`: it goes on.
    pub ended: Option<Timestamp>,
    /// What it was.
    pub status: &'a PastStatus,
}

impl AgentDetail {
    /// A full answer: what it leaves out is not there.
    pub(super) fn replace(&mut self, reading: Option<QueueMetricsUpdate>) {
        self.by_queue.clear();
        self.unread.clear();
        if let Some(reading) = reading {
            self.change(reading);
        }
    }

    /// A change: what it leaves out is as it was.
    pub(super) fn change(&mut self, reading: QueueMetricsUpdate) {
        if let Some(all) = reading.all {
            self.by_queue = all;
            self.unread.clear();
        }
        for queue in reading.removed {
            self.by_queue.remove(&queue);
        }
        for (queue, metrics) in reading.added {
            let cleared = reading.cleared.iter().filter(|(of, _)| *of == queue).map(|(_, path)| path);
            merge::apply(self.by_queue.entry(queue).or_default(), cleared, metrics);
        }
        self.unread.extend(reading.unread);
    }

    /// A whole history was told. What was seen after its end stays.
    pub(super) fn remember(&mut self, mut told: StatusHistory, now: Timestamp) {
        // What ended before it began never was.
        told.retain(|began, status| status.until.is_none_or(|until| until >= *began));
        let begin = now.saturating_sub(HISTORY).unwrap_or(Timestamp::MIN);
        // The status of the time when the history begins began before.
        let first = told.range(..=begin).next_back().map(|(at, _)| *at);
        if let Some(first) = first {
            told = told.split_off(&first);
            if told.values().next().is_some_and(|status| status.until.is_some_and(|until| until <= begin)) {
                told.pop_first();
            }
        }
        while told.len() > MOST {
            told.pop_first();
        }
        let seen = self.history.take().map(|history| history.seen).unwrap_or_default();
        let mut history = AgentHistory { told: Arc::new(told), seen: BTreeMap::new() };
        for (at, status) in seen {
            if history.told.last_key_value().is_none_or(|(last, _)| at > *last) {
                history.saw(at, status);
            }
        }
        self.history = Some(history);
    }
}

impl AgentHistory {
    /// A status has begun.
    pub(super) fn saw(&mut self, at: Timestamp, status: PastStatus) {
        let same = |(known, other): (&Timestamp, &PastStatus)| {
            (&other.status, &other.reason) == (&status.status, &status.reason)
                && at.duration_since(*known).abs() <= SAME_INSTANT
        };
        if self.seen.last_key_value().or(self.told.last_key_value()).is_some_and(same) {
            return;
        }
        self.seen.insert(at, status);
        if self.seen.len() > MOST {
            self.seen.pop_first();
        }
    }

    /// All of them in order, each with its end.
    #[must_use]
    pub fn intervals(&self) -> Vec<StatusInterval<'_>> {
        let mut all: BTreeMap<Timestamp, &PastStatus> = self.told.iter().map(|(at, status)| (*at, status)).collect();
        all.extend(self.seen.iter().map(|(at, status)| (*at, status)));
        let begins: Vec<Timestamp> = all.keys().copied().skip(1).collect();
        let ends = begins.into_iter().map(Some).chain([None]);
        let stint = |((began, status), next): ((Timestamp, &'_ PastStatus), Option<Timestamp>)| {
            (began, status.until.into_iter().chain(next).min())
        };
        let times: Vec<_> = all.iter().map(|(at, status)| (*at, *status)).zip(ends).map(stint).collect();
        times
            .into_iter()
            .zip(all.into_values())
            .map(|((began, ended), status)| StatusInterval { began, ended, status })
            .collect()
    }

    /// How busy those times were that are over.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        let mut occupancy = Occupancy::default();
        for stint in self.intervals() {
            if let Some(ended) = stint.ended {
                occupancy
                    .add(stint.status.status.activity_if(stint.status.suspended), ended.duration_since(stint.began));
            }
        }
        occupancy
    }
}

/// What an agent does from now on, for the history.
pub(super) fn as_past(status: &AgentStatus, reason: Option<&Arc<str>>, suspended: bool) -> PastStatus {
    PastStatus { status: status.clone(), reason: reason.cloned(), until: None, suspended }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).expect("a time")
    }

    fn past(status: AgentStatus, until: Option<i64>) -> PastStatus {
        PastStatus { until: until.map(at), ..as_past(&status, None, false) }
    }

    fn told(statuses: &[(i64, AgentStatus, Option<i64>)]) -> StatusHistory {
        statuses.iter().map(|(began, status, until)| (at(*began), past(status.clone(), *until))).collect()
    }

    fn spans(detail: &AgentDetail) -> Vec<(i64, Option<i64>, AgentStatus)> {
        let second = |time: Timestamp| time.as_second() - 1_795_000_000;
        let intervals = detail.history.as_ref().expect("a history").intervals();
        intervals.iter().map(|it| (second(it.began), it.ended.map(second), it.status.status.clone())).collect()
    }

    use AgentStatus::{AfterCall, AtLunch, Available, InCall};

    #[test]
    fn each_status_ends_where_it_is_said_to_or_where_the_next_begins() {
        let mut detail = AgentDetail::default();
        detail.remember(
            told(&[
                (0, Available, None),
                (60, InCall, Some(90)),
                (120, AfterCall, Some(500)),
                (130, Available, None),
                // What ended before it began never was.
                (150, AtLunch, Some(20)),
            ]),
            at(200),
        );
        let expected =
            [(0, Some(60), Available), (60, Some(90), InCall), (120, Some(130), AfterCall), (130, None, Available)];
        assert_eq!(spans(&detail), expected);
        let occupancy = detail.history.expect("a history").occupancy();
        assert_eq!(
            (occupancy.handling.as_secs(), occupancy.available.as_secs()),
            (40, 60),
            "what runs does not count yet"
        );
    }

    #[test]
    fn what_was_seen_goes_on_from_what_was_told_and_yields_to_what_is_told_next() {
        let mut detail = AgentDetail::default();
        detail.remember(told(&[(0, Available, None)]), at(10));
        let history = detail.history.as_mut().expect("a history");
        history.saw(at(1), past(Available, None));
        history.saw(at(50), past(InCall, None));
        history.saw(at(70), past(AfterCall, None));
        assert_eq!(spans(&detail), [(0, Some(50), Available), (50, Some(70), InCall), (70, None, AfterCall)]);
        // The answer was asked before the last status began.
        detail.remember(told(&[(0, Available, Some(49)), (49, InCall, None)]), at(80));
        assert_eq!(spans(&detail), [(0, Some(49), Available), (49, Some(70), InCall), (70, None, AfterCall)]);
    }

    #[test]
    fn a_history_is_bounded_in_time_and_number() {
        let day = 24 * 3600;
        let mut detail = AgentDetail::default();
        let older = [(0, AtLunch, None), (50, Available, None), (200, InCall, None)];
        detail.remember(told(&older), at(day + 100));
        assert_eq!(spans(&detail)[0], (50, Some(200), Available), "it reaches into the 24 hours");
        detail.remember(told(&[(0, Available, Some(50)), (200, InCall, None)]), at(day + 100));
        assert_eq!(spans(&detail), [(200, None, InCall)]);

        let flicker = |second: i64| (second, if second % 2 == 0 { Available } else { InCall }, None);
        detail.remember(told(&(1000..3000).map(flicker).collect::<Vec<_>>()), at(3000));
        let history = detail.history.as_mut().expect("a history");
        for second in 3000..5000 {
            history.saw(at(second * 3), past(flicker(second).1, None));
        }
        assert!(spans(&detail).len() <= 2 * MOST);
    }
}
