//! Carries requests from the outbox to one destination, one at a time, and in order where they are about the same thing.
//!
//! What surely did not arrive is sent again after growing pauses. What may have arrived is looked up before anything else
//! is done with it (`reliability.md` O1); where nobody can be asked, it waits for a person.

mod breaker;
mod destination;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use base::{Backoff, Clock, Lifecycle};
use crate::domain::RequestState;
use crate::store::{OutboxEntry, IntentState, RequestOutcome, StoreError};

use breaker::CircuitBreaker;
pub(super) use destination::{DeliveryOutcome, Destination, LookupResult};

/// How long the courier sleeps when nothing is due: requests that wait for their next try come due without a knock.
const ROUND: Duration = Duration::from_secs(5);

/// How many earlier requests are read at once.
const PART: u32 = 500;

/// The pauses after a try that surely did not arrive, each give or take a fifth so that many do not come at once
/// (`reliability.md` O3).
const PAUSES: [SignedDuration; 4] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
];

/// For so long after a try whose answer never came, the upstream may still be at it: that it has not been done is believed
/// only afterwards.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// The shortest and the longest time between two look-ups of one request.
const LOOK_AGAIN: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(30), SignedDuration::from_hours(6));

pub(super) struct OutboxWorker<C> {
    carrier: C,
    clock: Clock,
    breaker: CircuitBreaker,
    /// When a request whose end is unknown was last looked up.
    looked: HashMap<String, Timestamp>,
    /// Whether the outbox may hold a claim that we do not know of.
    doubtful: bool,
}

impl<C: Destination> OutboxWorker<C> {
    pub fn new(carrier: C, clock: Clock) -> Self {
        Self { carrier, clock, breaker: CircuitBreaker::default(), looked: HashMap::new(), doubtful: false }
    }

