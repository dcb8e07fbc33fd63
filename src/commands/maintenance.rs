//! Maintenance of the store while the server runs: backups, retention, and the health of the disk.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;

use crate::domain::{CustomerIdentity, Fact, Health, SourceName, SourceState};
use crate::gold::Gold;
use crate::store::{RetentionReport, Store, StoreError};
use base::{Clock, Lifecycle};

/// How often it is checked whether a backup or retention is due.
const INTERVAL: Duration = Duration::from_secs(60);

const RETENTION_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

const DISK_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// A failing disk is written to again in one of so many checks.
const CHECKS_PER_PROBE: u64 = 12;

/// Makes backups and removes expired data when they are due. The time of the last backup counts, so that a restart does
/// not delay the next one. `backup_error` gets the error of the last backup.
pub(super) async fn run(
    store: Store,
    gold: Gold,
    backup_interval: Duration,
    has_backups: bool,
    backup_error: watch::Sender<Option<String>>,
    clock: Clock,
) {
    let backup_interval = SignedDuration::try_from(backup_interval).unwrap_or(SignedDuration::MAX);
    let mut last_removal = None;
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let now = clock.now();
        if last_removal.is_none_or(|at| now.duration_since(at) >= RETENTION_INTERVAL) {
            last_removal = Some(now);
            remove_expired(&store, &gold).await;
        }
        if has_backups && store.backups().last().is_none_or(|at| now.duration_since(at) >= backup_interval) {
            match store.backups().create().await {
                Ok(backup) => {
                    backup_error.send_replace(None);
                    tracing::info!(path = %backup.display(), "backup of the database made");
                }
                Err(error) => {
                    backup_error.send_replace(Some(error.to_string()));
                    tracing::error!(%error, "the backup of the database failed; it is tried again in a minute")
                }
            }
        }
    }
}

/// Reports the health of the disk to gold, for pages. A failing disk is probed once a minute.
pub(super) async fn report_disk_health(
    store: Store,
    gold: Gold,
    mut backup_error: watch::Receiver<Option<String>>,
    clock: Clock,
) {
    let mut reported: Option<Health> = None;
    let mut ticks = tokio::time::interval(DISK_CHECK_INTERVAL);
    for check in 0_u64.. {
        ticks.tick().await;
        let write_error =
            if check.is_multiple_of(CHECKS_PER_PROBE) { store.probe_write_error() } else { store.write_error() };
        let (state, reason) = match (write_error, backup_error.borrow_and_update().clone()) {
            (Some(error @ StoreError::Full { .. }), _) => {
                (SourceState::Down, Some(format!("Disk full: new feedback is refused. {error}")))
            }
            (Some(error), _) => (SourceState::Down, Some(format!("Disk failing: new feedback is refused. {error}"))),
            (None, Some(error)) => (SourceState::Stale, Some(format!("Backups fail. {error}"))),
            (None, None) => (SourceState::Live, None),
        };
        let unchanged = reported.as_ref().filter(|reported| reported.state == state);
        let since = unchanged.map_or_else(|| clock.now(), |reported| reported.since);
        let health = Health { reason: reason.map(Into::into), ..Health::new(state, since) };
        if reported.as_ref() != Some(&health) {
            gold.apply(Fact::Source(SourceName::Store, health.clone())).await;
            reported = Some(health);
        }
    }
}

async fn remove_expired(store: &Store, gold: &Gold) {
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
                "expired data removed"
            );
            let RetentionReport { responses, results: surveys, sessions, .. } = removed;
            gold.apply(Fact::Forgotten { responses, surveys, sessions, person: CustomerIdentity::default() }).await;
        }
        Err(error) => tracing::error!(%error, "expired data could not be removed; it is tried again in an hour"),
    }
}

/// Ends the process when the disk keeps failing: a restart may find it repaired, and the service manager notices.
pub(super) async fn stop_on_disk_failure(store: Store, life: Lifecycle) {
    store.failed_permanently().await;
    tracing::error!("the disk of the data directory keeps failing; the process ends, to be started again");
    life.fail();
}
