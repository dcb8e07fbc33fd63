//! Asks Agent Connect what became of surveys.
//!
//! Nothing pushes it (`apis.md` P15). Records are kept as they came before the cursor moves behind them (J64), and gold is
//! filled from what is kept, so that a restart shows what was known without asking.

mod pace;
mod translate;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::base::{Backoff, Lifecycle};
use crate::config::{self, Mode};
use crate::domain::{AgentId, Fact, Person, SourceState};
use crate::gold::{Gold, Reporter};
use crate::store::{About, Store, StoreError, SurveyRecord};
use crate::vendor::agent_connect::{DataError, DataReturn, Record, data};
use crate::vendor::lenient::{Moment, text_of};

use pace::{MINUTE, Pace};

/// Up to which change records are kept.
const CURSOR: &str = "agentConnect.data";

/// How far before the cursor each round begins: what was restamped while a page was on its way is not missed.
const OVERLAP: i64 = 100;

/// No vendor changes so many records between two of a page.
const LEAP: i64 = 1_000_000_000;

/// How many records are read from the disk at once.
const FROM_DISK: u32 = 500;

/// How many records that cannot be read are told apart.
const MOST_UNREADABLE: usize = 10_000;

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How often Data Return has been read to its end since the start. Whoever waits for a survey to turn up there counts
/// rounds.
pub type Rounds = watch::Receiver<u64>;

/// Follows Data Return.
pub struct AgentConnectFeed {
    vendor: DataReturn,
    store: Store,
    gold: Gold,
    reporter: Reporter,
    interval: Duration,
    mode: Mode,
    employees: HashMap<String, AgentId>,
    rounds: watch::Sender<u64>,
    pace: Pace,
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
    Vendor(DataError),
    Store,
}

impl AgentConnectFeed {
    /// A feed that has asked nothing yet. `employees` says who has which number at Agent Connect.
    #[must_use]
    pub fn new(
        vendor: DataReturn,
        config: &config::AgentConnect,
        employees: HashMap<String, AgentId>,
        store: Store,
        gold: Gold,
        reporter: Reporter,
    ) -> Self {
        let (interval, mode) = (config.data_return_interval, config.mode);
        let (rounds, _) = watch::channel(0);
        let silent_after = SignedDuration::try_from(config.silent_after).unwrap_or(SignedDuration::MAX);
        let (pace, news) = (Pace::default(), reporter.clock().now());
        let (zone, unreadable) = (TimeZone::UTC, HashSet::new());
        Self {
            vendor,
            store,
            gold,
            reporter,
            interval,
            mode,
            employees,
            rounds,
            pace,
            silent_after,
            news,
            zone,
            unreadable,
        }
    }

    /// In which zone times are that name none; UTC otherwise.
    #[must_use]
    pub fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// How often it has been read to its end.
    #[must_use]
    pub fn rounds(&self) -> Rounds {
        self.rounds.subscribe()
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
                    self.reporter.heard(0);
                    self.judge();
                    self.interval
                }
                Err(trouble) => {
                    self.reporter.count("failedPolls");
                    self.reporter.set(SourceState::Down, Some(&trouble.sentence()));
                    backoff.next_wait().max(trouble.wait())
                }
            };
            self.reporter.tell().await;
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
            // No answers are gathered for the test key (`apis.md` B179), so that silence means nothing.
            Mode::Test => {
                let why = "The test key is in use: Agent Connect gathers no answers for it.";
                self.reporter.set(SourceState::Polling, Some(why));
            }
            Mode::Production if silent => {
                let why =
                    "Agent Connect answers, and has told nothing new for long: look whether surveys are still sent.";
                self.reporter.set(SourceState::Stale, Some(why));
            }
            Mode::Production => self.reporter.set(SourceState::Polling, None),
        }
    }

    /// Nothing is asked before this has come to its end: the vendor's newest would otherwise stand before what is kept.
    async fn show_what_is_kept(&mut self) {
        let mut place = 0;
        loop {
            match self.store.survey_records_after(place, FROM_DISK).await {
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
        let cursor = self.store.cursor(CURSOR).await?.and_then(|place| place.parse::<i64>().ok());
        let mut after = cursor.map(|place| place.saturating_sub(OVERLAP).max(0));
        let mut reached = cursor.unwrap_or(0);
        loop {
            self.pace.turn().await;
            let page = self.vendor.page(after).await?;
            let full = page.len() >= data::PAGE;
            // What cannot be read must not be asked for again for ever.
            let last = newest(page.iter().filter_map(Record::place).collect(), cursor);
            let records: Vec<(About, SurveyRecord)> = page.into_iter().filter_map(|body| self.read(body)).collect();
            self.reporter.heard(records.len() as u64);
            if last > cursor {
                self.news = self.reporter.clock().now();
            }
            reached = reached.max(last.unwrap_or(0));
            let kept = self.store.keep_survey_records(records, CURSOR, reached.to_string()).await?;
            for record in &kept.heard {
                self.tell(record).await;
            }
            drop(kept);
            // A page that leads nowhere would be asked for for ever.
            if !full || last.is_none_or(|last| after.is_some_and(|after| last <= after)) {
                break;
            }
            after = last;
        }
        // Whoever counts rounds may look at gold, so it must know.
        self.gold.settled().await;
        self.rounds.send_modify(|rounds| *rounds += 1);
        Ok(())
    }

    fn read(&mut self, body: serde_json::Value) -> Option<(About, SurveyRecord)> {
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
        let about = About {
            subject: None,
            person: Person::new(text_of(&body["customer"]["email"]).as_deref(), None),
            created: record.created.and_then(Moment::earliest),
        };
        Some((about, SurveyRecord { uuid: record.uuid, sequence: record.sequence, body }))
    }

    async fn tell(&mut self, kept: &SurveyRecord) {
        if let Some(record) = Record::read(&kept.body) {
            let now = self.reporter.clock().now();
            let result = translate::result(record, &self.employees, &self.zone, now);
            self.gold.tell(Fact::SurveyResult(Box::new(result))).await;
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
            Self::Vendor(error) => error.to_string(),
            Self::Store => "Survey results cannot be stored; they are asked for again.".to_owned(),
        }
    }

    fn wait(&self) -> Duration {
        match self {
            Self::Vendor(DataError::Overloaded { retry_after: Some(wait), .. }) => (*wait).min(LONGEST_PAUSE),
            // The hundred of this minute are used up (`apis.md` P7).
            Self::Vendor(DataError::Overloaded { status: 429, .. }) => MINUTE,
            _ => Duration::ZERO,
        }
    }
}

impl From<DataError> for Trouble {
    fn from(error: DataError) -> Self {
        Self::Vendor(error)
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
            // A vendor that counts otherwise from now on does so more than once.
            (vec![far, far + 1], Some(8990), Some(far + 1)),
        ] {
            assert_eq!(newest(places.clone(), cursor), expected, "{places:?} after {cursor:?}");
        }
    }
}
