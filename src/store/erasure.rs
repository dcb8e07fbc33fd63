//! Erases a customer: what they wrote, what was written about them, and what was sent to them.
//!
//! Anonymous counts stay, and keyed hashes (`suppression`), so that a repeated event brings nothing back. Backups are
//! not changed: they expire.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::json;
use tokio::sync::OwnedMutexGuard;

use super::{Shared, StoreError, TransactionMode, audit, feed_state, feedback, inbox, outbox, sessions};
use crate::domain::{Actor, CustomerIdentity, ResponseId, ResponseRecord, SurveyId};
use base::json;

/// What was erased. Publish it before this is dropped: nothing else is published until then.
#[must_use = "what was forgotten is to be told while this is held"]
pub struct Erased {
    /// The erased records.
    pub report: ErasureReport,
    _erasure_guard: OwnedMutexGuard<()>,
}

/// What was erased, by id and count, without personal data.
#[derive(Default)]
pub struct ErasureReport {
    /// Webhooks that were removed.
    pub webhooks: usize,
    /// Responses that were removed.
    pub responses: Vec<ResponseId>,
    /// What is left of them to be counted, under random ids.
    pub anonymized: Vec<ResponseRecord>,
    /// Requests whose content was removed.
    pub requests: Vec<SurveyId>,
    /// Survey results that were removed.
    pub results: Vec<SurveyId>,
    /// Sessions from which the customer was removed.
    pub sessions: usize,
    /// Audit entries whose content was removed.
    pub audit: usize,
}

/// Where a customer was found.
#[derive(Default)]
struct Traces {
    inbox: BTreeSet<i64>,
    subjects: BTreeSet<String>,
    outbox: BTreeSet<i64>,
    sessions: Vec<i64>,
    audit: BTreeSet<i64>,
}

/// Erasure of customers, and retention.
#[derive(Clone, Copy)]
pub struct Privacy<'a>(pub(super) &'a Shared);

impl Privacy<'_> {
    /// Erases a customer. After that no file of the data directory except the backups has data about them. Other writes
    /// wait until the whole file is rewritten.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails. Repeat it then.
    pub async fn erase(self, person: CustomerIdentity, actor: Actor) -> Result<Erased, StoreError> {
        let _no_backup = self.0.backing_up.lock().await;
        let guard = std::sync::Arc::clone(&self.0.erasing).lock_owned().await;
        let (now, marks) = (self.0.clock.now(), self.0.suppression.clone());
        // Suppression first, so that no event about the customer is stored during the search.
        let (list, wanted) = (marks.clone(), person.clone());
        self.0.write(move |connection| list.erase(connection, &wanted, [], now)).await?;
        let traces = self.traces_of(person).await?;
        let forgotten = self
            .0
            .write(move |connection| {
                marks.erase(
                    connection,
                    &CustomerIdentity::default(),
                    traces.subjects.iter().map(String::as_str),
                    now,
                )?;
                forget(connection, &traces, &actor, now)
            })
            .await?;
        self.0.writer.submit(TransactionMode::NoTransaction, overwrite).await?;
        Ok(Erased { report: forgotten, _erasure_guard: guard })
    }

    /// What erasing a customer would remove: the erasure is run and rolled back.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn preview_erasure(self, person: CustomerIdentity) -> Result<ErasureReport, StoreError> {
        let _erasure_guard = self.0.erasing.lock().await;
        let (now, traces) = (self.0.clock.now(), self.traces_of(person).await?);
        self.0
            .write(move |connection| {
                connection.execute_batch("SAVEPOINT trial")?;
                let forgotten = forget(connection, &traces, &Actor::system(), now);
                connection.execute_batch("ROLLBACK TO trial; RELEASE trial")?;
                forgotten
            })
            .await
    }

    async fn traces_of(self, person: CustomerIdentity) -> Result<Traces, StoreError> {
        let path = self.0.path.clone();
        let search = tokio::task::spawn_blocking(move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA mmap_size = 0;")?;
            find(&connection, &person)
        });
        search.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Searches all tables. A match in any text is enough, whatever the field.
