//! Follows Clarity: pushes over SignalR while they come, questions over REST always.
//!
//! A full answer now and then repairs whatever pushes got wrong or never said; what it repairs tells whether pushes still
//! come. While no pushes come it is the only feed, asked more often, and what only pushes can tell (who waits in a queue)
//! is unknown rather than old.

mod announcements;
mod ended;
mod health;
mod look_ups;
mod names;
mod pushed;
mod reading;
pub mod settings;
mod subscriptions;
mod translate;

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::base::{Backoff, Lifecycle};
use crate::config;
use crate::domain::{AgentId, Fact, Ordinal, SourceState};
use crate::gold::{Gold, Reporter};
use crate::vendor::clarity::Clarity;
use crate::vendor::clarity::methods::Also;
use crate::vendor::signalr::{Connection, Event, HubCall};

use announcements::{Announcements, Remedy};
pub use ended::{EndRules, SessionEnds};
pub use look_ups::SessionLookUps;
pub use pushed::Pushed;
use reading::{Floor, Outcome, Probe, Reading};
use subscriptions::Subscriptions;

/// How often Clarity is asked while it does not push.
const WITHOUT_PUSHES: Duration = Duration::from_secs(5);

/// How often the structure of the house is read.
const STRUCTURE_EVERY: Duration = Duration::from_secs(300);

/// How long a Clarity that does not know a question is not asked it again: it may be another version by then.
const PROBE_AGAIN: Duration = Duration::from_secs(3600);

/// The longest pause between two readings that fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// After a reconnect that kept its connection, queues about which nothing was pushed for this long are subscribed again:
/// what they were pushed before the break no longer counts, and only a new subscription shows a quiet queue.
const QUIET_AFTER_RECONNECT: Duration = Duration::from_secs(20);

/// How often it is looked at how it is.
const GLANCE: Duration = Duration::from_secs(1);

/// The feed. Its task owns everything about Clarity.
pub struct ClarityFeed {
    vendor: Clarity,
    gold: Gold,
    reporter: Reporter,
    poll_interval: Duration,
    link: Link,
    /// What was subscribed over the latest connection.
    subscriptions: Subscriptions,
    /// When a quiet queue is subscribed again, after a reconnect that kept its connection.
    renewal_due: Option<Instant>,
    /// From when on readings are compared with pushes. Those asked for earlier show what was lost in a break.
    comparable: Ordinal,
    /// Whether something may have been missed since the last good reading.
    missed: bool,
    /// Whether what changes is announced.
    announcements: Announcements,
    /// Whether the connection is to be given up for a new one.
    forsaken: bool,
    /// Whether the connection is open and has been silent for longer than it promised.
    quiet: bool,
    /// Who and what there is. `None`: never read.
    floor: Option<Floor>,
    next_lookup: usize,
    /// When queues may be asked for over REST. `None`: never.
    probe_due: Option<Instant>,
    /// What the configuration wants to know of agents besides.
    also: Also,
    /// When that may be asked.
    also_due: Instant,
    structure_due: Instant,
    reading_due: Instant,
    reading: Option<JoinHandle<Outcome>>,
    /// Pauses after readings that fail.
    backoff: Backoff,
    /// Pauses after structures that cannot be read, while everybody can.
    structure_backoff: Backoff,
    /// Why the last reading failed. `None`: it did not.
    trouble: Option<String>,
    /// Why pushes could not be asked for.
    not_subscribed: Option<String>,
    /// When everybody was last read in full.
    read_at: Option<Instant>,
}

