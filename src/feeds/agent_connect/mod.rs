//! Polls Agent Connect's Data Return for survey results.
//!
//! Nothing is pushed (apis.md P15). Records are stored as they came before the cursor moves past them (J64), and gold
//! is filled from the store, so that a restart shows what was known without a request.

mod rate_limiter;
mod translate;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::config::{self, Mode};
use crate::domain::{AgentId, CustomerIdentity, Fact, SourceState};
use crate::gold::{Gold, Reporter};
use crate::store::{EventContext, Store, StoreError, SurveyRecord};
use crate::upstream::agent_connect::{DataError, DataReturn, Record, data};
use crate::upstream::tolerant::{WrittenTime, text_of};
use base::{Backoff, Lifecycle};

use rate_limiter::{MINUTE, RateLimiter};

/// The key of the cursor: the sequence number up to which records are stored.
const CURSOR: &str = "agentConnect.data";

/// How far before the cursor each poll begins, so that records that moved while a page was read are not missed.
const OVERLAP: i64 = 100;

/// A sequence number that is higher by this much is an outlier.
const MAX_STEP: i64 = 1_000_000_000;

/// Records read from the store at once.
const PAGE: u32 = 500;

/// The number of unreadable records that are counted one by one.
const MAX_UNREADABLE: usize = 10_000;

/// The longest pause after a failure.
const MAX_PAUSE: Duration = Duration::from_secs(600);

/// Number of complete polls since the start. A survey request that waits for its result counts them.
pub type CompletedPolls = watch::Receiver<u64>;

/// Polls Data Return.
pub struct AgentConnectFeed {
    upstream: DataReturn,
    store: Store,
    gold: Gold,
    reporter: Reporter,
    interval: Duration,
    mode: Mode,
    employees: HashMap<String, AgentId>,
    completed_polls: watch::Sender<u64>,
    rate_limiter: RateLimiter,
    silent_after: SignedDuration,
    /// When the last new record came.
    last_new: Timestamp,
    /// The time zone of times that name none.
    zone: TimeZone,
    /// Hashes of unreadable records.
    unreadable: HashSet<u64>,
}

/// Why a poll failed.
enum PollError {
    Upstream(DataError),
    Store,
}

impl AgentConnectFeed {
    /// A feed that has polled nothing yet. `employees` maps Agent Connect's `custom_id` to agents.
    #[must_use]
    pub fn new(
        upstream: DataReturn,
        config: &config::AgentConnect,
        employees: HashMap<String, AgentId>,
        store: Store,
        gold: Gold,
        reporter: Reporter,
    ) -> Self {
        let (interval, mode) = (config.data_return_interval, config.mode);
        let (completed_polls, _) = watch::channel(0);
        let silent_after = SignedDuration::try_from(config.silent_after).unwrap_or(SignedDuration::MAX);
        let (rate_limiter, last_new) = (RateLimiter::default(), reporter.clock().now());
        let (zone, unreadable) = (TimeZone::UTC, HashSet::new());
        Self {
            upstream,
            store,
            gold,
            reporter,
            interval,
            mode,
            employees,
            completed_polls,
            rate_limiter,
            silent_after,
            last_new,
            zone,
            unreadable,
        }
    }

    /// The time zone of times that name none; UTC by default.
    #[must_use]
    pub fn with_time_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// The number of complete polls.
    #[must_use]
    pub fn completed_polls(&self) -> CompletedPolls {
        self.completed_polls.subscribe()
    }

