//! Looks up requests with an unknown outcome before a person may send them again (apis.md B182, reliability.md O1).
//!
//! Data Return has every request that Agent Connect accepted. A request that appears there was accepted. One that does
//! not, for a while and over at least two readings that began after it was sent, is lost, and a person may send it
//! again.

use std::collections::HashMap;

use jiff::SignedDuration;
use tokio::sync::watch;

use super::{KINDS, Surveys};
use crate::domain::RequestState;
use crate::gold::{Entity, Key};
use crate::store::{RequestOutcome, StoreError};
use base::{Clock, Lifecycle};

/// How many readings must have begun after a request was sent. The current one may have begun before.
const ROUNDS: u64 = 2;

/// Looks unknown requests up whenever Data Return was read to its end.
pub(super) async fn look_up(surveys: Surveys, mut rounds: watch::Receiver<u64>, clock: Clock, life: Lifecycle) {
    let mut noticed = HashMap::new();
    loop {
        tokio::select! {
            () = life.stopping() => return,
            read = rounds.changed() => if read.is_err() { return },
        }
        let round = *rounds.borrow_and_update();
        if let Err(error) = look(&surveys, round, &mut noticed, &clock).await {
            tracing::error!(error = %error, "unknown survey requests cannot be looked up yet");
        }
    }
}

async fn look(
    surveys: &Surveys,
    round: u64,
    noticed: &mut HashMap<String, u64>,
    clock: &Clock,
) -> Result<(), StoreError> {
    let mut unknown = Vec::new();
    for kind in KINDS {
        unknown.extend(surveys.0.store.outbox().pending(kind).await?);
    }
    unknown.retain(|entry| entry.state == RequestState::Unknown);
    noticed.retain(|id, _| unknown.iter().any(|entry| entry.id == *id));
    let window = SignedDuration::try_from(surveys.0.rules.look_up_window).unwrap_or(SignedDuration::MAX);
    for mut entry in unknown {
        if let Some(uuid) = found(surveys, &entry.id) {
            let answer = serde_json::json!({ "request_id": uuid, "found": "Data Return" });
            let recorded =
                surveys.0.store.outbox().record_outcome(&entry.id, RequestOutcome::accepted(Some(answer))).await?;
            surveys.publish(&recorded).await;
            continue;
        }
        let since = *noticed.entry(entry.id.clone()).or_insert(round);
        let is_old = clock.now().duration_since(entry.changed) >= window;
        if is_old && round >= since + ROUNDS && surveys.0.lost.lock().insert(entry.id.clone()) {
            entry.reason = Some("Agent Connect has no record of it: it may be sent again.".to_owned());
            surveys.publish(&entry).await;
        }
    }
    Ok(())
}

fn found(surveys: &Surveys, id: &str) -> Option<String> {
    match surveys.0.gold.copy().get(&Key::Survey(id.into())).as_deref() {
        Some(Entity::Survey(request)) => request.result.as_ref().map(|result| result.uuid.to_string()),
        _ => None,
    }
}
