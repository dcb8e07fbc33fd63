//! What may have arrived is looked up before anybody may send it again (`apis.md` B182, `reliability.md` O1).
//!
//! Data Return has every request that was taken. One that turns up there was accepted; one that does not, for a while and
//! over at least two readings that began after it was sent, is lost, and a person may send it again.

use std::collections::HashMap;

use jiff::SignedDuration;
use tokio::sync::watch;

use super::{KINDS, Surveys};
use base::{Clock, Lifecycle};
use crate::gold::{Entity, Key};
use crate::store::{IntentState, RequestOutcome, StoreError};

/// So many readings must have begun after it was sent. The one that goes on when it is noticed may have begun before.
const ROUNDS: u64 = 2;

/// Looks whenever Data Return has been read to its end.
pub(super) async fn look_up(desk: Surveys, mut rounds: watch::Receiver<u64>, clock: Clock, life: Lifecycle) {
    let mut noticed = HashMap::new();
    loop {
        tokio::select! {
            () = life.stopping() => return,
            read = rounds.changed() => if read.is_err() { return },
        }
        let round = *rounds.borrow_and_update();
        if let Err(error) = look(&desk, round, &mut noticed, &clock).await {
            tracing::error!(error = %error, "unknown survey requests cannot be looked up yet");
        }
    }
}

async fn look(desk: &Surveys, round: u64, noticed: &mut HashMap<String, u64>, clock: &Clock) -> Result<(), StoreError> {
    let mut unknown = Vec::new();
    for kind in KINDS {
        unknown.extend(desk.0.store.unsettled(kind).await?);
    }
    unknown.retain(|intent| intent.state == IntentState::Unknown);
    noticed.retain(|id, _| unknown.iter().any(|intent| intent.id == *id));
    let window = SignedDuration::try_from(desk.0.rules.look_up_window).unwrap_or(SignedDuration::MAX);
    for mut intent in unknown {
        if let Some(uuid) = found(desk, &intent.id) {
            let answer = serde_json::json!({ "request_id": uuid, "found": "Data Return" });
            let settled = desk.0.store.settle(&intent.id, RequestOutcome::accepted(Some(answer))).await?;
            desk.tell(&settled).await;
            continue;
        }
        let since = *noticed.entry(intent.id.clone()).or_insert(round);
        let old = clock.now().duration_since(intent.changed) >= window;
        if old && round >= since + ROUNDS && desk.lost().insert(intent.id.clone()) {
            intent.reason = Some("Agent Connect has no record of it: it may be sent again.".to_owned());
            desk.tell(&intent).await;
        }
    }
    Ok(())
}

fn found(desk: &Surveys, id: &str) -> Option<String> {
    match desk.0.gold.copy().get(&Key::Survey(id.into())).as_deref() {
        Some(Entity::Survey(request)) => request.result.as_ref().map(|result| result.uuid.to_string()),
        _ => None,
    }
}
