//! Searches for queues: the only request that says whether a queue is open, its estimated wait and its calls today
//! (apis.md B38).

use std::time::Duration;

use super::roster::Roster;
use super::structure_watch::Mismatch;
use super::translate;
use crate::domain::{Fact, Ordinal, QueueId};
use crate::gold::{Entity, Gold, Key};
use crate::upstream::clarity::wire::SearchResult;
use crate::upstream::clarity::{Clarity, Error};
use base::error_chain;

/// Queues per batch, and per snapshot where batches are refused.
const MAX_QUEUES: usize = 20;

/// How long the searches of one snapshot may take; the next snapshot goes on where they stopped.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The searches of one snapshot, and what they found.
pub(super) struct QueueSearch<'a> {
    clarity: &'a Clarity,
    gold: &'a Gold,
    roster: &'a Roster,
    /// The structure as it was known before this snapshot.
    known: Option<&'a Roster>,
    /// Queues with another number of calls today: something has happened there.
    pub differences: Vec<(QueueId, Ordinal)>,
    pub mismatches: Vec<Mismatch>,
    /// Number of queues without an id.
    pub dropped: u64,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    Answered,
    /// It failed; single searches may succeed.
    Failed,
    /// It failed, and single searches would fail, too.
    Stop,
}

impl<'a> QueueSearch<'a> {
    pub fn new(clarity: &'a Clarity, gold: &'a Gold, roster: &'a Roster, known: Option<&'a Roster>) -> Self {
        Self { clarity, gold, roster, known, differences: Vec::new(), mismatches: Vec::new(), dropped: 0 }
    }

    /// Searches for all queues in batches, from the `next` one on; where a batch fails, for a few of them one by one. A
    /// queue that is not found holds up no other. Returns the index of the queue to begin with next time.
    pub async fn run(&mut self, mut next: usize) -> usize {
        let queues: Vec<(i64, &str)> = self.roster.queues.iter().map(|(id, name)| (*id, name.as_str())).collect();
        let count = queues.len();
        let searches = async {
            let mut left = count;
            while left > 0 {
                // A queue without a name cannot be searched for.
                let batch = (0..MAX_QUEUES.min(left)).map(|index| queues[(next + index) % count]);
                let batch: Vec<_> = batch.filter(|(_, name)| !name.trim().is_empty()).collect();
                let result = self.search_batch(&batch).await;
                if result == Batch::Failed {
                    break;
                }
                next = (next + MAX_QUEUES.min(left)) % count;
                left = if result == Batch::Answered { left.saturating_sub(MAX_QUEUES) } else { 0 };
            }
            for _ in 0..MAX_QUEUES.min(left) {
                let (id, name) = queues[next % count];
                next = (next + 1) % count;
                if name.trim().is_empty() {
                    continue;
                }
                let asked = self.gold.next_ordinal();
                let found = self.clarity.search(name).await;
                if !self.found(id, asked, found).await {
                    break;
                }
            }
        };
        if tokio::time::timeout(TIMEOUT, searches).await.is_err() {
            tracing::debug!("Clarity is slow to find queues; the next snapshot searches for the rest");
        }
        next
    }

    /// Searches for these queues in one round trip (apis.md C44).
    async fn search_batch(&mut self, batch: &[(i64, &str)]) -> Batch {
        let names: Vec<&str> = batch.iter().map(|(_, name)| *name).collect();
        let asked = self.gold.next_ordinal();
        // Half the time is left for single searches.
        match tokio::time::timeout(TIMEOUT / 2, self.clarity.search_all(&names)).await {
            Ok(Ok(found)) => {
                for ((id, _), found) in batch.iter().zip(found) {
                    self.found(*id, asked, found).await;
                }
                Batch::Answered
            }
            Ok(Err(error)) => {
                tracing::debug!(error = %error_chain(&error), "a batch of searches for queues failed");
                match error {
                    Error::RateLimited { .. } | Error::Unreachable { .. } | Error::Token { .. } => Batch::Stop,
                    _ => Batch::Failed,
                }
            }
            Err(_) => Batch::Failed,
        }
    }

    /// Tells gold what was found of a queue. Returns whether to go on searching.
    async fn found(&mut self, id: i64, asked: Ordinal, found: Result<SearchResult, Error>) -> bool {
        let found = match found {
            Ok(found) => found.queues_found.unwrap_or_default(),
            Err(error) => {
                tracing::debug!(queue = id, error = %error_chain(&error), "a queue could not be searched for");
                return !matches!(error, Error::RateLimited { .. });
            }
        };
        self.dropped += found.iter().filter(|queue| queue.queue_id.is_none()).count() as u64;
        let found = found.into_iter().filter_map(translate::found_queue);
        let (queues, others): (Vec<_>, Vec<_>) = found.partition(|queue| queue.id.0 == id);
        let is_unknown = |id: &i64| self.known.is_some_and(|roster| !roster.has_queue(*id));
        let unknown = others.iter().map(|queue| queue.id.0).filter(is_unknown).map(Mismatch::Queue);
        self.mismatches.extend(unknown);
        for queue in &queues {
            let known = self.gold.copy().get(&Key::Queue(queue.id));
            if let (Some(Entity::Queue(known)), Some(calls)) = (known.as_deref(), queue.calls_today.value())
                && known.calls_today.is_some_and(|known| known != calls)
            {
                self.differences.push((queue.id, asked));
            }
        }
        self.gold.apply(Fact::SearchResults { asked, agents: Vec::new(), queues }).await;
        true
    }
}
