//! Sign-ins, over restarts. The browser's key is stored as a hash, and the user's token sealed with that key, which is
//! not stored: the file reveals neither. Backups have no sign-ins, because one that ended after the backup must not
//! return.

use std::net::IpAddr;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::{Shared, StoreError, database};
use crate::domain::{AgentId, Permission, Role, TeamId, Visibility};
use base::key::KeyHash;

/// A stored sign-in.
#[derive(Clone, PartialEq)]
pub struct StoredSignIn {
    /// The hash of the browser's key.
    pub key: KeyHash,
    /// The user.
    pub agent: AgentId,
    /// Their name.
    pub name: String,
    /// Their team.
    pub team: Option<TeamId>,
    /// When it began.
    pub began: Timestamp,
    /// When it was last used.
    pub used: Timestamp,
    /// The address it began from.
    pub address: Option<IpAddr>,
    /// The browser.
    pub browser: Option<String>,
    /// The user's own token, sealed.
    pub token: Vec<u8>,
    /// The last permission that Clarity gave them.
    pub granted: Permission,
}

/// A stored permission.
#[derive(Serialize, Deserialize)]
struct Granted {
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agents: Option<Vec<AgentId>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    queues: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    teams: Vec<i64>,
}

/// Sign-ins that have not ended.
#[derive(Clone, Copy)]
pub struct SignIns<'a>(pub(super) &'a Shared);

impl SignIns<'_> {
    /// Stores a sign-in.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn add(self, sign_in: StoredSignIn) -> Result<(), StoreError> {
        let granted = written(&sign_in.granted)?;
        self.0
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO sign_in (key, agent, name, team, began, used, address, browser, token, granted)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                    )?
                    .execute(params![
                        sign_in.key,
                        sign_in.agent.0,
                        sign_in.name,
                        sign_in.team.map(|team| team.0),
                        sign_in.began.as_millisecond(),
                        sign_in.used.as_millisecond(),
                        sign_in.address.map(|address| address.to_string()),
                        sign_in.browser,
                        sign_in.token,
                        granted,
                    ])?;
                Ok(())
            })
            .await
    }

    /// Stores when a sign-in was last used, and its permission. One that has ended stays ended.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn renew(self, key: KeyHash, used: Timestamp, granted: Permission) -> Result<(), StoreError> {
        let granted = written(&granted)?;
        self.0
            .write(move |connection| {
                connection
                    .prepare_cached("UPDATE sign_in SET used = max(used, ?2), granted = ?3 WHERE key = ?1")?
                    .execute(params![key, used.as_millisecond(), granted])?;
                Ok(())
            })
            .await
    }

    /// Removes a sign-in that has ended.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails. It would return after a restart.
    pub async fn remove(self, key: KeyHash) -> Result<(), StoreError> {
        self.0
            .write(move |connection| {
                connection.prepare_cached("DELETE FROM sign_in WHERE key = ?1")?.execute([key])?;
                Ok(())
            })
            .await
    }

    /// All sign-ins that have not ended. An unreadable one is left out.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn list(self) -> Result<Vec<StoredSignIn>, StoreError> {
        self.0
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT key, agent, name, team, began, used, address, browser, token, granted FROM sign_in",
                )?;
                let rows = statement.query_map([], |row| Ok(read(row)))?;
                let mut kept = Vec::new();
                for row in rows {
                    match row? {
                        Ok(sign_in) => kept.push(sign_in),
                        Err(error) => tracing::warn!(error = %error, "a sign-in cannot be read: it has ended"),
                    }
                }
                Ok(kept)
            })
            .await
    }
}

