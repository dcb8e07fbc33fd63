//! What the store promises.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::mpsc;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::domain::SourceName::{Goodays, Kustomer};
use crate::domain::{Actor, AgentId, RequestState, ResponseRecord};

/// A directory that other users cannot enter, as the store requires.
pub(super) fn private_dir() -> TempDir {
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().expect("a directory")
}

pub(super) fn clock() -> Clock {
    Clock::manual(Timestamp::from_second(1_795_000_000).expect("an instant"))
}

fn open(dir: &TempDir) -> Store {
    Store::open(dir.path(), clock()).expect("a store")
}

pub(super) fn arrival(text: &str) -> IncomingEvent {
    IncomingEvent {
        source: Goodays,
        body: text.into(),
        headers: vec![("content-type".into(), "application/json".into())],
    }
}

pub(super) fn request(key: &str, content: &str) -> NewOutboxEntry {
    NewOutboxEntry {
        key: key.into(),
        kind: "goodays.reply".into(),
        body: json!({ "content": content }),
        context: json!({ "response": "vdOpL1NJ74l" }),
    }
}

/// What an event says about the response of a customer with this address.
pub(super) fn reading(id: &str, email: &str) -> ResponseRecord {
    let place = json!({ "id": "P", "partner_id": "1234", "name": "Harbour Street" });
    serde_json::from_value(json!({
        "id": id, "created": "2026-11-01T10:20:39Z", "updated": null, "source": null, "thread": "open", "survey": null,
        "answers": [{ "question": "Would you?", "kind": "nps", "value": 5 },
                    { "question": "Why?", "kind": "text", "value": format!("because, says {email}") }],
        "messages": { "m1": { "id": "m1", "at": "2026-11-01T10:20:39Z", "kind": null,
        "text": format!("words of {email}"),
                              "from": "Chester", "attachment": null } },
        "customer": { "name": "Chester", "email": email, "phone": null, "crm_id": null },
        "extra": { "session": "82673" },
        "place": place, "delegatedTo": null, "actions": ["reply"], "alert": false
    }))
    .expect("a reading")
}

pub(super) fn audit_entry() -> NewAuditEntry {
    NewAuditEntry {
        actor: Actor::user(AgentId(5), "Rob", "a1b2c3"),
        action: "agent.status",
        target: "agent 41".into(),
        before: json!({ "status": "away" }),
        after: json!({ "status": "available" }),
    }
}

/// Holds the writing thread until the sender is dropped, so that a test decides what is waiting.
async fn hold(store: &Store) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
    let (release, held) = mpsc::channel::<()>();
    let (started, start) = tokio::sync::oneshot::channel();
    let holder = store.clone();
    let task = tokio::spawn(async move {
        holder
            .0
            .write(move |_| {
                let _ = started.send(());
                let _ = held.recv();
                Ok(())
            })
            .await
    });
    start.await.expect("the writer begins");
    (release, task)
}

/// What waits to be sent.
pub(super) async fn due(store: &Store, kind: &str) -> Vec<OutboxEntry> {
    let mut unsettled = store.outbox().pending(kind).await.expect("read");
    unsettled.retain(|entry| entry.due.is_some());
    unsettled
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_copies_at_once_are_one_row_and_all_are_answered() {
    let dir = private_dir();
    let store = open(&dir);
    let copies = (0..64).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.inbox().accept(arrival("{}")).await.expect("accepted") })
    });
    let answers: Vec<InboxReceipt> =
        join_all(copies).await.into_iter().map(|answer| answer.expect("an answer")).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.is_duplicate).count(), 1);
    assert!(answers.iter().all(|answer| answer.seq == answers[0].seq));
    assert_eq!(store.inbox().counts().await.expect("counts"), InboxCounts { total: 1, unprocessed: 1, with_error: 0 });
}

#[tokio::test]
async fn same_bytes_from_another_source_are_another_event() {
    let dir = private_dir();
    let store = open(&dir);
    store.inbox().accept(arrival("{}")).await.expect("accepted");
    let other = store.inbox().accept(IncomingEvent { source: Kustomer, ..arrival("{}") }).await.expect("accepted");
    assert!(!other.is_duplicate);
}

