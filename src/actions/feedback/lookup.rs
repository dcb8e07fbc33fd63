//! Asks Goodays what it knows of one response. There is no question for a single one, only a list between two instants
//! (`apis.md` P24), and nowhere is it said which of a response's instants counts.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use base::Clock;
use crate::domain::ResponseId;
use crate::upstream::goodays::{CallError, Goodays, wire};

/// How far around a response's birth the list goes.
const AROUND: SignedDuration = SignedDuration::from_mins(10);

/// How far back the list of what was touched lately goes.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// So many pages are enough for one response.
const PAGES: usize = 10;

/// How long a Goodays without a list is not asked for it again.
const ABSENT: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug)]
pub(super) struct LookUp {
    upstream: Goodays,
    clock: Clock,
    absent_since: Option<Timestamp>,
}

impl LookUp {
    pub fn new(upstream: Goodays, clock: Clock) -> Self {
        Self { upstream, clock, absent_since: None }
    }

    /// The response as it came. `None`: it is in no list, or nobody could be asked.
    pub async fn find(&mut self, id: &ResponseId, created: Option<Timestamp>) -> Option<Value> {
        let now = self.clock.now();
        if self.absent_since.is_some_and(|since| now.duration_since(since) < ABSENT) {
            return None;
        }
        let birth = created.map(|at| (at.saturating_sub(AROUND), at.saturating_add(AROUND)));
        let lately = (now.saturating_sub(LATELY), Ok(now));
        for (from, to) in birth.into_iter().chain([lately]) {
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
        for _ in 0..PAGES {
            let Some(page) = self.upstream.responses(from, to, cursor.as_ref()).await? else {
                self.absent_since = Some(self.clock.now());
                return Ok(None);
            };
            self.absent_since = None;
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
