//! How a program opens a socket where it can send no header: with a ticket that it had a moment ago, and that is good for
//! one socket. An address is written to logs and kept in histories; what stands in it must be worth nothing there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::viewer::Viewer;
use base::key;
use base::secret::ExposeSecret;

/// How long a ticket is good.
pub const LIFE: Duration = Duration::from_secs(10);

/// How many may be open at once.
const MOST: usize = 10_000;

/// Tickets that nobody has used yet.
#[derive(Debug, Default)]
pub struct Tickets(Mutex<HashMap<String, (Viewer, Instant)>>);

impl Tickets {
    /// A ticket for somebody. `None`: there are too many.
    #[must_use]
    pub fn issue(&self, viewer: Viewer) -> Option<String> {
        let now = Instant::now();
        let mut open = self.open();
        if open.len() >= MOST {
            open.retain(|_, (_, until)| now < *until);
        }
        if open.len() >= MOST {
            return None;
        }
        let ticket = key::generate().expose_secret().to_owned();
        open.insert(ticket.clone(), (viewer, now + LIFE));
        Some(ticket)
    }

    /// Whose ticket it was, with what they may see now. It is used up, and worth nothing once its sign-in has ended.
    #[must_use]
    pub fn redeem(&self, ticket: &str) -> Option<Viewer> {
        let (viewer, until) = self.open().remove(ticket)?;
        (Instant::now() < until).then_some(viewer)?.now()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, (Viewer, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Permission, Role};

    fn viewer() -> Viewer {
        Viewer::anybody(Permission::everything(Role::Administrator))
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_not_for_long() {
        let tickets = Tickets::default();
        let first = tickets.issue(viewer()).expect("a ticket");
        assert_eq!(first.len(), 64);
        assert!(tickets.redeem(&first).is_some());
        assert!(tickets.redeem(&first).is_none());
        let second = tickets.issue(viewer()).expect("a ticket");
        tokio::time::advance(LIFE).await;
        assert!(tickets.redeem(&second).is_none());
        assert!(tickets.redeem("").is_none());
    }
}