#[tokio::test]
async fn queued_writes_share_one_transaction() {
    let dir = private_dir();
    let store = open(&dir);
    let (release, held) = hold(&store).await;
    let before = store.commits();
    let texts: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let all = join_all(texts.iter().map(|text| store.inbox().accept(arrival(text))));
    let release = async move { drop(release) };
    // `join!` polls in this order: everything is in the queue before the thread goes on.
    let (answers, ()) = tokio::join!(all, release);
    assert!(answers.iter().all(Result::is_ok));
    held.await.expect("the holder").expect("held");
    assert_eq!(store.commits() - before, 2, "the holder's and one for all two hundred");
}

#[tokio::test]
async fn full_write_queue_is_refused_at_once() {
    let dir = private_dir();
    let store = open(&dir);
    let (release, held) = hold(&store).await;
    let texts: Vec<String> = (0..=writer::QUEUE).map(|number| number.to_string()).collect();
    let all = join_all(texts.iter().map(|text| store.inbox().accept(arrival(text))));
    let (answers, ()) = tokio::join!(all, async move { drop(release) });
    held.await.expect("the holder").expect("held");
    let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Busy))).count();
    assert_eq!(busy, 1, "the queue holds {} and one more is refused", writer::QUEUE);
    assert_eq!(store.inbox().counts().await.expect("counts").total, writer::QUEUE as u64);
}

#[tokio::test]
async fn bad_write_is_rolled_back_without_failing_its_batch() {
    let dir = private_dir();
    let store = open(&dir);
    let (release, held) = hold(&store).await;
    let bad = store.0.write(|connection| {
        cursors::set(connection, "half", "written", Timestamp::UNIX_EPOCH)?;
        connection.execute_batch("INSERT INTO inbox (source) VALUES ('incomplete')")?;
        Ok(())
    });
    let (first, bad, last, ()) =
        tokio::join!(store.inbox().accept(arrival("1")), bad, store.inbox().accept(arrival("2")), async move {
            drop(release)
        });
    held.await.expect("the holder").expect("held");
    assert!(first.is_ok() && last.is_ok());
    assert!(matches!(bad, Err(StoreError::Database(_))));
    assert_eq!(store.survey_results().cursor("half").await.expect("read"), None);
    assert!(store.probe_write_error().is_none());
}

#[tokio::test]
async fn failed_savepoint_fails_the_whole_batch() {
    let dir = private_dir();
    let store = open(&dir);
    let (release, held) = hold(&store).await;
    let half = |connection: &rusqlite::Connection| -> Result<(), StoreError> {
        cursors::set(connection, "half", "written", Timestamp::UNIX_EPOCH)?;
        Ok(connection.execute_batch("INSERT INTO inbox (source) VALUES ('incomplete')")?)
    };
    let half = store.0.writer.submit(TransactionMode::BatchedUnguarded, half);
    let (first, half, ()) = tokio::join!(store.inbox().accept(arrival("1")), half, async move { drop(release) });
    held.await.expect("the holder").expect("held");
    let (Err(StoreError::Unconfirmed(first)), Err(StoreError::Unconfirmed(_))) = (first, half) else { panic!("taken") };
    assert_eq!(first.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation), "it says why");
    assert_eq!(store.survey_results().cursor("half").await.expect("read"), None);
    assert!(!store.inbox().accept(arrival("1")).await.expect("taken when it comes again").is_duplicate);
}

#[tokio::test]
async fn broken_transaction_fails_its_batch_and_the_next_one_works() {
    let dir = private_dir();
    let store = open(&dir);
    // What SQLite does by itself when the disk is full or fails: it gives up the whole transaction. The connection is
    // of no use afterwards.
    let broken = store.0.write(|connection| {
        connection.execute_batch("ROLLBACK; PRAGMA query_only = ON")?;
        Ok(())
    });
    assert!(matches!(broken.await, Err(StoreError::Unconfirmed(_))));
    assert!(store.probe_write_error().is_some(), "and asking tries again");
    store.inbox().accept(arrival("1")).await.expect("accepted over a new connection");
    assert!(store.probe_write_error().is_none());
}

