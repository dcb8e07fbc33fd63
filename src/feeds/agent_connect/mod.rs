//! Asks Agent Connect what became of surveys.
//!
//! Nothing pushes it (apis.md P15). Records are kept as they came before the cursor moves behind them (J64), and gold is
//! filled from what is kept, so that a restart shows what was known without asking.

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

/// Up to which change records are kept.
const CURSOR: &str = "agentConnect.data";

/// How far before the cursor each round begins: what was restamped while a page was on its way is not missed.
const OVERLAP: i64 = 100;

/// No upstream changes so many records between two of a page.
const LEAP: i64 = 1_000_000_000;

/// How many records are read from the disk at once.
const FROM_DISK: u32 = 500;

/// How many records that cannot be read are told apart.
const MOST_UNREADABLE: usize = 10_000;

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How often Data Return has been read to its end since the start. Whoever waits for a survey to turn up there counts
/// completed_polls.
pub type CompletedPolls = watch::Receiver<u64>;

/// Follows Data Return.
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
    /// When a record last said something new.
    news: Timestamp,
    /// Where clocks are that nobody says where they are.
    zone: TimeZone,
    /// The hashes of records that could not be read.
    unreadable: HashSet<u64>,
}

/// Why a round did not come to its end.
enum Trouble {
    Upstream(DataError),
    Store,
}

