//! What only an agent's own page shows: the last 24 hours, and the metrics by queue.
//!
//! It is behind one pointer that most changes leave alone, so that comparing two agents usually compares pointers only.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::merge;
use crate::domain::metric::QueueMetricsUpdate;
use crate::domain::status_history::HISTORY;
use crate::domain::{AgentStatus, Metrics, Occupancy, PastStatus, QueueId, StatusHistory, Unclassified};

/// How many statuses are kept of an agent. The oldest are dropped first.
const MAX_STATUSES: usize = 500;

/// Clarity's history and its pushes may name the same instant with this difference.
const SAME_INSTANT: SignedDuration = SignedDuration::from_secs(2);

/// What only an agent's own page shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentDetail {
    /// The last 24 hours. `None`: not known.
    pub history: Option<AgentHistory>,
    /// Metrics by queue.
    pub by_queue: BTreeMap<QueueId, Metrics>,
    /// Metrics by queue in a shape that we cannot read.
    pub unread: Unclassified,
}

/// Its floating-point numbers come from JSON, which has no NaN. With `Eq`, comparing two `Arc`s of the same detail
/// compares the pointers only.
impl Eq for AgentDetail {}

/// The statuses of the last 24 hours: those of the last fetched history, and those observed since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentHistory {
    fetched: Arc<StatusHistory>,
    observed: StatusHistory,
}

/// An interval in one status.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatusInterval<'a> {
    /// When it began.
    pub began: Timestamp,
    /// When it ended. `None`: it goes on.
    pub ended: Option<Timestamp>,
    /// The status.
    pub status: &'a PastStatus,
}

impl AgentDetail {
    /// Applies a snapshot of the metrics by queue: what it leaves out is removed.
    pub(super) fn replace(&mut self, snapshot: Option<QueueMetricsUpdate>) {
        self.by_queue.clear();
        self.unread.clear();
        if let Some(snapshot) = snapshot {
            self.change(snapshot);
        }
    }

    /// Applies an update of the metrics by queue: what it leaves out is unchanged.
    pub(super) fn change(&mut self, update: QueueMetricsUpdate) {
        if let Some(all) = update.all {
            self.by_queue = all;
            self.unread.clear();
        }
        for queue in update.removed {
            self.by_queue.remove(&queue);
        }
        for (queue, metrics) in update.added {
            let cleared = update.cleared.iter().filter(|(of, _)| *of == queue).map(|(_, path)| path);
            merge::apply(self.by_queue.entry(queue).or_default(), cleared, metrics);
        }
        self.unread.extend(update.unread);
    }

    /// Applies a fetched history. What was observed after its end stays.
    pub(super) fn remember(&mut self, mut fetched: StatusHistory, now: Timestamp) {
        // Clarity's clock may step back: a status that ended before it began is dropped.
        fetched.retain(|began, status| status.until.is_none_or(|until| until >= *began));
        let begin = now.saturating_sub(HISTORY).unwrap_or(Timestamp::MIN);
        // The status at the beginning of the 24 hours began before.
        let first = fetched.range(..=begin).next_back().map(|(at, _)| *at);
        if let Some(first) = first {
            fetched = fetched.split_off(&first);
            if fetched.values().next().is_some_and(|status| status.until.is_some_and(|until| until <= begin)) {
                fetched.pop_first();
            }
        }
        while fetched.len() > MAX_STATUSES {
            fetched.pop_first();
        }
        let observed = self.history.take().map(|history| history.observed).unwrap_or_default();
        let mut history = AgentHistory { fetched: Arc::new(fetched), observed: BTreeMap::new() };
        for (at, status) in observed {
            if history.fetched.last_key_value().is_none_or(|(last, _)| at > *last) {
                history.observe(at, status);
            }
        }
        self.history = Some(history);
    }
}

impl AgentHistory {
    /// Adds a status that began at `at`. The same status within 2 s is the same one.
    pub(super) fn observe(&mut self, at: Timestamp, status: PastStatus) {
        let same = |(known, other): (&Timestamp, &PastStatus)| {
            (&other.status, &other.reason) == (&status.status, &status.reason)
                && at.duration_since(*known).abs() <= SAME_INSTANT
        };
        if self.observed.last_key_value().or(self.fetched.last_key_value()).is_some_and(same) {
            return;
        }
        self.observed.insert(at, status);
        if self.observed.len() > MAX_STATUSES {
            self.observed.pop_first();
        }
    }