#[tokio::test]
async fn acknowledged_event_is_there_after_reopening() {
    let dir = private_dir();
    let store = open(&dir);
    let first = store.inbox().accept(arrival("1")).await.expect("accepted");
    let second = store.inbox().accept(arrival("2")).await.expect("accepted");
    store
        .inbox()
        .mark_processed(second.seq, Some(UnusableReason::Unreadable("It has no response.".into())))
        .await
        .expect("marked");
    drop(store.survey_results().record_page(Vec::new(), "agent_connect", "9001".into()).await.expect("moved"));
    drop(store);

    let store = open(&dir);
    assert_eq!(store.survey_results().cursor("agent_connect").await.expect("read").as_deref(), Some("9001"));
    let again = store.inbox().accept(arrival("1")).await.expect("accepted");
    assert_eq!(again, InboxReceipt { seq: first.seq, is_duplicate: true });
    let kept = store.inbox().pending_after(Goodays, 0, 10).await.expect("read");
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].body.as_slice(), &kept[0].headers), (&b"1"[..], &arrival("1").headers));
    assert_eq!(kept[0].received_at, clock().now());
    assert!(store.inbox().pending_after(Goodays, first.seq, 10).await.expect("read").is_empty());
    assert_eq!(store.inbox().counts().await.expect("counts"), InboxCounts { total: 2, unprocessed: 1, with_error: 1 });
}

#[tokio::test]
async fn unparsed_event_of_another_version_is_retried_once() {
    let dir = private_dir();
    let store = open(&dir);
    let waiting = async || store.inbox().pending_after(Goodays, 0, 9).await.expect("read").len();
    for text in ["1", "2"] {
        let seq = store.inbox().accept(arrival(text)).await.expect("accepted").seq;
        store
            .inbox()
            .mark_processed(seq, (text == "2").then(|| UnusableReason::Unreadable("It has no response.".into())))
            .await
            .expect("marked");
    }
    assert_eq!(
        (store.inbox().retry_unusable(Goodays).await.expect("looked"), waiting().await),
        (1, 1),
        "who tried is not known"
    );
    let seq = store.inbox().pending_after(Goodays, 0, 9).await.expect("read")[0].seq;
    store
        .inbox()
        .mark_processed(seq, Some(UnusableReason::Unreadable("It still has none.".into())))
        .await
        .expect("marked");
    assert_eq!(
        (store.inbox().retry_unusable(Goodays).await.expect("looked"), waiting().await),
        (0, 0),
        "we have tried it"
    );
    let other = store.0.write(|connection| cursors::set(connection, "goodays.tried", "0.0.1", Timestamp::UNIX_EPOCH));
    other.await.expect("written");
    assert_eq!(
        (store.inbox().retry_unusable(Goodays).await.expect("looked"), waiting().await),
        (1, 1),
        "after an upgrade"
    );
}

#[tokio::test]
async fn acknowledged_writes_go_before_deferrable_ones() {
    let dir = private_dir();
    let store = open(&dir);
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let order = Arc::clone(&order);
        move |_: &Connection| {
            order.lock().expect("no panic").push(what);
            Ok(())
        }
    };
    let (release, held) = hold(&store).await;
    let writer = &store.0.writer;
    let (later, soon, alone, last, (), ()) = tokio::join!(
        writer.submit(TransactionMode::Deferred, note("later")),
        writer.submit(TransactionMode::Batched, note("soon")),
        writer.submit(TransactionMode::NoTransaction, note("alone")),
        writer.submit(TransactionMode::Deferred, note("last")),
        store.close(),
        async move { drop(release) }
    );
    held.await.expect("the holder").expect("held");
    for answer in [later, soon, alone, last] {
        answer.expect("done");
    }
    let order = order.lock().expect("no panic").clone();
    assert_eq!(order, ["soon", "later", "alone", "last"], "what stands alone may be about what came before it");
}

