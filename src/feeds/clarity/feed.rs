//! The feed: one task that owns the connection, the schedule of snapshots, and the state of the source.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::{Instant, sleep_until};

use super::connection::{PushConnection, PushState};
use super::health::Health;
use super::observations::{Observations, TransferCounter};
use super::push::PushFacts;
use super::push_delivery::PushDelivery;
use super::push_watchdog::{Decision, Kinds};
use super::received_at::{ReceivedAt, StatusStarts};
use super::roster::Roster;
use super::schedule::{POLL_INTERVAL, SnapshotSchedule};
use super::snapshot::{QueueProbe, Snapshot, SnapshotOutcome, SubscribeOutcome};
use super::structure_schedule::StructureSchedule;
use crate::config;
use crate::domain::{Fact, SourceState};
use crate::gold::{Gold, Reporter};
use crate::upstream::clarity::Clarity;
use base::{Lifecycle, error_chain};
use classic_signalr::{Connection, Event, HubCall};

/// How often sign-in and subscriptions are checked.
const HEALTH_TICK: Duration = Duration::from_secs(1);

/// Follows Clarity.
pub struct ClarityFeed {
    clarity: Clarity,
    gold: Gold,
    reporter: Reporter,
    link: PushConnection,
    delivery: PushDelivery,
    structure: StructureSchedule,
    schedule: SnapshotSchedule,
    health: Health,
    transfers: TransferCounter,
    /// Measures Clarity's clock.
    status_starts: StatusStarts,
    /// How far that clock was ahead when everything was last dated.
    clock_offset: SignedDuration,
}

impl ClarityFeed {
    /// A feed that has not begun.
    #[must_use]
    pub fn new(clarity: Clarity, config: &config::Clarity, gold: Gold, reporter: Reporter) -> Self {
        let now = Instant::now();
        Self {
            clarity,
            gold,
            reporter,
            link: PushConnection::new(),
            delivery: PushDelivery::new(),
            structure: StructureSchedule::new(now),
            schedule: SnapshotSchedule::new(config, now),
            health: Health::default(),
            transfers: TransferCounter::default(),
            status_starts: StatusStarts::default(),
            clock_offset: SignedDuration::ZERO,
        }
    }

    /// Follows until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        let Some(mut connection) = self.open_connection().await else { return };
        let mut ticks = tokio::time::interval(HEALTH_TICK);
        loop {
            let (due, is_idle) = (self.schedule.due, !self.schedule.is_running());
            tokio::select! {
                () = life.stopping() => break,
                event = connection.next() => self.on_event(event).await,
                event = self.link.successor_event() => {
                    if let Some(successor) = self.take_over(event).await {
                        std::mem::replace(&mut connection, successor).close().await;
                    }
                }
                outcome = self.schedule.finished() => self.on_snapshot(outcome).await,
                () = sleep_until(due), if is_idle => self.start_snapshot(),
                _ = ticks.tick() => {
                    self.check_sign_in().await;
                    self.check_delivery().await;
                }
            }
            self.follow_clock();
            self.report_state();
            self.reporter.publish().await;
        }
        self.stop(connection).await;
    }

    async fn open_connection(&mut self) -> Option<Connection> {
        match self.clarity.open_connection() {
            Ok(connection) => Some(connection),
            Err(error) => {
                self.reporter.set_state(SourceState::Down, Some(&format!("TLS cannot be set up: {error}.")));
                self.reporter.publish().await;
                None
            }
        }
    }

    async fn stop(self, connection: Connection) {
        self.schedule.abort();
        if let Some(successor) = self.link.successor {
            successor.close().await;
        }
        connection.close().await;
    }

    /// When Clarity's clock turns out to be another than assumed, everything that it dated is requested anew.
    fn follow_clock(&mut self) {
        let offset = self.clarity.clock().offset();
        if self.schedule.taken_at.is_none() {
            // The structure is answered before anything is dated.
            self.clock_offset = offset;
        }
        if offset == self.clock_offset || self.schedule.is_running() {
            return;
        }
        let seconds = offset.as_secs();
        tracing::warn!(seconds, "Clarity's clock is ahead of ours by this much; its times are converted to our clock");
        self.clock_offset = offset;
        let now = Instant::now();
        self.schedule.renew_includes(now);
        self.schedule.no_later_than(now);
        self.link.unsubscribed = Kinds::ALL;
    }

    fn report_state(&mut self) {
        let (state, reason) = self.health.state(&self.link, &self.schedule, self.delivery.watchdog.problem());
        self.reporter.set_state(state, reason.as_deref());
        self.reporter.next_try(self.clarity.tokens().next_try());
        self.reporter.transport(match &self.link.state {
            PushState::Down(_) => Some("REST"),
            PushState::Opened { transport } | PushState::Subscribed { transport } => Some(transport),
        });
    }
}

