//! Asks Kustomer now and then whether it answers us, so that pages and metrics can say so before somebody needs it.

use std::time::Duration;

use crate::base::Lifecycle;
use crate::domain::SourceState;
use crate::gold::Reporter;
use crate::vendor::kustomer::Kustomer;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(60);

/// Asks until the process stops.
pub async fn watch(kustomer: Kustomer, mut reporter: Reporter, life: Lifecycle) {
    reporter.transport(Some("REST"));
    loop {
        match kustomer.check().await {
            Ok(()) => {
                reporter.heard(0);
                reporter.set(SourceState::Polling, None);
            }
            Err(error) => reporter.set(SourceState::Down, Some(&error.to_string())),
        }
        reporter.tell().await;
        tokio::select! {
            () = life.stopping() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