/// Removes them from a backup, which may have an older schema.
pub(super) fn remove_from_copy(copy: &Connection) -> Result<(), StoreError> {
    if copy.table_exists(None, "sign_in")? {
        copy.execute_batch("PRAGMA secure_delete = ON; DELETE FROM sign_in;")?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> Result<StoredSignIn, StoreError> {
    let granted: Granted = serde_json::from_str(row.get_ref(9)?.as_str().map_err(rusqlite::Error::from)?)?;
    let role = Role::named(&granted.role).ok_or(StoreError::Unreadable { what: "role of a sign-in" })?;
    let granted = match granted.agents {
        None => Permission::everything(role),
        Some(agents) => Permission::only(
            role,
            Visibility {
                agents: agents.into_iter().collect(),
                queues: granted.queues.into_iter().map(crate::domain::QueueId).collect(),
                teams: granted.teams.into_iter().map(TeamId).collect(),
            },
        ),
    };
    Ok(StoredSignIn {
        key: row.get(0)?,
        agent: AgentId(row.get(1)?),
        name: row.get(2)?,
        team: row.get::<_, Option<i64>>(3)?.map(TeamId),
        began: database::instant(row.get(4)?)?,
        used: database::instant(row.get(5)?)?,
        address: row.get::<_, Option<String>>(6)?.and_then(|address| address.parse().ok()),
        browser: row.get(7)?,
        token: row.get(8)?,
        granted,
    })
}

fn written(permission: &Permission) -> Result<String, StoreError> {
    let visibility = permission.visibility();
    let granted = Granted {
        role: permission.role().as_str().to_owned(),
        agents: visibility.map(|visibility| visibility.agents.iter().copied().collect()),
        queues: visibility.into_iter().flat_map(|visibility| &visibility.queues).map(|queue| queue.0).collect(),
        teams: visibility.into_iter().flat_map(|visibility| &visibility.teams).map(|team| team.0).collect(),
    };
    Ok(serde_json::to_string(&granted)?)
}

/// Without the token.
impl std::fmt::Debug for StoredSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredSignIn").field("agent", &self.agent).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::store::Store;
    use crate::store::tests::{clock, private_dir};

    fn kept(key: u8, granted: Permission) -> StoredSignIn {
        let began = clock().now();
        StoredSignIn {
            key: [key; 32],
            agent: AgentId(41),
            name: "Ann".into(),
            team: Some(TeamId(3)),
            began,
            used: began,
            address: Some([192, 0, 2, 7].into()),
            browser: Some("A browser".into()),
            token: vec![1, 2, 3],
            granted,
        }
    }

    #[tokio::test]
    async fn sign_in_reads_back_until_it_is_forgotten() {
        let (dir, clock) = (private_dir(), clock());
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let limited = Permission::only_self(Role::TeamLead, AgentId(41));
        let (mut one, other) = (kept(1, limited), kept(2, Permission::everything(Role::Administrator)));
        store.sign_ins().add(one.clone()).await.expect("kept");
        store.sign_ins().add(other.clone()).await.expect("kept");
        one.used = one.began + SignedDuration::from_mins(5);
        one.granted = Permission::everything(Role::Supervisor);
        store.sign_ins().renew(one.key, one.used, one.granted.clone()).await.expect("renewed");
        store.sign_ins().renew(one.key, one.began, one.granted.clone()).await.expect("an older word");
        drop(store);
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        assert_eq!(store.sign_ins().list().await.expect("read"), [one.clone(), other.clone()]);
        store.sign_ins().remove(one.key).await.expect("forgotten");
        store.sign_ins().renew(one.key, one.used, one.granted).await.expect("nothing to renew");
        assert_eq!(store.sign_ins().list().await.expect("read"), [other]);
    }

    #[tokio::test]
    async fn copy_of_the_file_holds_no_sign_in() {
        let dir = private_dir();
        let store = Store::open(dir.path(), clock()).expect("a store");
        store.sign_ins().add(kept(1, Permission::everything(Role::Agent))).await.expect("kept");
        let copy = store.backups().create().await.expect("a copy");
        let bytes = std::fs::read(&copy).expect("a file");
        assert!(!bytes.windows(9).any(|part| part == b"A browser"), "not even in a free page");
        let restored = private_dir();
        std::fs::copy(copy, restored.path().join("callboard.db")).expect("copied");
        let restored = Store::open(restored.path(), clock()).expect("a store");
        assert!(restored.sign_ins().list().await.expect("read").is_empty());
        assert_eq!(store.sign_ins().list().await.expect("read").len(), 1, "and here they stay");
    }
}
