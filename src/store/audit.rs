//! The audit: who changed what, when, before, after, and how the upstream answered.
//!
//! An entry is written before the action and completed once after it; triggers in the database refuse other changes. An
//! action whose entry cannot be written is not done. Only retention and erasure pass these triggers, and write an entry
//! about it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde_json::Value;

use super::{Shared, StoreError, database};
use crate::domain::{Actor, ActorKind, AgentId};

/// The outcomes of an action. One in progress has none: see [`AUDIT_OPEN`].
pub const AUDIT_OUTCOMES: [&str; 5] = ["accepted", "rejected", "refused", "failed", "unknown"];

/// The outcome of an action in progress, in filters.
pub const AUDIT_OPEN: &str = "open";

const COLUMNS: &str =
    "seq, at, kind, agent, name, address, sign_in, action, target, before, after, ended, outcome, reason";

/// An entry to be written before its action.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// Who acts.
    pub actor: Actor,
    /// The action, such as `agent.status`.
    pub action: &'static str,
    /// The target, such as `agent 41`.
    pub target: String,
    /// The state before, as far as it may be stored.
    pub before: Value,
    /// The state after, as far as it may be stored.
    pub after: Value,
}

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// The entry's number; numbers rise.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Who acted.
    pub actor: Actor,
    /// The action.
    pub action: String,
    /// The target.
    pub target: String,
    /// The state before.
    pub before: Value,
    /// The state after.
    pub after: Value,
    /// Outcome and end. `None`: it is in progress.
    pub ended: Option<AuditCompletion>,
}

/// The outcome of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditCompletion {
    /// When.
    pub at: Timestamp,
    /// One of [`AUDIT_OUTCOMES`]: `rejected` by the upstream system, `refused` by this server.
    pub outcome: String,
    /// The reason, if there was one.
    pub reason: Option<String>,
}

/// A filter. All conditions must hold; without any, all entries match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Who acted.
    pub user: Option<AuditUser>,
    /// The action, or its first part: `feedback` is all actions on feedback.
    pub action: Option<String>,
    /// The target, or its first words: `agent` is all actions on agents.
    pub target: Option<String>,
    /// One of [`AUDIT_OUTCOMES`], or [`AUDIT_OPEN`].
    pub outcome: Option<&'static str>,
    /// The address that the request came from.
    pub address: Option<IpAddr>,
    /// Entries of this instant and later.
    pub from: Option<Timestamp>,
    /// Entries before this instant.
    pub to: Option<Timestamp>,
}

/// The actor in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditUser {
    /// By their agent number.
    Agent(AgentId),
    /// By a part of their name, in any case of letters.
    Named(String),
}

/// The audit.
#[derive(Clone, Copy)]
pub struct Audit<'a>(pub(super) &'a Shared);

impl Audit<'_> {
    /// Writes an entry before its action. Returns the entry's number, with which it is completed.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk fails: then the action must not be done.
    pub async fn begin(self, entry: NewAuditEntry) -> Result<i64, StoreError> {
        let now = self.0.clock.now();
        self.0.write(move |connection| insert(connection, &entry, None, now)).await
    }

    /// Writes an entry of an action that needed no upstream system.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn record(
        self,
        actor: &Actor,
        action: &'static str,
        target: &str,
        after: Value,
    ) -> Result<(), StoreError> {
        let (now, actor, target) = (self.0.clock.now(), actor.clone(), target.to_owned());
        self.0.write(move |connection| note(connection, &actor, action, &target, &after, now)).await
    }

    /// Writes an entry of a refused request, with the reason.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn record_refused(self, entry: NewAuditEntry, reason: String) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        self.0
            .write(move |connection| insert(connection, &entry, Some(("refused", Some(&reason))), now).map(drop))
            .await
    }

    /// Completes an entry.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it is complete already; otherwise if the store is busy or closed, or the disk
    /// fails.
    pub async fn complete(self, seq: i64, outcome: &'static str, reason: Option<String>) -> Result<(), StoreError> {
        let now = self.0.clock.now().as_millisecond();
        self.0
            .write(move |connection| {
                connection
                    .prepare_cached("UPDATE audit SET ended = ?2, outcome = ?3, reason = ?4 WHERE seq = ?1")?
                    .execute(params![seq, now, outcome, reason])?;
                Ok(())
            })
            .await
    }

    /// The newest entries.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn newest(self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.find(AuditFilter::default(), None, limit).await
    }

    /// The entries that match a filter, newest first; `before`: only those older than this one.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn find(
        self,
        filter: AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.0
            .read(move |connection| {
                let Some((question, values)) = filter.question(connection, before, limit)? else {
                    return Ok(Vec::new());
                };
                let mut statement = connection.prepare_cached(&question)?;
                let rows = statement.query_and_then(params_from_iter(values), AuditEntry::read)?;
                rows.collect()
            })
            .await
    }
}

