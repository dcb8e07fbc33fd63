//! Session history: restores ended sessions and pins from the store into gold at startup, and saves new ones.

use std::time::Duration;

use crate::domain::{Fact, SessionId, SessionRecord};
use crate::gold::Gold;
use crate::store::{Store, StoreError};
use base::Lifecycle;

/// How many sessions are read or written at once.
const PAGE: u16 = 2000;

/// How often new sessions are saved. A process that is killed loses at most those of one interval.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// Restores the history, then saves new sessions until the process stops.
pub async fn run(store: Store, gold: Gold, life: Lifecycle) {
    let mut history = SessionHistory { store, gold, last_restored: Some(SessionId(i64::MIN)), unsaved: Vec::new() };
    loop {
        let is_last = life.is_stopping();
        if let Err(error) = history.restore_and_save().await {
            tracing::error!(%error, "the session history could not be restored or saved; it is tried again");
        }
        if is_last {
            return;
        }
        tokio::select! {
            () = life.stopping() => {}
            () = tokio::time::sleep(SAVE_INTERVAL) => {}
        }
    }
}

struct SessionHistory {
    store: Store,
    gold: Gold,
    /// The last session that was restored. `None`: all of them were.
    last_restored: Option<SessionId>,
    /// Taken from gold and not in the store yet.
    unsaved: Vec<SessionRecord>,
}

impl SessionHistory {
    async fn restore_and_save(&mut self) -> Result<(), StoreError> {
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
        while let Some(last) = self.last_restored {
            if last == SessionId(i64::MIN) {
                for pin in self.store.feedback().pins().await? {
                    self.gold.apply(Fact::Pinned(pin)).await;
                }
            }
            let page = self.store.sessions().after(last, PAGE.into()).await?;
            self.last_restored = page.last().map(|session| session.id);
            if !page.is_empty() {
                self.gold.apply(Fact::StoredSessions(page)).await;
            }
        }
        Ok(())
    }
}