/// The connection.
impl ClarityFeed {
    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected { connection_id, transport } => {
                self.reporter.resync("opened");
                self.structure.watch.want_unless_fresh(Instant::now());
                self.link.opened(connection_id, transport.as_str());
                self.delivery.watchdog.forget_subscriptions();
                self.restart_delivery();
            }
            Event::Reconnected { connection_id, transport } => {
                // Messages may be lost all the same, without a sign of it (signalr.md, section 8).
                self.reporter.resync("resumed");
                self.link.resumed(&connection_id, transport.as_str());
                self.restart_delivery();
            }
            Event::Call(call) => self.on_push(&call).await,
            Event::Slow => {
                self.reporter.count("slow");
                self.link.is_quiet = true;
                self.schedule.no_later_than(Instant::now());
            }
            Event::Recovered => self.link.is_quiet = false,
            Event::Lost { reason } => {
                self.reporter.count("lost");
                let reason = error_chain(&reason);
                tracing::warn!(%reason, "the SignalR connection to Clarity is lost; Clarity is polled until it is \
                    back");
                self.on_lost(&reason).await;
            }
            Event::Malformed { reason } => {
                self.reporter.count("malformedFrames");
                tracing::warn!(reason = %reason, "a malformed SignalR frame was skipped");
            }
            Event::Failed { reason, wait } => {
                self.reporter.count("failedAttempts");
                let (reason, wait_milliseconds) = (error_chain(&reason), wait.as_millis());
                tracing::debug!(%reason, wait_milliseconds, "SignalR could not be opened");
                self.on_lost(&reason).await;
            }
        }
    }

    /// Messages may be lost wherever pushes begin or go on: a snapshot is due.
    fn restart_delivery(&mut self) {
        self.delivery.restart(self.gold.next_ordinal());
        // A Clarity that fails keeps its pauses.
        if !self.health.is_failing() {
            self.schedule.due = Instant::now();
        }
    }

    /// No pushes come: what only they could tell is unknown from now on.
    async fn on_lost(&mut self, reason: &str) {
        if self.link.lost(reason) {
            self.gold.apply(Fact::QueuePushesMissed { before: self.gold.next_ordinal(), searched_too: false }).await;
            self.schedule.no_later_than(Instant::now() + POLL_INTERVAL);
        }
    }

    /// Opens a second connection that is to replace the current one, which stays in use until then.
    fn open_successor(&mut self) {
        if self.link.successor.is_some() {
            return;
        }
        match self.clarity.open_connection() {
            Ok(connection) => self.link.successor = Some(connection),
            Err(error) => tracing::warn!(%error, "no second connection to Clarity can be set up"),
        }
    }

    /// Handles an event of the successor. Returns the successor once it replaces the connection.
    async fn take_over(&mut self, event: Event) -> Option<Connection> {
        let is_open = matches!(event, Event::Connected { .. });
        let connection = self.link.successor.take()?;
        if !is_open {
            self.reporter.count("failedAttempts");
            tracing::debug!("a second connection to Clarity could not be opened");
            connection.close().await;
            return None;
        }
        self.link.begin_takeover(Instant::now());
        self.on_event(event).await;
        Some(connection)
    }

    async fn on_push(&mut self, call: &HubCall) {
        let received = ReceivedAt::now(self.clarity.clock());
        let push = PushFacts::from_call(call, received, || self.gold.next_ordinal());
        if push.unknown > 0 {
            self.reporter.count_many("unknownPushes", push.unknown);
        }
        self.reporter.received(push.updates);
        for fact in push.facts {
            if let Some(roster) = &self.structure.roster {
                let mut observations = Observations::default();
                observations.note(&fact, roster, &self.gold);
                self.on_observations(observations);
            }
            match &fact {
                Fact::AgentUpdated { received: heard, agent } => {
                    self.status_starts.note(agent, None, received, self.clarity.clock());
                    self.delivery.watchdog.agent_pushed(agent.id, *heard, Instant::now());
                }
                Fact::QueueUpdated { received: heard, queue } => {
                    self.delivery.watchdog.queue_pushed(queue.id, *heard, Instant::now());
                }
                _ => {}
            }
            self.gold.apply(fact).await;
        }
    }

    /// Another secret, or an administrator, may end the pause before the next sign-in: then a snapshot is due at once.
    async fn check_sign_in(&mut self) {
        let tokens = self.clarity.tokens();
        if !self.health.is_failing() && tokens.next_try().is_none() {
            return;
        }
        let is_new = tokens.reload_secret().await;
        if is_new {
            tracing::info!("the secret for Clarity has changed; it is tried at once");
        }
        let is_waiting = tokens.is_backing_off();
        if is_new || (self.health.was_sign_in_waiting && !is_waiting) {
            self.schedule.due = Instant::now();
        }
        self.health.was_sign_in_waiting = is_waiting;
    }

    /// Checks whether subscriptions are answered, and expires what is old.
    async fn check_delivery(&mut self) {
        let now = Instant::now();
        // A running snapshot may not have subscribed yet.
        if self.link.is_subscribed() && !self.schedule.is_running() {
            let had_problem = self.delivery.watchdog.problem().is_some();
            self.delivery.watchdog.tick(self.structure.kinds(), now);
            // A Clarity that fails keeps its pauses.
            if !had_problem && self.delivery.watchdog.problem().is_some() && self.health.snapshot_error.is_none() {
                self.schedule.no_later_than(now);
            }
        }
        if let Some(before) = self.delivery.queue_expiry.advance(self.gold.next_ordinal(), now) {
            self.gold.apply(Fact::QueuePushesMissed { before, searched_too: true }).await;
        }
    }
}