impl AuditFilter {
    /// The query, which uses an index for each filter, and its parameters. `None`: no actor has that name.
    ///
    /// Entries are in the order of their time, and not only of their number: each index ends with it, so that a filter
    /// for one value reads no entry outside of a span of time. An action or a target of which a part is given is a span
    /// of the index itself, whose entries are put in order afterwards.
    fn question(
        &self,
        connection: &Connection,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Option<(String, Vec<Sql>)>, StoreError> {
        let (mut conditions, mut values) = (Vec::new(), Vec::<Sql>::new());
        let mut value = |value: Sql| {
            values.push(value);
            values.len()
        };
        if let Some(before) = before
            && let Some(at) = at_of(connection, before)?
        {
            let (at, seq) = (value(at.into()), value(before.into()));
            conditions.push(format!("(at, seq) < (?{at}, ?{seq})"));
        }
        match &self.user {
            Some(AuditUser::Agent(agent)) => conditions.push(format!("agent = ?{}", value(agent.0.into()))),
            Some(AuditUser::Named(part)) => {
                let names = names_with(connection, part)?;
                if names.is_empty() {
                    return Ok(None);
                }
                let names = serde_json::to_string(&names)?;
                conditions.push(format!("name IN (SELECT value FROM json_each(?{}))", value(names.into())));
            }
            None => {}
        }
        // The names below a part are between the separator and the character after it.
        for (column, wanted, first, last) in [("action", &self.action, '.', '/'), ("target", &self.target, ' ', '!')] {
            if let Some(wanted) = wanted {
                let exact = value(wanted.clone().into());
                let (from, to) = (value(format!("{wanted}{first}").into()), value(format!("{wanted}{last}").into()));
                conditions.push(format!("({column} = ?{exact} OR ({column} >= ?{from} AND {column} < ?{to}))"));
            }
        }
        match self.outcome {
            Some(AUDIT_OPEN) => conditions.push("outcome IS NULL".to_owned()),
            Some(outcome) => conditions.push(format!("outcome = ?{}", value(outcome.to_owned().into()))),
            None => {}
        }
        if let Some(address) = self.address {
            conditions.push(format!("address = ?{}", value(address.to_string().into())));
        }
        if let Some(from) = self.from {
            conditions.push(format!("at >= ?{}", value(from.as_millisecond().into())));
        }
        if let Some(to) = self.to {
            conditions.push(format!("at < ?{}", value(to.as_millisecond().into())));
        }
        let conditions = if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") };
        let limit = value(i64::from(limit).into());
        let question =
            format!("SELECT {COLUMNS} FROM audit WHERE {conditions} ORDER BY at DESC, seq DESC LIMIT ?{limit}");
        Ok(Some((question, values)))
    }
}

/// When an entry was written, or the one after it where it is gone. `None`: there is none as young as that.
fn at_of(connection: &Connection, seq: i64) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT at FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT 1")?;
    Ok(statement.query_row([seq], |row| row.get(0)).optional()?)
}

