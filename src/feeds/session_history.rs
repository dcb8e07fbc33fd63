//! What is remembered of sessions, and what people pinned: told again at a start, and written down as it becomes known.

use std::time::Duration;

use crate::domain::{Fact, SessionId, SessionRecord};
use crate::gold::Gold;
use crate::store::{Store, StoreError};
use base::Lifecycle;

/// How many sessions are read or written at once.
const PAGE: u16 = 2000;

/// How often what has become known is written down. A process that dies without a word forgets as much.
const ROUND: Duration = Duration::from_secs(1);

/// Remembers, and then keeps whatever becomes known until the process stops.
pub async fn run(store: Store, gold: Gold, life: Lifecycle) {
    let mut memory = Memory { store, gold, recalled: Some(SessionId(i64::MIN)), unwritten: Vec::new() };
    loop {
        let is_last = life.is_stopping();
        if let Err(error) = memory.turn().await {
            tracing::error!(%error, "what is known of sessions cannot be read or kept; it is tried again");
        }
        if is_last {
            return;
        }
        tokio::select! {
            () = life.stopping() => {}
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

struct Memory {
    store: Store,
    gold: Gold,
    /// The last session that has been told again. `None`: all of them have.
    recalled: Option<SessionId>,
    /// What has become known and is not on the disk yet.
    unwritten: Vec<SessionRecord>,
}

impl Memory {
    async fn turn(&mut self) -> Result<(), StoreError> {
        self.recall().await?;
        loop {
            if self.unwritten.is_empty() {
                self.unwritten = self.gold.take_unsaved_sessions(PAGE.into()).await;
            }
            if self.unwritten.is_empty() {
                return Ok(());
            }
            self.store.sessions().record(self.unwritten.clone()).await?;
            self.unwritten.clear();
        }
    }

    async fn recall(&mut self) -> Result<(), StoreError> {
        while let Some(last) = self.recalled {
            if last == SessionId(i64::MIN) {
                for pin in self.store.feedback().pins().await? {
                    self.gold.apply(Fact::Pinned(pin)).await;
                }
            }
            let page = self.store.sessions().after(last, PAGE.into()).await?;
            self.recalled = page.last().map(|trace| trace.id);
            if !page.is_empty() {
                self.gold.apply(Fact::StoredSessions(page)).await;
            }
        }
        Ok(())
    }
}