    pub async fn run(mut self, life: Lifecycle) {
        if let Err(error) = self.show_earlier().await {
            tracing::error!(error = %error, "earlier {} cannot be read", C::WHAT);
        }
        loop {
            let carried = self.carry_all(&life).await;
            if let Err(error) = &carried {
                tracing::error!(error = %error, "the outbox cannot be used; {} wait", C::WHAT);
                self.doubtful = true;
            }
            self.destination.rest(carried.is_ok()).await;
            tokio::select! {
                () = life.stopping() => return,
                () = self.destination.knocked() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    async fn show_earlier(&self) -> Result<(), StoreError> {
        let store = self.destination.store();
        for kind in C::KINDS {
            // However old it is, it may need a person, and what is not shown is missing in every count.
            let mut after = None;
            loop {
                let some = store.not_accepted(kind, after.as_deref(), PART).await?;
                let Some(last) = some.last() else { break };
                after = Some(last.id.clone());
                for intent in &some {
                    self.destination.show(intent).await;
                }
            }
            for intent in store.intents(kind, C::SHOWN).await?.iter().rev() {
                self.destination.show(intent).await;
            }
        }
        Ok(())
    }

    async fn carry_all(&mut self, life: &Lifecycle) -> Result<(), StoreError> {
        if self.doubtful {
            // A claim may have been written though it was not confirmed. Nothing is on its way while we are here.
            for kind in C::KINDS {
                self.destination.store().recall(kind).await?;
            }
            self.doubtful = false;
        }
        // Whoever knocked while the list was worked off is on the next one.
        while !life.is_stopping() && self.carry_list(life).await? {}
        Ok(())
    }

    /// Works off what is unsettled now. Says whether anything was carried.
    async fn carry_list(&mut self, life: &Lifecycle) -> Result<bool, StoreError> {
        let mut list = Vec::new();
        for kind in C::KINDS {
            list.extend(self.destination.store().unsettled(kind).await?);
        }
        self.looked.retain(|id, _| list.iter().any(|intent| intent.id == *id));
        let (mut moved, mut blocked) = (false, HashSet::new());
        for intent in &list {
            let lane = C::lane(intent);
            if life.is_stopping() || lane.as_ref().is_some_and(|lane| blocked.contains(lane)) {
                continue;
            }
            if !self.destination.is_ready(intent) {
                blocked.extend(lane);
                continue;
            }
            let settled = match intent.state {
                IntentState::Unknown => self.look_up(intent).await?,
                _ => self.carry(intent).await?,
            };
            if settled.is_some() {
                self.destination.rest(true).await;
                moved = true;
            }
            // What comes after it in its lane waits until it has come to an end, whichever.
            let is_over = settled.is_some_and(|now| now.due.is_none() && now.state != IntentState::Unknown);
            blocked.extend(lane.filter(|_| !is_over));
        }
        Ok(moved)
    }

    /// Carries it if it is due. One at a time: what is claimed and not sent when the process ends would be unknown for no
    /// reason.
    async fn carry(&mut self, intent: &OutboxEntry) -> Result<Option<OutboxEntry>, StoreError> {
        let now = self.clock.now();
        if intent.due.is_none_or(|due| due > now) || !self.breaker.lets_through(now) {
            return Ok(None);
        }
        let Some(claimed) = self.destination.store().claim(&intent.id).await? else { return Ok(None) };
        self.destination.show(&claimed).await;
        let carried = self.destination.carry(&claimed).await;
        self.breaker.ended(self.clock.now(), carried.is_trouble());
        let outcome = match carried {
            DeliveryOutcome::Accepted(answer) => RequestOutcome::accepted(answer),
            DeliveryOutcome::Rejected(reason) => RequestOutcome::rejected(reason),
            DeliveryOutcome::Unknown(reason) => RequestOutcome::unknown(reason),
            DeliveryOutcome::NotNow { reason, retry_after } => RequestOutcome::failed(reason, self.next_try(&claimed, retry_after)),
            DeliveryOutcome::NotUntilMended(reason) => RequestOutcome::failed(reason, None),
        };
        Ok(Some(self.settle(&claimed, outcome).await))
    }

    async fn look_up(&mut self, intent: &OutboxEntry) -> Result<Option<OutboxEntry>, StoreError> {
        let now = self.clock.now();
        let age = now.duration_since(intent.changed);
        let pause = (age / 2).clamp(LOOK_AGAIN.0, LOOK_AGAIN.1);
        let is_time = self.looked.get(&intent.id).is_none_or(|last| now.duration_since(*last) >= pause);
        if !is_time && !self.destination.is_wanted_now(intent) {
            return Ok(None);
        }
        self.looked.insert(intent.id.clone(), now);
        let outcome = match self.destination.look_up(intent).await {
            LookupResult::Done => RequestOutcome::accepted(None),
            LookupResult::Never(reason) => RequestOutcome::rejected(reason),
            LookupResult::NotDone if age >= GRACE => {
                let due = usize::try_from(intent.attempt).is_ok_and(|tries| tries <= PAUSES.len()).then_some(now);
                RequestOutcome::failed("The upstream was asked, and has not done it.", due)
            }
            LookupResult::NotDone | LookupResult::NobodyKnows => return Ok(None),
        };
        Ok(Some(self.settle(intent, outcome).await))
    }

    /// Notes how it ended, however long the store cannot take it: forgotten, the request would look unsent, and somebody
    /// would send it again.
    async fn settle(&self, intent: &OutboxEntry, outcome: RequestOutcome) -> OutboxEntry {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        loop {
            match self.destination.store().settle(&intent.id, outcome.clone()).await {
                Ok(settled) => {
                    self.destination.show(&settled).await;
                    return settled;
                }
                Err(error) => tracing::error!(error = %error, "how one of the {} ended cannot be kept yet", C::WHAT),
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    fn next_try(&self, intent: &OutboxEntry, retry_after: Option<Duration>) -> Option<Timestamp> {
        let tries = usize::try_from(intent.attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        // After the last pause it waits for a person.
        let pause = PAUSES.get(tries)?;
        let jittered = pause.as_secs_f64() * (0.8 + 0.4 * rand::random::<f64>());
        let pause = SignedDuration::from_secs_f64(jittered);
        let asked = retry_after.and_then(|wait| SignedDuration::try_from(wait).ok()).unwrap_or_default();
        self.clock.now().checked_add(pause.max(asked)).ok()
    }
}

/// The state of a row, in the word that people see.
pub(super) fn state(intent: &OutboxEntry) -> RequestState {
    match intent.state {
        IntentState::New => RequestState::Queued,
        IntentState::Sending => RequestState::Sent,
        IntentState::Accepted => RequestState::Accepted,
        IntentState::Rejected => RequestState::Rejected,
        IntentState::Failed => RequestState::Failed,
        IntentState::Unknown => RequestState::Unknown,
    }
}
