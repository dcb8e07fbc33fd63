//! The outbox worker: delivers the requests in the outbox to one destination, one at a time.
//!
//! What did not arrive is sent again with backoff. What may have arrived is looked up before anything else happens to
//! it (reliability.md O1); where the upstream system cannot be asked, it waits for a person.

mod circuit_breaker;
mod destination;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::RequestState;
use crate::store::{OutboxEntry, RequestOutcome, StoreError};
use base::{Backoff, Clock, Lifecycle};

use circuit_breaker::CircuitBreaker;
pub(super) use destination::{DeliveryOutcome, Destination, LookupResult};

/// How long the worker sleeps when nothing is requested: retries come due without a notification.
const ROUND: Duration = Duration::from_secs(5);

/// How many earlier requests are read at once.
const PAGE: u32 = 500;

/// The backoff between attempts that did not arrive, each with 20 % of jitter so that many do not come at once
/// (reliability.md O3). After the last one a request waits for a person.
const BACKOFF: [SignedDuration; 4] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
];

/// For this long after an unanswered attempt the upstream system may still be working on it: "not done" is believed
/// only afterwards.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// The shortest and the longest time between two lookups of one request.
const LOOKUP_INTERVAL: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(30), SignedDuration::from_hours(6));

pub(super) struct OutboxWorker<D> {
    destination: D,
    clock: Clock,
    breaker: CircuitBreaker,
    /// When each request with an unknown outcome was last looked up.
    looked_up: HashMap<String, Timestamp>,
    /// Whether the outbox may hold a claim that this worker does not know of.
    has_unknown_claims: bool,
}

impl<D: Destination> OutboxWorker<D> {
    pub fn new(destination: D, clock: Clock) -> Self {
        Self {
            destination,
            clock,
            breaker: CircuitBreaker::default(),
            looked_up: HashMap::new(),
            has_unknown_claims: false,
        }
    }

