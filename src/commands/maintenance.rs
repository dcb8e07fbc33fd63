//! Looks after the store while the server runs: copies it, removes what is over, and gives up when its disk does.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;

use crate::config::Config;
use crate::domain::{CustomerIdentity, Fact, Health, SourceName, SourceState};
use crate::gold::Gold;
use crate::store::{RetentionPeriods, RetentionReport, Settings, Store, StoreError};
use base::{Clock, Lifecycle};

/// How often it is looked whether something is due.
const ROUND: Duration = Duration::from_secs(60);

/// How often it is looked whether something is over.
const REMOVE_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// How often it is looked how the disk is.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// In how many of these looks a disk that fails is tried again.
const TRY_EVERY: u64 = 12;

/// What the configuration says about the store.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        min_free: config.store.min_free.0,
        backup_dir: Some(backup_dir(config)),
        backups_kept: config.store.backups_kept,
        retention: RetentionPeriods {
            webhooks: config.privacy.keep_webhooks,
            feedback: config.privacy.keep_feedback,
            sessions: config.privacy.keep_sessions,
            audit: config.privacy.keep_audit,
        },
    }
}

/// Where copies go.
pub(super) fn backup_dir(config: &Config) -> PathBuf {
    config.store.backup_dir.clone().unwrap_or_else(|| config.server.data_dir.join("backup"))
}

/// Copies and removes whenever it is time. A restart does not put it off: what counts is when the last copy was made.
pub(super) async fn keep(
    store: Store,
    gold: Gold,
    every: Duration,
    copies: bool,
    uncopied: watch::Sender<Option<String>>,
    clock: Clock,
) {
    let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
    let mut removed_at = None;
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        let now = clock.now();
        if removed_at.is_none_or(|at| now.duration_since(at) >= REMOVE_EVERY) {
            removed_at = Some(now);
            remove(&store, &gold).await;
        }
        if copies && store.backups().last().is_none_or(|at| now.duration_since(at) >= every) {
            match store.backups().create().await {
                Ok(copy) => {
                    uncopied.send_replace(None);
                    tracing::info!(copy = %copy.display(), "the database was copied");
                }
                Err(error) => {
                    uncopied.send_replace(Some(error.to_string()));
                    tracing::error!(%error, "the database could not be copied; it is tried again in a minute")
                }
            }
        }
    }
}

/// Tells gold how the disk is, so that pages say it as `/readyz` does. A disk that fails is tried again once a minute.
pub(super) async fn tell_of_the_disk(
    store: Store,
    gold: Gold,
    mut uncopied: watch::Receiver<Option<String>>,
    clock: Clock,
) {
    let mut told: Option<Health> = None;
    let mut rounds = tokio::time::interval(LOOK_EVERY);
    for round in 0_u64.. {
        rounds.tick().await;
        let trouble = if round.is_multiple_of(TRY_EVERY) { store.probe_write_error() } else { store.write_error() };
        let (state, reason) = match (trouble, uncopied.borrow_and_update().clone()) {
            (Some(error @ StoreError::Full { .. }), _) => {
                (SourceState::Down, Some(format!("Disk full: new feedback is refused. {error}")))
            }
            (Some(error), _) => (SourceState::Down, Some(format!("Disk failing: new feedback is refused. {error}"))),
            (None, Some(error)) => (SourceState::Stale, Some(format!("Backups fail. {error}"))),
            (None, None) => (SourceState::Live, None),
        };
        let since = told.as_ref().filter(|told| told.state == state).map_or_else(|| clock.now(), |told| told.since);
        let health = Health { reason: reason.map(Into::into), ..Health::new(state, since) };
        if told.as_ref() != Some(&health) {
            gold.apply(Fact::Source(SourceName::Store, health.clone())).await;
            told = Some(health);
        }
    }
}

async fn remove(store: &Store, gold: &Gold) {
    match store.privacy().remove_expired().await {
        Ok(removed) if removed.is_empty() => {}
        Ok(removed) => {
            tracing::info!(
                webhooks = removed.webhooks,
                responses = removed.responses.len(),
                requests = removed.requests,
                results = removed.results.len(),
                sessions = removed.sessions.len(),
                audit = removed.audit,
                "what was over has been removed"
            );
            let RetentionReport { responses, results: surveys, sessions, .. } = removed;
            gold.apply(Fact::Forgotten { responses, surveys, sessions, person: CustomerIdentity::default() }).await;
        }
        Err(error) => tracing::error!(%error, "what is over could not be removed; it is tried again in an hour"),
    }
}

/// Ends the process when the disk fails again and again: another start may find it mended, and whoever watches is told.
pub(super) async fn watch_the_disk(store: Store, life: Lifecycle) {
    store.failed_permanently().await;
    tracing::error!("the disk of the data directory fails again and again; the process ends, to be started again");
    life.fail();
}