/// Snapshots.
impl ClarityFeed {
    fn start_snapshot(&mut self) {
        let now = Instant::now();
        let (structure_due, details_due) = self.structure.begin(now);
        let subscribe = self.due_subscriptions(now);
        let snapshot = Snapshot {
            clarity: self.clarity.clone(),
            gold: self.gold.clone(),
            status_starts: self.status_starts.clone(),
            roster: self.structure.roster.clone(),
            structure_due,
            details_due,
            subscribe: subscribe.map(|kinds| (self.link.subscriptions.clone(), kinds)),
            includes: self.schedule.includes(details_due || self.delivery.may_have_missed, now),
            probe_queues: self.schedule.is_probe_due(now),
            next_search: self.schedule.next_search,
            missing: std::mem::take(&mut self.schedule.missing),
        };
        self.schedule.start(snapshot);
    }

    /// The kinds to subscribe to in this snapshot. A subscription that cannot be ended is not repeated over the same
    /// connection: another connection begins without it.
    fn due_subscriptions(&mut self, now: Instant) -> Option<Kinds> {
        let is_first = match self.link.state {
            PushState::Down(_) => return None,
            PushState::Opened { .. } => true,
            PushState::Subscribed { .. } => false,
        };
        if self.link.successor.is_some() {
            return None;
        }
        let removable = !self.link.subscriptions.has_unremovable;
        let wanted = self.structure.kinds();
        let decision = self.delivery.watchdog.decide(wanted, removable, now);
        let kinds = if is_first { Kinds::ALL } else { decision.subscribe.or(self.link.unsubscribed) };
        if !kinds.any() {
            return None;
        }
        if !is_first {
            self.count_renewal(decision);
        }
        let reconnects = !removable || (!is_first && decision.reconnect);
        self.delivery.watchdog.subscribed(if reconnects { wanted } else { kinds }, now);
        if reconnects {
            self.reporter.count("renegotiations");
            self.open_successor();
            return None;
        }
        Some(kinds)
    }

    fn count_renewal(&mut self, decision: Decision) {
        if !decision.suspected.any() {
            self.reporter.count("renewals");
            return;
        }
        self.reporter.count("resubscriptions");
        let why = self.delivery.watchdog.problem().unwrap_or_default();
        if decision.reconnect {
            tracing::warn!(why, "subscribing again did not help; another connection to Clarity is opened");
            self.reporter.resync("reconnect");
        } else {
            tracing::warn!(why, "Clarity is asked to push again");
            self.reporter.resync("unannounced");
        }
        self.reporter.count_many("agentResubscriptions", decision.suspected.agents.into());
        self.reporter.count_many("queueResubscriptions", decision.suspected.queues.into());
    }