    /// Runs until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        self.reporter.transport(Some("polling"));
        tokio::select! {
            () = life.stopping() => return,
            () = self.restore() => {}
        }
        let mut backoff = Backoff::new(self.interval, MAX_PAUSE.max(self.interval));
        loop {
            let polled = tokio::select! {
                () = life.stopping() => return,
                polled = self.poll() => polled,
            };
            let pause = match polled {
                Ok(()) => {
                    backoff = Backoff::new(self.interval, MAX_PAUSE.max(self.interval));
                    self.reporter.count("polls");
                    self.reporter.received(0);
                    self.report_state();
                    self.interval
                }
                Err(error) => {
                    self.reporter.count("failedPolls");
                    self.reporter.set_state(SourceState::Down, Some(&error.sentence()));
                    backoff.next_wait().max(error.wait())
                }
            };
            self.reporter.publish().await;
            tokio::select! {
                () = life.stopping() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// A source that answers is stale if it has sent nothing new for long.
    fn report_state(&mut self) {
        let silent = self.reporter.clock().now().duration_since(self.last_new) > self.silent_after;
        match self.mode {
            // Agent Connect collects no answers for the test key (apis.md B179), so silence means nothing.
            Mode::Test => {
                let why = "The test key is in use: Agent Connect gathers no answers for it.";
                self.reporter.set_state(SourceState::Polling, Some(why));
            }
            Mode::Production if silent => {
                let why =
                    "Agent Connect answers, but has had no new results for long: check whether surveys are still sent.";
                self.reporter.set_state(SourceState::Stale, Some(why));
            }
            Mode::Production => self.reporter.set_state(SourceState::Polling, None),
        }
    }

    /// Tells gold all stored results. Polling begins only afterwards: newer results must not come before stored ones.
    async fn restore(&mut self) {
        let mut place = 0;
        loop {
            match self.store.survey_results().after(place, PAGE).await {
                Ok(records) => {
                    let Some(last) = records.last() else { return };
                    // A page may end amid records of one sequence number; a repeated record changes nothing.
                    place = if records.len() < PAGE as usize { last.sequence } else { last.sequence.max(place + 1) };
                    for record in &records {
                        self.apply(record).await;
                    }
                }
                Err(error) => {
                    tracing::error!(error = %error, "stored survey results cannot be read yet");
                    sleep(Duration::from_secs(5)).await;
                }
            }
        }
    }

    /// Reads all pages from a little before the cursor.
    async fn poll(&mut self) -> Result<(), PollError> {
        let cursor = self.store.survey_results().cursor(CURSOR).await?.and_then(|place| place.parse::<i64>().ok());
        let mut after = cursor.map(|place| place.saturating_sub(OVERLAP).max(0));
        let mut reached = cursor.unwrap_or(0);
        loop {
            self.rate_limiter.acquire().await;
            let page = self.upstream.page(after).await?;
            let full = page.len() >= data::PAGE;
            // Unreadable records must not be requested again and again.
            let last = newest(page.iter().filter_map(Record::place).collect(), cursor);
            let records: Vec<(EventContext, SurveyRecord)> =
                page.into_iter().filter_map(|body| self.read(body)).collect();
            self.reporter.received(records.len() as u64);
            if last > cursor {
                self.last_new = self.reporter.clock().now();
            }
            reached = reached.max(last.unwrap_or(0));
            let kept = self.store.survey_results().record_page(records, CURSOR, reached.to_string()).await?;
            for record in &kept.records {
                self.apply(record).await;
            }
            drop(kept);
            // A page without progress would be requested again and again.
            if !full || last.is_none_or(|last| after.is_some_and(|after| last <= after)) {
                break;
            }
            after = last;
        }
        // A request that counts polls reads gold, so gold must be up to date.
        self.gold.flush().await;
        self.completed_polls.send_modify(|count| *count += 1);
        Ok(())
    }

    fn read(&mut self, body: serde_json::Value) -> Option<(EventContext, SurveyRecord)> {
        let Some(record) = Record::read(&body) else {
            // The same ones come again with each poll.
            let mut hasher = DefaultHasher::new();
            body.to_string().hash(&mut hasher);
            if self.unreadable.len() < MAX_UNREADABLE && self.unreadable.insert(hasher.finish()) {
                self.reporter.count("unreadableResults");
                tracing::warn!(sequence = ?Record::place(&body), "a survey result without an id was skipped");
            }
            return None;
        };
        let about = EventContext {
            subject: None,
            person: CustomerIdentity::new(text_of(&body["customer"]["email"]).as_deref(), None),
            created: record.created.and_then(WrittenTime::earliest),
        };
        Some((about, SurveyRecord { uuid: record.uuid, sequence: record.sequence, body }))
    }

    async fn apply(&mut self, stored: &SurveyRecord) {
        if let Some(record) = Record::read(&stored.body) {
            let now = self.reporter.clock().now();
            let result = translate::result(record, &self.employees, &self.zone, now);
            self.gold.apply(Fact::SurveyResult(Box::new(result))).await;
        }
    }
}

/// The sequence number up to which a page was read. A single record absurdly far ahead of all others does not count,
/// because everything after it would never be read; with a second one there it does.
fn newest(mut places: Vec<i64>, cursor: Option<i64>) -> Option<i64> {
    places.sort_unstable();
    let newest = places.pop()?;
    let before = places.last().copied().max(cursor);
    if before.is_some_and(|before| newest.saturating_sub(before) > MAX_STEP) { places.pop() } else { Some(newest) }
}

impl PollError {
    fn sentence(&self) -> String {
        match self {
            Self::Upstream(error) => error.to_string(),
            Self::Store => "Survey results cannot be stored; they are read again.".to_owned(),
        }
    }

    fn wait(&self) -> Duration {
        match self {
            Self::Upstream(DataError::Overloaded { retry_after: Some(wait), .. }) => (*wait).min(MAX_PAUSE),
            // This minute's hundred requests are used up (apis.md P7).
            Self::Upstream(DataError::Overloaded { status: 429, .. }) => MINUTE,
            _ => Duration::ZERO,
        }
    }
}

impl From<DataError> for PollError {
    fn from(error: DataError) -> Self {
        Self::Upstream(error)
    }
}

impl From<StoreError> for PollError {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %error, "survey results cannot be stored");
        Self::Store
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_record_far_ahead_does_not_move_the_cursor() {
        let far = 9_007_199_254_740_991;
        for (places, cursor, expected) in [
            (vec![], Some(7), None),
            (vec![9001, 9003, 9002], Some(8990), Some(9003)),
            (vec![9001, far], Some(8990), Some(9001)),
            (vec![far], Some(8990), None),
            (vec![far], None, Some(far)),
            (vec![i64::MAX, -5], None, Some(-5)),
            // An upstream that counts otherwise from now on does so more than once.
            (vec![far, far + 1], Some(8990), Some(far + 1)),
        ] {
            assert_eq!(newest(places.clone(), cursor), expected, "{places:?} after {cursor:?}");
        }
    }
}
