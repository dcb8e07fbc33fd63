//! The session history, so that a response finds its call days later and after a restart (apis.md J60).

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Shared, StoreError, database};
use crate::domain::{AgentId, CustomerIdentity, QueueId, SessionId, SessionRecord};

/// The session history.
#[derive(Clone, Copy)]
pub struct Sessions<'a>(pub(super) &'a Shared);

impl Sessions<'_> {
    /// Stores the present state of sessions, without customers who were erased.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails. Nothing is remembered then.
    pub async fn record(self, traces: Vec<SessionRecord>) -> Result<(), StoreError> {
        let _erasure_paused = self.0.erasing.lock().await;
        let (marks, now) = (self.0.suppression.clone(), self.0.clock.now());
        self.0
            .write(move |connection| {
                let mut statement = connection.prepare_cached(
                    "INSERT INTO session (session, began, ended, queue, agent, conversation, person)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (session) DO UPDATE SET began = excluded.began, ended = excluded.ended,
                 queue = excluded.queue, agent = excluded.agent, conversation = excluded.conversation,
                 person = excluded.person",
                )?;
                for mut trace in traces {
                    let began = trace.began.unwrap_or(now);
                    if marks.is_erased(connection, &trace.person, None, Some(began))? {
                        (trace.person, trace.conversation) = (CustomerIdentity::default(), None);
                    }
                    let person =
                        (!trace.person.is_unknown()).then(|| serde_json::to_string(&trace.person)).transpose()?;
                    statement.execute(params![
                        trace.id.0,
                        began.as_millisecond(),
                        trace.ended.map(Timestamp::as_millisecond),
                        trace.queue.map(|queue| queue.0),
                        trace.agent.map(|agent| agent.0),
                        trace.conversation,
                        person,
                    ])?;
                }
                Ok(())
            })
            .await
    }

    /// What is remembered of sessions whose number is higher than this, in that order. Begin with the lowest there is.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn after(self, last: SessionId, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT session, began, ended, queue, agent, conversation, person FROM session
                 WHERE session > ?1 ORDER BY session LIMIT ?2",
                )?;
                let rows = statement.query_and_then(params![last.0, limit], read)?;
                rows.collect()
            })
            .await
    }
}

impl Sessions<'_> {
    /// What is remembered of one session.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn get(self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT session, began, ended, queue, agent, conversation, person FROM session WHERE session = ?1",
                )?;
                statement.query_row([id.0], |row| Ok(read(row))).optional()?.transpose()
            })
            .await
    }
}

fn read(row: &Row<'_>) -> Result<SessionRecord, StoreError> {
    let person: Option<String> = row.get(6)?;
    Ok(SessionRecord {
        id: SessionId(row.get(0)?),
        began: Some(database::instant(row.get(1)?)?),
        ended: row.get::<_, Option<i64>>(2)?.map(database::instant).transpose()?,
        queue: row.get::<_, Option<i64>>(3)?.map(QueueId),
        agent: row.get::<_, Option<i64>>(4)?.map(AgentId),
        conversation: row.get::<_, Option<String>>(5)?.map(Into::into),
        person: person.map(|person| serde_json::from_str(&person)).transpose()?.unwrap_or_default(),
    })
}

/// Removes the oldest sessions before an instant, up to a limit.
pub(super) fn remove_before(connection: &Connection, before: i64, limit: u32) -> Result<Vec<SessionId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM session WHERE session IN (SELECT session FROM session WHERE began < ?1 LIMIT ?2) RETURNING \
            session",
    )?;
    let removed = statement.query_map(params![before, limit], |row| Ok(SessionId(row.get(0)?)))?;
    Ok(removed.collect::<Result<_, _>>()?)
}

/// The sessions of a customer.
pub(super) fn of(connection: &Connection, person: &CustomerIdentity) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare("SELECT session, person FROM session WHERE person IS NOT NULL")?;
    let mut rows = statement.query([])?;
    let mut theirs = Vec::new();
    while let Some(row) = rows.next()? {
        let known: CustomerIdentity = serde_json::from_str(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
        if known.shared_identity(person).is_some() {
            theirs.push(row.get(0)?);
        }
    }
    Ok(theirs)
}