    pub async fn run(mut self, life: Lifecycle) {
        if let Err(error) = self.publish_earlier().await {
            tracing::error!(error = %error, "earlier {} cannot be read", D::NAME);
        }
        loop {
            let delivered = self.deliver_all(&life).await;
            if let Err(error) = &delivered {
                tracing::error!(error = %error, "the outbox cannot be used; {} wait", D::NAME);
                self.has_unknown_claims = true;
            }
            self.destination.round_ended(delivered.is_ok()).await;
            tokio::select! {
                () = life.stopping() => return,
                () = self.destination.requested() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    async fn publish_earlier(&self) -> Result<(), StoreError> {
        let outbox = self.destination.store().outbox();
        for kind in D::KINDS {
            // However old, it may need a person, and every count would miss it.
            let mut after = None;
            loop {
                let page = outbox.not_accepted(kind, after.as_deref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id.clone());
                for entry in &page {
                    self.destination.publish(entry).await;
                }
            }
            for entry in outbox.newest(kind, D::SHOWN).await?.iter().rev() {
                self.destination.publish(entry).await;
            }
        }
        Ok(())
    }

    async fn deliver_all(&mut self, life: &Lifecycle) -> Result<(), StoreError> {
        if self.has_unknown_claims {
            // A claim may be on the disk though its write was not confirmed. Nothing is being sent at this point.
            for kind in D::KINDS {
                self.destination.store().outbox().release_claims(kind).await?;
            }
            self.has_unknown_claims = false;
        }
        // Requests that were written during a pass are in the next one.
        while !life.is_stopping() && self.deliver_pending(life).await? {}
        Ok(())
    }

    /// Goes once through what is pending now. Whether the state of any request changed.
    async fn deliver_pending(&mut self, life: &Lifecycle) -> Result<bool, StoreError> {
        let mut pending = Vec::new();
        for kind in D::KINDS {
            pending.extend(self.destination.store().outbox().pending(kind).await?);
        }
        self.looked_up.retain(|id, _| pending.iter().any(|entry| entry.id == *id));
        let (mut has_changed, mut blocked) = (false, HashSet::new());
        for entry in &pending {
            let key = D::ordering_key(entry);
            if life.is_stopping() || key.as_ref().is_some_and(|key| blocked.contains(key)) {
                continue;
            }
            if !self.destination.is_ready(entry) {
                blocked.extend(key);
                continue;
            }
            let changed = match entry.state {
                RequestState::Unknown => self.look_up(entry).await?,
                _ => self.deliver(entry).await?,
            };
            if changed.is_some() {
                self.destination.round_ended(true).await;
                has_changed = true;
            }
            // Later requests with the same ordering key wait until this one has ended.
            let has_ended = changed.is_some_and(|now| now.due.is_none() && now.state != RequestState::Unknown);
            blocked.extend(key.filter(|_| !has_ended));
        }
        Ok(has_changed)
    }

    /// Sends a request if it is due. Claimed one at a time: a request that is claimed and not yet sent when the process
    /// ends would become unknown for no reason.
    async fn deliver(&mut self, entry: &OutboxEntry) -> Result<Option<OutboxEntry>, StoreError> {
        let now = self.clock.now();
        if entry.due.is_none_or(|due| due > now) || !self.breaker.allows_call(now) {
            return Ok(None);
        }
        let Some(claimed) = self.destination.store().outbox().claim(&entry.id).await? else { return Ok(None) };
        self.destination.publish(&claimed).await;
        let delivered = self.destination.deliver(&claimed).await;
        self.breaker.record_call(self.clock.now(), delivered.is_destination_failure());
        let outcome = match delivered {
            DeliveryOutcome::Accepted(answer) => RequestOutcome::accepted(answer),
            DeliveryOutcome::Rejected(reason) => RequestOutcome::rejected(reason),
            DeliveryOutcome::Unknown(reason) => RequestOutcome::unknown(reason),
            DeliveryOutcome::RetryLater { reason, retry_after } => {
                RequestOutcome::failed(reason, self.next_attempt(&claimed, retry_after))
            }
            DeliveryOutcome::NeedsRepair(reason) => RequestOutcome::failed(reason, None),
        };
        Ok(Some(self.record_outcome(&claimed, outcome).await))
    }

    async fn look_up(&mut self, entry: &OutboxEntry) -> Result<Option<OutboxEntry>, StoreError> {
        let now = self.clock.now();
        let age = now.duration_since(entry.changed);
        let interval = (age / 2).clamp(LOOKUP_INTERVAL.0, LOOKUP_INTERVAL.1);
        let is_due = self.looked_up.get(&entry.id).is_none_or(|last| now.duration_since(*last) >= interval);
        if !is_due && !self.destination.is_lookup_requested(entry) {
            return Ok(None);
        }
        self.looked_up.insert(entry.id.clone(), now);
        let outcome = match self.destination.look_up(entry).await {
            LookupResult::Done => RequestOutcome::accepted(None),
            LookupResult::NotPossible(reason) => RequestOutcome::rejected(reason),
            LookupResult::NotDone if age >= GRACE => {
                let due = usize::try_from(entry.attempts).is_ok_and(|tries| tries <= BACKOFF.len()).then_some(now);
                RequestOutcome::failed("The upstream system was asked and has not done it.", due)
            }
            LookupResult::NotDone | LookupResult::Unknown => return Ok(None),
        };
        Ok(Some(self.record_outcome(entry, outcome).await))
    }

    /// Records how an attempt ended, however long the store cannot take it: without that, the request would look unsent
    /// and be sent again.
    async fn record_outcome(&self, entry: &OutboxEntry, outcome: RequestOutcome) -> OutboxEntry {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        loop {
            match self.destination.store().outbox().record_outcome(&entry.id, outcome.clone()).await {
                Ok(recorded) => {
                    self.destination.publish(&recorded).await;
                    return recorded;
                }
                Err(error) => {
                    tracing::error!(error = %error, "the outcome of one of the {} cannot be stored yet", D::NAME);
                }
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    /// When a failed request is sent again. `None`: only when a person says so.
    fn next_attempt(&self, entry: &OutboxEntry, retry_after: Option<Duration>) -> Option<Timestamp> {
        let earlier = usize::try_from(entry.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let pause = BACKOFF.get(earlier)?;
        let with_jitter = SignedDuration::from_secs_f64(pause.as_secs_f64() * (0.8 + 0.4 * rand::random::<f64>()));
        let asked = retry_after.and_then(|wait| SignedDuration::try_from(wait).ok()).unwrap_or_default();
        self.clock.now().checked_add(with_jitter.max(asked)).ok()
    }
}
