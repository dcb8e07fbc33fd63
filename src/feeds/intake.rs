//! Accepts webhooks: checks the signature over the raw body, stores the event, and only then lets it be acknowledged.
//! The feeds read the events from the store.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{Notify, Semaphore};

use crate::domain::{self, SourceName};
use crate::store::{EventContext, InboxEvent, InboxReceipt, IncomingEvent, Store, StoreError};
use crate::upstream::goodays::wire::Person;
use crate::upstream::goodays::{Event, Signatures, signature};
use crate::upstream::kustomer;
use crate::upstream::tolerant::WrittenTime;
use base::hmac::SignatureError;
use base::metrics::Metrics;

/// The header with Goodays' signature.
pub const GOODAYS_SIGNATURE: &str = signature::HEADER;

/// The header with Kustomer's signature.
pub const KUSTOMER_SIGNATURE: &str = kustomer::signature::HEADER;

/// The stored header of an event that we found ourselves.
const FOUND: &str = "callboard-found";

/// Whether an event was found by reconciling and not sent.
#[must_use]
pub fn is_reconciled(event: &InboxEvent) -> bool {
    event.headers.iter().any(|(name, _)| name == FOUND)
}

/// The entry for webhooks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    metrics: Metrics,
    goodays: Option<Signatures>,
    kustomer: Option<kustomer::Signatures>,
    goodays_signals: Signals,
    kustomer_signals: Signals,
}

/// Wakes the feed of one sender.
#[derive(Debug)]
struct Signals {
    arrived: Notify,
    /// One permit for each refused signature, so that each is counted.
    refused: Semaphore,
    body_rejections: Mutex<BodyRejections>,
}

impl Default for Signals {
    fn default() -> Self {
        Self { arrived: Notify::new(), refused: Semaphore::new(0), body_rejections: Mutex::default() }
    }
}

impl Signals {
    async fn refused(&self) {
        if let Ok(one) = self.refused.acquire().await {
            one.forget();
        }
    }
}

/// Webhooks that were refused since the start for the size or encoding of their body, before the signature was checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyRejections {
    /// How many.
    pub times: u64,
    /// When the newest came.
    pub newest: Option<Timestamp>,
    /// Its size in bytes, if the sender said so.
    pub bytes: Option<u64>,
    /// What was wrong with it.
    pub why: String,
    /// When the last log line was written.
    warned: Option<Timestamp>,
}

/// The shortest time between two log lines about them: a sender may try again and again.
const WARN_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// Why the body of a webhook is refused unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyRejection {
    /// It has more than this many bytes.
    TooLarge(usize),
    /// It has a `Content-Encoding`, and the signature is over the plain body.
    Encoded(String),
}

/// Why a webhook was not accepted.
#[derive(Debug, Error)]
pub enum IntakeError {
    /// The system that it claims to come from is not configured.
    #[error("This system is not configured.")]
    Disabled,
    /// The signature is missing or wrong. The sender learns no more than that.
    #[error("The signature does not fit.")]
    Signature(#[source] SignatureError),
    /// It could not be stored. The sender should try again.
    #[error("The event could not be stored.")]
    Store(#[source] StoreError),
}

impl Intake {
    /// An entry in front of this store. A sender without signatures is disabled.
    #[must_use]
    pub fn new(
        store: Store,
        goodays: Option<Signatures>,
        kustomer: Option<kustomer::Signatures>,
        metrics: Metrics,
    ) -> Self {
        let (goodays_signals, kustomer_signals) = (Signals::default(), Signals::default());
        Self(Arc::new(Inner { store, metrics, goodays, kustomer, goodays_signals, kustomer_signals }))
    }

    /// Accepts a Goodays event. When this returns, the event is on disk.
    ///
    /// # Errors
    /// See [`IntakeError`]. Nothing of a refused event is stored.
    pub async fn goodays<'a>(
        &self,
        signatures: impl IntoIterator<Item = &'a [u8]>,
        body: &[u8],
    ) -> Result<InboxReceipt, IntakeError> {
        let signed = self.0.goodays.as_ref().map(|known| known.verify(signatures, body));
        self.accept(SourceName::Goodays, &self.0.goodays_signals, signed, body, about).await
    }

    /// Accepts a Kustomer event. When this returns, the event is on disk.
    ///
    /// # Errors
    /// See [`IntakeError`]. Nothing of a refused event is stored.
    pub async fn kustomer<'a>(
        &self,
        signatures: impl IntoIterator<Item = &'a [u8]>,
        body: &[u8],
    ) -> Result<InboxReceipt, IntakeError> {
        let signed = self.0.kustomer.as_ref().map(|known| known.verify(signatures, body).map(drop));
        // Kustomer's events name a customer by id only.
        self.accept(SourceName::Kustomer, &self.0.kustomer_signals, signed, body, |_| EventContext::default()).await
    }

