//! Takes webhooks in: the signature is checked over the very bytes, the event goes to the disk, and only then may it be
//! acknowledged. Whatever it means is found out afterwards, from the store.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
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

/// The header in which Goodays signs.
pub const GOODAYS_SIGNATURE: &str = signature::HEADER;

/// The header in which Kustomer signs.
pub const KUSTOMER_SIGNATURE: &str = kustomer::signature::HEADER;

/// What is kept beside an arrival that we asked for ourselves.
const FOUND: &str = "callboard-found";

/// Whether an arrival was asked for, and not sent.
#[must_use]
pub fn is_reconciled(arrival: &InboxEvent) -> bool {
    arrival.headers.iter().any(|(name, _)| name == FOUND)
}

/// The door for webhooks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    metrics: Metrics,
    goodays: Option<Signatures>,
    kustomer: Option<kustomer::Signatures>,
    for_goodays: Bell,
    for_kustomer: Bell,
}

/// Wakes whoever follows one of the senders.
#[derive(Debug)]
struct Bell {
    arrived: Notify,
    /// One permit for each refused signature, so that each is counted however many come at once.
    refused: Semaphore,
    body_rejections: Mutex<BodyRejections>,
}

impl Default for Bell {
    fn default() -> Self {
        Self { arrived: Notify::new(), refused: Semaphore::new(0), body_rejections: Mutex::default() }
    }
}

impl Bell {
    async fn refused(&self) {
        if let Ok(one) = self.refused.acquire().await {
            one.forget();
        }
    }
}

/// What was refused for its form alone, before its signature could be looked at, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyRejections {
    /// How often.
    pub times: u64,
    /// When the newest came.
    pub newest: Option<Timestamp>,
    /// How large it was, as far as the sender said.
    pub bytes: Option<u64>,
    /// What was wrong with it.
    pub why: String,
    /// When the log last said so.
    warned: Option<Timestamp>,
}

/// How often the log says that a webhook was turned away: its sender may try for ever.
const WARN_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The form that a webhook must not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyRejection {
    /// It has more bytes than this.
    TooLarge(usize),
    /// It is encoded, and the signature is over the bytes before that.
    Encoded(String),
}

/// Why a webhook was not taken.
#[derive(Debug, Error)]
pub enum IntakeError {
    /// The system that it claims to come from is not configured.
    #[error("This system is not configured.")]
    Disabled,
    /// It is not signed by anybody who may send it. The sender is told no more than that.
    #[error("The signature does not fit.")]
    Signature(#[source] SignatureError),
    /// It could not be written down. The sender should try again.
    #[error("The event could not be stored.")]
    Store(#[source] StoreError),
}

impl Intake {
    /// A door in front of a store. Whoever has no signatures is switched off.
    #[must_use]
    pub fn new(
        store: Store,
        goodays: Option<Signatures>,
        kustomer: Option<kustomer::Signatures>,
        metrics: Metrics,
    ) -> Self {
        let (for_goodays, for_kustomer) = (Bell::default(), Bell::default());
        Self(Arc::new(Inner { store, metrics, goodays, kustomer, for_goodays, for_kustomer }))
    }

    /// Takes a Goodays event in. When this has answered, the event is on the disk.
    ///
    /// # Errors
    /// See [`IntakeError`]. Nothing of a refused event is kept.
    pub async fn goodays<'a>(
        &self,
        signatures: impl IntoIterator<Item = &'a [u8]>,
        body: &[u8],
    ) -> Result<InboxReceipt, IntakeError> {
        let signed = self.0.goodays.as_ref().map(|known| known.verify(signatures, body));
        self.take(SourceName::Goodays, &self.0.for_goodays, signed, body, about).await
    }

    /// Takes a Kustomer event in. When this has answered, the event is on the disk.
    ///
    /// # Errors
    /// See [`IntakeError`]. Nothing of a refused event is kept.
    pub async fn kustomer<'a>(
        &self,
        signatures: impl IntoIterator<Item = &'a [u8]>,
        body: &[u8],
    ) -> Result<InboxReceipt, IntakeError> {
        let signed = self.0.kustomer.as_ref().map(|known| known.verify(signatures, body).map(drop));
        // Kustomer's events name a customer by number alone.
        self.take(SourceName::Kustomer, &self.0.for_kustomer, signed, body, |_| EventContext::default()).await
    }

