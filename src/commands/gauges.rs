//! Updates the metrics that are gauges of a state and not counts of events: store size, backup age, open feedback.

use std::time::Duration;

use crate::gold::Gold;
use crate::gold::rollup::BacklogByAge;
use crate::store::Store;
use base::{Clock, Metrics};

const INTERVAL: Duration = Duration::from_secs(10);

pub(super) async fn run(gold: Gold, store: Store, metrics: Metrics, clock: Clock) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        metrics.store_bytes(store.size_bytes());
        if let Some(at) = store.backups().last() {
            metrics.backup_age(clock.now().duration_since(at).as_secs_f64());
        }
        let backlog = gold.copy().open_backlog();
        for (age, open) in backlog.iter().flat_map(BacklogByAge::by_age) {
            metrics.feedback_open(age, open);
        }
    }
}