    async fn on_snapshot(&mut self, mut outcome: SnapshotOutcome) {
        let now = Instant::now();
        self.schedule.next_search = outcome.next_search;
        self.schedule.missing = outcome.missing;
        self.on_observations(outcome.observations);
        if let Some(agents) = outcome.not_permitted.take() {
            self.reporter.not_permitted(agents);
        }
        if outcome.has_details {
            self.structure.details_read(now);
        }
        let has_changed = outcome.roster.is_some_and(|roster| self.on_structure(roster, now));
        if let Some(why) = &outcome.structure_error {
            tracing::warn!(why, "Clarity's structure could not be read; the known one is used");
            self.reporter.count("failedStructures");
            self.structure.failed(now);
        }
        let was_subscribed = self.link.is_subscribed();
        let is_refused = outcome.subscribe.is_some_and(|subscribe| self.on_subscribed(subscribe)) && !was_subscribed;
        if let Some(asked) = outcome.asked
            && self.link.is_subscribed()
        {
            let repaired = self.delivery.compare(asked, &outcome.differences, now);
            self.reporter.count_many("repaired", repaired);
        }
        self.on_queue_probe(outcome.queue_probe, now);
        if outcome.refused_includes {
            self.schedule.includes_refused(now);
            self.reporter.count("refusedDetails");
            tracing::warn!(
                "Clarity answers about agents only without their history and metrics by queue, and is asked for them \
                 again in an hour: set `clarity.status_history` and `clarity.breakdowns` to false"
            );
        }
        match &outcome.error {
            Some(error) => {
                tracing::warn!(error, "Clarity could not be read");
                self.reporter.count("failedReadings");
            }
            None => {
                self.reporter.received(0);
                self.schedule.taken_at = Some(now);
                if let Some(asked) = outcome.asked {
                    self.delivery.caught_up(asked);
                }
            }
        }
        self.health.snapshot_error = outcome.error;
        self.schedule_next(has_changed, is_refused, outcome.retry_after);
    }

    fn schedule_next(&mut self, has_changed: bool, is_refused: bool, retry_after: Option<Duration>) {
        let failed = self.health.snapshot_error.is_some() || is_refused;
        let pause = if failed {
            self.schedule.next_backoff()
        } else if self.link.awaits_subscription() || (self.link.is_subscribed() && has_changed) {
            // The connection was opened while this snapshot ran, or a new queue may already have callers.
            Duration::ZERO
        } else {
            self.schedule.pause(self.link.is_delivering() && self.delivery.watchdog.problem().is_none())
        };
        if !failed {
            self.schedule.reset_backoff();
        }
        self.schedule.due = Instant::now() + pause.max(retry_after.unwrap_or_default());
        if retry_after.is_none() {
            self.read_structure_early();
        }
    }

    /// Returns whether the structure has changed.
    fn on_structure(&mut self, roster: Roster, now: Instant) -> bool {
        self.delivery.watchdog.set_queue_count(roster.queues.len());
        let has_changed = self.structure.update(roster, now);
        if has_changed {
            // New agents and queues are in no subscription.
            self.link.unsubscribed = Kinds::ALL;
        }
        has_changed
    }

    /// Returns whether subscribing failed.
    fn on_subscribed(&mut self, outcome: SubscribeOutcome) -> bool {
        self.link.unsubscribed = self.link.unsubscribed.without(outcome.renewed);
        self.link.subscribed(outcome.subscriptions);
        if let Some(why) = &outcome.error {
            tracing::warn!(why, "the subscriptions at Clarity could not be made or renewed");
            self.reporter.count("failedSubscriptions");
        }
        self.health.subscribe_error = outcome.error;
        self.health.subscribe_error.is_some()
    }

    fn on_queue_probe(&mut self, probe: Option<QueueProbe>, now: Instant) {
        match probe {
            Some(QueueProbe::Answered { unknown: 0 }) | None => {}
            Some(QueueProbe::Answered { unknown }) => self.reporter.count_many("unknownQueueMetrics", unknown),
            Some(QueueProbe::NotSupported) => {
                self.schedule.probe_refused(now);
                self.reporter.count("missingQueueMetrics");
                tracing::warn!(
                    "this Clarity has no queue metrics over REST and is asked again in an hour: set \
                     `clarity.probe_queue_metrics` to false"
                );
            }
            Some(QueueProbe::Failed) => self.reporter.count("failedProbes"),
        }
    }

    fn on_observations(&mut self, observations: Observations) {
        let now = Instant::now();
        for mismatch in observations.mismatches {
            self.structure.watch.note(mismatch, now);
        }
        self.reporter.count_many("droppedEntries", observations.dropped);
        self.reporter.count_many("contradictingStatuses", observations.contradicting);
        self.reporter.count_many("transfers", self.transfers.note(observations.in_contact));
        self.read_structure_early();
    }

    /// The structure is read in a snapshot. A Clarity that fails keeps its pauses.
    fn read_structure_early(&mut self) {
        if let Some(due) = self.structure.watch.due()
            && self.health.snapshot_error.is_none()
        {
            self.schedule.no_later_than(due);
        }
    }
}
