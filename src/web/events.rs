//! Signed events that have no effect: what `/status` says of them, and what they are, for administrators.

use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::access::{Access, Administrator};
use super::api_error::ApiError;
use super::pages::{Unusable, words};
use crate::domain::{Role, SourceName};
use crate::feeds::Intake;
use crate::feeds::goodays::UNEXPECTED_ACTION_URLS;
use crate::feeds::kustomer::SEVERAL_ASSIGNED;
use crate::store::{Store, StoreError, WROTE_AFTER_ERASURE};

/// The systems that send webhooks.
const SENDERS: [SourceName; 2] = [SourceName::Goodays, SourceName::Kustomer];

/// How many unreadable events are listed.
const LISTED: u32 = 20;

/// How many ignored events of a kind are listed.
const NEWEST: u32 = 10;

/// What is ignored on purpose, and its sentence.
fn ignored_kinds() -> [(&'static str, &'static str); 3] {
    [
        (UNEXPECTED_ACTION_URLS, words::text("unexpectedActionUrls")),
        (SEVERAL_ASSIGNED, words::text("severalAssigned")),
        (WROTE_AFTER_ERASURE, words::text("wroteAfterErasure")),
    ]
}

/// What the page shows of them. The page is rendered even if the store cannot be read.
pub(super) async fn unusable(store: &Store, intake: &Intake, role: Role, zone: &TimeZone, now: Timestamp) -> Unusable {
    match read(store, role, zone, now).await {
        Ok(unusable) => {
            let turned_away = SENDERS.map(|source| (source.as_str(), intake.body_rejections(source)));
            unusable.with_turned_away(&turned_away, zone, now)
        }
        Err(error) => {
            tracing::error!(error = %error, "the events without effect cannot be read");
            Unusable::default()
        }
    }
}

async fn read(store: &Store, role: Role, zone: &TimeZone, now: Timestamp) -> Result<Unusable, StoreError> {
    let mut counts = Vec::new();
    for source in SENDERS {
        counts.push((source.as_str(), store.inbox().unreadable(source).await?.count));
    }
    let unreadable = store.inbox().unreadable_events(LISTED).await?;
    let mut noted = Vec::new();
    for (kind, sentence) in ignored_kinds() {
        noted.push((sentence, store.feed_state().count(kind).await?, store.feed_state().newest(kind, NEWEST).await?));
    }
    Ok(Unusable::new(&counts, unreadable, store.inbox().unknown_types().await?, noted, role, zone, now))
}

/// `GET /status/events/{seq}`: an event as it came. It may have customer text: that it was read is in the
/// audit, or it is not shown.
pub async fn raw(
    State(access): State<Access>,
    Administrator(viewer): Administrator,
    Path(seq): Path<u64>,
) -> Result<Response, ApiError> {
    let not_now = |error: StoreError| {
        tracing::error!(error = %error, "an event cannot be shown");
        ApiError::busy()
    };
    let store = access.store();
    let event = store.inbox().unusable_event(seq).await.map_err(not_now)?.ok_or_else(ApiError::not_found)?;
    let after = json!({ "bytes": event.body.len() });
    store.audit().record(&viewer.actor(), "webhook.read", &format!("webhook {seq}"), after).await.map_err(not_now)?;
    // Whatever it is, no browser may take it for a page: the layers say that it is not to be guessed.
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], event.body).into_response())
}
