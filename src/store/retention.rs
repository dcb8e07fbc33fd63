//! Retention: removes what is older than its period.
//!
//! Of an event its hash stays, so that a repetition years later is still a duplicate; of a request its key and
//! outcome, so that a repetition has no second effect.

use jiff::{Span, Timestamp};
use rusqlite::{Connection, params};
use serde_json::json;

use super::{Privacy, StoreError, audit, feed_state, inbox, outbox, sessions};
use crate::domain::{Actor, ResponseId, SessionId, SurveyId};

/// How many rows are removed in one transaction, so that other writes do not wait long.
const PORTION: u32 = 500;

/// Counts of removed rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionReport {
    /// Raw webhooks.
    pub webhooks: usize,
    /// What customers said.
    pub responses: Vec<ResponseId>,
    /// Requests whose content was removed.
    pub requests: usize,
    /// Survey results.
    pub results: Vec<SurveyId>,
    /// Sessions.
    pub sessions: Vec<SessionId>,
    /// Audit entries.
    pub audit: usize,
}

impl RetentionReport {
    /// Whether there was nothing to remove.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Privacy<'_> {
    /// Removes everything older than its period, in portions, and writes the counts to the audit. Events that are not
    /// processed yet or could not be read stay.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails. Earlier portions stay removed.
    pub async fn remove_expired(self) -> Result<RetentionReport, StoreError> {
        let _erasure_guard = self.0.erasing.lock().await;
        let (keep, now) = (self.0.retention, self.0.clock.now());
        let mut removed = RetentionReport::default();
        loop {
            let portion = self
                .0
                .write(move |connection| {
                    let portion = remove_portion(connection, &keep, now)?;
                    if !portion.is_empty() {
                        let RetentionReport { webhooks, responses, requests, results, sessions, audit } = &portion;
                        let counts = json!({ "webhooks": webhooks, "responses": responses.len(), "requests": requests,
                            "results": results.len(), "sessions": sessions.len(), "audit": audit });
                        audit::note(
                            connection,
                            &Actor::system(),
                            "privacy.retention",
                            "whatever is over",
                            &counts,
                            now,
                        )?;
                    }
                    Ok(portion)
                })
                .await?;
            if portion.is_empty() {
                return Ok(removed);
            }
            removed.webhooks += portion.webhooks;
            removed.responses.extend(portion.responses);
            removed.requests += portion.requests;
            removed.results.extend(portion.results);
            removed.sessions.extend(portion.sessions);
            removed.audit += portion.audit;
        }
    }
}

fn remove_portion(
    connection: &Connection,
    keep: &super::RetentionPeriods,
    now: Timestamp,
) -> Result<RetentionReport, StoreError> {
    let (feedback, webhooks) = (before(now, keep.feedback), before(now, keep.webhooks));
    let over = format!(
        "seq IN (SELECT seq FROM inbox WHERE received_at < ?1 AND processed_at IS NOT NULL AND error IS NULL LIMIT \
            {PORTION})"
    );
    feed_state::forget_before(connection, webhooks, PORTION)?;
    let mut oldest = connection.prepare_cached(
        "DELETE FROM feedback WHERE seq IN (SELECT seq FROM feedback WHERE newest < ?1 LIMIT ?2) RETURNING response",
    )?;
    let responses = oldest.query_map(params![feedback, PORTION], |row| row.get::<_, String>(0))?;
    let responses = responses.map(|id| Ok(id?.into())).collect::<Result<Vec<ResponseId>, rusqlite::Error>>()?;
    let mut ended = connection.prepare_cached(
        "UPDATE outbox SET body = '{}', context = '{}', answer = NULL, reason = NULL, erased = ?2
         WHERE seq IN (SELECT seq FROM outbox WHERE changed < ?1 AND erased IS NULL AND due IS NULL
                       AND state <> 'sent' LIMIT ?3) RETURNING id",
    )?;
    let emptied = ended.query_map(params![feedback, now.as_millisecond(), PORTION], |row| row.get::<_, String>(0))?;
    let emptied = emptied.collect::<Result<Vec<_>, rusqlite::Error>>()?;
    emptied.iter().try_for_each(|id| outbox::remove_interaction_names(connection, id))?;
    let mut told = connection.prepare_cached(
        "DELETE FROM survey_result WHERE uuid IN (SELECT uuid FROM survey_result WHERE changed < ?1 LIMIT ?2) \
            RETURNING uuid",
    )?;
    let results = told.query_map(params![feedback, PORTION], |row| row.get::<_, String>(0))?;
    let results = results.map(|id| Ok(id?.into())).collect::<Result<Vec<SurveyId>, rusqlite::Error>>()?;
    Ok(RetentionReport {
        results,
        webhooks: inbox::remove(connection, &over, [webhooks], now)?,
        responses,
        requests: emptied.len(),
        sessions: sessions::remove_before(connection, before(now, keep.sessions), PORTION)?,
        audit: audit::remove_before(connection, before(now, keep.audit), PORTION)?,
    })
}

