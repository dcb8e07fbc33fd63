//! Pins: the session that a user linked a response to. A pin is removed with its response.

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::{Feedback, NewAuditEntry, StoreError, audit};
use crate::domain::{Actor, Pin, SessionId};

/// The outcome of a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinOutcome {
    /// It is written down, and so is who did it.
    Written,
    /// It was so already.
    Unchanged,
    /// There is no such response.
    NoResponse,
}

impl Feedback<'_> {
    /// Writes a pin down together with its line of the audit, both or neither. A repeated pin changes
    /// nothing and has no audit entry.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn pin(self, pin: Pin, actor: Actor) -> Result<PinOutcome, StoreError> {
        let now = self.0.clock.now();
        self.0
            .write(move |connection| {
                let id = &*pin.response.0;
                let known: Option<Option<i64>> = connection
                    .prepare_cached("SELECT pinned FROM feedback WHERE response = ?1")?
                    .query_row([id], |row| row.get(0))
                    .optional()?;
                let after = pin.session.map(|session| session.0);
                let Some(before) = known else { return Ok(PinOutcome::NoResponse) };
                if before == after {
                    return Ok(PinOutcome::Unchanged);
                }
                let line = NewAuditEntry {
                    actor,
                    action: "feedback.pin",
                    target: format!("response {id}"),
                    before: json!({ "session": before }),
                    after: json!({ "session": after }),
                };
                audit::done(connection, &line, now)?;
                connection
                    .prepare_cached("UPDATE feedback SET pinned = ?2, pinned_by = ?3 WHERE response = ?1")?
                    .execute(params![id, after, after.map(|_| &*pin.who)])?;
                Ok(PinOutcome::Written)
            })
            .await
    }

    /// All pins. People set them one by one: there are not many.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn pins(self) -> Result<Vec<Pin>, StoreError> {
        self.0
            .read(|connection| {
                let mut statement = connection
                    .prepare_cached("SELECT response, pinned, pinned_by FROM feedback WHERE pinned IS NOT NULL")?;
                let rows = statement.query_map([], |row| {
                    Ok(Pin {
                        response: row.get::<_, String>(0)?.into(),
                        session: Some(SessionId(row.get(1)?)),
                        who: row.get::<_, Option<String>>(2)?.unwrap_or_default().into(),
                    })
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::domain::CustomerIdentity;
    use crate::store::Store;
    use crate::store::tests::{clock, private_dir, reading};

    async fn put(store: &Store, pin: Pin) -> PinOutcome {
        let actor = Actor::unknown(None).calling_themselves(Some(&pin.who));
        store.feedback().pin(pin, actor).await.expect("asked")
    }

    fn pin(session: Option<i64>, who: &str) -> Pin {
        Pin { response: "r1".into(), session: session.map(SessionId), who: who.into() }
    }

    #[tokio::test]
    async fn link_is_audited_once_and_survives_restarts_until_its_response_goes() {
        let dir = private_dir();
        let store = Store::open(dir.path(), clock()).expect("a store");
        assert_eq!(put(&store, pin(Some(7), "Ann")).await, PinOutcome::NoResponse);
        drop(store.feedback().record(vec![reading("r1", "canary@example.com")]).await.expect("kept"));
        for (wanted, end) in [
            (pin(None, "Ann"), PinOutcome::Unchanged),
            (pin(Some(7), "Ann"), PinOutcome::Written),
            (pin(Some(7), "Bob"), PinOutcome::Unchanged),
            (pin(None, "Bob"), PinOutcome::Written),
            (pin(Some(8), "Ann"), PinOutcome::Written),
        ] {
            assert_eq!(put(&store, wanted.clone()).await, end, "{wanted:?}");
        }
        drop(store.feedback().record(vec![reading("r1", "canary@example.com")]).await.expect("kept"));
        drop(store);
        let store = Store::open(dir.path(), clock()).expect("a store");
        assert_eq!(store.feedback().pins().await.expect("read"), [pin(Some(8), "Ann")]);
        let lines = store.audit().newest(9).await.expect("lines");
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (line.actor.name.as_deref().unwrap_or_default(), &line.before, &line.after))
            .collect();
        let session = |session: Option<i64>| json!({ "session": session });
        let (none, seven, eight) = (session(None), session(Some(7)), session(Some(8)));
        assert_eq!(lines, [("Ann", &none, &eight), ("Bob", &seven, &none), ("Ann", &none, &seven)]);
        drop(
            store
                .privacy()
                .erase(CustomerIdentity::new(Some("canary@example.com"), None), Actor::command("a test"))
                .await
                .expect("erased"),
        );
        assert!(store.feedback().pins().await.expect("read").is_empty());
    }
}