    async fn take<T>(
        &self,
        source: SourceName,
        bell: &Bell,
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
            Ok(_) => bell.arrived.notify_one(),
            Err(IntakeError::Signature(_)) => bell.refused.add_permits(1),
            Err(_) => {}
        }
        taken
    }

    /// Whether events of a source are taken at all.
    #[must_use]
    pub fn accepts(&self, source: SourceName) -> bool {
        match source {
            SourceName::Goodays => self.0.goodays.is_some(),
            SourceName::Kustomer => self.0.kustomer.is_some(),
            _ => false,
        }
    }

    /// Notes that a webhook was refused for its form. Nothing of it is kept, and a sender may give up who is refused: a
    /// person must be told.
    pub fn note_body_rejection(&self, source: SourceName, form: &BodyRejection, bytes: Option<u64>, now: Timestamp) {
        let (result, why) = match form {
            BodyRejection::TooLarge(limit) => ("too_large", format!("Larger than {limit} bytes.")),
            BodyRejection::Encoded(coding) => ("encoded", format!("Sent with Content-Encoding: {coding}.")),
        };
        self.0.metrics.webhook(source.as_str(), result);
        let mut body_rejections = self.bell(source).body_rejections.lock().unwrap_or_else(PoisonError::into_inner);
        let warned = body_rejections.warned.filter(|warned| now.duration_since(*warned) < WARN_EVERY);
        if warned.is_none() {
            tracing::warn!(%source, result, ?bytes, "a webhook was refused before its signature was looked at");
        }
        let times = body_rejections.times + 1;
        *body_rejections = BodyRejections { times, newest: Some(now), bytes, why, warned: warned.or(Some(now)) };
    }

    /// What was refused for its form.
    #[must_use]
    pub fn body_rejections(&self, source: SourceName) -> BodyRejections {
        self.bell(source).body_rejections.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn bell(&self, source: SourceName) -> &Bell {
        if source == SourceName::Kustomer { &self.0.for_kustomer } else { &self.0.for_goodays }
    }

    /// Takes in a response that was asked for, as if an event had told of it.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn found(&self, body: Vec<u8>) -> Result<InboxReceipt, StoreError> {
        let about = about(&body);
        let headers = vec![(FOUND.to_owned(), "1".to_owned())];
        let arrival = IncomingEvent { source: SourceName::Goodays, body, headers };
        let taken = self.0.store.inbox().accept_about(arrival, about).await?;
        self.0.for_goodays.arrived.notify_one();
        Ok(taken)
    }

    /// Resolves when something of Goodays has been taken in since the last time that somebody waited.
    pub async fn arrived(&self) {
        self.0.for_goodays.arrived.notified().await;
    }

    /// Resolves once for each signature of Goodays that was refused.
    pub async fn refused(&self) {
        self.0.for_goodays.refused().await;
    }

    /// As [`Intake::arrived`], for Kustomer.
    pub async fn kustomer_arrived(&self) {
        self.0.for_kustomer.arrived.notified().await;
    }

    /// As [`Intake::refused`], for Kustomer.
    pub async fn kustomer_refused(&self) {
        self.0.for_kustomer.refused().await;
    }

    /// What is counted at the door.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The store behind the door.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

/// Whom an event is about, if it can be read: one about a customer who was erased must not be kept even for a moment.
fn about(body: &[u8]) -> EventContext {
    // MetricIncludes where the event itself cannot be read, or is of an unknown type: it is kept as it came.
    let Some(response) = Event::response_in(body) else { return EventContext::default() };
    let address = |person: &Person| domain::CustomerIdentity::new(person.email.as_deref(), None);
    let customer = domain::CustomerIdentity::new(None, response.context.phone.as_deref())
        .and(address(&response.context.person))
        .and(address(&response.user))
        // The first text of a response is the customer's own.
        .and(response.message.map(|text| address(&text.sender)).unwrap_or_default());
    let created = response.created.and_then(WrittenTime::earliest);
    EventContext { subject: Some(response.id), person: customer, created }
}