    /// All intervals in order.
    #[must_use]
    pub fn intervals<'a>(&'a self) -> Vec<StatusInterval<'a>> {
        let mut all: BTreeMap<Timestamp, &PastStatus> = self.fetched.iter().map(|(at, status)| (*at, status)).collect();
        all.extend(self.observed.iter().map(|(at, status)| (*at, status)));
        let begins: Vec<Timestamp> = all.keys().copied().collect();
        let next_begins = begins.into_iter().skip(1).map(Some).chain([None]);
        let interval = |((began, status), next): ((Timestamp, &'a PastStatus), Option<Timestamp>)| StatusInterval {
            began,
            ended: status.until.into_iter().chain(next).min(),
            status,
        };
        all.into_iter().zip(next_begins).map(interval).collect()
    }

    /// The occupancy over the intervals that have ended.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        let mut occupancy = Occupancy::default();
        for interval in self.intervals() {
            let Some(ended) = interval.ended else { continue };
            let activity = interval.status.status.activity_if(interval.status.suspended);
            occupancy.add(activity, ended.duration_since(interval.began));
        }
        occupancy
    }
}

/// A current status as an entry of the history.
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

    fn fetched(statuses: &[(i64, AgentStatus, Option<i64>)]) -> StatusHistory {
        statuses.iter().map(|(began, status, until)| (at(*began), past(status.clone(), *until))).collect()
    }

    fn spans(detail: &AgentDetail) -> Vec<(i64, Option<i64>, AgentStatus)> {
        let second = |time: Timestamp| time.as_second() - 1_795_000_000;
        let intervals = detail.history.as_ref().expect("a history").intervals();
        intervals.iter().map(|it| (second(it.began), it.ended.map(second), it.status.status.clone())).collect()
    }

    use AgentStatus::{AfterCall, AtLunch, Available, InCall};

    #[test]
    fn interval_ends_where_reported_or_where_the_next_begins() {
        let mut detail = AgentDetail::default();
        detail.remember(
            fetched(&[
                (0, Available, None),
                (60, InCall, Some(90)),
                (120, AfterCall, Some(500)),
                (130, Available, None),
                // It ended before it began.
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
            "the current interval does not count yet"
        );
    }

    #[test]
    fn observed_statuses_extend_history_until_the_next_fetch() {
        let mut detail = AgentDetail::default();
        detail.remember(fetched(&[(0, Available, None)]), at(10));
        let history = detail.history.as_mut().expect("a history");
        history.observe(at(1), past(Available, None));
        history.observe(at(50), past(InCall, None));
        history.observe(at(70), past(AfterCall, None));
        assert_eq!(spans(&detail), [(0, Some(50), Available), (50, Some(70), InCall), (70, None, AfterCall)]);
        // The request was sent before the last status began.
        detail.remember(fetched(&[(0, Available, Some(49)), (49, InCall, None)]), at(80));
        assert_eq!(spans(&detail), [(0, Some(49), Available), (49, Some(70), InCall), (70, None, AfterCall)]);
    }

    #[test]
    fn history_is_bounded_in_time_and_number() {
        let day = 24 * 3600;
        let mut detail = AgentDetail::default();
        let older = [(0, AtLunch, None), (50, Available, None), (200, InCall, None)];
        detail.remember(fetched(&older), at(day + 100));
        assert_eq!(spans(&detail)[0], (50, Some(200), Available), "it reaches into the 24 hours");
        detail.remember(fetched(&[(0, Available, Some(50)), (200, InCall, None)]), at(day + 100));
        assert_eq!(spans(&detail), [(200, None, InCall)]);

        let flicker = |second: i64| (second, if second % 2 == 0 { Available } else { InCall }, None);
        detail.remember(fetched(&(1000..3000).map(flicker).collect::<Vec<_>>()), at(3000));
        let history = detail.history.as_mut().expect("a history");
        for second in 3000..5000 {
            history.observe(at(second * 3), past(flicker(second).1, None));
        }
        assert!(spans(&detail).len() <= 2 * MAX_STATUSES);
    }
}