/// The names in the audit that hold a text. Each name costs one look into the index, however many entries it has;
/// letters are compared here, because SQLite folds those of ASCII alone.
fn names_with(connection: &Connection, part: &str) -> Result<Vec<String>, StoreError> {
    let part = part.to_lowercase();
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE known (name) AS (
             SELECT min(name) FROM audit WHERE name IS NOT NULL
             UNION ALL
             SELECT (SELECT min(name) FROM audit WHERE name > known.name) FROM known WHERE known.name IS NOT NULL
         ) SELECT name FROM known WHERE name IS NOT NULL",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if name.to_lowercase().contains(&part) {
            found.push(name);
        }
    }
    Ok(found)
}

impl AuditEntry {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let json = |column| -> Result<Value, StoreError> { Ok(serde_json::from_str(&row.get::<_, String>(column)?)?) };
        let (ended, outcome): (Option<i64>, Option<String>) = (row.get(11)?, row.get(12)?);
        let ended = match (ended, outcome) {
            (Some(at), Some(outcome)) => {
                Some(AuditCompletion { at: database::instant(at)?, outcome, reason: row.get(13)? })
            }
            _ => None,
        };
        let actor = Actor {
            kind: ActorKind::named(&row.get::<_, String>(2)?).unwrap_or(ActorKind::Unknown),
            agent: row.get::<_, Option<i64>>(3)?.map(AgentId),
            name: row.get(4)?,
            address: row.get::<_, Option<String>>(5)?.and_then(|address| address.parse().ok()),
            sign_in: row.get(6)?,
        };
        Ok(Self {
            seq: row.get(0)?,
            at: database::instant(row.get(1)?)?,
            actor,
            action: row.get(7)?,
            target: row.get(8)?,
            before: json(9)?,
            after: json(10)?,
            ended,
        })
    }
}

/// At startup: the outcome of actions in progress is unknown.
pub(super) fn mark_interrupted(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE audit SET ended = ?1, outcome = 'unknown', reason = 'The server stopped before the answer came.'
         WHERE ended IS NULL",
        [now.as_millisecond()],
    )?;
    Ok(())
}

/// Writes an entry of an action in this transaction, without a state before.
pub(super) fn note(
    connection: &Connection,
    actor: &Actor,
    action: &'static str,
    target: &str,
    after: &Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = Value::Object(serde_json::Map::new());
    done(
        connection,
        &NewAuditEntry { actor: actor.clone(), action, target: target.into(), before, after: after.clone() },
        now,
    )
}

/// Writes a complete entry of an action in this transaction.
pub(super) fn done(connection: &Connection, entry: &NewAuditEntry, now: Timestamp) -> Result<(), StoreError> {
    insert(connection, entry, Some(("accepted", None)), now).map(drop)
}

/// Writes an entry, with the outcome if it is known. Returns its number.
fn insert(
    connection: &Connection,
    entry: &NewAuditEntry,
    outcome: Option<(&'static str, Option<&str>)>,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let NewAuditEntry { actor, action, target, before, after } = entry;
    let (ended, reason) = (outcome.map(|_| now.as_millisecond()), outcome.and_then(|(_, reason)| reason));
    connection
        .prepare_cached(
            "INSERT INTO audit (at, kind, agent, name, address, sign_in, action, target, before, after, ended, \
                outcome, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            now.as_millisecond(),
            actor.kind.as_str(),
            actor.agent.map(|agent| agent.0),
            actor.name,
            actor.address.map(|address| address.to_string()),
            actor.sign_in,
            action,
            target,
            before.to_string(),
            after.to_string(),
            ended,
            outcome.map(|(outcome, _)| outcome),
            reason
        ])?;
    Ok(connection.last_insert_rowid())
}

/// Removes the oldest entries before an instant, up to a limit. Returns how many.
pub(super) fn remove_before(connection: &Connection, before: i64, limit: u32) -> Result<usize, StoreError> {
    let over = "SELECT seq FROM audit WHERE at < ?1 AND ended IS NOT NULL LIMIT ?2";
    if !connection.prepare_cached(over)?.exists(params![before, limit])? {
        return Ok(0);
    }
    without(connection, "audit_is_kept", || {
        Ok(connection.execute(&format!("DELETE FROM audit WHERE seq IN ({over})"), params![before, limit])?)
    })
}