    async fn accept<T>(
        &self,
        source: SourceName,
        signals: &Signals,
        signed: Option<Result<T, SignatureError>>,
        body: &[u8],
        about: impl FnOnce(&[u8]) -> EventContext,
    ) -> Result<InboxReceipt, IntakeError> {
        let taken = match signed {
            None => Err(IntakeError::Disabled),
            Some(Err(error)) => Err(IntakeError::Signature(error)),
            Some(Ok(_)) => {
                let arrival = IncomingEvent { source, body: body.to_vec(), headers: Vec::new() };
                self.0.store.inbox().accept_about(arrival, about(body)).await.map_err(IntakeError::Store)
            }
        };
        let result = match &taken {
            Ok(InboxReceipt { is_duplicate: false, seq: 0 }) => "erased",
            Ok(InboxReceipt { is_duplicate: false, .. }) => "stored",
            Ok(InboxReceipt { is_duplicate: true, .. }) => "duplicate",
            Err(IntakeError::Disabled) => "off",
            Err(IntakeError::Signature(error)) => error.as_str(),
            Err(IntakeError::Store(_)) => "unavailable",
        };
        self.0.metrics.webhook(source.as_str(), result);
        match &taken {
            Ok(_) => signals.arrived.notify_one(),
            Err(IntakeError::Signature(_)) => signals.refused.add_permits(1),
            Err(_) => {}
        }
        taken
    }

    /// Whether events of a source are accepted at all.
    #[must_use]
    pub fn accepts(&self, source: SourceName) -> bool {
        match source {
            SourceName::Goodays => self.0.goodays.is_some(),
            SourceName::Kustomer => self.0.kustomer.is_some(),
            _ => false,
        }
    }

    /// Notes that the body of a webhook was refused. Nothing of it is stored, and its sender may give up, so the status
    /// page shows it.
    pub fn note_body_rejection(
        &self,
        source: SourceName,
        rejection: &BodyRejection,
        bytes: Option<u64>,
        now: Timestamp,
    ) {
        let (result, why) = match rejection {
            BodyRejection::TooLarge(limit) => ("too_large", format!("Larger than {limit} bytes.")),
            BodyRejection::Encoded(coding) => ("encoded", format!("Sent with Content-Encoding: {coding}.")),
        };
        self.0.metrics.webhook(source.as_str(), result);
        let mut body_rejections = self.signals(source).body_rejections.lock();
        let warned = body_rejections.warned.filter(|warned| now.duration_since(*warned) < WARN_INTERVAL);
        if warned.is_none() {
            tracing::warn!(%source, result, ?bytes, "a webhook was refused before its signature was looked at");
        }
        let times = body_rejections.times + 1;
        *body_rejections = BodyRejections { times, newest: Some(now), bytes, why, warned: warned.or(Some(now)) };
    }

    /// The webhooks whose body was refused.
    #[must_use]
    pub fn body_rejections(&self, source: SourceName) -> BodyRejections {
        self.signals(source).body_rejections.lock().clone()
    }

    fn signals(&self, source: SourceName) -> &Signals {
        if source == SourceName::Kustomer { &self.0.kustomer_signals } else { &self.0.goodays_signals }
    }

    /// Stores a response that was found, as if an event had sent it.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn store_found(&self, body: Vec<u8>) -> Result<InboxReceipt, StoreError> {
        let about = about(&body);
        let headers = vec![(FOUND.to_owned(), "1".to_owned())];
        let arrival = IncomingEvent { source: SourceName::Goodays, body, headers };
        let taken = self.0.store.inbox().accept_about(arrival, about).await?;
        self.0.goodays_signals.arrived.notify_one();
        Ok(taken)
    }

    /// Resolves when a Goodays event was stored since the last call.
    pub async fn arrived(&self) {
        self.0.goodays_signals.arrived.notified().await;
    }

    /// Resolves once for each refused Goodays signature.
    pub async fn refused(&self) {
        self.0.goodays_signals.refused().await;
    }

    /// As [`Intake::arrived`], for Kustomer.
    pub async fn kustomer_arrived(&self) {
        self.0.kustomer_signals.arrived.notified().await;
    }

    /// As [`Intake::refused`], for Kustomer.
    pub async fn kustomer_refused(&self) {
        self.0.kustomer_signals.refused().await;
    }

    /// The metrics of the process.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

/// The customer of an event: an event about an erased customer must not be stored even for a moment.
fn about(body: &[u8]) -> EventContext {
    // MetricIncludes where the event itself cannot be read, or is of an unknown type: it is kept as it came.
    let Some(response) = Event::response_in(body) else { return EventContext::default() };
    let address = |person: &Person| domain::CustomerIdentity::new(person.email.as_deref(), None);
    let customer = domain::CustomerIdentity::new(None, response.context.phone.as_deref())
        .and(address(&response.context.person))
        .and(address(&response.user))
        // The first message of a response is the customer's own.
        .and(response.message.map(|text| address(&text.sender)).unwrap_or_default());
    let created = response.created.and_then(WrittenTime::earliest);
    EventContext { subject: Some(response.id), person: customer, created }
}