#[tokio::test]
async fn closing_writes_what_waits_and_refuses_what_comes_later() {
    let dir = private_dir();
    let store = open(&dir);
    let (release, held) = hold(&store).await;
    let (answer, (), ()) =
        tokio::join!(store.inbox().accept(arrival("1")), store.close(), async move { drop(release) });
    held.await.expect("the holder").expect("held");
    assert!(answer.is_ok());
    assert!(matches!(store.inbox().accept(arrival("2")).await, Err(StoreError::Closed)));
    assert!(matches!(store.survey_results().cursor("x").await, Err(StoreError::Closed)));
    assert!(store.probe_write_error().is_some());
    drop(store);
    assert_eq!(open(&dir).inbox().counts().await.expect("counts").total, 1);
}

#[tokio::test]
async fn second_process_is_refused_until_the_first_ends() {
    let dir = private_dir();
    let store = open(&dir);
    let second = Store::open(dir.path(), clock()).expect_err("refused");
    assert!(second.to_string().starts_with("Another Callboard is using"), "{second}");
    drop(store);
    assert!(Store::open(dir.path(), clock()).is_ok());
}

#[tokio::test]
async fn newer_schema_and_foreign_file_are_refused_with_a_reason() {
    let newer = format!("The database has schema 99 and this Callboard knows {}.", schema::NEWEST);
    for (pragma, sentence) in
        [("user_version = 99", &*newer), ("application_id = 7", "is a database of another program.")]
    {
        let dir = private_dir();
        drop(open(&dir));
        let file = Connection::open(dir.path().join("callboard.db")).expect("the file");
        file.execute_batch(&format!("PRAGMA {pragma}")).expect("set");
        drop(file);
        let refused = Store::open(dir.path(), clock()).expect_err("refused");
        assert!(refused.to_string().contains(sentence), "{refused}");
    }
}

#[tokio::test]
async fn files_have_owner_only_modes() {
    let parent = private_dir();
    let dir = parent.path().join("data");
    let store = Store::open(&dir, clock()).expect("a store");
    store.inbox().accept(arrival("1")).await.expect("accepted");
    let mode = |path: &Path| std::fs::metadata(path).expect("it exists").mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for file in ["callboard.db", "callboard.db-wal", "callboard.lock"] {
        assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
    }
    assert!(store.size_bytes() > 0);
    let key = dir.join("erasure.key");
    assert_eq!(mode(&key), 0o600);
    store.close().await;
    drop(store);
    // Copied back with another mode.
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let refused = Store::open(&dir, clock()).expect_err("all users can reach the key").to_string();
    let shown = key.display();
    assert_eq!(refused, format!("Every user of this machine can reach {shown}: run chmod 600 {shown}."));
}

#[test]
fn data_directory_open_to_others_is_reported_with_its_mode() {
    let parent = private_dir();
    let dir = parent.path().join("data");
    assert!(check_directory(&dir).is_ok(), "it is made when the server starts");
    std::fs::create_dir(&dir).expect("a directory");
    for (mode, is_public) in
        [(0o755, true), (0o701, true), (0o1777, true), (0o702, true), (0o770, false), (0o750, false), (0o700, false)]
    {
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).expect("a mode");
        let shown = dir.display();
        let sentence = format!(
            "Every user of this machine can enter the data directory {shown} (mode {mode:o}): run chmod 700 {shown}."
        );
        assert_eq!(check_directory(&dir).err().map(|error| error.to_string()), is_public.then_some(sentence));
    }
}

#[tokio::test]
async fn idempotency_key_stands_for_one_request() {
    let dir = private_dir();
    let store = open(&dir);
    let first = store.outbox().enqueue(request("k1", "Thank you")).await.expect("written");
    assert!(first.is_new);
    assert_eq!((first.entry.state, first.entry.attempts, first.entry.id.len()), (RequestState::Queued, 0, 32));
    let again = store.outbox().enqueue(request("k1", "Thank you")).await.expect("found");
    assert!(!again.is_new && again.entry == first.entry);
    assert!(matches!(store.outbox().enqueue(request("k1", "Go away")).await, Err(StoreError::KeyReused)));
    let other_kind = NewOutboxEntry { kind: "goodays.close".into(), ..request("k1", "Thank you") };
    assert!(matches!(store.outbox().enqueue(other_kind).await, Err(StoreError::KeyReused)));
    assert_eq!(store.outbox().newest("goodays.reply", 10).await.expect("read").len(), 1);
}