/// Removes from these entries everything but actor, action and time. Returns how many.
pub(super) fn empty(connection: &Connection, lines: &BTreeSet<i64>) -> Result<usize, StoreError> {
    if lines.is_empty() {
        return Ok(0);
    }
    without(connection, "audit_is_completed_once", || {
        let mut emptied = 0;
        for seq in lines {
            emptied += connection
                .prepare_cached(
                    "UPDATE audit SET target = 'a customer who was erased', before = '{}', after = '{}', reason = NULL
                     WHERE seq = ?1",
                )?
                .execute([seq])?;
        }
        Ok(emptied)
    })
}

/// Drops the audit's triggers inside one transaction, which restores them at its end.
fn without<T>(
    connection: &Connection,
    guard: &'static str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let again: String =
        connection.query_row("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1", [guard], |row| {
            row.get(0)
        })?;
    connection.execute_batch(&format!("DROP TRIGGER {guard}"))?;
    let done = work()?;
    connection.execute_batch(&again)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::store::Store;
    use crate::store::tests::private_dir;
    use base::Clock;

    fn entry(target: &str) -> NewAuditEntry {
        NewAuditEntry {
            actor: Actor::user(AgentId(5), "Ann", "a1b2c3"),
            action: "agent.status",
            target: target.into(),
            before: json!({"status": "available"}),
            after: json!({"status": "atLunch"}),
        }
    }

    #[tokio::test]
    async fn entry_is_written_before_the_action_and_completed_once() {
        let dir = private_dir();
        let clock = Clock::manual(Timestamp::from_second(1_795_000_000).expect("an instant"));
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let first = store.audit().begin(entry("agent 41")).await.expect("written");
        assert_eq!(store.audit().newest(9).await.expect("lines")[0].ended, None);
        clock.advance(SignedDuration::from_secs(2));
        store.audit().complete(first, "rejected", Some("No.".into())).await.expect("completed");
        assert!(store.audit().complete(first, "accepted", None).await.is_err(), "only once");
        store.audit().begin(entry("agent 42")).await.expect("written");
        let lines = store.audit().newest(9).await.expect("lines");
        assert_eq!(lines.iter().map(|line| line.target.as_str()).collect::<Vec<_>>(), ["agent 42", "agent 41"]);
        assert_eq!(store.audit().newest(1).await.expect("lines").len(), 1);
        let ended = lines[1].ended.clone().expect("an end");
        assert_eq!((ended.outcome.as_str(), ended.reason.as_deref()), ("rejected", Some("No.")));
        assert_eq!(ended.at.duration_since(lines[1].at).as_secs(), 2);
        assert_eq!((&lines[1].before, &lines[1].after), (&entry("").before, &entry("").after));
    }

    #[tokio::test]
    async fn audit_entries_cannot_be_changed_by_sql() {
        let dir = private_dir();
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let seq = store.audit().begin(entry("agent 41")).await.expect("written");
        for tampering in [
            "DELETE FROM audit",
            "UPDATE audit SET name = 'Bob'",
            "UPDATE audit SET kind = 'system', agent = NULL",
            "UPDATE audit SET address = NULL, sign_in = 'x'",
            "UPDATE audit SET ended = 1, outcome = 'accepted', after = '{}'",
        ] {
            let refused = store.0.write(|connection| Ok(connection.execute_batch(tampering)?)).await;
            assert!(refused.is_err(), "{tampering}");
        }
        store.audit().complete(seq, "accepted", None).await.expect("completed all the same");
    }

    #[tokio::test]
    async fn entries_of_an_older_schema_are_kept_and_taken_apart() {
        let dir = private_dir();
        crate::store::schema::write_old(dir.path(), 12);
        let old = [
            ("somebody", "sign-in.refused", "unknown", None, None, "unknown caller"),
            (
                "agent 5 (Ann (Sales) \u{e9})",
                "sign-in",
                "user",
                Some(5),
                Some("Ann (Sales) \u{e9}"),
                "agent 5 (Ann (Sales) \u{e9})",
            ),
            ("agent 41", "agent.status", "user", Some(41), None, "agent 41"),
            ("agent 5x", "feedback.pin", "user", None, Some("agent 5x"), "agent 5x"),
            ("Jennifer", "feedback.pin", "user", None, Some("Jennifer"), "Jennifer"),
            ("display 1a2b3c4d", "display.connect", "display", None, Some("1a2b3c4d"), "display 1a2b3c4d"),
            ("callboard", "privacy.retention", "system", None, None, "Callboard"),
            ("callboard erase", "privacy.erase", "program", None, Some("callboard erase"), "callboard erase"),
        ];
        {
            let file = Connection::open(dir.path().join(database::FILE)).expect("a file");
            for (number, (who, what, ..)) in old.iter().enumerate() {
                file.execute(
                    "INSERT INTO audit (at, who, what, entity, before, after, ended, outcome)
                     VALUES (?1, ?2, ?3, 'x', '{}', '{\"address\":\"192.0.2.7\"}', ?1, 'accepted')",
                    params![number as i64, who, what],
                )
                .expect("written");
            }
            // The youngest number was given, and its entry is gone.
            file.execute_batch("UPDATE sqlite_sequence SET seq = 99 WHERE name = 'audit'").expect("written");
        }
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let mut lines = store.audit().newest(99).await.expect("lines");
        lines.reverse();
        assert_eq!(lines.len(), old.len());
        for (line, (_, what, kind, agent, name, text)) in lines.iter().zip(old) {
            let actor = &line.actor;
            assert_eq!((actor.kind.as_str(), actor.agent.map(|it| it.0), actor.name.as_deref()), (kind, agent, name));
            assert_eq!((actor.to_string().as_str(), line.action.as_str()), (text, what));
            assert_eq!(actor.address.is_some(), what.starts_with("sign-in"), "{what}");
            assert!(line.ended.is_some());
        }
        assert_eq!(store.audit().begin(entry("agent 41")).await.expect("written"), 100, "no number is given twice");
        let tampering = store.0.write(|connection| Ok(connection.execute_batch("DELETE FROM audit")?)).await;
        assert!(tampering.is_err(), "and the audit is guarded");
    }

    #[tokio::test]
    async fn audit_filters_use_an_index_and_page() {
        let dir = private_dir();
        let start = Timestamp::from_second(1_795_000_000).expect("an instant");
        let clock = Clock::manual(start);
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let address = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
        let ann = || Actor::user(AgentId(5), "Ann \u{c9}mile", "s1").at(address("192.0.2.7"));
        let bob = || Actor::user(AgentId(6), "Bob 100%_", "s2").at(address("2001:db8::1"));
        let anonymous = || Actor::unknown(address("192.0.2.7"));
        let written = [
            (ann(), "agent.status", "agent 4", Some("accepted")),
            (bob(), "agent.status", "agent 41", Some("rejected")),
            (bob(), "agent", "agent", None),
            (anonymous(), "agents", "agents 4", Some("refused")),
            (Actor::system(), "sign-in.end", "sign-in s1 of agent 5", Some("accepted")),
        ];
        for (actor, what, entity, outcome) in written {
            let entry = NewAuditEntry { actor, action: what, ..entry(entity) };
            match outcome {
                Some("refused") => store.audit().record_refused(entry, "No.".into()).await.expect("written"),
                outcome => {
                    let seq = store.audit().begin(entry).await.expect("written");
                    if let Some(outcome) = outcome {
                        store.audit().complete(seq, outcome, None).await.expect("completed");
                    }
                }
            }
            clock.advance(SignedDuration::from_secs(60));
        }
        let all = AuditFilter::default;
        let named = |name: &str| AuditFilter { user: Some(AuditUser::Named(name.into())), ..all() };
        let after = |minutes: i64| Some(start + SignedDuration::from_secs(60 * minutes));
        for (filter, expected) in [
            (all(), &[5, 4, 3, 2, 1][..]),
            (AuditFilter { user: Some(AuditUser::Agent(AgentId(6))), ..all() }, &[3, 2]),
            (named("\u{e9}MILE"), &[1]),
            (named("0%_"), &[3, 2]),
            (named("nn\u{0}"), &[]),
            (AuditFilter { action: Some("agent.status".into()), ..all() }, &[2, 1]),
            (AuditFilter { action: Some("agent".into()), ..all() }, &[3, 2, 1]),
            (AuditFilter { target: Some("agent 4".into()), ..all() }, &[1]),
            (AuditFilter { target: Some("agent".into()), ..all() }, &[3, 2, 1]),
            (AuditFilter { target: Some("sign-in s1".into()), ..all() }, &[5]),
            (AuditFilter { outcome: Some("refused"), ..all() }, &[4]),
            (AuditFilter { outcome: Some(AUDIT_OPEN), ..all() }, &[3]),
            (AuditFilter { address: address("192.0.2.7"), ..all() }, &[4, 1]),
            (AuditFilter { from: after(1), to: after(3), ..all() }, &[3, 2]),
            (AuditFilter { address: address("192.0.2.7"), from: after(1), outcome: Some("refused"), ..all() }, &[4]),
        ] {
            let found = async |before, limit| {
                let lines = store.audit().find(filter.clone(), before, limit).await.expect("lines");
                lines.iter().map(|line| line.seq).collect::<Vec<_>>()
            };
            assert_eq!(found(None, 9).await, expected, "{filter:?}");
            let (mut paged, mut before) = (Vec::new(), None);
            while let [last] = found(before, 1).await[..] {
                paged.push(last);
                before = Some(last);
            }
            assert_eq!(paged, expected, "page by page: {filter:?}");
            let asked = filter.clone();
            let plan = store.0.read(move |connection| {
                let Some((question, values)) = asked.question(connection, Some(9), 9)? else { return Ok(Vec::new()) };
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {question}"))?;
                let steps = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3))?;
                Ok(steps.collect::<Result<Vec<_>, _>>()?)
            });
            for step in plan.await.expect("a plan") {
                assert!(!step.starts_with("SCAN audit") || step.contains("INDEX audit_by_time"), "{filter:?}: {step}");
            }
        }
    }

    #[tokio::test]
    async fn entries_are_in_the_order_of_their_time_also_where_the_clock_was_set_back() {
        let dir = private_dir();
        let clock = Clock::manual(Timestamp::from_second(1_795_000_000).expect("an instant"));
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        for seconds in [0, 100, -150, 10] {
            clock.advance(SignedDuration::from_secs(seconds));
            store.audit().begin(entry("agent 41")).await.expect("written");
        }
        let (mut paged, mut before) = (Vec::new(), None);
        loop {
            let lines = store.audit().find(AuditFilter::default(), before, 1).await.expect("lines");
            let Some(line) = lines.first() else { break };
            paged.push(line.seq);
            before = Some(line.seq);
        }
        assert_eq!(paged, [2, 1, 4, 3]);
    }

    #[tokio::test]
    async fn first_schema_is_migrated_to_have_an_audit() {
        let dir = private_dir();
        crate::store::schema::write_old(dir.path(), 1);
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        store.audit().begin(entry("agent 41")).await.expect("written");
    }

    #[tokio::test]
    async fn action_in_progress_at_a_stop_is_unknown() {
        let dir = private_dir();
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        store.audit().begin(entry("agent 41")).await.expect("written");
        store.close().await;
        drop(store);
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let ended = store.audit().newest(9).await.expect("lines")[0].ended.clone().expect("an end");
        assert_eq!(ended.outcome, "unknown");
    }
}
