//! What Clarity has been asked to push over one connection. It belongs to the connection, not to its transport: a
//! transport that breaks and comes back with the same connection id has kept it.

use super::push_watchdog::Kinds;
use super::sentence;
use crate::vendor::clarity::{Clarity, Error, Subscription};

/// How many subscriptions may wait to be ended, when Clarity does not take it now.
const MOST_LEFT: usize = 20;

/// The subscriptions of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subscriptions {
    /// Whose they are. Empty: no connection was ever opened.
    pub connection_id: String,
    /// Those to agents that can be ended, by id.
    pub agents: Vec<String>,
    /// The same to queues.
    pub queues: Vec<String>,
    /// Whether there may be others, which end only with the connection: Clarity told no id, or did not take the end.
    pub endless: bool,
    /// Of which kinds everything that is wanted was subscribed.
    pub complete: Kinds,
}

impl Subscriptions {
    /// Those of a connection that was just negotiated: none.
    pub fn none(connection_id: String) -> Self {
        Self { connection_id, ..Self::default() }
    }

    /// Notes what was subscribed, and returns the ids of those that it can be told by.
    pub fn told(&mut self, made: Vec<Subscription>) -> Vec<String> {
        self.endless |= made.iter().any(|subscription| subscription.id.is_none());
        made.into_iter().filter_map(|subscription| subscription.id).collect()
    }

    /// Ends those that others have replaced: beside these they would push everything twice. What cannot be ended now is
    /// returned, to be ended with the next. A Clarity that tells the same id again means the same subscription.
    pub async fn end(&mut self, vendor: &Clarity, replaced: Vec<String>, made: &[String]) -> Vec<String> {
        let mut left = Vec::new();
        for id in replaced.into_iter().filter(|id| !made.contains(id)) {
            match vendor.delete_subscription(&id, &self.connection_id).await {
                Ok(()) => {}
                Err(Error::Token { .. } | Error::TooMany { .. }) => left.push(id),
                // Whether a 404 means that it is gone, or that nothing can be ended here, Clarity alone knows.
                Err(error) => {
                    tracing::debug!(error = %sentence(&error), "a subscription could not be ended, unless by its connection");
                    self.endless = true;
                }
            }
        }
        self.endless |= left.len() > MOST_LEFT;
        left
    }
}
