//! Looks one response up in Goodays. Goodays only lists responses between two instants (apis.md P24), and its
//! documentation does not say which of a response's instants counts.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::domain::ResponseId;
use crate::upstream::goodays::{CallError, Goodays, wire};
use base::Clock;

/// How far around a response's creation the first list goes.
const AROUND_CREATION: SignedDuration = SignedDuration::from_mins(10);

/// How far back the second list goes, for responses that changed lately.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// How many pages of a list are read at most.
const MAX_PAGES: usize = 10;

/// How long a Goodays that does not offer the list is not asked again.
const UNAVAILABLE_FOR: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug)]
pub(super) struct ResponseLookup {
    upstream: Goodays,
    clock: Clock,
    unavailable_since: Option<Timestamp>,
}

impl ResponseLookup {
    pub fn new(upstream: Goodays, clock: Clock) -> Self {
        Self { upstream, clock, unavailable_since: None }
    }

    /// The response as Goodays sends it. `None`: it is in neither list, or Goodays could not be asked.
    pub async fn find(&mut self, id: &ResponseId, created: Option<Timestamp>) -> Option<Value> {
        let now = self.clock.now();
        if self.unavailable_since.is_some_and(|since| now.duration_since(since) < UNAVAILABLE_FOR) {
            return None;
        }
        let around_creation =
            created.map(|at| (at.saturating_sub(AROUND_CREATION), at.saturating_add(AROUND_CREATION)));
        let recent = (now.saturating_sub(RECENT), Ok(now));
        for (from, to) in around_creation.into_iter().chain([recent]) {
            let (Ok(from), Ok(to)) = (from, to) else { continue };
            match self.find_between(id, from, to).await {
                Ok(Some(found)) => return Some(found),
                Ok(None) => {}
                Err(error) => {
                    tracing::info!(error = %error, "a response could not be looked up");
                    return None;
                }
            }
        }
        None
    }

    async fn find_between(
        &mut self,
        id: &ResponseId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Option<Value>, CallError> {
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let Some(page) = self.upstream.responses(from, to, cursor.as_ref()).await? else {
                self.unavailable_since = Some(self.clock.now());
                return Ok(None);
            };
            self.unavailable_since = None;
            let is_it = |raw: &Value| wire::Response::read(raw).is_some_and(|response| response.id == *id.0);
            if let Some(found) = page.responses.into_iter().find(is_it) {
                return Ok(Some(found));
            }
            if page.next.is_none() || page.next == cursor {
                break;
            }
            cursor = page.next;
        }
        Ok(None)
    }
}
