//! One-time tickets for sockets of programs that can send no header. URLs end up in logs and histories, so a ticket in
//! one is valid for a single use and for seconds.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::viewer::Viewer;
use base::key;
use base::secret::ExposeSecret;

/// How long a ticket is valid.
pub const LIFETIME: Duration = Duration::from_secs(10);

/// How many unused tickets are kept at most.
const MAX_TICKETS: usize = 10_000;

/// Unused tickets.
#[derive(Debug, Default)]
pub struct Tickets(Mutex<HashMap<String, (Viewer, Instant)>>);

impl Tickets {
    /// A ticket for this viewer. `None`: too many are unused.
    #[must_use]
    pub fn issue(&self, viewer: Viewer) -> Option<String> {
        let now = Instant::now();
        let mut unused = self.0.lock();
        if unused.len() >= MAX_TICKETS {
            unused.retain(|_, (_, until)| now < *until);
        }
        if unused.len() >= MAX_TICKETS {
            return None;
        }
        let ticket = key::generate().expose_secret().to_owned();
        unused.insert(ticket.clone(), (viewer, now + LIFETIME));
        Some(ticket)
    }

    /// Uses a ticket up. Its viewer has the current permission; `None` if the sign-in has ended.
    #[must_use]
    pub fn redeem(&self, ticket: &str) -> Option<Viewer> {
        let (viewer, until) = self.0.lock().remove(ticket)?;
        (Instant::now() < until).then_some(viewer)?.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Permission, Role};

    fn viewer() -> Viewer {
        Viewer::anonymous(Permission::everything(Role::Administrator))
    }

    #[tokio::test(start_paused = true)]
    async fn ticket_is_valid_once_and_for_ten_seconds() {
        let tickets = Tickets::default();
        let first = tickets.issue(viewer()).expect("a ticket");
        assert_eq!(first.len(), 64);
        assert!(tickets.redeem(&first).is_some());
        assert!(tickets.redeem(&first).is_none());
        let second = tickets.issue(viewer()).expect("a ticket");
        tokio::time::advance(LIFETIME).await;
        assert!(tickets.redeem(&second).is_none());
        assert!(tickets.redeem("").is_none());
    }
}