#[tokio::test]
async fn due_action_is_claimed_once_and_retried_when_due() {
    let dir = private_dir();
    let clock = clock();
    let store = Store::open(dir.path(), clock.clone()).expect("a store");
    let id = store.outbox().enqueue(request("k1", "Thank you")).await.expect("written").entry.id;

    let claims = join_all((0..8).map(|_| store.outbox().claim(&id))).await;
    let claimed: Vec<OutboxEntry> = claims.into_iter().filter_map(|claim| claim.expect("asked")).collect();
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].state, claimed[0].attempts), (RequestState::Sent, 1));
    assert!(store.outbox().claim(&id).await.expect("asked").is_none());

    let later = clock.now() + SignedDuration::from_secs(5);
    store
        .outbox()
        .record_outcome(&id, RequestOutcome::failed("It could not be reached.", Some(later)))
        .await
        .expect("settled");
    assert_eq!(due(&store, "goodays.reply").await[0].due, Some(later));
    assert_eq!(store.outbox().claim(&id).await.expect("asked").map(|entry| entry.attempts), Some(2));
    let done = store
        .outbox()
        .record_outcome(&id, RequestOutcome::accepted(Some(json!({ "ok": true }))))
        .await
        .expect("settled");
    assert_eq!((done.state, done.answer), (RequestState::Accepted, Some(json!({ "ok": true }))));
    let late = store.outbox().record_outcome(&id, RequestOutcome::unknown("Too late.")).await;
    assert!(matches!(late, Err(StoreError::Settled { state: "accepted", .. })));
    assert!(matches!(store.outbox().retry(&id, false).await, Err(StoreError::Settled { .. })));
    assert!(matches!(store.outbox().retry("none", false).await, Err(StoreError::NoSuchRequest { .. })));
}

#[tokio::test]
async fn in_flight_action_is_unknown_after_a_restart_until_retried_by_hand() {
    let dir = private_dir();
    let store = open(&dir);
    let id = store.outbox().enqueue(request("k1", "Thank you")).await.expect("written").entry.id;
    let waiting = store.outbox().enqueue(request("k2", "Hello")).await.expect("written").entry.id;
    assert!(store.outbox().claim(&id).await.expect("asked").is_some());
    drop(store);

    let store = open(&dir);
    let unknown = store.outbox().get(&id).await.expect("read").expect("it is there");
    assert_eq!(unknown.state, RequestState::Unknown);
    assert_eq!(unknown.reason.as_deref(), Some("The server stopped before the answer came."));
    assert_eq!(due(&store, "goodays.reply").await.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&waiting]);
    assert_eq!(store.outbox().retry(&id, false).await.expect("again").state, RequestState::Queued);
    assert_eq!(store.outbox().claim(&id).await.expect("asked").map(|entry| entry.attempts), Some(2));
    let newest_first = store.outbox().newest("goodays.reply", 10).await.expect("read");
    assert_eq!(newest_first.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&waiting, &id]);
}

#[tokio::test]
async fn open_actions_are_listed_in_order_and_found_by_key() {
    let dir = private_dir();
    let store = open(&dir);
    let mut ids = Vec::new();
    for key in ["done", "refused", "unknown", "later", "never", "new"] {
        ids.push(store.outbox().enqueue(request(key, "Thank you")).await.expect("written").entry.id);
    }
    let later = clock().now() + SignedDuration::from_hours(1);
    for (id, outcome) in ids.iter().zip([
        RequestOutcome::accepted(None),
        RequestOutcome::rejected("No."),
        RequestOutcome::unknown("Silence."),
        RequestOutcome::failed("Not now.", Some(later)),
        RequestOutcome::failed("Not before it is repaired.", None),
    ]) {
        store.outbox().claim(id).await.expect("asked").expect("claimed");
        store.outbox().record_outcome(id, outcome).await.expect("settled");
    }
    let open = store.outbox().pending("goodays.reply").await.expect("read");
    assert_eq!(open.iter().map(|entry| &*entry.key).collect::<Vec<_>>(), ["unknown", "later", "new"]);
    assert!(store.outbox().pending("goodays.close").await.expect("read").is_empty());
    let found = store.outbox().by_key("never").await.expect("read").map(|entry| entry.id);
    assert_eq!((found.as_ref(), store.outbox().by_key("none").await.expect("read")), (Some(&ids[4]), None));
}