fn find(connection: &Connection, person: &CustomerIdentity) -> Result<Traces, StoreError> {
    let mut traces = Traces::default();
    let mut events = connection.prepare("SELECT seq, subject, body FROM inbox JOIN inbox_body USING (seq)")?;
    let mut rows = events.query([])?;
    while let Some(row) = rows.next()? {
        if names(row.get_ref(2)?.as_bytes().unwrap_or_default(), &mut |text| person.is_in(text)) {
            traces.inbox.insert(row.get(0)?);
            traces.subjects.extend(row.get::<_, Option<String>>(1)?);
        }
    }
    let mut responses = connection.prepare("SELECT response, document FROM feedback")?;
    let mut rows = responses.query([])?;
    while let Some(row) = rows.next()? {
        if names(row.get_ref(1)?.as_bytes().unwrap_or_default(), &mut |text| person.is_in(text)) {
            traces.subjects.insert(row.get(0)?);
        }
    }
    let mut results = connection.prepare("SELECT uuid, body FROM survey_result")?;
    let mut rows = results.query([])?;
    while let Some(row) = rows.next()? {
        if names(row.get_ref(1)?.as_bytes().unwrap_or_default(), &mut |text| person.is_in(text)) {
            traces.subjects.insert(row.get(0)?);
        }
    }
    traces.sessions = sessions::of(connection, person)?;
    let mut is_theirs =
        |text: &str| person.is_in(text) || text.split_whitespace().any(|word| traces.subjects.contains(word));
    for (place, question) in [
        (&mut traces.outbox, "SELECT seq, key, body, context, answer, reason FROM outbox"),
        (&mut traces.audit, "SELECT seq, target, before, after, reason FROM audit"),
    ] {
        let mut statement = connection.prepare(question)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 1..columns {
                let text: Option<String> = row.get(column)?;
                if text.is_some_and(|text| names(text.as_bytes(), &mut is_theirs)) {
                    place.insert(row.get(0)?);
                    break;
                }
            }
        }
    }
    Ok(traces)
}

/// Whether any text in it matches. Input that is not JSON is one text.
fn names(bytes: &[u8], wanted: &mut impl FnMut(&str) -> bool) -> bool {
    search(bytes, wanted).unwrap_or_else(|_| {
        // A repair may drop a part.
        wanted(&String::from_utf8_lossy(bytes))
            || json::sanitize(bytes).is_some_and(|text| search(text.as_bytes(), wanted).unwrap_or(false))
    })
}

fn search<F: FnMut(&str) -> bool>(json: &[u8], wanted: &mut F) -> serde_json::Result<bool> {
    let mut json = serde_json::Deserializer::from_slice(json);
    let found = AnyText(wanted).deserialize(&mut json)?;
    json.end().map(|()| found)
}

/// Whether any text or number in JSON, names included, matches; also of a name that comes twice, of which parsers keep
/// one.
struct AnyText<'a, F>(&'a mut F);

