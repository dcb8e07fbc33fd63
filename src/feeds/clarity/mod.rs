//! Follows Clarity: pushes over SignalR while they come, questions over REST always.
//!
//! A full answer now and then repairs whatever pushes got wrong or never said; what it repairs tells whether pushes still
//! come. While no pushes come it is the only feed, asked more often, and what only pushes can tell (who waits in a queue)
//! is unknown rather than old. While pushes do come, subscriptions to queues are renewed with every reading: what answers
//! them is to queues what a full answer is to agents, and what is not told again in time is unknown.

mod ended_sessions;
mod health;
mod session_lookup;
mod received_at;
mod names;
mod observations;
mod push_watchdog;
mod push;
mod snapshot;
pub mod settings;
mod structure_watch;
mod subscriptions;
mod translate;

use std::collections::BTreeSet;
use std::time::Duration;

use classic_signalr::{Connection, Event, HubCall};
use jiff::SignedDuration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

pub use base::error_chain;
use base::{Backoff, Lifecycle};
use crate::config;
use crate::domain::{Fact, Ordinal, SourceState};
use crate::gold::{Gold, Reporter};
use crate::upstream::clarity::Clarity;
use crate::upstream::clarity::methods::MetricIncludes;

pub use ended_sessions::{EndedSessionRules, EndedSessions};
pub use session_lookup::SessionLookup;
pub use received_at::ReceivedAt;
use received_at::StatusStarts;
use observations::{TransferCounter, Observations};
use push_watchdog::{Ages, Decision, Differences, Kinds, PushWatchdog};
pub use push::PushFacts;
use snapshot::{Roster, SnapshotOutcome, Probe, Snapshot};
use structure_watch::StructureWatch;
use subscriptions::Subscriptions;

/// How often Clarity is asked while it does not push.
const WITHOUT_PUSHES: Duration = Duration::from_secs(5);

/// How often the structure is read where nothing says that it has changed.
const STRUCTURE_EVERY: Duration = Duration::from_secs(60);

/// How often what goes with it is asked for, where it has not changed: addresses, the names of metrics, histories.
const DETAILS_EVERY: Duration = Duration::from_secs(300);

/// How long a Clarity that does not know a question is not asked it again: it may be another version by then.
const PROBE_AGAIN: Duration = Duration::from_secs(3600);

/// The longest pause between two readings that fail. With the pauses between two attempts to sign in, what has been mended
/// on the other side is seen within a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How long pushes may take to come over a new connection that takes over from one over which they came.
const TAKING_OVER: Duration = Duration::from_secs(5);

/// How often it is looked at how it is.
const GLANCE: Duration = Duration::from_secs(1);

/// The feed. Its task owns everything about Clarity.
pub struct ClarityFeed {
    upstream: Clarity,
    gold: Gold,
    reporter: Reporter,
    poll_interval: Duration,
    link: Link,
    /// What was subscribed over the latest connection.
    subscriptions: Subscriptions,
    /// From when on readings are compared with pushes. Those asked for earlier show what was lost in a break.
    comparable: Ordinal,
    /// Whether something may have been missed since the last good reading.
    missed: bool,
    /// Whether what changes is pushed.
    watchdog: PushWatchdog,
    /// How old what was pushed about queues is.
    ages: Ages,
    /// Of what kinds there is something that has not been subscribed.
    unsubscribed: Kinds,
    /// The connection that is to take over from the one of now, once it is open.
    successor: Option<Connection>,
    /// Until when pushes may take to come over the connection that has taken over.
    taking_over: Option<Instant>,
    /// Whether the connection is open and has been silent for longer than it promised.
    quiet: bool,
    /// Who and what there is. `None`: never read.
    floor: Option<Roster>,
    next_lookup: usize,
    /// Of which agents the newest reading told nothing.
    unanswered: BTreeSet<i64>,
    /// When queues may be asked for over REST. `None`: never.
    probe_due: Option<Instant>,
    /// What the configuration wants to know of agents besides.
    also: MetricIncludes,
    /// When that may be asked.
    also_due: Instant,
    structure_due: Instant,
    /// Signs that it has changed.
    structure_watch: StructureWatch,
    contacts: TransferCounter,
    details_due: Instant,
    reading_due: Instant,
    reading: Option<JoinHandle<SnapshotOutcome>>,
    /// Pauses after readings that fail.
    backoff: Backoff,
    /// Pauses after structures that cannot be read, while everybody can.
    structure_backoff: Backoff,
    /// Whether there was a pause before the next attempt to sign in when it was last looked at.
    sign_in_pauses: bool,
    /// Why the last reading failed. `None`: it did not.
    trouble: Option<String>,
    /// Why pushes could not be asked for.
    not_subscribed: Option<String>,
    /// When everybody was last read in full.
    read_at: Option<Instant>,
    /// When statuses began, to measure Clarity's clock by.
    seen: StatusStarts,
    /// How far that clock was ahead when everybody was last asked about.
    offset: SignedDuration,
}

