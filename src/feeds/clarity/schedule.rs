//! When the next snapshot is due, and what goes into it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::push_watchdog::MAX_SNAPSHOT_INTERVAL;
use super::snapshot::{Snapshot, SnapshotOutcome};
use crate::config;
use crate::upstream::clarity::methods::MetricIncludes;
use base::Backoff;

/// The time between two snapshots while Clarity does not push.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The longest pause after a snapshot that failed. Together with the pauses between two sign-ins, a recovery on
/// Clarity's side is noticed within a minute.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(20);

/// How long an undocumented request that Clarity refuses is not sent again: it may be another version by then.
const REFUSED_PAUSE: Duration = Duration::from_secs(3600);

/// A snapshot is stale once it is older than this many of the pauses that should lie between two snapshots.
const STALE_AFTER_PAUSES: f64 = 2.5;

/// The schedule of snapshots, and what the next one inherits from the one before.
pub(super) struct SnapshotSchedule {
    /// While pushes come. More than [`MAX_SNAPSHOT_INTERVAL`] could not be shown as live.
    interval: Duration,
    pub due: Instant,
    running: Option<JoinHandle<SnapshotOutcome>>,
    /// When all agents were last read.
    pub taken_at: Option<Instant>,
    backoff: Backoff,
    /// Index of the queue to search for next.
    pub next_search: usize,
    /// Agents that were missing from the last snapshot.
    pub missing: BTreeSet<i64>,
    includes: MetricIncludes,
    includes_due: Instant,
    /// When queue metrics may be requested. `None`: never.
    probe_due: Option<Instant>,
}

impl SnapshotSchedule {
    /// The first snapshot is due at once.
    pub fn new(config: &config::Clarity, now: Instant) -> Self {
        Self {
            interval: config.poll_interval.min(MAX_SNAPSHOT_INTERVAL),
            due: now,
            running: None,
            taken_at: None,
            backoff: Backoff::new(POLL_INTERVAL, MAX_PAUSE),
            next_search: 0,
            missing: BTreeSet::new(),
            includes: MetricIncludes { breakdowns: config.breakdowns, status_history: config.status_history },
            includes_due: now,
            probe_due: config.probe_queue_metrics.then_some(now),
        }
    }

    /// Moves the next snapshot forward to this time.
    pub fn no_later_than(&mut self, due: Instant) {
        self.due = self.due.min(due);
    }

    pub fn start(&mut self, snapshot: Snapshot) {
        self.running = Some(tokio::spawn(snapshot.run()));
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The outcome of the running snapshot; pending without one.
    pub async fn finished(&mut self) -> SnapshotOutcome {
        let outcome = match &mut self.running {
            Some(running) => running.await.unwrap_or_else(|_| SnapshotOutcome::interrupted()),
            None => std::future::pending().await,
        };
        self.running = None;
        outcome
    }

    pub fn abort(&self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }

    /// The pause after a good snapshot. `is_delivering`: pushes come and nothing speaks against them.
    pub fn pause(&self, is_delivering: bool) -> Duration {
        if is_delivering { self.interval } else { POLL_INTERVAL.min(self.interval) }
    }

    /// The pause after a snapshot that failed.
    pub fn next_backoff(&mut self) -> Duration {
        self.backoff.next_wait().max(POLL_INTERVAL / 5)
    }

    pub fn reset_backoff(&mut self) {
        self.backoff.reset();
    }

    /// Whether the last snapshot is recent enough for the time that should lie between two.
    pub fn is_fresh(&self, is_delivering: bool) -> bool {
        let max_age = self.pause(is_delivering).mul_f64(STALE_AFTER_PAUSES);
        self.taken_at.is_some_and(|at| at.elapsed() <= max_age)
    }

    /// What to request of agents besides. Histories are long and every change is pushed: they are requested only with
    /// `history`.
    pub fn includes(&self, history: bool, now: Instant) -> MetricIncludes {
        if self.includes_due > now {
            return MetricIncludes::default();
        }
        MetricIncludes { status_history: self.includes.status_history && history, ..self.includes }
    }

    /// Requests everything about agents again as soon as possible.
    pub fn renew_includes(&mut self, now: Instant) {
        self.includes_due = self.includes_due.min(now);
    }

    /// Clarity answered only without what was included.
    pub fn includes_refused(&mut self, now: Instant) {
        self.includes_due = now + REFUSED_PAUSE;
    }

    pub fn is_probe_due(&self, now: Instant) -> bool {
        self.probe_due.is_some_and(|due| due <= now)
    }

    /// Clarity has no queue metrics over REST.
    pub fn probe_refused(&mut self, now: Instant) {
        self.probe_due = Some(now + REFUSED_PAUSE);
    }
}