impl AgentConnectFeed {
    /// A feed that has asked nothing yet. `employees` says who has which number at Agent Connect.
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
        let (rate_limiter, news) = (RateLimiter::default(), reporter.clock().now());
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
            news,
            zone,
            unreadable,
        }
    }

    /// In which zone times are that name none; UTC otherwise.
    #[must_use]
    pub fn with_time_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// How often it has been read to its end.
    #[must_use]
    pub fn completed_polls(&self) -> CompletedPolls {
        self.completed_polls.subscribe()
    }

    /// Follows until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        self.reporter.transport(Some("polling"));
        tokio::select! {
            () = life.stopping() => return,
            () = self.show_what_is_kept() => {}
        }
        let mut backoff = Backoff::new(self.interval, LONGEST_PAUSE.max(self.interval));
        loop {
            let round = tokio::select! {
                () = life.stopping() => return,
                round = self.round() => round,
            };
            let pause = match round {
                Ok(()) => {
                    backoff = Backoff::new(self.interval, LONGEST_PAUSE.max(self.interval));
                    self.reporter.count("polls");
                    self.reporter.received(0);
                    self.judge();
                    self.interval
                }
                Err(trouble) => {
                    self.reporter.count("failedPolls");
                    self.reporter.set_state(SourceState::Down, Some(&trouble.sentence()));
                    backoff.next_wait().max(trouble.wait())
                }
            };
            self.reporter.publish().await;
            tokio::select! {
                () = life.stopping() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// Readings come to their end; whether they bring anything is another matter.
    fn judge(&mut self) {
        let silent = self.reporter.clock().now().duration_since(self.news) > self.silent_after;
        match self.mode {
            // No answers are gathered for the test key (apis.md B179), so that silence means nothing.
            Mode::Test => {
                let why = "The test key is in use: Agent Connect gathers no answers for it.";
                self.reporter.set_state(SourceState::Polling, Some(why));
            }
            Mode::Production if silent => {
                let why =
                    "Agent Connect answers, and has told nothing new for long: look whether surveys are still sent.";
                self.reporter.set_state(SourceState::Stale, Some(why));
            }
            Mode::Production => self.reporter.set_state(SourceState::Polling, None),
        }
    }

    /// Nothing is asked before this has come to its end: the upstream's newest would otherwise stand before what is kept.
    async fn show_what_is_kept(&mut self) {
        let mut place = 0;
        loop {
            match self.store.survey_results().after(place, FROM_DISK).await {
                Ok(records) => {
                    let Some(last) = records.last() else { return };
                    // A page may end amid records of one place; whatever comes twice changes nothing.
                    place =
                        if records.len() < FROM_DISK as usize { last.sequence } else { last.sequence.max(place + 1) };
                    for record in &records {
                        self.tell(record).await;
                    }
                }
                Err(error) => {
                    tracing::error!(error = %error, "kept survey results cannot be read yet");
                    sleep(Duration::from_secs(5)).await;
                }
            }
        }
    }

    /// Reads from a little before the cursor to the end.
    async fn round(&mut self) -> Result<(), Trouble> {
        let cursor = self.store.survey_results().cursor(CURSOR).await?.and_then(|place| place.parse::<i64>().ok());
        let mut after = cursor.map(|place| place.saturating_sub(OVERLAP).max(0));
        let mut reached = cursor.unwrap_or(0);
        loop {
            self.rate_limiter.acquire().await;
            let page = self.upstream.page(after).await?;
            let full = page.len() >= data::PAGE;
            // What cannot be read must not be asked for again for ever.
            let last = newest(page.iter().filter_map(Record::place).collect(), cursor);
            let records: Vec<(EventContext, SurveyRecord)> =
                page.into_iter().filter_map(|body| self.read(body)).collect();
            self.reporter.received(records.len() as u64);
            if last > cursor {
                self.news = self.reporter.clock().now();
            }
            reached = reached.max(last.unwrap_or(0));
            let kept = self.store.survey_results().record_page(records, CURSOR, reached.to_string()).await?;
            for record in &kept.records {
                self.tell(record).await;
            }
            drop(kept);
            // A page that leads nowhere would be asked for for ever.
            if !full || last.is_none_or(|last| after.is_some_and(|after| last <= after)) {
                break;
            }
            after = last;
        }
        // Whoever counts completed_polls may look at gold, so it must know.
        self.gold.flush().await;
        self.completed_polls.send_modify(|completed_polls| *completed_polls += 1);
        Ok(())
    }

    fn read(&mut self, body: serde_json::Value) -> Option<(EventContext, SurveyRecord)> {
        let Some(record) = Record::read(&body) else {
            // The same ones come again with each round.
            let mut hasher = DefaultHasher::new();
            body.to_string().hash(&mut hasher);
            if self.unreadable.len() < MOST_UNREADABLE && self.unreadable.insert(hasher.finish()) {
                self.reporter.count("unreadableResults");
                tracing::warn!(sequence = ?Record::place(&body), "a survey result without an identity: left out");
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

    async fn tell(&mut self, kept: &SurveyRecord) {
        if let Some(record) = Record::read(&kept.body) {
            let now = self.reporter.clock().now();
            let result = translate::result(record, &self.employees, &self.zone, now);
            self.gold.apply(Fact::SurveyResult(Box::new(result))).await;
        }
    }
}

/// The place up to which a page has been read. One record that stands absurdly far ahead of all others would be the last
/// that is ever asked for; it counts once another is found there.
fn newest(mut places: Vec<i64>, cursor: Option<i64>) -> Option<i64> {
    places.sort_unstable();
    let newest = places.pop()?;
    let before = places.last().copied().max(cursor);
    if before.is_some_and(|before| newest.saturating_sub(before) > LEAP) { places.pop() } else { Some(newest) }
}

impl Trouble {
    fn sentence(&self) -> String {
        match self {
            Self::Upstream(error) => error.to_string(),
            Self::Store => "Survey results cannot be stored; they are asked for again.".to_owned(),
        }
    }

    fn wait(&self) -> Duration {
        match self {
            Self::Upstream(DataError::Overloaded { retry_after: Some(wait), .. }) => (*wait).min(LONGEST_PAUSE),
            // The hundred of this minute are used up (apis.md P7).
            Self::Upstream(DataError::Overloaded { status: 429, .. }) => MINUTE,
            _ => Duration::ZERO,
        }
    }
}

impl From<DataError> for Trouble {
    fn from(error: DataError) -> Self {
        Self::Upstream(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %error, "survey results cannot be stored");
        Self::Store
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_far_ahead_is_not_what_a_page_was_read_up_to() {
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