#[tokio::test]
async fn customer_text_is_not_in_debug_output() {
    let dir = private_dir();
    let store = open(&dir);
    store.inbox().accept(arrival("private")).await.expect("accepted");
    let kept = store.inbox().pending_after(Goodays, 0, 10).await.expect("read");
    let written = store.outbox().enqueue(request("k1", "private")).await.expect("written");
    let outcome = RequestOutcome::accepted(Some(json!("private")));
    let shown = format!("{:?} {kept:?} {written:?} {outcome:?} {store:?}", arrival("private"));
    assert!(!shown.contains("private"), "{shown}");
}

#[tokio::test]
async fn nearly_full_disk_refuses_new_events_only() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let dir = private_dir();
    let free = Arc::new(AtomicU64::new(64 << 20));
    let measured = Arc::clone(&free);
    let measure: disk_space::Measure = Arc::new(move |_| Ok(measured.load(Ordering::Relaxed)));
    let store = Store::open_on(dir.path(), clock(), Settings::default(), measure).expect("a store");
    store.inbox().accept(arrival("1")).await.expect("there is room");

    free.store((64 << 20) - 1, Ordering::Relaxed);
    assert!(matches!(store.inbox().accept(arrival("2")).await, Err(StoreError::Full { .. })));
    let trouble = store.probe_write_error().expect("told").to_string();
    assert!(store.probe_write_error().is_some() && trouble.contains("63 MB free and the store wants 64"), "{trouble}");
    store.feed_state().set("x", Vec::new()).await.expect("what is little is written");
    assert_eq!(store.inbox().pending_after(Goodays, 0, 9).await.expect("read").len(), 1);

    free.store(64 << 20, Ordering::Relaxed);
    assert!(store.probe_write_error().is_none());
    store.inbox().accept(arrival("2")).await.expect("there is room again");
}

#[tokio::test]
async fn disk_is_failed_after_repeated_errors_not_one() {
    let dir = private_dir();
    let store = open(&dir);
    let fail = || store.0.write(|_| Ok(()));
    // Another file is in its place, which cannot be opened as a database.
    let break_it = store.0.write(|connection| Ok(connection.execute_batch("ROLLBACK; PRAGMA query_only = ON")?));
    assert!(break_it.await.is_err());
    fail().await.expect("over a new connection");
    let given_up = tokio::spawn({
        let store = store.clone();
        async move { store.failed_permanently().await }
    });
    let (file, aside) = (dir.path().join("callboard.db"), dir.path().join("aside"));
    let break_it = store.0.write(|connection| Ok(connection.execute_batch("ROLLBACK; PRAGMA query_only = ON")?));
    assert!(break_it.await.is_err());
    std::fs::rename(&file, &aside).expect("moved");
    std::fs::write(&file, "this is no database, and it is long enough to be looked at as one").expect("written");
    for _ in 0..3 {
        assert!(matches!(fail().await, Err(StoreError::Unconfirmed(_))));
    }
    given_up.await.expect("told");
}

