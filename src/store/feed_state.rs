//! State of the feeds over restarts, by kind and by the source's own id. It has no personal data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Shared, StoreError};

/// State of the feeds.
#[derive(Clone, Copy)]
pub struct FeedState<'a>(pub(super) &'a Shared);

impl FeedState<'_> {
    /// Remembers this of a thing from now on; `None` forgets it. All of them or none.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn set(self, kind: &'static str, things: Vec<(String, Option<String>)>) -> Result<(), StoreError> {
        let now = self.0.clock.now().as_millisecond();
        self.0
            .write(move |connection| {
                let mut keep = connection.prepare_cached(
                    "INSERT INTO feed_state (kind, key, value, changed) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, changed = excluded.changed",
                )?;
                let mut forget = connection.prepare_cached("DELETE FROM feed_state WHERE kind = ?1 AND key = ?2")?;
                for (thing, what) in things {
                    match what {
                        Some(what) => keep.execute(params![kind, thing, what, now])?,
                        None => forget.execute(params![kind, thing])?,
                    };
                }
                Ok(())
            })
            .await
    }

    /// What is remembered of one thing.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn get(self, kind: &'static str, thing: &str) -> Result<Option<String>, StoreError> {
        let thing = thing.to_owned();
        self.0
            .read(move |connection| {
                let mut statement =
                    connection.prepare_cached("SELECT value FROM feed_state WHERE kind = ?1 AND key = ?2")?;
                Ok(statement.query_row([kind, &thing], |row| row.get(0)).optional()?)
            })
            .await
    }

    /// What is remembered of all things of a kind.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn all(self, kind: &'static str) -> Result<BTreeMap<String, String>, StoreError> {
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached("SELECT key, value FROM feed_state WHERE kind = ?1")?;
                let rows = statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedStateEntry {
    /// What it is of.
    pub kind: String,
    /// The source's own identity for the thing.
    pub key: String,
    /// What is remembered of it.
    pub value: String,
    /// When that last changed.
    pub changed: Timestamp,
}

impl FeedState<'_> {
    /// Notes something that was left out on purpose, once: whether it was new. It is forgotten with webhooks.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn insert_once(self, kind: &'static str, thing: &str, what: &str) -> Result<bool, StoreError> {
        let (now, thing, what) = (self.0.clock.now(), thing.to_owned(), what.to_owned());
        self.0.write(move |connection| insert_once(connection, kind, &thing, &what, now)).await
    }

    /// How many things of a kind are remembered.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn count(self, kind: &'static str) -> Result<u64, StoreError> {
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached("SELECT count(*) FROM feed_state WHERE kind = ?1")?;
                Ok(statement.query_row([kind], |row| row.get::<_, i64>(0))?.unsigned_abs())
            })
            .await
    }

    /// What is remembered of the newest things of a kind.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn newest(self, kind: &'static str, limit: u32) -> Result<Vec<FeedStateEntry>, StoreError> {
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                "SELECT kind, key, value, changed FROM feed_state WHERE kind = ?1 ORDER BY changed DESC, key LIMIT ?2",
            )?;
                let rows = statement.query_and_then(params![kind, limit], |row| {
                    Ok(FeedStateEntry {
                        kind: row.get(0)?,
                        key: row.get(1)?,
                        value: row.get(2)?,
                        changed: super::database::instant(row.get(3)?)?,
                    })
                })?;
                rows.collect()
            })
            .await
    }
}

/// Writes an entry, unless it is stored already. Returns whether it was new.
pub(super) fn insert_once(
    connection: &Connection,
    kind: &str,
    thing: &str,
    what: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let known: Option<String> = connection
        .prepare_cached("SELECT value FROM feed_state WHERE kind = ?1 AND key = ?2")?
        .query_row([kind, thing], |row| row.get(0))
        .optional()?;
    if known.as_deref() != Some(what) {
        connection
            .prepare_cached(
                "INSERT INTO feed_state (kind, key, value, changed) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, changed = excluded.changed",
            )?
            .execute(params![kind, thing, what, now.as_millisecond()])?;
    }
    Ok(known.is_none())
}

/// Removes the entries with this key, of all kinds.
pub(super) fn forget_thing(connection: &Connection, thing: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM feed_state WHERE key = ?1")?.execute([thing])?;
    Ok(())
}

/// Removes the entries that have not changed since then.
pub(super) fn forget_before(connection: &Connection, then: i64, portion: u32) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM feed_state WHERE (kind, key) IN (SELECT kind, key FROM feed_state WHERE changed < ?1 LIMIT \
                ?2)",
        )?
        .execute(params![then, portion])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::store::Store;
    use crate::store::tests::{clock, private_dir};

    #[tokio::test]
    async fn feed_state_survives_a_restart_until_it_expires() {
        let (dir, clock) = (private_dir(), clock());
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let thing = |id: &str, what: Option<&str>| (id.to_owned(), what.map(str::to_owned));
        store.feed_state().set("a", vec![thing("1", Some("x")), thing("2", Some("y"))]).await.expect("kept");
        store.feed_state().set("b", vec![thing("1", Some("z"))]).await.expect("kept");
        clock.advance(SignedDuration::from_hours(24 * 29));
        store.feed_state().set("a", vec![thing("1", Some("w")), thing("2", None)]).await.expect("kept");
        drop(store);

        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        assert_eq!(store.feed_state().all("a").await.expect("read"), BTreeMap::from([("1".into(), "w".into())]));
        assert_eq!(store.feed_state().get("b", "1").await.expect("read").as_deref(), Some("z"));
        assert_eq!(store.feed_state().get("a", "2").await.expect("read"), None);
        clock.advance(SignedDuration::from_hours(24 * 2));
        assert!(store.privacy().remove_expired().await.expect("removed").is_empty());
        assert_eq!(store.feed_state().get("a", "1").await.expect("read").as_deref(), Some("w"));
        assert_eq!(store.feed_state().get("b", "1").await.expect("read"), None, "older than webhooks are kept");
    }
}