/// The start of a period that ends now. A period longer than time keeps everything.
fn before(now: Timestamp, kept: Span) -> i64 {
    let now = now.to_zoned(jiff::tz::TimeZone::UTC);
    now.checked_sub(kept).map_or(i64::MIN, |then| then.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::RequestState;
    use crate::domain::SourceName::Goodays;
    use crate::store::Store;
    use crate::store::tests::{arrival, audit_entry, clock, due, private_dir, reading, request};
    use crate::store::{InboxCounts, ProcessedEvent, RequestOutcome, UnusableReason};

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    #[tokio::test]
    async fn retention_deletes_each_class_and_replays_stay_duplicates() {
        let (dir, clock) = (private_dir(), clock());
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        for (text, says) in [
            ("good", Ok(reading("r1", "chester@example.com"))),
            ("bad", Err(UnusableReason::Unreadable("It is not JSON.".to_owned()))),
        ] {
            let seq = store.inbox().accept(arrival(text)).await.expect("accepted").seq;
            drop(store.feedback().process(vec![ProcessedEvent { seq, result: says }]).await.expect("understood"));
        }
        store.inbox().accept(arrival("not yet understood")).await.expect("accepted");
        let asked = store.outbox().enqueue(request("k1", "Thank you")).await.expect("written").entry.id;
        store.outbox().claim(&asked).await.expect("claimed").expect("it was due");
        store.outbox().record_outcome(&asked, RequestOutcome::accepted(None)).await.expect("settled");
        store.outbox().enqueue(request("k2", "still to be sent")).await.expect("written");
        let line = store.audit().begin(audit_entry()).await.expect("written");
        store.audit().complete(line, "accepted", None).await.expect("completed");

        clock.advance(DAY * 29);
        assert!(store.privacy().remove_expired().await.expect("looked").is_empty());

        clock.advance(DAY * 2);
        let removed = store.privacy().remove_expired().await.expect("removed");
        assert_eq!((removed.webhooks, removed.responses.len(), removed.requests, removed.audit), (1, 0, 0, 0));
        let bodies = store.0.read(|connection| {
            Ok(connection.query_row("SELECT count(*) FROM inbox_body", [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(bodies.await.expect("counted"), 2, "and no word of what it said");
        let again = store.inbox().accept(arrival("good")).await.expect("accepted");
        assert!(again.is_duplicate, "a replay after its time");
        let counts = store.inbox().counts().await.expect("counts");
        assert_eq!(counts, InboxCounts { total: 2, unprocessed: 1, with_error: 1 }, "what a person must see stays");
        assert_eq!(store.feedback().after(0, 9).await.expect("read").len(), 1, "what was said outlives the webhook");

        // The entry about the removal is newer.
        clock.advance(DAY * 336);
        let removed = store.privacy().remove_expired().await.expect("removed");
        assert_eq!((removed.responses.len(), removed.audit), (0, 1));
        let lines = store.audit().newest(9).await.expect("lines");
        let about: Vec<(&str, &serde_json::Value)> =
            lines.iter().map(|line| (line.action.as_str(), &line.after["audit"])).collect();
        assert_eq!(about, [("privacy.retention", &json!(1)), ("privacy.retention", &json!(0))]);

        clock.advance(DAY * 32);
        let removed = store.privacy().remove_expired().await.expect("removed");
        assert_eq!((removed.responses, removed.requests), (vec!["r1".into()], 1));
        assert!(store.feedback().after(0, 9).await.expect("read").is_empty());
        let emptied = store.outbox().get(&asked).await.expect("read").expect("its key stays");
        assert_eq!((emptied.state, emptied.body), (RequestState::Accepted, json!({})));
        assert_eq!(due(&store, "goodays.reply").await.len(), 1, "what waits stays");
        assert!(store.inbox().accept(arrival("good")).await.expect("accepted").is_duplicate);
        assert_eq!(store.inbox().pending_after(Goodays, 0, 9).await.expect("read").len(), 1);
    }

    #[tokio::test]
    async fn more_than_a_portion_is_removed_at_once_and_the_audit_is_guarded_again() {
        let (dir, clock) = (private_dir(), clock());
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let many = PORTION as usize + 7;
        for number in 0..many {
            let seq = store.inbox().accept(arrival(&number.to_string())).await.expect("accepted").seq;
            store.inbox().mark_processed(seq, None).await.expect("marked");
        }
        let line = store.audit().begin(audit_entry()).await.expect("written");
        store.audit().complete(line, "accepted", None).await.expect("completed");
        clock.advance(DAY * 400);
        let removed = store.privacy().remove_expired().await.expect("removed");
        assert_eq!((removed.webhooks, removed.audit), (many, 1));
        let forbidden = store.0.write(|connection| Ok(connection.execute_batch("DELETE FROM audit")?)).await;
        assert!(forbidden.is_err());
    }
}