#[tokio::test]
async fn requests_of_an_older_file_are_known_by_every_name_of_their_interaction() {
    let dir = private_dir();
    schema::write_old(dir.path(), 11);
    let file = Connection::open(dir.path().join("callboard.db")).expect("the file");
    for (id, kind, body, context) in [
        (
            "both",
            "agentConnect.request",
            r#"{"ext_interaction_id":" case 1 "}"#,
            r#"{"session":82673,"conversation":"5f1"}"#,
        ),
        ("one", "agentConnect.request", r#"{"ext_interaction_id":"82674"}"#, r#"{"session":82674}"#),
        ("blank", "agentConnect.request", r#"{"ext_interaction_id":" "}"#, "{}"),
        ("emptied", "agentConnect.request", "null", "{}"),
        ("other", "goodays.reply", r#"{"ext_interaction_id":"case 2"}"#, r#"{"session":5}"#),
    ] {
        let values = [id, kind, body, context];
        let sql = "INSERT INTO outbox (id, key, kind, body, context, state, created, changed)
                   VALUES (?1, ?1, ?2, ?3, ?4, 'accepted', 0, 0)";
        file.execute(sql, values).expect("a request");
    }
    drop(file);
    let store = open(&dir);
    let names = store.0.read(|connection| {
        let mut all = connection.prepare("SELECT request, interaction FROM survey_interaction ORDER BY 1, 2")?;
        let names = all.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        Ok(names.collect::<Result<Vec<_>, _>>()?)
    });
    let names = names.await.expect("read");
    let names: Vec<(&str, &str)> = names.iter().map(|(request, name)| (&**request, &**name)).collect();
    assert_eq!(names, [("both", "5f1"), ("both", "82673"), ("both", "case 1"), ("one", "82674")]);
    // So no customer is surveyed a second time.
    for name in ["5f1", "case 1", "82674"] {
        let again = NewOutboxEntry { kind: "agentConnect.request".into(), ..request(name, "again") };
        let asked = store
            .outbox()
            .enqueue_survey(vec![name.to_owned()], SurveyTrigger::Automatic, again, InitialState::Queued, None)
            .await;
        assert!(matches!(asked, Err(StoreError::AlreadyRequested(_))), "{name}");
    }
}

/// Rows of each table that schema 15 changed, as schema 14 wrote them.
const SCHEMA_14_ROWS: &str = r#"
    INSERT INTO audit (at, kind, agent, name, what, entity, before, after, ended, outcome)
        VALUES (1, 'user', 5, 'Ann', 'agent.status', 'agent 41', '{}', '{}', 2, 'accepted');
    INSERT INTO display (id, token, board, name, made_by, created, expires, used, bound)
        VALUES ('1a2b3c4d', zeroblob(32), 'sales', 'Hall', 'agent 5', 0, 4000000000000, 7, 1);
    INSERT INTO display_use (display, at, way, address, browser, outcome) VALUES
        ('1a2b3c4d', 1, 'token', '192.0.2.7', 'Firefox', 'already-in'), ('1a2b3c4d', 2, 'code', NULL, 'Chromium',
            'shut-out');
    INSERT INTO memory (kind, thing, what, changed) VALUES ('surveys.unasked', 'session:1',
        '{"why":"notAskedCustomerGone","agent":41,"queue":null}', 1795000000000), ('noted.cameBack', 'r1', '',
            1795000000000);
    INSERT INTO outbox (id, key, kind, body, context, state, attempt, created, changed, due) VALUES
        ('new', 'new', 'goodays.deed', '{"response":"r1","kind":"reply","action":null}',
            '{"who":"Jennifer","email":null,"stand":"s","seen":["m1"]}', 'new', 0, 1, 1, 1),
        ('both', 'both', 'goodays.deed', '{}', '{"who":"Ann","actor":{"kind":"user","agent":5,"name":"Ann"}}',
            'accepted', 1, 1, 1, NULL),
        ('sending', 'sending', 'agentConnect.request', '{}', '{"origin":"byHand","by":"Jennifer"}', 'sending', 1, 1, 1,
            NULL),
        ('held', 'held', 'agentConnect.request', '{}', '{"origin":"session","dryRun":false}', 'failed', 0, 1, 1, NULL),
        ('dry', 'dry', 'agentConnect.request', '{}', '{"origin":"session","dryRun":true}', 'failed', 0, 1, 1, NULL),
        ('later', 'later', 'agentConnect.request', '{}', '{"origin":"session"}', 'failed', 2, 1, 1, 9),
        ('clarity', 'clarity', 'clarity.agent.status', '{"entity":"agent 41","deed":{"status":"away"}}', '{}',
            'accepted', 1, 1, 1, NULL);
    INSERT INTO asked (interaction, request) VALUES ('82673', 'sending');
    UPDATE sqlite_sequence SET seq = 99 WHERE name = 'outbox';
"#;

#[tokio::test]
async fn schema_14_with_rows_opens_and_its_rows_read_back() {
    let dir = private_dir();
    schema::write_old(dir.path(), 14);
    let file = Connection::open(dir.path().join("callboard.db")).expect("the file");
    file.execute_batch(SCHEMA_14_ROWS).expect("rows");
    drop(file);
    let store = open(&dir);

    let entry = store.audit().newest(9).await.expect("entries").remove(0);
    assert_eq!(
        (entry.action.as_str(), entry.target.as_str(), entry.actor.agent),
        ("agent.status", "agent 41", Some(AgentId(5)))
    );
    let display = store.displays().list().await.expect("displays").remove(0);
    assert_eq!((display.created_by.as_str(), display.last_seen.map(|at| at.as_millisecond())), ("agent 5", Some(7)));
    let logins = store.displays().logins().await.expect("logins");
    let logins: Vec<_> = logins["1a2b3c4d"].iter().map(|it| (it.credential, it.outcome)).collect();
    let (code, token) = (DisplayCredential::Code, DisplayCredential::Token);
    assert_eq!(logins, [(code, DisplayLoginOutcome::Revoked), (token, DisplayLoginOutcome::AlreadyPaired)]);
    let skipped = store.feed_state().all("surveys.skipped").await.expect("state");
    let skipped: serde_json::Value = serde_json::from_str(&skipped["session:1"]).expect("JSON");
    assert_eq!(skipped, json!({ "reason": "skippedCustomerNotFound", "agent": 41, "queue": null }));
    assert_eq!(store.feed_state().count(WROTE_AFTER_ERASURE).await.expect("state"), 1);

    let entry = async |id: &str| store.outbox().get(id).await.expect("read").expect("a request");
    for (id, state, attempts) in [
        ("new", RequestState::Queued, 0),
        ("sending", RequestState::Unknown, 1),
        ("held", RequestState::NeedsReview, 0),
        ("dry", RequestState::DryRun, 0),
        ("later", RequestState::Failed, 2),
        ("clarity", RequestState::Accepted, 1),
    ] {
        let found = entry(id).await;
        assert_eq!((found.state, found.attempts), (state, attempts), "{id}");
    }
    let jennifer = json!({ "kind": "unknown", "name": "Jennifer" });
    let context = json!({ "actor": jennifer, "email": null, "revision": "s", "seen": ["m1"] });
    assert_eq!((entry("new").await.kind.as_str(), entry("new").await.context), ("goodays.action", context));
    assert_eq!(entry("both").await.context, json!({ "actor": { "kind": "user", "agent": 5, "name": "Ann" } }));
    assert_eq!(entry("sending").await.context, json!({ "origin": "manual", "actor": jennifer }));
    assert_eq!(entry("dry").await.context, json!({ "origin": "session" }));
    assert_eq!(entry("clarity").await.body, json!({ "target": "agent 41", "action": { "status": "away" } }));
    let actor: Actor = serde_json::from_value(jennifer).expect("an actor");
    assert_eq!(actor, Actor::unknown(None).calling_themselves(Some("Jennifer")));

    // The earlier request still prevents another one about its interaction, and a number is never given twice.
    let again = || NewOutboxEntry { kind: "agentConnect.request".into(), ..request("again", "again") };
    let prevented =
        store.outbox().enqueue_survey(vec!["82673".into()], SurveyTrigger::Manual, again(), InitialState::Queued, None);
    assert!(matches!(prevented.await, Err(StoreError::AlreadyRequested(_))));
    store.outbox().enqueue(again()).await.expect("written");
    let newest = store
        .0
        .read(|connection| Ok(connection.query_row("SELECT max(seq) FROM outbox", [], |row| row.get::<_, i64>(0))?));
    assert_eq!(newest.await.expect("read"), 100);
}