/// How pushes come.
#[derive(Debug)]
enum Link {
    /// They do not, for this reason.
    Down(String),
    /// The connection is open, and Clarity has yet to be asked to push over it.
    Opened { transport: &'static str },
    /// They come.
    Subscribed { transport: &'static str },
}

impl ClarityFeed {
    /// A feed that has not begun.
    #[must_use]
    pub fn new(upstream: Clarity, config: &config::Clarity, gold: Gold, reporter: Reporter) -> Self {
        let now = Instant::now();
        Self {
            upstream,
            gold,
            reporter,
            poll_interval: config.poll_interval,
            link: Link::Down("it has not been opened yet".to_owned()),
            subscriptions: Subscriptions::default(),
            comparable: Ordinal::default(),
            missed: true,
            watchdog: PushWatchdog::default(),
            ages: Ages::default(),
            unsubscribed: Kinds::default(),
            successor: None,
            taking_over: None,
            quiet: false,
            floor: None,
            next_lookup: 0,
            unanswered: BTreeSet::new(),
            probe_due: config.probe_queue_metrics.then_some(now),
            also: MetricIncludes { breakdowns: config.breakdowns, status_history: config.status_history },
            also_due: now,
            structure_due: now,
            structure_watch: StructureWatch::default(),
            contacts: TransferCounter::default(),
            details_due: now,
            reading_due: now,
            reading: None,
            backoff: Backoff::new(WITHOUT_PUSHES, LONGEST_PAUSE),
            structure_backoff: Backoff::new(WITHOUT_PUSHES, LONGEST_PAUSE),
            sign_in_pauses: false,
            trouble: None,
            not_subscribed: None,
            read_at: None,
            seen: StatusStarts::default(),
            offset: SignedDuration::ZERO,
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
                event = next(&mut self.successor) => {
                    if let Some(successor) = self.took_over(event).await {
                        std::mem::replace(&mut connection, successor).close().await;
                    }
                }
                outcome = finished(&mut self.reading) => self.read(outcome).await,
                () = sleep_until(self.reading_due), if self.reading.is_none() => self.begin_reading(),
                _ = glances.tick() => {
                    self.look_after_sign_in().await;
                    self.glance().await;
                }
            }
            self.follow_clock();
            self.judge();
            self.reporter.publish().await;
        }
        self.end(connection).await;
    }

    /// When Clarity's clock turns out to be another than was believed, all that it dated is asked for anew.
    fn follow_clock(&mut self) {
        let offset = self.upstream.clock().offset();
        if self.read_at.is_none() {
            // The structure is answered before anything is dated.
            self.offset = offset;
        }
        if offset == self.offset || self.reading.is_some() {
            return;
        }
        let seconds = offset.as_secs();
        tracing::warn!(seconds, "Clarity's clock is so far ahead of ours; what it dates is shown by ours");
        self.offset = offset;
        self.also_due = self.also_due.min(Instant::now());
        self.reading_due = self.reading_due.min(Instant::now());
        self.unsubscribed = Kinds::ALL;
    }

    async fn follow(&mut self) -> Option<Connection> {
        match self.upstream.open_connection() {
            Ok(connection) => Some(connection),
            Err(error) => {
                self.reporter.set_state(SourceState::Down, Some(&format!("TLS cannot be set up: {error}.")));
                self.reporter.publish().await;
                None
            }
        }
    }

    async fn end(self, connection: Connection) {
        if let Some(reading) = self.reading {
            reading.abort();
        }
        if let Some(successor) = self.successor {
            successor.close().await;
        }
        connection.close().await;
    }

    async fn happened(&mut self, event: Event) {
        match event {
            Event::Connected { connection_id, transport } => {
                self.reporter.resync("opened");
                self.structure_watch.want_unless_fresh(Instant::now());
                self.subscriptions = Subscriptions::none(connection_id);
                self.watchdog.ask_at_once();
                self.link = Link::Opened { transport: transport.as_str() };
                self.begin_from_what_is();
            }
            Event::Reconnected { connection_id, transport } => {
                // Messages may be lost all the same, without a flag (`signalr.md` section 8): begin from what is.
                self.reporter.resync("resumed");
                let transport = transport.as_str();
                // The connection has kept its subscriptions: others beside them would push everything twice.
                let is_subscribed =
                    self.subscriptions.complete == Kinds::ALL && self.subscriptions.connection_id == connection_id;
                self.link = if is_subscribed { Link::Subscribed { transport } } else { Link::Opened { transport } };
                self.begin_from_what_is();
            }
            Event::Call(call) => self.pushed(&call).await,
            Event::Slow => {
                self.reporter.count("slow");
                self.quiet = true;
                self.reading_due = self.reading_due.min(Instant::now());
            }
            Event::Recovered => self.quiet = false,
            Event::Lost { reason } => {
                self.reporter.count("lost");
                tracing::warn!(reason = %error_chain(&reason), "Clarity's pushes have stopped; it is asked instead");
                self.cut(error_chain(&reason)).await;
            }
            Event::Malformed { reason } => {
                self.reporter.count("malformedFrames");
                tracing::warn!(reason = %reason, "a SignalR frame makes no sense and was skipped");
            }
            Event::Failed { reason, wait } => {
                self.reporter.count("failedAttempts");
                tracing::debug!(reason = %error_chain(&reason), wait_milliseconds = wait.as_millis(), "SignalR could not be opened");
                self.cut(error_chain(&reason)).await;
            }
        }
    }

    /// Messages may be lost wherever pushes begin or go on: everything is read in full.
    fn begin_from_what_is(&mut self) {
        self.quiet = false;
        self.missed = true;
        self.watchdog.restart();
        self.comparable = self.gold.next_ordinal();
        // A Clarity that fails keeps its pauses.
        if self.trouble.is_none() && self.not_subscribed.is_none() {
            self.reading_due = Instant::now();
        }
    }

    /// Begins a connection that is to take over. What comes over the one of now is heard until then.
    fn begin_another(&mut self) {
        if self.successor.is_some() {
            return;
        }
        match self.upstream.open_connection() {
            Ok(connection) => self.successor = Some(connection),
            Err(error) => tracing::warn!(%error, "no other connection to Clarity can be begun"),
        }
    }

    /// Something happened on the connection that is to take over. Returns it once it does.
    async fn took_over(&mut self, event: Event) -> Option<Connection> {
        let is_open = matches!(event, Event::Connected { .. });
        let connection = self.successor.take()?;
        if !is_open {
            self.reporter.count("failedAttempts");
            tracing::debug!("another connection to Clarity could not be opened; it is tried again");
            connection.close().await;
            return None;
        }
        let has_pushed = matches!(self.link, Link::Subscribed { .. }) && !self.quiet;
        self.taking_over = has_pushed.then(|| Instant::now() + TAKING_OVER);
        self.happened(event).await;
        Some(connection)
    }

    /// Another secret, or an administrator, may end the pause before the next attempt to sign in: then it is read at once.
    async fn look_after_sign_in(&mut self) {
        let tokens = self.upstream.tokens();
        if self.trouble.is_none() && self.not_subscribed.is_none() && tokens.next_try().is_none() {
            return;
        }
        let is_new = tokens.reload_secret().await;
        if is_new {
            tracing::info!("there is another secret for Clarity, which is tried at once");
        }
        let pauses = tokens.is_backing_off();
        if is_new || (self.sign_in_pauses && !pauses) {
            self.reading_due = Instant::now();
        }
        self.sign_in_pauses = pauses;
    }

    /// Time has passed.
    async fn glance(&mut self) {
        let now = Instant::now();
        // A reading that is under way may not have come to its request yet.
        if matches!(self.link, Link::Subscribed { .. }) && self.reading.is_none() {
            let was_well = self.watchdog.trouble().is_none();
            self.watchdog.tick(self.wanted(), now);
            // A Clarity that fails keeps its pauses.
            if was_well && self.watchdog.trouble().is_some() && self.trouble.is_none() {
                self.reading_due = self.reading_due.min(now);
            }
        }
        if let Some(before) = self.ages.pass(self.gold.next_ordinal(), now) {
            self.gold.apply(Fact::QueuePushesMissed { before, searched_too: true }).await;
        }
    }

    /// No pushes come. What only they could tell is unknown from now on.
    async fn cut(&mut self, reason: String) {
        let was_down = matches!(self.link, Link::Down(_));
        self.link = Link::Down(reason.trim_end_matches('.').to_owned());
        self.quiet = false;
        if !was_down {
            self.gold.apply(Fact::QueuePushesMissed { before: self.gold.next_ordinal(), searched_too: false }).await;
            self.reading_due = self.reading_due.min(Instant::now() + WITHOUT_PUSHES);
        }
    }

    async fn pushed(&mut self, call: &HubCall) {
        let at = ReceivedAt::now(self.upstream.clock());
        let pushed = PushFacts::from_call(call, at, || self.gold.next_ordinal());
        if pushed.unknown > 0 {
            self.reporter.count_many("unknownPushes", pushed.unknown);
        }
        self.reporter.received(pushed.readings);
        for fact in pushed.facts {
            if let Some(floor) = &self.floor {
                let mut noted = Observations::default();
                noted.note(&fact, floor, &self.gold);
                self.take_note(noted);
            }
            match &fact {
                Fact::AgentUpdated { received: heard, agent } => {
                    self.seen.note(agent, None, at, self.upstream.clock());
                    self.watchdog.agent_pushed(agent.id, *heard, Instant::now());
                }
                Fact::QueueUpdated { received: heard, queue } => {
                    self.watchdog.queue_pushed(queue.id, *heard, Instant::now())
                }
                _ => {}
            }
            self.gold.apply(fact).await;
        }
    }

    /// Counts what is odd. Whatever names what the structure does not know is reason to read it.
    fn take_note(&mut self, noted: Observations) {
        let now = Instant::now();
        for sign in noted.signs {
            self.structure_watch.note(sign, now);
        }
        self.reporter.count_many("droppedEntries", noted.dropped);
        self.reporter.count_many("contradictingStatuses", noted.contradicting);
        self.reporter.count_many("transfers", self.contacts.transferred(noted.in_contact));
        self.read_structure_early();
    }

    /// The structure is read in a reading. A Clarity that fails keeps its pauses.
    fn read_structure_early(&mut self) {
        if let Some(due) = self.structure_watch.due()
            && self.trouble.is_none()
        {
            self.reading_due = self.reading_due.min(due);
        }
    }

    fn begin_reading(&mut self) {
        let now = Instant::now();
        let is_wanted = self.structure_watch.due().is_some_and(|due| due <= now);
        let structure_due = self.floor.is_none() || self.structure_due <= now || is_wanted;
        let details_due = structure_due && self.details_due <= now;
        if structure_due {
            self.structure_watch.ask(now);
        }
        let subscribe = self.due_subscriptions();
        let reading = Snapshot {
            upstream: self.upstream.clone(),
            gold: self.gold.clone(),
            seen: self.seen.clone(),
            floor: self.floor.clone(),
            structure_due,
            also: self.also(details_due),
            details_due,
            noted: Default::default(),
            subscribe: subscribe.map(|kinds| (self.subscriptions.clone(), kinds)),
            probe_queues: self.probe_due.is_some_and(|due| due <= Instant::now()),
            next_lookup: self.next_lookup,
            unanswered: std::mem::take(&mut self.unanswered),
        };
        self.reading = Some(tokio::spawn(reading.run()));
    }

    /// What to ask Clarity to push in this reading, if anything. What was subscribed and cannot be ended is not asked for
    /// beside itself: another connection begins without it.
    fn due_subscriptions(&mut self) -> Option<Kinds> {
        let now = Instant::now();
        let is_new = match &self.link {
            Link::Down(_) => return None,
            // Whatever was asked for over it, and not in full, is asked for again.
            Link::Opened { .. } => true,
            Link::Subscribed { .. } => false,
        };
        if self.successor.is_some() {
            return None;
        }
        let removable = !self.subscriptions.endless;
        let wanted = self.wanted();
        let decision = self.watchdog.decide(wanted, removable, now);
        let kinds = if is_new { Kinds::ALL } else { decision.subscribe.or(self.unsubscribed) };
        if !kinds.any() {
            return None;
        }
        self.count_requests(decision, is_new);
        let reconnects = if is_new { !removable } else { decision.reconnect || !removable };
        self.watchdog.asked(if reconnects { wanted } else { kinds }, now);
        if reconnects {
            self.reporter.count("renegotiations");
            self.begin_another();
            return None;
        }
        Some(kinds)
    }

    /// Of what kinds there is anything to be pushed.
    fn wanted(&self) -> Kinds {
        self.floor.as_ref().map_or(Kinds::ALL, Roster::kinds)
    }

    fn count_requests(&mut self, decision: Decision, is_new: bool) {
        if is_new {
            return;
        }
        if !decision.doubted.any() {
            self.reporter.count("renewals");
            return;
        }
        self.reporter.count("resubscriptions");
        let why = self.watchdog.trouble().unwrap_or_default();
        if decision.reconnect {
            tracing::warn!(why, "Clarity pushes nothing though it was asked again; another connection is begun");
            self.reporter.resync("deaf");
        } else {
            tracing::warn!(why, "Clarity is asked to push again");
            self.reporter.resync("unannounced");
        }
        self.reporter.count_many("agentResubscriptions", decision.doubted.agents.into());
        self.reporter.count_many("queueResubscriptions", decision.doubted.queues.into());
    }

    /// What is asked about agents besides. A history is long and changes are heard: it is asked for now and then, and when
    /// something may have been missed.
    fn also(&self, details_due: bool) -> MetricIncludes {
        if self.also_due > Instant::now() {
            return MetricIncludes::default();
        }
        MetricIncludes { status_history: self.also.status_history && (details_due || self.missed), ..self.also }
    }

    async fn read(&mut self, mut outcome: SnapshotOutcome) {
        self.reading = None;
        self.next_lookup = outcome.next_lookup;
        self.unanswered = outcome.unanswered;
        self.take_note(std::mem::take(&mut outcome.noted));
        if let Some(agents) = outcome.not_permitted.take() {
            self.reporter.not_permitted(agents);
        }
        if outcome.has_details {
            self.details_due = Instant::now() + DETAILS_EVERY;
        }
        let mut has_changed = false;
        if let Some(floor) = outcome.floor {
            self.structure_due = Instant::now() + STRUCTURE_EVERY;
            self.structure_backoff.reset();
            has_changed = self.know(floor);
        }
        if let Some(why) = &outcome.not_structured {
            tracing::warn!(why, "Clarity's structure could not be read; the one that is known is used");
            self.reporter.count("failedStructures");
            self.structure_due = Instant::now() + WITHOUT_PUSHES + self.structure_backoff.next_wait();
        }
        let is_refused = outcome.not_subscribed.is_some() && !matches!(self.link, Link::Subscribed { .. });
        if let Some(subscriptions) = outcome.subscriptions.take() {
            self.not_subscribed = outcome.not_subscribed.clone();
            self.unsubscribed = self.unsubscribed.without(outcome.subscribed);
            self.subscribed(subscriptions);
        }
        if let (Some(asked), Link::Subscribed { .. }) = (outcome.asked, &self.link)
            && asked > self.comparable
        {
            self.compare(asked, &outcome.differences);
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
        match &outcome.trouble {
            Some(trouble) => {
                tracing::warn!(trouble, "Clarity could not be read");
                self.reporter.count("failedReadings");
            }
            None => {
                self.reporter.received(0);
                self.read_at = Some(Instant::now());
                self.missed &= outcome.asked.is_none_or(|asked| asked <= self.comparable);
            }
        }
        self.trouble = outcome.trouble;

        let failed = self.trouble.is_some() || is_refused;
        let pause = match &self.link {
            _ if failed => self.backoff.next_wait().max(WITHOUT_PUSHES / 5),
            // Opened while this reading was under way: it did not ask over this connection.
            Link::Opened { .. } if !self.subscriptions.endless && self.successor.is_none() => Duration::ZERO,
            // Whoever is new may have somebody waiting.
            Link::Subscribed { .. } if has_changed => Duration::ZERO,
            _ => self.pause(),
        };
        if !failed {
            self.backoff.reset();
        }
        self.reading_due = Instant::now() + pause.max(outcome.wait.unwrap_or_default());
        if outcome.wait.is_none() {
            self.read_structure_early();
        }
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

    /// Returns whether it was another one before.
    fn know(&mut self, floor: Roster) -> bool {
        let has_changed = self.floor.as_ref().is_some_and(|known| *known != floor);
        if has_changed {
            // Whoever is new has not been asked for: ask anew, for everybody.
            self.unsubscribed = Kinds::ALL;
        }
        self.watchdog.queues_are(floor.queue_count());
        self.floor = Some(floor);
        has_changed
    }

    /// Counts what a reading has put right.
    fn compare(&mut self, asked: Ordinal, differences: &Differences) {
        let repaired = self.watchdog.read(asked, differences, Instant::now());
        self.reporter.count_many("repaired", repaired);
    }

    /// Pushes were asked for. Whatever has become of the transport meanwhile, what was subscribed belongs to the
    /// connection.
    fn subscribed(&mut self, subscriptions: Subscriptions) {
        if subscriptions.connection_id != self.subscriptions.connection_id {
            return;
        }
        self.subscriptions = subscriptions;
        if let Link::Opened { transport } = self.link
            && self.subscriptions.complete == Kinds::ALL
        {
            self.link = Link::Subscribed { transport };
        }
    }
}

/// The fuzzers' door: whatever is pushed is found and translated.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz_realtime(text: &str) {
    let Ok(args) = serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(text) else { return };
    for reading in crate::upstream::clarity::find_pushes(&args).updates {
        let _ = translate::queue(reading.clone(), jiff::Timestamp::UNIX_EPOCH);
        let _ = translate::agent(reading, jiff::Timestamp::UNIX_EPOCH);
    }
}

/// Resolves when the reading in hand has ended; never, if there is none.
async fn finished(reading: &mut Option<JoinHandle<SnapshotOutcome>>) -> SnapshotOutcome {
    match reading {
        Some(reading) => reading.await.unwrap_or_else(|_| SnapshotOutcome::interrupted()),
        None => std::future::pending().await,
    }
}

/// What happens next on a connection; nothing, if there is none.
async fn next(connection: &mut Option<Connection>) -> Event {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}
