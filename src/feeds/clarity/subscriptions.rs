//! What Clarity has been asked to push over one connection. It belongs to the connection, not to its transport: a
//! transport that breaks and comes back with the same connection id has kept it.

use crate::vendor::clarity::{Clarity, Error, Subscription};

/// The subscriptions of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subscriptions {
    /// Whose they are. Empty: no connection was ever opened.
    pub connection_id: String,
    /// Those that can be ended, by id.
    pub ids: Vec<String>,
    /// Whether there may be others, which end only with the connection: Clarity told no id, or did not take the end.
    pub endless: bool,
    /// Whether everything that is wanted was subscribed.
    pub complete: bool,
}

impl Subscriptions {
    /// Those of a connection that was just negotiated: none.
    pub fn none(connection_id: String) -> Self {
        Self { connection_id, ..Self::default() }
    }

    /// Notes what was subscribed.
    pub fn add(&mut self, made: Vec<Subscription>) {
        self.endless |= made.iter().any(|subscription| subscription.id.is_none());
        self.ids.extend(made.into_iter().filter_map(|subscription| subscription.id));
    }

    /// Ends all of them, so that others can replace them: beside these they would push everything twice.
    ///
    /// # Errors
    /// When one of them may still be there. [`Subscriptions::endless`] then says whether trying again makes sense.
    pub async fn end(&mut self, vendor: &Clarity) -> Result<(), Error> {
        self.complete = false;
        while let Some(id) = self.ids.last() {
            match vendor.delete_subscription(id, &self.connection_id).await {
                Ok(()) => {
                    self.ids.pop();
                }
                Err(error @ (Error::Token { .. } | Error::TooMany { .. })) => return Err(error),
                Err(error) => {
                    self.endless = true;
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