/// How pushes come.
#[derive(Debug)]
enum Link {
    /// They do not, for this reason.
    Down(String),
    /// The connection is open, and Clarity has yet to be asked to push over it.
    Opened { connection_id: String, transport: &'static str },
    /// They come.
    Subscribed { connection_id: String, transport: &'static str },
}

impl ClarityFeed {
    /// A feed that has not begun.
    #[must_use]
    pub fn new(vendor: Clarity, config: &config::Clarity, gold: Gold, reporter: Reporter) -> Self {
        let now = Instant::now();
        Self {
            vendor,
            gold,
            reporter,
            poll_interval: config.poll_interval,
            link: Link::Down("it has not been opened yet".to_owned()),
            subscriptions: Subscriptions::default(),
            renewal_due: None,
            comparable: Ordinal::default(),
            missed: true,
            announcements: Announcements::default(),
            forsaken: false,
            quiet: false,
            floor: None,
            next_lookup: 0,
            probe_due: config.probe_queue_metrics.then_some(now),
            also: Also { breakdowns: config.breakdowns, status_history: config.status_history },
            also_due: now,
            structure_due: now,
            reading_due: now,
            reading: None,
            backoff: Backoff::new(WITHOUT_PUSHES, LONGEST_PAUSE),
            structure_backoff: Backoff::new(LONGEST_PAUSE, STRUCTURE_EVERY),
            trouble: None,
            not_subscribed: None,
            read_at: None,
        }
    }

    /// Follows until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        let Some(mut connection) = self.follow().await else { return };
        let mut glances = tokio::time::interval(GLANCE);
        loop {
            tokio::select! {
                () = life.stopping() => break,
                event = connection.next() => self.happened(event).await,
                outcome = finished(&mut self.reading) => self.read(outcome).await,
                () = sleep_until(self.reading_due), if self.reading.is_none() => self.begin_reading(),
                _ = glances.tick() => self.renew_quiet_queues().await,
            }
            self.judge();
            self.reporter.tell().await;
            if std::mem::take(&mut self.forsaken) {
                connection.close().await;
                let Some(another) = self.follow().await else { return };
                connection = another;
            }
        }
        self.end(connection).await;
    }

    async fn follow(&mut self) -> Option<Connection> {
        match self.vendor.follow() {
            Ok(connection) => Some(connection),
            Err(error) => {
                self.reporter.set(SourceState::Down, Some(&format!("TLS cannot be set up: {error}.")));
                self.reporter.tell().await;
                None
            }
        }
    }

    async fn end(self, connection: Connection) {
        if let Some(reading) = self.reading {
            reading.abort();
        }
        connection.close().await;
    }

    async fn happened(&mut self, event: Event) {
        match event {
            Event::Opened { connection_id, transport } => {
                self.reporter.resync("opened");
                self.subscriptions = Subscriptions::none(connection_id.clone());
                self.renewal_due = None;
                self.link = Link::Opened { connection_id, transport: transport.as_str() };
                self.begin_from_what_is();
            }
            Event::Resumed { connection_id, transport } => {
                // Messages may be lost all the same, without a flag (`signalr.md` section 8): begin from what is.
                self.reporter.resync("resumed");
                let transport = transport.as_str();
                // The connection has kept its subscriptions: others beside them would push everything twice.
                let is_subscribed = self.subscriptions.complete && self.subscriptions.connection_id == connection_id;
                self.link = if is_subscribed {
                    Link::Subscribed { connection_id, transport }
                } else {
                    Link::Opened { connection_id, transport }
                };
                self.renewal_due = Some(Instant::now() + QUIET_AFTER_RECONNECT);
                self.begin_from_what_is();
            }
            Event::Call(call) => self.pushed(&call).await,
            Event::Slow => {
                self.reporter.count("slow");
                self.quiet = true;
                self.reading_due = self.reading_due.min(Instant::now());
            }
            Event::Steady => self.quiet = false,
            Event::Lost { reason } => {
                self.reporter.count("lost");
                tracing::warn!(reason = %sentence(&reason), "Clarity's pushes have stopped; it is asked instead");
                self.cut(reason.to_string()).await;
            }
            Event::Malformed { reason } => {
                self.reporter.count("malformedFrames");
                tracing::warn!(reason = %reason, "a SignalR frame makes no sense and was skipped");
            }
            Event::Failed { reason, wait } => {
                self.reporter.count("failedAttempts");
                tracing::debug!(reason = %sentence(&reason), wait_milliseconds = wait.as_millis(), "SignalR could not be opened");
                self.cut(reason.to_string()).await;
            }
        }
    }

    /// Messages may be lost wherever pushes begin or go on: everything is read in full.
    fn begin_from_what_is(&mut self) {
        self.quiet = false;
        self.missed = true;
        self.announcements.restart();
        self.comparable = self.gold.ordinal();
        // A Clarity that fails keeps its pauses.
        if self.trouble.is_none() && self.not_subscribed.is_none() {
            self.reading_due = Instant::now();
        }
    }

    /// Asks for all pushes anew: over the same connection, if what was subscribed over it can be ended.
    async fn renew(&mut self) {
        let Link::Subscribed { connection_id, transport } = &self.link else { return };
        if self.subscriptions.endless {
            self.begin_anew("what was subscribed has to be replaced and cannot be ended").await;
            return;
        }
        self.link = Link::Opened { connection_id: connection_id.clone(), transport };
        self.begin_from_what_is();
    }

    /// Gives the connection up for a new one.
    async fn begin_anew(&mut self, reason: &str) {
        self.reporter.count("renegotiations");
        self.forsaken = true;
        self.cut(reason.to_owned()).await;
    }

    async fn renew_quiet_queues(&mut self) {
        let is_due = self.renewal_due.is_some_and(|due| due <= Instant::now());
        if !is_due || !matches!(self.link, Link::Subscribed { .. }) {
            return;
        }
        self.renewal_due = None;
        if self.floor.as_ref().is_some_and(|floor| floor.has_unknown_queues(&self.gold)) {
            self.reporter.resync("quiet");
            self.renew().await;
        }
    }

    /// No pushes come. What only they could tell is unknown from now on.
    async fn cut(&mut self, reason: String) {
        let was_down = matches!(self.link, Link::Down(_));
        self.link = Link::Down(reason);
        self.quiet = false;
        if !was_down {
            self.gold.tell(Fact::QueuesUncertain { before: self.gold.ordinal() }).await;
            self.reading_due = self.reading_due.min(Instant::now() + WITHOUT_PUSHES);
        }
    }

    async fn pushed(&mut self, call: &HubCall) {
        let at = self.reporter.clock().now();
        let pushed = Pushed::of(call, at, || self.gold.ordinal());
        if pushed.unknown > 0 {
            self.reporter.count_many("unknownPushes", pushed.unknown);
        }
        self.reporter.heard(pushed.readings);
        for fact in pushed.facts {
            if let Fact::AgentChanged { heard, agent } = &fact {
                self.announcements.heard(agent.id, *heard);
            }
            self.gold.tell(fact).await;
        }
    }

    fn begin_reading(&mut self) {
        let structure_due = self.floor.is_none() || self.structure_due <= Instant::now();
        let reading = Reading {
            vendor: self.vendor.clone(),
            gold: self.gold.clone(),
            clock: self.reporter.clock().clone(),
            floor: self.floor.clone(),
            structure_due,
            also: self.also(structure_due),
            subscribe: matches!(self.link, Link::Opened { .. }).then(|| self.subscriptions.clone()),
            probe_queues: self.probe_due.is_some_and(|due| due <= Instant::now()),
            next_lookup: self.next_lookup,
        };
        self.reading = Some(tokio::spawn(reading.run()));
    }

    /// What is asked about agents besides. A history is long and changes are heard: it is asked for now and then, and when
    /// something may have been missed.
    fn also(&self, structure_due: bool) -> Also {
        if self.also_due > Instant::now() {
            return Also::default();
        }
        Also { status_history: self.also.status_history && (structure_due || self.missed), ..self.also }
    }

    async fn read(&mut self, mut outcome: Outcome) {
        self.reading = None;
        self.next_lookup = outcome.next_lookup;
        if let Some(floor) = outcome.floor {
            self.structure_due = Instant::now() + STRUCTURE_EVERY;
            self.structure_backoff.reset();
            self.know(floor).await;
        }
        if let Some(why) = &outcome.not_structured {
            tracing::warn!(why, "Clarity's structure could not be read; the one that is known is used");
            self.reporter.count("failedStructures");
            self.structure_due = Instant::now() + WITHOUT_PUSHES + self.structure_backoff.next_wait();
        }
        if let Some(subscriptions) = outcome.subscriptions.take() {
            self.subscribed(subscriptions).await;
        }
        if let (Some(asked), Link::Subscribed { .. }) = (outcome.asked, &self.link)
            && asked > self.comparable
        {
            self.compare(asked, &outcome.corrected).await;
        }
        self.probed(outcome.probe);
        if outcome.asked_too_much {
            self.also_due = Instant::now() + PROBE_AGAIN;
            self.reporter.count("refusedDetails");
            tracing::warn!(
                "Clarity answers about agents only without their history and metrics by queue, and is asked for them again in an hour: set `clarity.status_history` and `clarity.breakdowns` to false"
            );
        }
        if let Some(why) = &outcome.not_subscribed {
            tracing::warn!(why, "Clarity could not be asked to push");
            self.reporter.count("failedSubscriptions");
        }
        self.not_subscribed = outcome.not_subscribed;
        match &outcome.trouble {
            Some(trouble) => {
                tracing::warn!(trouble, "Clarity could not be read");
                self.reporter.count("failedReadings");
            }
            None => {
                self.reporter.heard(0);
                self.read_at = Some(Instant::now());
                self.missed &= outcome.asked.is_none_or(|asked| asked <= self.comparable);
            }
        }
        self.trouble = outcome.trouble;

        let failed = self.trouble.is_some() || self.not_subscribed.is_some();
        let pause = match &self.link {
            _ if failed => self.backoff.next_wait().max(WITHOUT_PUSHES / 5),
            // Opened while this reading was under way: it did not ask over this connection.
            Link::Opened { .. } => Duration::ZERO,
            _ => self.pause(),
        };
        if !failed {
            self.backoff.reset();
        }
        self.reading_due = Instant::now() + pause.max(outcome.wait.unwrap_or_default());
    }

    fn probed(&mut self, probe: Option<Probe>) {
        match probe {
            Some(Probe::Answered { unknown: 0 }) | None => {}
            Some(Probe::Answered { unknown }) => self.reporter.count_many("unknownQueueMetrics", unknown),
            Some(Probe::NotThere) => {
                self.probe_due = Some(Instant::now() + PROBE_AGAIN);
                self.reporter.count("missingQueueMetrics");
                tracing::warn!(
                    "this Clarity has no queue metrics over REST and is asked again in an hour: set `clarity.probe_queue_metrics` to false"
                );
            }
            Some(Probe::Failed) => self.reporter.count("failedProbes"),
        }
    }

    async fn know(&mut self, floor: Floor) {
        let others = self.floor.as_ref().is_some_and(|known| *known != floor);
        self.floor = Some(floor);
        if others {
            // Whoever is new has not been asked for: ask anew, for everybody.
            self.renew().await;
        }
    }

    /// Counts what a reading has put right, and does something about pushes that have stopped without a word.
    async fn compare(&mut self, asked: Ordinal, corrected: &[(AgentId, Ordinal)]) {
        let finding = self.announcements.read(asked, corrected);
        self.reporter.count_many("repaired", finding.repaired);
        match finding.remedy {
            Some(Remedy::Subscribe) => {
                tracing::warn!("Clarity shows changes that it has not pushed; it is asked to push again");
                self.reporter.count("resubscriptions");
                self.reporter.resync("unannounced");
                self.renew().await;
            }
            Some(Remedy::BeginAnew) => {
                tracing::warn!("Clarity pushes nothing though it was asked twice; a new connection is begun");
                self.reporter.resync("deaf");
                self.begin_anew("the connection was open and nothing was pushed over it").await;
            }
            None => {}
        }
    }

    /// Pushes were asked for. Whatever has become of the transport meanwhile, what was subscribed belongs to the
    /// connection.
    async fn subscribed(&mut self, subscriptions: Subscriptions) {
        if subscriptions.connection_id != self.subscriptions.connection_id {
            return;
        }
        self.subscriptions = subscriptions;
        match &self.link {
            Link::Opened { connection_id, transport } if self.subscriptions.complete => {
                self.link = Link::Subscribed { connection_id: connection_id.clone(), transport };
            }
            // The next attempt could not replace what this one may have left.
            Link::Opened { .. } if self.subscriptions.endless => {
                self.begin_anew("pushes could not be asked for in full, and what was subscribed cannot be ended").await;
            }
            _ => {}
        }
    }
}

/// The fuzzers' door: whatever is pushed is found and translated.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz_realtime(text: &str) {
    let Ok(args) = serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(text) else { return };
    for reading in crate::vendor::clarity::find_pushes(&args).readings {
        let _ = translate::queue(reading.clone(), jiff::Timestamp::UNIX_EPOCH);
        let _ = translate::agent(reading, jiff::Timestamp::UNIX_EPOCH);
    }
}

/// An error with its causes as one sentence.
#[must_use]
pub fn sentence(error: &dyn std::error::Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !story.contains(&part) {
            story = format!("{}: {part}", story.trim_end_matches('.'));
        }
        cause = error.source();
    }
    let mut letters = story.chars();
    let sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if sentence.ends_with('.') { sentence } else { format!("{sentence}.") }
}

/// Resolves when the reading in hand has ended; never, if there is none.
async fn finished(reading: &mut Option<JoinHandle<Outcome>>) -> Outcome {
    match reading {
        Some(reading) => reading.await.unwrap_or_else(|_| Outcome::interrupted()),
        None => std::future::pending().await,
    }
}