/// Removes the customer from a session. Returns whether there was one.
pub(super) fn empty(connection: &Connection, session: i64) -> Result<bool, StoreError> {
    let emptied = connection
        .prepare_cached("UPDATE session SET person = NULL, conversation = NULL WHERE session = ?1")?
        .execute([session])?;
    Ok(emptied > 0)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::Actor;
    use crate::store::Store;
    use crate::store::tests::{clock, private_dir};

    const CANARY: &str = "canary.bird@example.com";

    fn trace(id: i64, began: Timestamp, email: &str) -> SessionRecord {
        SessionRecord {
            queue: Some(QueueId(11)),
            agent: Some(AgentId(41)),
            began: Some(began),
            ended: began.checked_add(SignedDuration::from_mins(5)).ok(),
            person: CustomerIdentity::new(Some(email), Some("+13128633465")).and(CustomerIdentity::numbered("C-9")),
            conversation: Some("5f2a5f2a5f2a5f2a5f2a5f2a".into()),
            ..SessionRecord::new(SessionId(id))
        }
    }

    async fn all(store: &Store) -> Vec<SessionRecord> {
        store.sessions().after(SessionId(i64::MIN), 9).await.expect("read")
    }

    #[tokio::test]
    async fn ended_session_survives_a_restart_with_its_latest_state() {
        let (dir, clock) = (private_dir(), clock());
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let bare = SessionRecord { began: Some(clock.now()), ..SessionRecord::new(SessionId(7)) };
        let whole = trace(-8, clock.now(), CANARY);
        store.sessions().record(vec![trace(-8, clock.now(), "rob@example.com"), bare.clone()]).await.expect("kept");
        store.sessions().record(vec![whole.clone()]).await.expect("kept");
        drop(store);
        let store = Store::open(dir.path(), clock).expect("a store");
        assert_eq!(all(&store).await, [whole, bare.clone()]);
        assert_eq!(store.sessions().after(SessionId(-8), 9).await.expect("read"), [bare]);
    }

    #[tokio::test]
    async fn ended_session_is_deleted_after_ninety_days() {
        let (dir, clock) = (private_dir(), clock());
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let day = SignedDuration::from_hours(24);
        store
            .sessions()
            .record(vec![trace(1, clock.now(), CANARY), trace(2, clock.now() + day, CANARY)])
            .await
            .expect("kept");
        clock.advance(day * 90);
        assert!(store.privacy().remove_expired().await.expect("looked").sessions.is_empty());
        clock.advance(SignedDuration::from_mins(1));
        assert_eq!(store.privacy().remove_expired().await.expect("removed").sessions, [SessionId(1)]);
        assert_eq!(all(&store).await.len(), 1);
    }

    #[tokio::test]
    async fn erased_session_keeps_time_and_agent_only() {
        let (dir, clock) = (private_dir(), clock());
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let other =
            SessionRecord { person: CustomerIdentity::new(Some("rob@example.com"), None), ..trace(2, clock.now(), "") };
        let theirs = trace(1, clock.now(), CANARY);
        store.sessions().record(vec![theirs.clone(), other.clone()]).await.expect("kept");
        let erased = store
            .privacy()
            .erase(CustomerIdentity::new(Some("CANARY.bird@example.com"), None), Actor::command("a test"))
            .await
            .expect("done");
        assert_eq!(erased.report.sessions, 1);
        drop(erased);
        let anonymous = SessionRecord { person: CustomerIdentity::default(), conversation: None, ..theirs.clone() };
        assert_eq!(all(&store).await, [anonymous.clone(), other.clone()]);
        // What was on its way to the disk, with the address.
        store.sessions().record(vec![theirs]).await.expect("kept");
        assert_eq!(all(&store).await, [anonymous, other.clone()]);
        let bytes = std::fs::read(dir.path().join("callboard.db")).expect("a file");
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
        clock.advance(SignedDuration::from_mins(1));
        let back = trace(3, clock.now(), CANARY);
        store.sessions().record(vec![back.clone()]).await.expect("kept");
        assert_eq!(all(&store).await[2], back, "they have called again");
    }

    #[tokio::test]
    async fn older_schema_gets_the_index() {
        let dir = private_dir();
        crate::store::schema::write_old(dir.path(), 4);
        let store = Store::open(dir.path(), clock()).expect("a store");
        store.sessions().record(vec![trace(1, clock().now(), CANARY)]).await.expect("kept");
        assert_eq!(all(&store).await.len(), 1);
    }
}
