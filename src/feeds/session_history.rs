//! Restores the session history and pins from the store at the start, and stores what becomes known of sessions.

use std::time::Duration;

use crate::domain::{Fact, SessionId, SessionRecord};
use crate::gold::Gold;
use crate::store::{Store, StoreError};
use base::Lifecycle;

/// Sessions read or written at once.
const PAGE: u16 = 2000;

/// How often new records are stored. A process that is killed loses this much.
const INTERVAL: Duration = Duration::from_secs(1);

/// Restores, then stores new records until the process stops.
pub async fn run(store: Store, gold: Gold, life: Lifecycle) {
    let mut history = SessionHistory { store, gold, restored: Some(SessionId(i64::MIN)), unsaved: Vec::new() };
    loop {
        let is_last = life.is_stopping();
        if let Err(error) = history.sync().await {
            tracing::error!(%error, "the session history cannot be restored or stored; trying again");
        }
        if is_last {
            return;
        }
        tokio::select! {
            () = life.stopping() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

struct SessionHistory {
    store: Store,
    gold: Gold,
    /// The last session that was restored. `None`: all were.
    restored: Option<SessionId>,
    /// New records that are not stored yet.
    unsaved: Vec<SessionRecord>,
}

impl SessionHistory {
    async fn sync(&mut self) -> Result<(), StoreError> {
        self.restore().await?;
        loop {
            if self.unsaved.is_empty() {
                self.unsaved = self.gold.take_unsaved_sessions(PAGE.into()).await;
            }
            if self.unsaved.is_empty() {
                return Ok(());
            }
            self.store.sessions().record(self.unsaved.clone()).await?;
            self.unsaved.clear();
        }
    }

    async fn restore(&mut self) -> Result<(), StoreError> {
        while let Some(last) = self.restored {
            if last == SessionId(i64::MIN) {
                for pin in self.store.feedback().pins().await? {
                    self.gold.apply(Fact::Pinned(pin)).await;
                }
            }
            let page = self.store.sessions().after(last, PAGE.into()).await?;
            self.restored = page.last().map(|record| record.id);
            if !page.is_empty() {
                self.gold.apply(Fact::StoredSessions(page)).await;
            }
        }
        Ok(())
    }
}