impl<'de, F: FnMut(&str) -> bool> DeserializeSeed<'de> for AnyText<'_, F> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&str) -> bool> Visitor<'de> for AnyText<'_, F> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok((self.0)(text))
    }

    fn visit_i64<E>(self, number: i64) -> Result<bool, E> {
        Ok((self.0)(&number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<bool, E> {
        Ok((self.0)(&number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<bool, E> {
        Ok((self.0)(&number.to_string()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(one) = items.next_element_seed(AnyText(&mut *self.0))? {
            found |= one;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(name) = fields.next_key::<String>()? {
            found |= (self.0)(&name) | fields.next_value_seed(AnyText(&mut *self.0))?;
        }
        Ok(found)
    }
}

fn forget(
    connection: &Connection,
    traces: &Traces,
    actor: &Actor,
    now: Timestamp,
) -> Result<ErasureReport, StoreError> {
    let mut forgotten = ErasureReport::default();
    for seq in &traces.inbox {
        forgotten.webhooks += inbox::remove(connection, "seq = ?1", [seq], now)?;
    }
    for subject in &traces.subjects {
        // Two statements, because unprocessed and processed events are in two indexes.
        for state in ["IS NULL", "IS NOT NULL"] {
            let theirs = format!("processed_at {state} AND subject = ?1");
            forgotten.webhooks += inbox::remove(connection, &theirs, [subject], now)?;
        }
        let document: Option<String> = connection
            .prepare_cached("DELETE FROM feedback WHERE response = ?1 RETURNING document")?
            .query_row([subject], |row| row.get(0))
            .optional()?;
        if let Some(document) = document {
            let reading: ResponseRecord = serde_json::from_str(&document)?;
            let left = reading.without_person(feedback::anonymous_id());
            feedback::write(connection, &left, now)?;
            forgotten.anonymized.push(left);
        }
        if connection.prepare_cached("DELETE FROM survey_result WHERE uuid = ?1")?.execute([subject])? > 0 {
            forgotten.results.push(subject.as_str().into());
            continue;
        }
        feed_state::forget_thing(connection, subject)?;
        // Also events that are not processed yet.
        forgotten.responses.push(subject.as_str().into());
    }
    for seq in &traces.outbox {
        forgotten.requests.extend(outbox::erase(connection, *seq, now)?.map(SurveyId::from));
    }
    for session in &traces.sessions {
        forgotten.sessions += usize::from(sessions::empty(connection, *session)?);
    }
    forgotten.audit = audit::empty(connection, &traces.audit)?;
    let counts = json!({ "webhooks": forgotten.webhooks, "responses": forgotten.responses.len(),
        "requests": forgotten.requests.len(), "results": forgotten.results.len(), "sessions": forgotten.sessions,
        "audit": forgotten.audit });
    audit::note(connection, actor, "privacy.erase", "a customer", &counts, now)?;
    Ok(forgotten)
}

/// Rewrites the file and its log without the removed rows.
fn overwrite(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("VACUUM")?;
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", params![], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::SignedDuration;

    use super::*;
    use crate::domain::RequestState;
    use crate::domain::SourceName::{AgentConnect, Goodays};
    use crate::store::Store;
    use crate::store::tests::{arrival, audit_entry, clock, due, private_dir, reading};
    use crate::store::{EventContext, IncomingEvent, NewAuditEntry, NewOutboxEntry, ProcessedEvent, RequestOutcome};

    const CANARY: &str = "canary.bird@example.com";

    #[test]
    fn customer_is_found_in_every_table() {
        for (body, is_there) in [
            (&br#"{"a":[{"b":"x canary.bird@example.com"}]}"#[..], true),
            (br#"{"a":"\u0063anary.bird@example.com"}"#, true),
            (br#"{"canary.bird@example.com":1}"#, true),
            (br#"{"a":"canary.bird@example.com","a":"another.person@example.com"}"#, true),
            (br#"{"cut":"\ud83d","a":"\u0063anary.bird@example.com"}"#, true),
            (br#"{"cut":1e400,"a":"canary.bird@example.com","a":1}"#, true),
            (b"\xef\xbb\xbf{\"a\":\"canary.bird@example.com\"}", true),
            (b"{\"a\":\"\xff\",\"b\":\"canary.bird@example.com\"}", true),
            (b"no JSON: canary.bird@example.com", true),
            (b"7 canary.bird@example.com", true),
            (br#"{"cut":"\ud83d","a":"another.person@example.com"}"#, false),
            (br#"{"a":null,"b":[true,1.5,-1]}"#, false),
        ] {
            let person = CustomerIdentity::new(Some(CANARY), None);
            let found = names(body, &mut |text| person.is_in(text));
            assert_eq!(found, is_there, "{}", String::from_utf8_lossy(body));
        }
    }

    /// The files of a directory in which some bytes stand.
    fn files_with(dir: &Path, canary: &str) -> Vec<String> {
        let entries = std::fs::read_dir(dir).expect("a directory").filter_map(Result::ok);
        let holds = |path: &Path| {
            let bytes = std::fs::read(path).expect("a file").to_ascii_lowercase();
            bytes.windows(canary.len()).any(|window| window == canary.to_ascii_lowercase().as_bytes())
        };
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|it| it.is_file()));
        files
            .filter(|entry| holds(&entry.path()))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    fn survey(key: &str, email: &str) -> NewOutboxEntry {
        NewOutboxEntry {
            key: key.into(),
            kind: "agentConnect.request".into(),
            body: json!({ "customer": { "email": email,
                "name": if email == CANARY { "Canary Bird" } else { "Other" } } }),
            context: json!({ "session": 1 }),
        }
    }

    async fn event(store: &Store, text: &str, response: &str, email: &str) {
        let body = json!({ "response": { "id": response, "user": { "email": email } }, "text": text }).to_string();
        let about = EventContext { subject: Some(response.into()), ..EventContext::default() };
        let accepted = store.inbox().accept_about(arrival(&body), about).await.expect("accepted");
        let says = Ok(reading(response, &email.to_lowercase()));
        drop(
            store
                .feedback()
                .process(vec![ProcessedEvent { seq: accepted.seq, result: says }])
                .await
                .expect("understood"),
        );
    }

    #[tokio::test]
    async fn erasure_leaves_no_byte_of_the_customer_and_keeps_others() {
        let dir = private_dir();
        let store = Store::open(dir.path(), clock()).expect("a store");
        for number in 0..40 {
            event(&store, "filling", &format!("other-{number}"), "another.person@example.com").await;
        }
        event(&store, "their own", "theirs", "Canary.Bird@EXAMPLE.com").await;
        // A later event of the same thread that does not name them, and one that was never understood.
        let silent = json!({ "response": { "id": "theirs" }, "text": "canary song" }).to_string();
        let about = EventContext { subject: Some("theirs".into()), ..EventContext::default() };
        store.inbox().accept_about(arrival(&silent), about).await.expect("accepted");
        let polled =
            IncomingEvent { source: AgentConnect, ..arrival(&json!({ "rating": { "by": CANARY } }).to_string()) };
        store.inbox().accept(polled).await.expect("accepted");
        let sent = store.outbox().enqueue(survey("sent", CANARY)).await.expect("written").entry.id;
        let waiting = store.outbox().enqueue(survey("waiting", CANARY)).await.expect("written").entry.id;
        let other =
            store.outbox().enqueue(survey("other", "another.person@example.com")).await.expect("written").entry.id;
        store.outbox().claim(&sent).await.expect("claimed").expect("due");
        let line = store
            .audit()
            .begin(NewAuditEntry {
                target: "response theirs".into(),
                after: json!({ "to": "canary song" }),
                ..audit_entry()
            })
            .await
            .expect("written");
        store.audit().complete(line, "accepted", None).await.expect("completed");
        store.audit().begin(audit_entry()).await.expect("written");
        assert!(!files_with(dir.path(), CANARY).is_empty(), "the test would see it");
        assert!(!files_with(dir.path(), "canary song").is_empty());

        let customer = || CustomerIdentity::new(Some("CANARY.bird@example.COM "), None);
        let entries = store.audit().newest(9).await.expect("lines").len();
        let would = store.privacy().preview_erasure(customer()).await.expect("searched");
        assert!(!store.outbox().get(&waiting).await.expect("read").expect("it is there").key.starts_with("erased"));
        assert_eq!(
            (
                store.feedback().after(0, 99).await.expect("read").len(),
                store.audit().newest(9).await.expect("lines").len()
            ),
            (41, entries)
        );

        let erased = store.privacy().erase(customer(), Actor::command("a test")).await.expect("done");
        let found = &erased.report;
        assert_eq!(
            (would.webhooks, would.responses, would.requests, would.audit),
            (found.webhooks, found.responses.clone(), found.requests.clone(), found.audit)
        );
        assert_eq!((found.webhooks, found.requests.len(), found.audit), (3, 2, 1));
        assert_eq!(found.responses, ["theirs".into()]);
        assert_eq!(found.anonymized.len(), 1);
        assert_eq!(found.anonymized[0].nps(), Some(5), "what is counted stays");
        drop(erased);
        for canary in [CANARY, "canary song", "theirs", "Canary Bird"] {
            assert_eq!(files_with(dir.path(), canary), [""; 0], "{canary}");
        }

        // A survey that was on its way ends without what the upstream says about them.
        let ended = store
            .outbox()
            .record_outcome(&sent, RequestOutcome::failed(format!("{CANARY} is unknown"), Some(clock().now())))
            .await;
        let ended = ended.expect("settled");
        assert_eq!((ended.state, ended.reason, ended.due), (RequestState::Failed, None, None));
        assert_eq!(due(&store, "agentConnect.request").await[0].id, other);
        assert!(matches!(
            store.outbox().retry(&waiting, false).await,
            Err(StoreError::Settled { state: "erased", .. })
        ));
        assert_eq!(store.feedback().after(0, 99).await.expect("read").len(), 41, "forty others and what is left");
        assert_eq!(store.audit().newest(9).await.expect("lines")[0].action, "privacy.erase");
        let tampering = store.0.write(|connection| Ok(connection.execute_batch("UPDATE audit SET name = 'x'")?)).await;
        assert!(tampering.is_err(), "the audit is guarded again");
    }

    #[tokio::test]
    async fn repeated_event_stays_erased_but_a_new_response_is_kept() {
        let (dir, clock) = (private_dir(), clock());
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        event(&store, "first", "theirs", CANARY).await;
        drop(
            store
                .privacy()
                .erase(CustomerIdentity::new(Some(CANARY), Some("+13125550100")), Actor::command("a test"))
                .await
                .expect("done"),
        );
        let before = store.inbox().counts().await.expect("counts");
        let person = || CustomerIdentity::new(Some(CANARY), None);
        let earlier = Some(clock.now() - SignedDuration::from_hours(1));
        for (text, about) in [
            ("the same response", EventContext { subject: Some("theirs".into()), ..EventContext::default() }),
            ("another of theirs", EventContext { person: person(), created: earlier, ..EventContext::default() }),
            ("no time", EventContext { person: person(), ..EventContext::default() }),
            (
                "by telephone",
                EventContext {
                    person: CustomerIdentity::new(None, Some("(312) 555-0100")),
                    created: earlier,
                    subject: None,
                },
            ),
        ] {
            let accepted = store.inbox().accept_about(arrival(text), about).await.expect("acknowledged");
            assert_eq!((accepted.seq, accepted.is_duplicate), (0, false), "{text}");
        }
        let body = json!({ "response": { "id": "theirs", "user": { "email": CANARY } }, "text": "first" }).to_string();
        assert!(store.inbox().accept(arrival(&body)).await.expect("acknowledged").is_duplicate, "the very same bytes");
        assert!(
            store.feedback().record(vec![reading("found-by-asking", CANARY)]).await.expect("looked").records.is_empty()
        );
        assert_eq!(store.inbox().counts().await.expect("counts"), before);
        drop(store);

        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let about = || EventContext {
            person: person(),
            created: Some(clock.now() + SignedDuration::from_hours(1)),
            subject: None,
        };
        let late = store.inbox().accept_about(arrival("new"), about()).await.expect("accepted");
        assert!(late.seq > 0, "they have come back");
        let other = EventContext {
            person: CustomerIdentity::new(Some("another.person@example.com"), Some("+12125550100")),
            ..about()
        };
        assert!(store.inbox().accept_about(arrival("other"), other).await.expect("accepted").seq > 0);
        assert_eq!(store.inbox().pending_after(Goodays, 0, 9).await.expect("read").len(), 2);
    }

    #[tokio::test]
    async fn event_read_before_an_erasure_has_no_effect_after_it() {
        let dir = private_dir();
        let store = Store::open(dir.path(), clock()).expect("a store");
        let body = json!({ "response": { "id": "theirs", "user": { "email": CANARY } } }).to_string();
        let seq = store.inbox().accept(arrival(&body)).await.expect("accepted").seq;
        drop(
            store
                .privacy()
                .erase(CustomerIdentity::new(Some(CANARY), None), Actor::command("a test"))
                .await
                .expect("done"),
        );
        let says = Ok(reading("theirs", CANARY));
        let kept = store.feedback().process(vec![ProcessedEvent { seq, result: says }]).await.expect("noted");
        assert!(kept.records.is_empty());
        assert_eq!(files_with(dir.path(), CANARY), [""; 0]);
    }
}
